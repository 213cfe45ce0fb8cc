// SPDX-License-Identifier: Apache-2.0

/// The body of `POST /v1/completions`, checked as far as it can be without the model.
///
/// What each field does is in `docs/API.md`. Names follow the field where the field is not a plain
/// word: `choicesPerPrompt` is `n`.
package struct CompletionRequest: Sendable, Equatable {
    /// The model asked for; nil means the one that is served.
    package var model: String?
    /// At least one.
    package var prompts: [Prompt] = []
    /// Whether `prompt` itself was the array of ids, which an error then indexes once, not twice.
    var promptIsTokenList = false
    /// What comes after the answer, so that it fills the middle; nil, never empty, where it ends the text.
    package var suffix: String?
    /// `n`: independent choices for each prompt.
    package var choicesPerPrompt = 1
    /// `best_of`: choices generated for each prompt, of which the `n` likeliest are returned.
    package var candidatesPerPrompt = 1
    /// Answer as server-sent events.
    package var streams = false
    /// `stream_options.include_usage`: end the stream with a chunk that holds the usage.
    package var includesUsage = false
    /// `logprobs`: alternatives reported per token; nil reports no log-probabilities at all.
    package var logprobCount: Int?
    /// Put the prompt in front of the answer, with its log-probabilities when these are asked for.
    package var echoes = false
    /// How tokens are drawn.
    package var sampling = SamplingOptions()
    /// When answers end.
    package var stopping = StopOptions()
    /// `return_tokens_as_token_ids`: name tokens in `logprobs` as `token_id:N`.
    package var namesTokensByID = false
    /// `return_token_ids`: add the ids of prompt and answer to each choice.
    package var returnsTokenIDs = false
    /// Leave special tokens out of the text.
    package var skipsSpecialTokens = true
    /// Put the model's special tokens (BOS) around text prompts.
    package var addsSpecialTokens = true
    /// `priority`: among the requests of a key, lower values are begun first.
    package var priority = 0
    /// `deadline_ms`: milliseconds after which the answer ends with what there is.
    package var deadlineMilliseconds: Int?
    /// `cache_salt`: computed prefixes are shared only with requests of the same salt.
    package var cacheSalt: String?
    /// The unknown fields that were not honoured.
    package var ignoredParams = IgnoredParams()

    /// A request for one text prompt and else the defaults.
    package init(prompt: String) {
        prompts = [.text(prompt)]
    }

    private init() {}

    /// How many choices the response holds; choice c of prompt p has index p · n + c.
    package var choiceCount: Int { prompts.count * choicesPerPrompt }

    /// How many choices are generated.
    package var candidateCount: Int { prompts.count * candidatesPerPrompt }

    /// Decodes a body.
    ///
    /// - Throws: `APIError` 400, whose `param` is the field, for everything that is wrong with it.
    package static func decode(
        _ body: [UInt8], limits: CompletionLimits = CompletionLimits(),
        unknownFields: UnknownFieldPolicy = .warn
    ) throws(APIError) -> CompletionRequest {
        var decoder = CompletionRequestDecoder(
            request: CompletionRequest(), limits: limits, unknownFields: unknownFields)
        try decoder.decode(body)
        return decoder.request
    }

    /// Checks what depends on the model: every token id of the request lies in its vocabulary.
    ///
    /// - Throws: `APIError` 400 that names the field and the index.
    package func validate(vocabularyCount: Int) throws(APIError) {
        for (index, prompt) in prompts.enumerated() {
            guard case .tokens(let ids) = prompt else { continue }
            let param = promptIsTokenList ? "prompt" : "prompt[\(index)]"
            try Self.check(ids, param, vocabularyCount: vocabularyCount)
        }
        try Self.check(stopping.tokenIDs, "stop_token_ids", vocabularyCount: vocabularyCount)
        if let id = sampling.logitBias.keys.max(), Int(id) >= vocabularyCount {
            throw Self.outside("logit_bias", id, vocabularyCount: vocabularyCount)
        }
    }

    static func check(
        _ ids: [Int32], _ param: String, vocabularyCount: Int
    ) throws(APIError) {
        guard let index = ids.firstIndex(where: { Int($0) >= vocabularyCount }) else { return }
        throw outside("\(param)[\(index)]", ids[index], vocabularyCount: vocabularyCount)
    }

    private static func outside(_ param: String, _ id: Int32, vocabularyCount: Int) -> APIError {
        .invalid(param, wanted: "token ids below \(vocabularyCount)", found: "\(id)")
    }
}
