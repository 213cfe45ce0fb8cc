// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OpenAIAPI

/// One field of a request: the JSON members to send, and what must come of them.
struct HonouredField: Sendable, CustomTestStringConvertible {
    let members: String
    let isHonoured: @Sendable (CompletionRequest) -> Bool

    init(_ members: String, _ isHonoured: @escaping @Sendable (CompletionRequest) -> Bool) {
        self.members = members
        self.isHonoured = isHonoured
    }

    var testDescription: String { members }
}

@Suite struct CompletionFieldTests {
    private func decode(
        _ members: String, unknownFields: UnknownFieldPolicy = .strict
    ) throws(APIError) -> CompletionRequest {
        let body = members.isEmpty ? #"{"prompt":"x"}"# : #"{"prompt":"x",\#(members)}"#
        return try .decode(Array(body.utf8), unknownFields: unknownFields)
    }

    static let honoured: [HonouredField] = [
        .init(#""model":"apus""#) { $0.model == "apus" },
        .init(#""model":null"#) { $0.model == nil },
        .init(#""max_tokens":5"#) { $0.stopping.maxTokenCount == 5 },
        .init(#""max_tokens":16.0"#) { $0.stopping.maxTokenCount == 16 },
        .init(#""max_tokens":1e2"#) { $0.stopping.maxTokenCount == 100 },
        .init(#""max_tokens":null"#) { $0.stopping.maxTokenCount == 16 },
        .init(#""max_tokens":0,"echo":true"#) { $0.stopping.maxTokenCount == 0 && $0.echoes },
        .init(#""temperature":0"#) { $0.sampling.temperature == 0 },
        .init(#""temperature":1.25"#) { $0.sampling.temperature == 1.25 },
        .init(#""top_p":0.5"#) { $0.sampling.topP == 0.5 },
        .init(#""top_k":40"#) { $0.sampling.topK == 40 },
        .init(#""top_k":-1"#) { $0.sampling.topK == nil },
        .init(#""top_k":0"#) { $0.sampling.topK == nil },
        .init(#""min_p":0.05"#) { $0.sampling.minP == 0.05 },
        .init(#""typical_p":0.25"#) { $0.sampling.typicalP == 0.25 },
        .init(#""suffix":"end""#) { $0.suffix == "end" },
        .init(#""presence_penalty":-2"#) { $0.sampling.presencePenalty == -2 },
        .init(#""frequency_penalty":2"#) { $0.sampling.frequencyPenalty == 2 },
        .init(#""repetition_penalty":1.1"#) { $0.sampling.repetitionPenalty == 1.1 },
        .init(#""logit_bias":{"5":-100,"0":1.5}"#) { $0.sampling.logitBias == [5: -100, 0: 1.5] },
        .init(#""seed":-9223372036854775808"#) { $0.sampling.seed == .min },
        .init(#""n":3"#) { $0.choicesPerPrompt == 3 && $0.choiceCount == 3 },
        .init(#""n":3,"best_of":3"#) { $0.choicesPerPrompt == 3 },
        .init(#""best_of":3,"n":3"#) { $0.choicesPerPrompt == 3 },
        .init(#""n":2,"best_of":5"#) {
            $0.choicesPerPrompt == 2 && $0.candidatesPerPrompt == 5 && $0.choiceCount == 2
                && $0.candidateCount == 5
        },
        .init(#""n":4"#) { $0.candidatesPerPrompt == 4 },
        .init(#""n":2,"best_of":2,"stream":true"#) { $0.candidateCount == 2 },
        .init(#""priority":-3"#) { $0.priority == -3 },
        .init(#""deadline_ms":1500"#) { $0.deadlineMilliseconds == 1500 },
        .init(#""cache_salt":"mine""#) { $0.cacheSalt == "mine" },
        .init(#""stream":true"#) { $0.streams && !$0.includesUsage },
        .init(#""stream_options":{"include_usage":true},"stream":true"#) { $0.includesUsage },
        .init(#""stream_options":{"include_usage":null},"stream":true"#) { !$0.includesUsage },
        .init(#""logprobs":0"#) { $0.logprobCount == 0 },
        .init(#""logprobs":20"#) { $0.logprobCount == 20 },
        .init(#""echo":true"#) { $0.echoes },
        .init(#""stop":"\n""#) { $0.stopping.strings == ["\n"] },
        .init(#""stop":["a","bc"]"#) { $0.stopping.strings == ["a", "bc"] },
        .init(#""stop":[]"#) { $0.stopping.strings.isEmpty },
        .init(#""stop_token_ids":[2,7]"#) { $0.stopping.tokenIDs == [2, 7] },
        .init(#""ignore_eos":true"#) { $0.stopping.ignoresEndOfSequence },
        .init(#""min_tokens":16"#) { $0.stopping.minTokenCount == 16 },
        .init(#""include_stop_str_in_output":true"#) { $0.stopping.includesStopString },
        .init(#""return_tokens_as_token_ids":true"#) { $0.namesTokensByID },
        .init(#""return_token_ids":true"#) { $0.returnsTokenIDs },
        .init(#""skip_special_tokens":false"#) { !$0.skipsSpecialTokens },
        .init(#""add_special_tokens":false"#) { !$0.addsSpecialTokens },
        .init(#""user":"u","metadata":{"a":"b"},"store":false"#) {
            $0 == CompletionRequest(prompt: "x")
        },
        .init(#""suffix":"","priority":0,"use_beam_search":false,"bad_words":[]"#) {
            $0 == CompletionRequest(prompt: "x")
        },
    ]

    @Test(arguments: honoured)
    func `a field has its effect`(field: HonouredField) throws {
        let request = try decode(field.members)

        #expect(field.isHonoured(request))
        #expect(request.ignoredParams.names.isEmpty)
    }

    /// Members of a body, and the `param` of the 400 they must give.
    static let refused: [(String, String)] = [
        (#""model":3"#, "model"),
        (#""max_tokens":-1"#, "max_tokens"), (#""max_tokens":16.5"#, "max_tokens"),
        (#""max_tokens":"16""#, "max_tokens"), (#""max_tokens":2147483648"#, "max_tokens"),
        (#""max_tokens":1e30"#, "max_tokens"), (#""max_tokens":0"#, "max_tokens"),
        (#""temperature":-0.1"#, "temperature"), (#""temperature":"hot""#, "temperature"),
        (#""temperature":101"#, "temperature"), (#""temperature":[1]"#, "temperature"),
        (#""top_p":1.1"#, "top_p"), (#""top_p":-1"#, "top_p"), (#""top_p":true"#, "top_p"),
        (#""top_k":-2"#, "top_k"), (#""top_k":1.5"#, "top_k"),
        (#""min_p":1.01"#, "min_p"), (#""typical_p":1.1"#, "typical_p"),
        (#""typical_p":"1""#, "typical_p"),
        (#""presence_penalty":2.1"#, "presence_penalty"),
        (#""frequency_penalty":-2.1"#, "frequency_penalty"),
        (#""repetition_penalty":0"#, "repetition_penalty"),
        (#""logit_bias":[]"#, "logit_bias"), (#""logit_bias":{"x":1}"#, "logit_bias"),
        (#""logit_bias":{"-1":1}"#, "logit_bias"), (#""logit_bias":{"05":1}"#, "logit_bias"),
        (#""logit_bias":{"4294967296":1}"#, "logit_bias"),
        (#""logit_bias":{"7":100.5}"#, "logit_bias[7]"),
        (#""logit_bias":{"7":null}"#, "logit_bias[7]"),
        (#""seed":9223372036854775808"#, "seed"), (#""seed":1.5"#, "seed"),
        (#""n":0"#, "n"), (#""n":129"#, "n"), (#""n":1000000000000"#, "n"), (#""n":[2]"#, "n"),
        (#""n":2,"best_of":1"#, "best_of"), (#""best_of":2,"stream":true"#, "best_of"),
        (#""best_of":129"#, "best_of"), (#""cache_salt":"""#, "cache_salt"),
        (#""cache_salt":1"#, "cache_salt"),
        (#""best_of":0"#, "best_of"),
        (#""stream":1"#, "stream"), (#""stream":"true""#, "stream"),
        (#""stream_options":{"include_usage":true}"#, "stream_options"),
        (#""stream":false,"stream_options":{}"#, "stream_options"),
        (#""stream":true,"stream_options":true"#, "stream_options"),
        (#""stream":true,"stream_options":{"include_usage":1}"#, "stream_options.include_usage"),
        (#""stream":true,"stream_options":{"fast":1}"#, "stream_options.fast"),
        (#""logprobs":21"#, "logprobs"), (#""logprobs":-1"#, "logprobs"),
        (#""logprobs":true"#, "logprobs"), (#""echo":"yes""#, "echo"),
        (#""stop":"""#, "stop"), (#""stop":["a",""]"#, "stop[1]"), (#""stop":[1]"#, "stop[0]"),
        (#""stop":{}"#, "stop"),
        (
            #""stop":["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17"]"#,
            "stop"
        ),
        (#""stop_token_ids":7"#, "stop_token_ids"),
        (#""stop_token_ids":[1,-1]"#, "stop_token_ids[1]"),
        (#""ignore_eos":0"#, "ignore_eos"), (#""min_tokens":17"#, "min_tokens"),
        (#""min_tokens":-1"#, "min_tokens"),
        (#""include_stop_str_in_output":"x""#, "include_stop_str_in_output"),
        (#""return_tokens_as_token_ids":2"#, "return_tokens_as_token_ids"),
        (#""return_token_ids":{}"#, "return_token_ids"),
        (#""skip_special_tokens":[]"#, "skip_special_tokens"),
        (#""add_special_tokens":"x""#, "add_special_tokens"),
        (#""user":5"#, "user"), (#""metadata":"x""#, "metadata"), (#""store":"x""#, "store"),
        (#""suffix":"end","echo":true"#, "suffix"), (#""suffix":5"#, "suffix"),
        (#""priority":1.5"#, "priority"), (#""priority":2147483648"#, "priority"),
        (#""deadline_ms":0"#, "deadline_ms"), (#""deadline_ms":86400001"#, "deadline_ms"),
        (#""use_beam_search":true"#, "use_beam_search"), (#""bad_words":["x"]"#, "bad_words"),
        (#""response_format":{"type":"json_object"}"#, "response_format"),
        (#""guided_json":{}"#, "guided_json"), (#""prompt_logprobs":1"#, "prompt_logprobs"),
        (#""temprature":1"#, "temprature"), (#""echo":true,"echo":true"#, "echo"),
    ]

    @Test(arguments: refused)
    func `a wrong field is refused by name`(members: String, param: String) {
        let error = #expect(throws: APIError.self) { try decode(members) }

        #expect(error?.status == 400)
        #expect(error?.type == .invalidRequest)
        #expect(error?.param == param)
    }

    @Test func `a refusal says what was wanted and what was found`() {
        let error = #expect(throws: APIError.self) { try decode(#""logprobs":21"#) }

        #expect(error?.message == "logprobs: wanted an integer from 0 to 20, found 21")
    }

    @Test func `a request without options has the documented defaults`() throws {
        let request = try decode("")

        #expect(request == CompletionRequest(prompt: "x"))
        #expect(request.stopping.maxTokenCount == 16)
        #expect(request.sampling.temperature == 1)
    }

    @Test func `an unknown field is listed and otherwise skipped`() throws {
        let members = #""zeta":{"a":[1,{"b":null}]},"top_k":3,"best\r\nEvil: 1":2,"gone":null"#

        let request = try decode(members, unknownFields: .warn)

        #expect(request.sampling.topK == 3)
        #expect(request.ignoredParams.names == ["zeta", "best\r\nEvil: 1"])
        #expect(request.ignoredParams.headerValue == "zeta, best??Evil??1")
    }

    @Test func `a lax server says nothing about unknown fields`() throws {
        let request = try decode(#""zeta":1"#, unknownFields: .lax)

        #expect(request.ignoredParams.headerValue == nil)
    }

    @Test func `a name as long as the body is not sent back whole`() {
        let name = String(repeating: "y", count: 100_000)

        let error = #expect(throws: APIError.self) { try decode("\"\(name)\":1") }

        #expect((error?.body.count ?? .max) < 1000)
    }

    @Test(arguments: [UnknownFieldPolicy.warn, .lax])
    func `more unknown fields than one request may have are refused`(
        policy: UnknownFieldPolicy
    ) throws {
        func members(_ count: Int) -> String {
            (0..<count).map { "\"u\($0)\":1" }.joined(separator: ",")
        }

        _ = try decode(members(64), unknownFields: policy)
        let error = #expect(throws: APIError.self) {
            try decode(members(65), unknownFields: policy)
        }

        #expect(error?.param == "u64")
    }

    @Test func `a stop string above the limit is refused`() throws {
        let longest = String(repeating: "s", count: CompletionLimits().maxStopStringBytes)

        #expect(try decode("\"stop\":\"\(longest)\"").stopping.strings == [longest])
        let error = #expect(throws: APIError.self) { try decode("\"stop\":[\"\(longest)s\"]") }

        #expect(error?.param == "stop[0]")
    }
}
