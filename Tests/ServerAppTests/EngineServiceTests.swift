// SPDX-License-Identifier: Apache-2.0

import Decoding
import OpenAIAPI
import Testing

@testable import ServerApp

/// Whom the engine serves when, and how long a request waits for it.
@Suite struct EngineServiceTests {
    private func request(
        _ number: UInt64, promptTokenCount: Int = 5, newTokenCount: Int = 4, choiceCount: Int = 1,
        owner: String? = nil, weight: Int = 1, priority: Int = 0, deadline: Duration? = nil
    ) -> GenerationRequest {
        let prompt = (0..<promptTokenCount).map { (position: Int) -> Int32 in
            let mixed: Int = Int(number) * 31 + position * 3
            return Int32(mixed % 150 + 5)
        }
        let choices = (0..<choiceCount).map {
            GenerationRequest.Choice(index: $0, prompt: prompt, sampling: SamplingParameters())
        }
        var request = GenerationRequest(
            id: RequestID(rawValue: number), choices: choices, maxNewTokenCount: newTokenCount,
            minNewTokenCount: 0, logprobCount: nil, echoes: false, stopStrings: [],
            includesStopString: false, stopTokenIDs: [], endTokenIDs: [],
            skipsSpecialTokens: false, arrival: .now)
        request.owner = owner
        request.weight = weight
        request.priority = priority
        request.deadline = deadline.map { .now + $0 }
        return request
    }

    private func answer(_ harness: EngineHarness, _ number: UInt64) -> EngineHarness.Answer? {
        harness.answers[RequestID(rawValue: number)]
    }

    @Test func `a request that waits beyond its deadline is refused`() throws {
        let harness = try EngineHarness(kvBlockCount: 64, parallelCount: 1)
        harness.submit(request(1, newTokenCount: 100))
        harness.turn()
        harness.submit(request(2, choiceCount: 3, deadline: .seconds(300)))
        harness.submit(request(3, deadline: .seconds(900)))

        harness.turn(at: .now + .seconds(400))

        let refusal = harness.refusals[RequestID(rawValue: 2)]
        #expect(refusal?.status == 504)
        #expect(refusal?.code == "deadline_exceeded")
        #expect(try harness.metric("num_requests_waiting") == 1)
        try #require(harness.finish())
        #expect(answer(harness, 1)?.reason == .length)
        #expect(answer(harness, 3)?.reason == .length)
        #expect(
            harness.metrics.render().contains(
                "apus:request_success_total{finished_reason=\"timeout\"} 3\n"))
    }

    /// While decoding, and in the middle of the prompt.
    @Test(arguments: [5, 900])
    func `a request whose time is up ends with what it has`(promptTokenCount: Int) throws {
        let harness = try EngineHarness(kvBlockCount: 200, stepTokenCount: 16)
        harness.submit(
            request(
                1, promptTokenCount: promptTokenCount, newTokenCount: 1000 - promptTokenCount,
                choiceCount: 2, deadline: .seconds(1000)))
        for _ in 0..<3 { harness.turn() }
        #expect(try harness.metric("num_requests_running") > 0)

        harness.turn(at: .now + .seconds(1000))

        for index in 0..<2 {
            let choice = harness.choices[RequestID(rawValue: 1)]?[index]
            #expect(choice?.reason == .timeout)
            #expect(choice?.tokens.count == (promptTokenCount == 5 ? 3 : 0))
        }
        #expect(harness.refusals.isEmpty)
        #expect(try harness.metric("num_requests_running") == 0)
        #expect(try harness.metric("num_requests_waiting") == 0)
        #expect(harness.metrics.render().contains("apus:kv_cache_usage_perc 0.0\n"))
    }

    @Test func `a key with a hundred requests leaves another's turn to it`() throws {
        let harness = try EngineHarness(kvBlockCount: 64, parallelCount: 1)
        for number in 0..<90 as Range<UInt64> {
            harness.submit(request(number, owner: "many"))
        }
        harness.turn()
        harness.submit(request(1000, owner: "few"))
        harness.submit(request(1001, owner: "few"))

        var turnCount = 0
        while answer(harness, 1001)?.reason == nil {
            harness.turn()
            turnCount += 1
            try #require(turnCount < 100)
        }

        let served = (0..<90).count { answer(harness, UInt64($0))?.reason != nil }
        #expect(served <= 3)
    }

    @Test func `priorities order what waits`() throws {
        let harness = try EngineHarness(kvBlockCount: 64, parallelCount: 1)
        harness.submit(request(1))
        harness.turn()
        for (number, priority) in [(2, 1), (3, 0), (4, -1)] {
            harness.submit(request(UInt64(number), priority: priority))
        }

        var order: [UInt64] = []
        for _ in 0..<30 {
            harness.turn()
            for number in 2...4 as ClosedRange<UInt64>
            where answer(harness, number)?.reason != nil && !order.contains(number) {
                order.append(number)
            }
        }

        #expect(order == [4, 3, 2])
    }

    @Test func `the time to come back is that of those who wait`() throws {
        let harness = try EngineHarness(kvBlockCount: 64, parallelCount: 1)
        // The harness' queue holds a hundred.
        for number in 0..<100 as Range<UInt64> { harness.submit(request(number)) }
        for _ in 0..<40 { harness.turn() }
        for number in 200..<300 as Range<UInt64> { harness.submit(request(number)) }

        harness.turn()

        #expect(harness.refusals.count > 80)
        // A tiny model serves a hundred such requests in well under a second, on a loaded machine in a few.
        for refusal in harness.refusals.values {
            #expect(refusal.status == 429)
            #expect((1...30).contains(refusal.retryAfterSeconds ?? 0))
        }
    }
}
