// SPDX-License-Identifier: Apache-2.0

/// The body of `POST /tokenize`, in vLLM's spelling or llama.cpp's.
package struct TokenizeRequest: Sendable, Equatable {
    /// What is tokenised.
    package enum Subject: Sendable, Equatable {
        case text(String)
        /// The prompt that the model's template makes of messages.
        case chat(ChatRequest)
    }

    /// The model asked for; nil means the one that is served.
    package var model: String?
    /// `prompt`, which llama.cpp calls `content`, or `messages`.
    package var subject: Subject
    /// `add_special_tokens`, or `add_special`: put the model's special tokens (BOS) around the text.
    package var addsSpecialTokens: Bool
    /// `parse_special`: the text of a special token is that token.
    package var parsesSpecialTokens = true
    /// `return_token_strs`: add the tokens' texts.
    package var returnsTexts = false
    /// `with_pieces`: give each token as an object with its text.
    package var returnsPieces = false
    /// The unknown fields that were not honoured.
    package var ignoredParams = IgnoredParams()

    fileprivate init(_ subject: Subject, addsSpecialTokens: Bool) {
        self.subject = subject
        self.addsSpecialTokens = addsSpecialTokens
    }

    /// Decodes a body.
    ///
    /// - Throws: `APIError` 400, whose `param` is the field, for everything that is wrong with it.
    package static func decode(
        _ body: [UInt8], limits: CompletionLimits = CompletionLimits(),
        unknownFields: UnknownFieldPolicy = .warn
    ) throws(APIError) -> TokenizeRequest {
        var decoder = TokenizeRequestDecoder(limits: limits, unknownFields: unknownFields)
        return try decoder.decode(body)
    }
}

/// Fills a request field by field, then checks the fields against each other.
private struct TokenizeRequestDecoder {
    private var model: String?
    private var prompt: String?
    private var content: String?
    private var addsSpecialTokens: Bool?
    private var parsesSpecialTokens = true
    private var returnsTexts = false
    private var returnsPieces = false
    /// Reads messages and what goes with them.
    private var chat: ChatRequestDecoder

    init(limits: CompletionLimits, unknownFields: UnknownFieldPolicy) {
        chat = ChatRequestDecoder(limits: limits, unknownFields: unknownFields)
    }

    mutating func decode(_ body: [UInt8]) throws(APIError) -> TokenizeRequest {
        try JSONReader.readBody(body) { (field, reader) throws(APIError) in
            try readField(field, from: &reader)
        }
        let (subject, addsByDefault) = try subject()
        var request = TokenizeRequest(
            subject, addsSpecialTokens: addsSpecialTokens ?? addsByDefault)
        request.model = model
        request.parsesSpecialTokens = parsesSpecialTokens
        request.returnsTexts = returnsTexts
        request.returnsPieces = returnsPieces
        request.ignoredParams = chat.ignoredParams
        return request
    }

    private mutating func readField(
        _ field: String, from reader: inout JSONReader
    ) throws(APIError) {
        switch field {
        case "model": model = try reader.readText(field)
        case "prompt": prompt = try reader.readText(field)
        case "content": content = try reader.readText(field)
        case "add_special_tokens", "add_special": addsSpecialTokens = try reader.readFlag(field)
        case "parse_special": parsesSpecialTokens = try reader.readFlag(field)
        case "return_token_strs": returnsTexts = try reader.readFlag(field)
        case "with_pieces": returnsPieces = try reader.readFlag(field)
        case "tools", "chat_template": _ = try UnsupportedField.readChat(field, from: &reader)
        default:
            if try !chat.readConversation(field, from: &reader) {
                try chat.skipUnknown(field, in: &reader)
            }
        }
    }

    /// What is tokenised, and whether it gets special tokens unless the request says so: vLLM adds them to a
    /// prompt, llama.cpp not to a content, and messages have what the template writes.
    private func subject() throws(APIError) -> (TokenizeRequest.Subject, addsByDefault: Bool) {
        switch (prompt, content, chat.request.messages.isEmpty) {
        case (let prompt?, nil, true): return (.text(prompt), true)
        case (nil, let content?, true): return (.text(content), false)
        case (nil, nil, false):
            try chat.checkConversation()
            return (.chat(chat.request), false)
        default:
            throw .invalid(
                "prompt", "prompt: wanted one of prompt, content and messages, and only one")
        }
    }
}
