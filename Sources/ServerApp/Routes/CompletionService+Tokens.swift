// SPDX-License-Identifier: Apache-2.0

internal import HTTPServing
internal import HTTPTypes
internal import OpenAIAPI
internal import Tokenization

extension CompletionService {
    /// Tokens that are told or taken at once; with their bytes, an answer of some 100 MB.
    private static let maxTokenCount = 1 << 20

    /// The body of an answer and what of the request it leaves out.
    private struct Answer: Sendable {
        let body: [UInt8]
        let ignoredParams: IgnoredParams
    }

    /// What clients that tokenise by this server want to know.
    var tokenizerInfo: TokenizerInfo {
        TokenizerInfo(
            specialTokens: ChatPrompter.specialTokens(of: tokenizer),
            addsBOS: tokenizer.vocabulary.addsBOS, chatTemplate: prompter?.templateSource,
            maxContextLength: card.maxContextLength)
    }

    /// Answers `POST /tokenize`.
    func respondToTokenize(
        _ incoming: IncomingRequest, _ exchange: Exchange, on server: isolated HTTPServer
    ) {
        // As for chat completions: the body may hold messages.
        read(incoming, exchange, maxInlineBytes: 0, on: server, tokenize) {
            @Sendable answer, server in
            exchange.respond(answer.body, headers: answer.ignoredParams.headerFields, on: server)
        }
    }

    /// Answers `POST /detokenize`.
    func respondToDetokenize(
        _ incoming: IncomingRequest, _ exchange: Exchange, on server: isolated HTTPServer
    ) {
        read(incoming, exchange, on: server, detokenize) { @Sendable answer, server in
            exchange.respond(answer.body, headers: answer.ignoredParams.headerFields, on: server)
        }
    }

    private func tokenize(_ body: [UInt8]) throws(APIError) -> Answer {
        let request = try TokenizeRequest.decode(body, unknownFields: unknownFields)
        try check(model: request.model)
        let tokens: [Int32]
        switch request.subject {
        case .text(let text):
            tokens = try encode(
                text, "prompt", addsSpecial: request.addsSpecialTokens,
                parsesSpecial: request.parsesSpecialTokens)
            try check(tokens, of: "prompt")
        case .chat(let chat):
            tokens = try encode(chat, addsSpecial: request.addsSpecialTokens).1
            try check(tokens, of: "messages")
        }
        var response = TokenizeResponse(tokens: tokens, maxContextLength: card.maxContextLength)
        response.returnsTexts = request.returnsTexts
        response.returnsPieces = request.returnsPieces
        if request.returnsTexts || request.returnsPieces {
            response.tokenBytes = tokens.map(tokenizer.bytes(of:))
        }
        return Answer(body: response.body, ignoredParams: request.ignoredParams)
    }

    private func detokenize(_ body: [UInt8]) throws(APIError) -> Answer {
        let request = try DetokenizeRequest.decode(
            body, vocabularyCount: vocabularySize, unknownFields: unknownFields)
        try check(model: request.model)
        try check(request.tokens, of: "tokens")
        var detokenizer = Detokenizer(tokenizer, showsControl: true)
        var text: [UInt8] = []
        for id in request.tokens { text += detokenizer.text(appending: id) }
        text += detokenizer.finish()
        return Answer(
            body: DetokenizeResponse.body(String(decoding: text, as: UTF8.self)),
            ignoredParams: request.ignoredParams)
    }

    private func check(_ tokens: [Int32], of field: String) throws(APIError) {
        guard tokens.count > Self.maxTokenCount else { return }
        throw .invalid(
            field, "\(field): \(tokens.count) tokens, at most \(Self.maxTokenCount) at once")
    }
}
