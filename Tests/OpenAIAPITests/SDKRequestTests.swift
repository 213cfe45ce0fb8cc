// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import OpenAIAPI

/// Bodies that the OpenAI Python SDK 2.54.0 sent to a recording server.
@Suite struct SDKRequestTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/OpenAIAPI/sdk-requests")

    private func decode(_ name: String) throws -> CompletionRequest {
        let body = try Data(contentsOf: Self.folder.appendingPathComponent("\(name).json"))
        return try .decode(Array(body), unknownFields: .strict)
    }

    @Test(
        arguments: [
            ("minimal", [.text("Once upon a time")]),
            ("unicode_text", [.text("Zażółć gęślą jaźń 🦉 \"quoted\"\n\ttab")]),
            ("string_list", [.text("one"), .text("two"), .text("three")]),
            ("token_ids", [.tokens([1, 2, 3, 15043])]),
            ("token_id_lists", [.tokens([1, 2]), .tokens([3]), .tokens([4, 5, 6])]),
        ] as [(String, [Prompt])])
    func `every shape of prompt arrives`(name: String, prompts: [Prompt]) throws {
        let request = try decode(name)

        #expect(request.model == "apus-test")
        #expect(request.prompts == prompts)
    }

    @Test func `arguments given as None are absent`() throws {
        var expected = CompletionRequest(prompt: "x")
        expected.model = "apus-test"

        #expect(try decode("nulls") == expected)
    }

    @Test func `a stream with usage arrives`() throws {
        let request = try decode("stream_usage")

        #expect(request.streams && request.includesUsage)
    }

    @Test func `scoring without generating arrives`() throws {
        let request = try decode("echo_score")

        #expect(request.echoes)
        #expect(request.logprobCount == 5)
        #expect(request.stopping.maxTokenCount == 0)
        #expect(request.sampling.temperature == 0)
    }

    @Test func `sampling arguments arrive`() throws {
        let request = try decode("sampling")

        #expect(request.sampling.temperature == 0.7)
        #expect(request.sampling.topP == 0.9)
        #expect(request.sampling.presencePenalty == 0.5)
        #expect(request.sampling.frequencyPenalty == -0.5)
        #expect(request.sampling.logitBias == [15043: -100, 2: 7.5])
        #expect(request.sampling.seed == 42)
        #expect(request.stopping.strings == ["\n\n", "END"])
        #expect(try decode("single_stop").stopping.strings == ["\n"])
    }

    @Test func `vLLM's extra arguments arrive`() throws {
        let request = try decode("extra_body")

        #expect(request.sampling.topK == 40)
        #expect(request.sampling.minP == 0.05)
        #expect(request.sampling.repetitionPenalty == 1.1)
        #expect(request.stopping.ignoresEndOfSequence && request.stopping.includesStopString)
        #expect(request.stopping.minTokenCount == 4)
        #expect(request.stopping.tokenIDs == [2])
        #expect(request.namesTokensByID)
        #expect(!request.skipsSpecialTokens && !request.addsSpecialTokens)
    }

    @Test func `more candidates than choices arrive`() throws {
        #expect(try decode("best_of_three").candidatesPerPrompt == 3)
    }

    @Test func `a suffix arrives`() throws {
        #expect(try decode("suffix").suffix == "return 1")
    }
}
