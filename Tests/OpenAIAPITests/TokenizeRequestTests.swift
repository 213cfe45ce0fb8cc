// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OpenAIAPI

@Suite struct TokenizeRequestTests {
    private func decode(
        _ body: String, unknownFields: UnknownFieldPolicy = .strict
    ) throws(APIError) -> TokenizeRequest {
        try .decode(Array(body.utf8), unknownFields: unknownFields)
    }

    @Test func `a prompt gets special tokens and a content does not`() throws {
        let prompt = try decode(#"{"prompt":"a"}"#)
        let content = try decode(#"{"content":"a"}"#)

        #expect(prompt.subject == .text("a") && prompt.addsSpecialTokens)
        #expect(content.subject == .text("a") && !content.addsSpecialTokens)
    }

    @Test(arguments: ["add_special_tokens", "add_special"])
    func `the request has the last word on special tokens`(field: String) throws {
        #expect(try !decode(#"{"prompt":"a","\#(field)":false}"#).addsSpecialTokens)
        #expect(try decode(#"{"content":"a","\#(field)":true}"#).addsSpecialTokens)
    }

    @Test func `messages are read as for a chat completion`() throws {
        let request = try decode(
            #"{"messages":[{"role":"user","content":"a"}],"add_generation_prompt":false}"#)

        guard case .chat(let chat) = request.subject else {
            Issue.record("not a chat")
            return
        }
        #expect(chat.messages == [ChatMessage(role: .user, text: "a")])
        #expect(chat.addsGenerationPrompt == false)
        #expect(!request.addsSpecialTokens)
    }

    @Test func `the other fields have their effect`() throws {
        let request = try decode(
            """
            {"prompt":"","model":"m","parse_special":false,"return_token_strs":true,
             "with_pieces":true,"tools":[],"chat_template":null}
            """)

        #expect(request.model == "m" && !request.parsesSpecialTokens)
        #expect(request.returnsTexts && request.returnsPieces)
    }

    @Test(
        arguments: [
            (#"{}"#, "prompt"), (#"{"prompt":"a","content":"a"}"#, "prompt"),
            (#"{"prompt":"a","messages":[{"role":"user","content":"a"}]}"#, "prompt"),
            (#"{"prompt":1}"#, "prompt"), (#"{"content":[]}"#, "content"),
            (#"{"messages":[]}"#, "messages"), (#"{"prompt":"a","with_pieces":1}"#, "with_pieces"),
            (#"{"prompt":"a","temperature":1}"#, "temperature"),
            (#"{"prompt":"a","tools":[1]}"#, "tools"),
        ])
    func `a wrong body is refused by name`(body: String, param: String) {
        let error = #expect(throws: APIError.self) { try decode(body) }

        #expect(error?.status == 400)
        #expect(error?.param == param)
    }

    @Test func `unknown fields are listed`() throws {
        let request = try decode(#"{"prompt":"a","zeta":1}"#, unknownFields: .warn)

        #expect(request.ignoredParams.names == ["zeta"])
    }

    @Test func `ids are checked against the vocabulary`() throws {
        func tokens(_ body: String) throws(APIError) -> [Int32] {
            try DetokenizeRequest.decode(Array(body.utf8), vocabularyCount: 10).tokens
        }

        #expect(try tokens(#"{"tokens":[0,9]}"#) == [0, 9])
        #expect(try tokens(#"{"tokens":[]}"#) == [])
        let wrong = [
            (#"{"tokens":[0,10]}"#, "tokens[1]"), (#"{"tokens":[-1]}"#, "tokens[0]"),
            (#"{"tokens":"a"}"#, "tokens"), (#"{}"#, "tokens"),
        ]
        for (body, param) in wrong {
            let error = #expect(throws: APIError.self) { try tokens(body) }
            #expect(error?.param == param)
        }
    }

    @Test func `pieces that are not whole characters are bytes`() {
        var response = TokenizeResponse(tokens: [1, 2], maxContextLength: 8)
        response.tokenBytes = [Array("é\"".utf8), [0xC3]]

        let plain = String(decoding: response.body, as: UTF8.self)
        response.returnsPieces = true
        response.returnsTexts = true
        let full = String(decoding: response.body, as: UTF8.self)

        #expect(plain == #"{"count":2,"max_model_len":8,"tokens":[1,2],"token_strs":null}"#)
        #expect(full.contains(#""tokens":[{"id":1,"piece":"é\""},{"id":2,"piece":[195]}]"#))
        #expect(full.contains("\"token_strs\":[\"é\\\"\",\"\u{FFFD}\"]"))
    }
}
