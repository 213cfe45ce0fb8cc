// SPDX-License-Identifier: Apache-2.0

import Decoding
import OpenAIAPI
import Testing

@testable import ServerApp

/// What was computed for others gives the same bits as what is computed anew.
@Suite struct PrefixReuseTests {
    private typealias Answer = EngineHarness.Answer

    /// Heads, latents, and sliding windows, which are computed again.
    static let families = ["qwen3_moe", "deepseek_v3_yarn", "deepseek_v2_lite", "gpt_oss"]

    private static func prompt(_ count: Int, from start: Int = 0) -> [Int32] {
        (start..<start + count).map { (position: Int) -> Int32 in
            let mixed: Int = position * position * 7 + 11
            return Int32(mixed % 150 + 5)
        }
    }

    private func request(
        _ number: UInt64, prompt: [Int32], newTokenCount: Int, choiceCount: Int = 1,
        echoes: Bool = false, logprobCount: Int? = 2, owner: String? = nil, salt: String? = nil
    ) -> GenerationRequest {
        let choices = (0..<choiceCount).map { index in
            var sampling = SamplingParameters()
            sampling.seed = UInt64(7 + index)
            return GenerationRequest.Choice(index: index, prompt: prompt, sampling: sampling)
        }
        var request = GenerationRequest(
            id: RequestID(rawValue: number), choices: choices, maxNewTokenCount: newTokenCount,
            minNewTokenCount: 0, logprobCount: logprobCount, echoes: echoes, stopStrings: [],
            includesStopString: false, stopTokenIDs: [], endTokenIDs: [],
            skipsSpecialTokens: false, arrival: .now)
        request.owner = owner
        request.cacheSalt = salt
        return request
    }

    private func answer(_ request: GenerationRequest, _ harness: EngineHarness) throws -> Answer {
        harness.submit(request)
        try #require(harness.finish())
        return try #require(harness.answers[request.id])
    }

    private func cold(_ family: String, _ request: GenerationRequest) throws -> Answer {
        try answer(
            request, EngineHarness(family: family, kvBlockCount: 64, keepsPrefixes: false))
    }

    @Test(arguments: families, [16, 64])
    func `an answer has the same bits with a warm cache`(family: String, stepTokenCount: Int) throws
    {
        let harness = try EngineHarness(
            family: family, kvBlockCount: 64, stepTokenCount: stepTokenCount)
        let first = request(1, prompt: Self.prompt(70), newTokenCount: 20)
        let same = request(2, prompt: Self.prompt(70), newTokenCount: 20)
        let longer = request(
            3, prompt: Self.prompt(50) + Self.prompt(40, from: 900), newTokenCount: 20)

        let cold = try self.cold(family, first)
        #expect(try answer(first, harness) == cold)
        #expect(try answer(same, harness) == cold)
        #expect(try answer(longer, harness) == self.cold(family, longer))

        let reuses = family != "gpt_oss"
        #expect(harness.cachedTokenCounts[same.id] == (reuses ? 64 : 0))
        #expect(harness.cachedTokenCounts[longer.id] == (reuses ? 48 : 0))
        #expect(try harness.metric("prefix_cache_queries_total") == 70 + 70 + 90)
        #expect(try harness.metric("prefix_cache_hits_total") == (reuses ? 112 : 0))
    }

    /// A conversation: the second prompt is the first, its answer, and more.
    @Test(arguments: families)
    func `an answer that becomes a prompt gives the bits of a cold start`(family: String) throws {
        let harness = try EngineHarness(family: family, kvBlockCount: 64)
        let first = request(1, prompt: Self.prompt(20), newTokenCount: 60)
        let answered = try answer(first, harness)
        let second = request(
            2, prompt: Self.prompt(20) + answered.tokens + Self.prompt(9, from: 500),
            newTokenCount: 20)

        #expect(try answer(second, harness) == cold(family, second))

        // 79 positions were computed. Latents of generated tokens are no use to a prompt.
        let wanted = ["qwen3_moe": 64, "gpt_oss": 0][family] ?? 16
        #expect(harness.cachedTokenCounts[second.id] == wanted)
    }

    /// That the comparison can fail: taking generated tokens' latents for a prompt's does change bits.
    @Test(arguments: ["deepseek_v3_yarn", "deepseek_v2_lite"])
    func `latents of generated tokens would change the answer`(family: String) throws {
        let careless = try EngineHarness(
            family: family, kvBlockCount: 64, tellsPromptTokensApart: false)
        let first = request(1, prompt: Self.prompt(20), newTokenCount: 60)
        let answered = try answer(first, careless)
        let second = request(
            2, prompt: Self.prompt(20) + answered.tokens + Self.prompt(9, from: 500),
            newTokenCount: 20)

        let warm = try answer(second, careless)

        #expect(careless.cachedTokenCounts[second.id] == 64)
        #expect(warm.logProbabilities != (try cold(family, second)).logProbabilities)
    }

