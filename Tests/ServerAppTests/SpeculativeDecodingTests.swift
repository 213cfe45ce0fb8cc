// SPDX-License-Identifier: Apache-2.0

import Decoding
import OpenAIAPI
import Scheduling
import Testing

@testable import ServerApp

@Suite struct SpeculativeDecodingTests {
    /// Computes every guess: as if rows cost nothing.
    private var eager: Speculation { Speculation(DecodeCostModel { _ in 1 }) }

    /// Prompts that repeat themselves, so that there is something to guess, with all that sampling can do.
    private var requests: [GenerationRequest] {
        (0..<12).map { number in
            var sampling = SamplingParameters()
            sampling.seed = UInt64(number)
            sampling.temperature = [0, 0.02, 0.3][number % 3]
            if number % 4 == 1 { sampling.frequencyPenalty = 0.05 }
            if number % 4 == 2 { sampling.repetitionPenalty = 1.05 }
            if number % 5 == 3 { sampling.topK = 5 }
            let period = 3 + number % 4
            let prompt = (0..<20 + number).map { Int32(5 + number * 7 + $0 % period) }
            return request(UInt64(number), prompt, sampling, choiceCount: number == 5 ? 3 : 1)
        }
    }

    private func request(
        _ number: UInt64, _ prompt: [Int32], _ sampling: SamplingParameters, choiceCount: Int = 1
    ) -> GenerationRequest {
        GenerationRequest(
            id: RequestID(rawValue: number),
            choices: (0..<choiceCount).map { index in
                var sampling = sampling
                sampling.seed += UInt64(100 * index)
                return .init(index: index, prompt: prompt, sampling: sampling)
            },
            maxNewTokenCount: 60 - Int(number), minNewTokenCount: 0,
            logprobCount: number.isMultiple(of: 3) ? nil : 2, echoes: number == 7,
            stopStrings: number == 8 ? ["e"] : [], includesStopString: false,
            stopTokenIDs: number == 9 ? [20, 60, 90] : [], endTokenIDs: [],
            skipsSpecialTokens: false, arrival: .now)
    }

    private func run(
        _ family: String, _ speculation: Speculation?, kvBlockCount: Int, stepTokenCount: Int
    ) throws -> EngineHarness {
        let harness = try EngineHarness(
            family: family, kvBlockCount: kvBlockCount, stepTokenCount: stepTokenCount,
            speculation: speculation)
        for request in requests { harness.submit(request) }
        try #require(harness.finish())
        return harness
    }

    private static let families = ["qwen3_moe", "deepseek_v3_yarn", "gpt_oss", "gemma3"]

    /// Heads, latents, windows.
    @Test func `computing ahead changes no bit of the output`() throws {
        var draftCount = 0
        var acceptedCount = 0
        for family in Self.families {
            let plain = try run(family, nil, kvBlockCount: 200, stepTokenCount: 64)
            let ahead = try run(family, eager, kvBlockCount: 200, stepTokenCount: 64)

            #expect(ahead.choices == plain.choices, "\(family)")
            #expect(ahead.choices.count == requests.count)
            #expect(try plain.metric("spec_decode_num_draft_tokens_total") == 0)
            #expect(ahead.metrics.render().contains("apus:kv_cache_usage_perc 0.0\n"))
            draftCount += try ahead.metric("spec_decode_num_draft_tokens_total")
            acceptedCount += try ahead.metric("spec_decode_num_accepted_tokens_total")
        }

        #expect(acceptedCount > 100)
        #expect(draftCount > acceptedCount)
    }

    /// Little room: guesses are computed only while nobody waits, which is seldom.
    @Test(arguments: families)
    func `preempted sequences go on with the same bits`(family: String) throws {
        let plain = try run(family, nil, kvBlockCount: 8, stepTokenCount: 23)
        let ahead = try run(family, eager, kvBlockCount: 8, stepTokenCount: 23)

        #expect(ahead.choices == plain.choices)
        #expect(!ahead.metrics.render().contains("apus:num_preemptions_total 0\n"))
    }

    @Test func `right guesses save steps`() throws {
        var sampling = SamplingParameters()
        sampling.temperature = 0
        sampling.logitBias = [40: 100]  // the same token for ever
        var stepCounts: [Int] = []
        for speculation in [nil, eager] {
            let harness = try EngineHarness(kvBlockCount: 64, speculation: speculation)
            harness.submit(request(0, [40, 40, 40, 40], sampling))
            var count = 0
            while harness.answers[RequestID(rawValue: 0)]?.reason == nil, count < 100 {
                harness.turn()
                count += 1
            }
            #expect(harness.answers[RequestID(rawValue: 0)]?.tokens.count == 60)
            stepCounts.append(count)
        }

        #expect(stepCounts[0] >= 60)
        #expect(stepCounts[1] < 20)
    }
}
