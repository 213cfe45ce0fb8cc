// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import OpenAIAPI

@Suite struct CompletionResponseTests {
    private let envelope = CompletionEnvelope(
        id: "cmpl-1", createdAt: 1_700_000_000, model: "apus")

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private func token(
        _ id: Int32, _ text: String, _ logprob: Double?, _ candidates: [CandidateLogprob]? = nil
    ) -> TokenLogprob {
        TokenLogprob(id: id, text: text, logprob: logprob, candidates: candidates, textOffset: 0)
    }

    private func json(_ logprobs: CompletionLogprobs) -> String {
        var writer = JSONWriter()
        logprobs.write(to: &writer)
        return text(writer.bytes)
    }

    @Test func `a response has OpenAI's members in a fixed order`() {
        var choice = CompletionChoice(index: 0, text: " \"hi\"\n🦉")
        choice.finishReason = .stop
        choice.stopReason = .string("END")
        let response = CompletionResponse(
            envelope: envelope, choices: [choice],
            usage: Usage(promptTokenCount: 5, completionTokenCount: 7, cachedTokenCount: 4))

        #expect(
            text(response.body) == #"""
                {"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"apus",\#
                "choices":[{"index":0,"text":" \"hi\"\n🦉",\#
                "logprobs":null,"finish_reason":"stop","stop_reason":"END"}],\#
                "usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12,\#
                "prompt_tokens_details":{"cached_tokens":4}}}
                """#)
    }

    @Test func `token ids are there when they were asked for`() {
        var choice = CompletionChoice(index: 3, text: "a")
        choice.finishReason = .length
        choice.stopReason = .token(2)
        choice.promptTokenIDs = [1, 5]
        choice.tokenIDs = []
        var writer = JSONWriter()

        choice.write(to: &writer)

        #expect(
            text(writer.bytes) == #"""
                {"index":3,"text":"a","logprobs":null,"finish_reason":"length","stop_reason":2,\#
                "prompt_token_ids":[1,5],"token_ids":[]}
                """#)
    }

    @Test func `the first echoed token has no log-probability`() {
        var second = token(
            8, " fox", -0.1, [CandidateLogprob(id: 8, text: " fox", logprob: -0.1)])
        second.textOffset = 3

        let logprobs = json(CompletionLogprobs(tokens: [token(7, "The", nil), second]))

        #expect(
            logprobs == #"""
                {"tokens":["The"," fox"],"token_logprobs":[null,-0.1],\#
                "top_logprobs":[null,{" fox":-0.1}],"text_offset":[0,3]}
                """#)
    }

    @Test func `log-probabilities print as the shortest decimal and never as infinity`() {
        let candidates = [CandidateLogprob(id: 2, text: "b", logprob: -.infinity)]

        let logprobs = json(
            CompletionLogprobs(tokens: [
                token(1, "a", -.infinity), token(2, "b", Double(Float(-0.3)), candidates),
                token(3, "c", .nan),
            ]))

        #expect(
            logprobs.contains("\"token_logprobs\":[-9999.0,-0.30000001192092896,-9999.0]"))
        #expect(logprobs.contains("\"top_logprobs\":[null,{\"b\":-9999.0},null]"))
    }

    @Test func `tokens of the same text share a key with the highest value`() throws {
        let candidates = [
            CandidateLogprob(id: 1, text: "\u{FFFD}", logprob: -3),
            CandidateLogprob(id: 2, text: "é", logprob: -2),
            CandidateLogprob(id: 3, text: "\u{FFFD}", logprob: -1),
            CandidateLogprob(id: 4, text: "e\u{301}", logprob: -4),
        ]

        let byText = json(CompletionLogprobs(tokens: [token(1, "\u{FFFD}", -3, candidates)]))
        let byID = json(
            CompletionLogprobs(
                tokens: [token(1, "\u{FFFD}", -3, candidates)], namesTokensByID: true))

        #expect(byText.contains("{\"\u{FFFD}\":-1.0,\"é\":-2.0,\"e\u{301}\":-4.0}"))
        #expect(byID.contains("\"tokens\":[\"token_id:1\"]"))
        #expect(
            byID.contains(
                #"{"token_id:1":-3.0,"token_id:2":-2.0,"token_id:3":-1.0,"token_id:4":-4.0}"#))
    }

    @Test func `a token that is not among the candidates is written with them`() {
        let candidates = [
            CandidateLogprob(id: 1, text: "a", logprob: -1),
            CandidateLogprob(id: 2, text: "b", logprob: -2),
        ]
        let tokens = [token(3, "c", -5, candidates), token(2, "b", -2, candidates)]

        let byText = json(CompletionLogprobs(tokens: tokens))
        let byID = json(CompletionLogprobs(tokens: tokens, namesTokensByID: true))

        #expect(byText.contains(#"[{"a":-1.0,"b":-2.0,"c":-5.0},{"a":-1.0,"b":-2.0}]"#))
        #expect(
            byID.contains(
                #"[{"token_id:1":-1.0,"token_id:2":-2.0,"token_id:3":-5.0},"#
                    + #"{"token_id:1":-1.0,"token_id:2":-2.0}]"#))
    }

    @Test func `a token of the same text as a candidate shares its key`() {
        let candidates = [CandidateLogprob(id: 1, text: "\u{FFFD}", logprob: -1)]
        let tokens = [token(2, "\u{FFFD}", -5, candidates)]

        let byText = json(CompletionLogprobs(tokens: tokens))
        let byID = json(CompletionLogprobs(tokens: tokens, namesTokensByID: true))

        #expect(byText.contains("\"top_logprobs\":[{\"\u{FFFD}\":-1.0}]"))
        #expect(byID.contains(#""top_logprobs":[{"token_id:1":-1.0,"token_id:2":-5.0}]"#))
    }

    @Test func `without candidates a token is alone, but for the first echoed one`() {
        let logprobs = json(
            CompletionLogprobs(tokens: [token(1, "a", nil), token(2, "b", -0.5, [])]))

        #expect(logprobs.contains(#""top_logprobs":[null,{"b":-0.5}]"#))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `ids are new and of fixed length`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)

        let ids = Set((0..<1000).map { _ in CompletionEnvelope.makeID(using: &generator) })

        #expect(ids.count == 1000)
        #expect(ids.allSatisfy { $0.hasPrefix("cmpl-") && $0.utf8.count == 37 })
    }

    @Test func `a model list is what OpenAI's clients and vLLM's expect`() throws {
        let card = ModelCard(
            id: "apus", createdAt: 5, ownedBy: "apus", maxContextLength: 4096,
            parameterCount: 30_500_000_000, activeParameterCount: 3_300_000_000,
            quantization: "q4_K")
        let list = ModelList([card])

        #expect(
            text(list.body) == #"""
                {"object":"list","data":[{"id":"apus","object":"model","created":5,\#
                "owned_by":"apus","max_model_len":4096,"meta":{"parameters":30500000000,\#
                "active_parameters":3300000000,"quantization":"q4_K"}}]}
                """#)
        #expect(try list.model("apus") == card)
        let error = #expect(throws: APIError.self) { try list.model("other") }
        #expect(error?.code == "model_not_found")
    }
}
