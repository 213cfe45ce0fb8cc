// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OpenAIAPI

@Suite struct PromptTests {
    private func decode(
        _ prompt: String, n: Int = 1, limits: CompletionLimits = CompletionLimits()
    ) throws(APIError) -> CompletionRequest {
        try .decode(Array(#"{"prompt":\#(prompt),"n":\#(n)}"#.utf8), limits: limits)
    }

    @Test(
        arguments: [
            (#""hello""#, [.text("hello")]), (#""""#, [.text("")]),
            (#"["a","b"]"#, [.text("a"), .text("b")]), (#"[""]"#, [.text("")]),
            ("[1,2,3]", [.tokens([1, 2, 3])]), ("[ 7.0 ]", [.tokens([7])]),
            ("[[1,2],[3]]", [.tokens([1, 2]), .tokens([3])]),
            (#"["a",[1],"b",[2,3]]"#, [.text("a"), .tokens([1]), .text("b"), .tokens([2, 3])]),
        ] as [(String, [Prompt])])
    func `each shape of prompt is read`(json: String, expected: [Prompt]) throws {
        #expect(try decode(json).prompts == expected)
    }

    @Test(arguments: [
        ("null", "prompt"), ("5", "prompt"), ("{}", "prompt"), ("[]", "prompt"), ("true", "prompt"),
        ("[[]]", "prompt[0]"), (#"["a",[]]"#, "prompt[1]"), (#"["a",1]"#, "prompt[1]"),
        (#"[1,"a"]"#, "prompt[1]"), ("[1,2,[3]]", "prompt[2]"), ("[1,-1]", "prompt[1]"),
        ("[1,1.5]", "prompt[1]"), ("[0,2147483648]", "prompt[1]"), ("[null]", "prompt[0]"),
        (#"["a",{}]"#, "prompt[1]"), ("[[1],[2,true]]", "prompt[1][1]"),
        (#"[[1],["a"]]"#, "prompt[1][0]"), ("[[[1]]]", "prompt[0][0]"),
    ])
    func `a wrong prompt is refused with its index`(json: String, param: String) {
        let error = #expect(throws: APIError.self) { try decode(json) }

        #expect(error?.status == 400)
        #expect(error?.param == param)
    }

    @Test func `a body without a prompt is refused`() {
        let error = #expect(throws: APIError.self) {
            try CompletionRequest.decode(Array("{}".utf8))
        }

        #expect(error?.param == "prompt")
    }

    @Test func `prompts and choices are limited`() throws {
        var limits = CompletionLimits()
        limits.maxPromptCount = 3
        limits.maxChoiceCount = 6

        #expect(try decode(#"["a","b","c"]"#, n: 2, limits: limits).choiceCount == 6)
        let tooManyPrompts = #expect(throws: APIError.self) {
            try decode(#"["a","b","c","d"]"#, limits: limits)
        }
        let tooManyChoices = #expect(throws: APIError.self) {
            try decode(#"["a","b","c"]"#, n: 3, limits: limits)
        }

        #expect(tooManyPrompts?.param == "prompt")
        #expect(tooManyChoices?.param == "n")
    }

    @Test(arguments: [
        ("[1,2,100]", "prompt[2]"), ("[[1,2,100]]", "prompt[0][2]"),
        ("[[1],[100]]", "prompt[1][0]"),
        (#""x","stop_token_ids":[99,100]"#, "stop_token_ids[1]"),
        (#""x","logit_bias":{"1":0,"100":5,"99":1}"#, "logit_bias"),
    ])
    func `an id outside the vocabulary is refused with its index`(json: String, param: String)
        throws
    {
        let request = try decode(json)

        try request.validate(vocabularyCount: 101)
        let error = #expect(throws: APIError.self) { try request.validate(vocabularyCount: 100) }

        #expect(error?.status == 400)
        #expect(error?.param == param)
    }
}