    @Test(arguments: families, [8, 64])
    func `choices that fork have the bits that each has alone`(
        family: String, kvBlockCount: Int
    ) throws {
        let several = request(
            1, prompt: Self.prompt(37), newTokenCount: 24, choiceCount: 6, echoes: true)
        let harness = try EngineHarness(
            family: family, kvBlockCount: kvBlockCount, stepTokenCount: 16, parallelCount: 4)

        harness.submit(several)
        try #require(harness.finish())

        for choice in several.choices {
            var one = request(2, prompt: choice.prompt, newTokenCount: 24, echoes: true)
            one = GenerationRequest(
                id: one.id,
                choices: [.init(index: 0, prompt: choice.prompt, sampling: choice.sampling)],
                maxNewTokenCount: 24, minNewTokenCount: 0, logprobCount: 2, echoes: true,
                stopStrings: [], includesStopString: false, stopTokenIDs: [], endTokenIDs: [],
                skipsSpecialTokens: false, arrival: .now)
            #expect(harness.choices[several.id]?[choice.index] == (try cold(family, one)))
        }
        #expect(harness.metrics.render().contains("apus:kv_cache_usage_perc 0.0\n"))
    }

    @Test func `choices of one prompt prefill once`() throws {
        let harness = try EngineHarness(kvBlockCount: 64, stepTokenCount: 64)
        harness.submit(
            request(1, prompt: Self.prompt(50), newTokenCount: 1, choiceCount: 8))

        harness.turn()

        #expect(harness.choices[RequestID(rawValue: 1)]?.count == 8)
        #expect(harness.metrics.render().contains("apus:iteration_tokens_total_sum 50"))
        #expect(try harness.metric("prompt_tokens_total") == 50)
        #expect(try harness.metric("generation_tokens_total") == 8)
    }

    @Test func `a prompt is scored in full beside what others have computed`() throws {
        let harness = try EngineHarness(kvBlockCount: 64)
        let plain = request(1, prompt: Self.prompt(70), newTokenCount: 2)
        let scored = request(2, prompt: Self.prompt(70), newTokenCount: 2, echoes: true)

        _ = try answer(plain, harness)

        #expect(try answer(scored, harness) == cold("qwen3_moe", scored))
        #expect(harness.cachedTokenCounts[scored.id] == 0)
    }

    @Test func `keys and salts keep prefixes apart`() throws {
        let harness = try EngineHarness(kvBlockCount: 64)
        let wanted: [(owner: String?, salt: String?, cached: Int)] = [
            (nil, nil, 0), (nil, nil, 64), ("a", nil, 0), ("a", nil, 64), ("a", "s", 0),
            (nil, "s", 0), ("b", nil, 0), ("a", "s", 64),
        ]
        for (index, (owner, salt, cached)) in wanted.enumerated() {
            let request = request(
                UInt64(index), prompt: Self.prompt(70), newTokenCount: 1, owner: owner, salt: salt)
            _ = try answer(request, harness)
            #expect(harness.cachedTokenCounts[request.id] == cached, "request \(index)")
        }
    }

    @Test func `requests with one prefix pay for it once`() throws {
        let harness = try EngineHarness(kvBlockCount: 64, stepTokenCount: 64)
        for number in 0..<12 as Range<UInt64> {
            harness.submit(
                request(
                    number, prompt: Self.prompt(160) + [Int32(number) + 5], newTokenCount: 1))
        }
        try #require(harness.finish())

        let text = harness.metrics.render()
        let sum = text.split(separator: "\n").first {
            $0.hasPrefix("apus:iteration_tokens_total_sum")
        }
        #expect(sum == "apus:iteration_tokens_total_sum 172.0")
        #expect(harness.answers.count == 12)
    }

    @Test(arguments: [nil, 0, 3])
    func `ranked choices know their mean log-probability`(logprobCount: Int?) throws {
        let harness = try EngineHarness(kvBlockCount: 64)
        var ranked = request(
            1, prompt: Self.prompt(20), newTokenCount: 5, choiceCount: 3,
            logprobCount: logprobCount)
        ranked.ranksChoices = true
        harness.submit(ranked)
        try #require(harness.finish())

        var scored = request(2, prompt: Self.prompt(20), newTokenCount: 5, choiceCount: 3)
        scored.ranksChoices = false
        harness.submit(scored)
        try #require(harness.finish())

        for index in 0..<3 {
            let values = try #require(harness.choices[scored.id]?[index]).logProbabilities
            let mean = values.compactMap { $0 }.reduce(0, +) / 5
            let found = try #require(harness.choices[ranked.id]?[index]).meanLogProbability
            #expect(abs(found - mean) < 1e-12)
        }
    }
}
