// SPDX-License-Identifier: Apache-2.0

import Decoding
import Foundation
import ModelFile
import OpenAIAPI
import Scheduling
import Testing
import Tokenization

@testable import ServerApp

@Suite struct EngineTests {
    /// A request of a pseudo-random prompt.
    private func request(
        _ number: UInt64, promptTokenCount: Int, newTokenCount: Int, temperature: Float = 1,
        echoes: Bool = false, logprobCount: Int? = 3
    ) -> GenerationRequest {
        var sampling = SamplingParameters()
        sampling.temperature = temperature
        sampling.seed = number
        let prompt = (0..<promptTokenCount).map { position in
            let mixed: Int = Int(number) * 131 + position * position * 7 + 11
            return Int32(mixed % 150 + 5)  // the smallest vocabulary has 163 tokens
        }
        return GenerationRequest(
            id: RequestID(rawValue: number),
            choices: [.init(index: 0, prompt: prompt, sampling: sampling)],
            maxNewTokenCount: newTokenCount, minNewTokenCount: 0, logprobCount: logprobCount,
            echoes: echoes, stopStrings: [], includesStopString: false, stopTokenIDs: [],
            endTokenIDs: [], skipsSpecialTokens: false, arrival: .now)
    }

    /// Requests of all lengths; some echo and score their prompts, some are greedy.
    private var traffic: [GenerationRequest] {
        (1...12).map { number in
            request(
                UInt64(number), promptTokenCount: 3 + number * 5, newTokenCount: 50 - number,
                temperature: number.isMultiple(of: 3) ? 0 : 1,
                echoes: number.isMultiple(of: 4))
        }
    }

    private func answersAlone(
        _ requests: [GenerationRequest], family: String
    ) throws -> [RequestID: EngineHarness.Answer] {
        var answers: [RequestID: EngineHarness.Answer] = [:]
        for request in requests {
            let harness = try EngineHarness(
                family: family, kvBlockCount: 64, stepTokenCount: 256, threadCount: 1)
            harness.submit(request)
            try #require(harness.finish())
            answers[request.id] = harness.answers[request.id]
        }
        return answers
    }

    /// Heads, latents, and sliding windows beside layers that see everything.
    @Test(arguments: ["qwen3_moe", "deepseek_v3_yarn", "gpt_oss"], [16, 23, 64])
    func `answers are the same bits alone, together, in small steps and after preemption`(
        family: String, stepTokenCount: Int
    ) throws {
        let requests = traffic
        let alone = try answersAlone(requests, family: family)
        // 8 blocks for each group hold one or two of the twelve sequences at their full length.
        let crowded = try EngineHarness(
            family: family, kvBlockCount: 8, stepTokenCount: stepTokenCount)

        for (index, request) in requests.enumerated() {
            crowded.submit(request)
            if index.isMultiple(of: 3) { crowded.turn() }
        }
        try #require(crowded.finish())

        #expect(crowded.answers == alone)
        #expect(crowded.metrics.render().contains("num_preemptions_total"))
        #expect(!crowded.metrics.render().contains("apus:num_preemptions_total 0\n"))
        #expect(crowded.metrics.render().contains("apus:kv_cache_usage_perc 0.0\n"))
    }

    /// The scheduler gives up what the layers do not read, by its own reckoning.
    @Test(arguments: [AttentionSpan.full, .sliding(1), .sliding(9), .chunked(1), .chunked(16)])
    func `the scheduler keeps what layers see`(span: AttentionSpan) {
        for position in 0..<100 {
            #expect(
                KVSpan(span).firstPosition(for: position) == span.firstPosition(for: position))
        }
    }

    /// Most layers of these see less of a sequence than it holds.
    @Test(arguments: ["gemma3", "llama4"], [16, 23])
    func `answers are the same bits where blocks are given back`(
        family: String, stepTokenCount: Int
    ) throws {
        let requests = traffic
        let alone = try answersAlone(requests, family: family)
        let together = try EngineHarness(
            family: family, kvBlockCount: 16, stepTokenCount: stepTokenCount)

        for request in requests { together.submit(request) }
        try #require(together.finish())

        #expect(together.answers == alone)
        #expect(together.metrics.render().contains("apus:kv_cache_usage_perc 0.0\n"))
    }

    @Test func `another seed gives another answer`() throws {
        let harness = try EngineHarness(kvBlockCount: 64)
        harness.submit(request(1, promptTokenCount: 20, newTokenCount: 30))
        try #require(harness.finish())
        var other = request(1, promptTokenCount: 20, newTokenCount: 30)
        var choice = other.choices[0]
        var sampling = choice.sampling
        sampling.seed = 99
        choice = .init(index: 0, prompt: choice.prompt, sampling: sampling)
        other = GenerationRequest(
            id: RequestID(rawValue: 2), choices: [choice], maxNewTokenCount: 30,
            minNewTokenCount: 0, logprobCount: 3, echoes: false, stopStrings: [],
            includesStopString: false, stopTokenIDs: [], endTokenIDs: [],
            skipsSpecialTokens: false, arrival: .now)
        harness.submit(other)
        try #require(harness.finish())

        let first = harness.answers[RequestID(rawValue: 1)]
        #expect(first != nil)
        #expect(first != harness.answers[RequestID(rawValue: 2)])
    }

    @Test func `a cancelled request is gone after the next turn in every phase`() throws {
        let harness = try EngineHarness(kvBlockCount: 32, stepTokenCount: 16, parallelCount: 2)
        // Decoding, prefilling in chunks, waiting.
        harness.submit(request(1, promptTokenCount: 4, newTokenCount: 400))
        harness.turn()
        harness.turn()
        harness.submit(request(2, promptTokenCount: 80, newTokenCount: 4))
        harness.submit(request(3, promptTokenCount: 10, newTokenCount: 4))
        harness.turn()
        for number in 1...3 { harness.mailbox.cancel(RequestID(rawValue: UInt64(number))) }

        harness.turn()

        let metrics = harness.metrics.render()
        #expect(metrics.contains("apus:num_requests_running 0\n"))
        #expect(metrics.contains("apus:num_requests_waiting 0\n"))
        #expect(metrics.contains("apus:kv_cache_usage_perc 0.0\n"))
        #expect(metrics.contains("apus:request_success_total{finished_reason=\"abort\"} 3\n"))
    }

    @Test func `metrics count the weights that steps read`() throws {
        let harness = try EngineHarness(kvBlockCount: 64)

        // One step for each token: the prompt has only one.
        harness.submit(request(1, promptTokenCount: 1, newTokenCount: 1))
        try #require(harness.finish())
        let first = try harness.metric("weight_bytes_read_total")
        harness.submit(request(2, promptTokenCount: 1, newTokenCount: 4))
        try #require(harness.finish())

        // 2 layers of 2 experts for each of 5 tokens.
        #expect(try harness.metric("experts_read_total") == 20)
        #expect(first > 0)
        #expect(try harness.metric("weight_bytes_read_total") == 5 * first)
    }

    @Test func `what cannot fit is refused with its numbers and the rest is served`() throws {
        let harness = try EngineHarness(kvBlockCount: 8)
        harness.submit(request(1, promptTokenCount: 1000, newTokenCount: 100))
        harness.submit(request(2, promptTokenCount: 200, newTokenCount: 10))
        harness.submit(request(3, promptTokenCount: 10, newTokenCount: 5))

        try #require(harness.finish())

        let tooLong = harness.refusals[RequestID(rawValue: 1)]
        #expect(tooLong?.code == "context_length_exceeded")
        #expect(tooLong?.status == 400)
        #expect(harness.refusals[RequestID(rawValue: 2)]?.message.contains("14") == true)
        #expect(harness.answers[RequestID(rawValue: 3)]?.tokens.count == 5)
    }

    @Test func `a full queue answers 429 with a time to come back`() throws {
        let harness = try EngineHarness(kvBlockCount: 64, parallelCount: 1)
        for number in 1...140 {
            harness.submit(request(UInt64(number), promptTokenCount: 5, newTokenCount: 2))
        }

        harness.turn()

        #expect(harness.refusals.count == 40)
        for refusal in harness.refusals.values {
            #expect(refusal.status == 429)
            #expect((1...600).contains(refusal.retryAfterSeconds ?? 0))
        }
    }

    @Test func `who would wait too long is told at once`() throws {
        let harness = try EngineHarness(
            kvBlockCount: 64, parallelCount: 1, maxWait: .microseconds(1))
        let start = ContinuousClock.now
        func submit(_ numbers: ClosedRange<UInt64>) {
            for number in numbers {
                harness.submit(request(number, promptTokenCount: 5, newTokenCount: 1))
            }
        }
        submit(1...3)
        // The first begins; that the second does, too, tells the rate.
        for _ in 1...2 { harness.turn(at: start) }
        #expect(harness.refusals.isEmpty)

        // The third has the seat, the fourth the place of who is behind it.
        submit(4...5)
        for _ in 1...2 { harness.turn(at: start) }

        #expect(harness.refusals.count == 1)
        let refusal = harness.refusals[RequestID(rawValue: 5)]
        #expect(refusal?.status == 429)
        #expect(
            refusal?.message
                == "2 requests are waiting, of which no more than 1 will begin within the time that "
                + "one may wait")
        #expect((1...600).contains(refusal?.retryAfterSeconds ?? 0))
        #expect(try rejectionCount("wait_too_long", harness) == 1)
        submit(6...6)
        harness.turn(at: start)
        #expect(harness.answers.values.count { $0.reason == .length } == 5)
    }

    @Test func `while no rate is known nobody is refused`() throws {
        let harness = try EngineHarness(
            kvBlockCount: 64, parallelCount: 1, maxWait: .microseconds(1))
        let start = ContinuousClock.now
        for number in 1...8 as ClosedRange<UInt64> {
            harness.submit(request(number, promptTokenCount: 5, newTokenCount: 1))
        }

        for _ in 1...8 { harness.turn(at: start) }

        #expect(harness.refusals.isEmpty)
    }

    /// Two prompts count as one request, of which one that has begun keeps the other in the queue.
    @Test func `who has waited too long is told, and who has begun goes on`() throws {
        let harness = try EngineHarness(kvBlockCount: 64, parallelCount: 1, maxWait: .seconds(60))
        let first = request(1, promptTokenCount: 5, newTokenCount: 4)
        let second = GenerationRequest.Choice(
            index: 1, prompt: [7, 8, 9], sampling: first.choices[0].sampling)
        harness.submit(
            GenerationRequest(
                id: first.id, choices: first.choices + [second], maxNewTokenCount: 4,
                minNewTokenCount: 0, logprobCount: nil, echoes: false, stopStrings: [],
                includesStopString: false, stopTokenIDs: [], endTokenIDs: [],
                skipsSpecialTokens: false, arrival: .now))
        harness.submit(request(2, promptTokenCount: 5, newTokenCount: 4))
        harness.submit(request(3, promptTokenCount: 5, newTokenCount: 4))
        harness.turn()

        harness.turn(at: .now + .seconds(61))

        #expect(harness.refusals.count == 2)
        for number in 2...3 as ClosedRange<UInt64> {
            let refusal = harness.refusals[RequestID(rawValue: number)]
            #expect(refusal?.status == 429)
            #expect(refusal?.message == "the request has waited for more than 60.0 seconds")
        }
        #expect(try rejectionCount("wait_too_long", harness) == 2)
        try #require(harness.finish())
        #expect(
            harness.choices[RequestID(rawValue: 1)]?.values.allSatisfy { $0.reason == .length }
                == true)
        #expect(try harness.metric("num_requests_waiting") == 0)
    }

    /// With a seat free there is no waiting, however long a step or the way here took.
    @Test func `who finds a seat is not refused for the time before`() throws {
        let harness = try EngineHarness(kvBlockCount: 64, parallelCount: 2, maxWait: .seconds(1))
        harness.submit(request(1, promptTokenCount: 5, newTokenCount: 4))

        harness.turn(at: .now + .seconds(30))

        #expect(harness.refusals.isEmpty)
        try #require(harness.finish())
        #expect(harness.answers[RequestID(rawValue: 1)]?.reason == .length)
    }

    private func rejectionCount(_ reason: String, _ harness: EngineHarness) throws -> Int {
        let prefix = "apus:admission_rejections_total{reason=\"\(reason)\"} "
        let line = harness.metrics.render().split(separator: "\n").first { $0.hasPrefix(prefix) }
        return try #require(line.flatMap { Int($0.dropFirst(prefix.count)) })
    }

    @Test func `more choices than the queue can ever hold are refused for good`() throws {
        let harness = try EngineHarness(kvBlockCount: 64)
        let one = request(1, promptTokenCount: 5, newTokenCount: 2)
        let choices = (0..<101).map {
            GenerationRequest.Choice(
                index: $0, prompt: one.choices[0].prompt, sampling: one.choices[0].sampling)
        }
        harness.submit(
            GenerationRequest(
                id: one.id, choices: choices, maxNewTokenCount: 2, minNewTokenCount: 0,
                logprobCount: nil, echoes: false, stopStrings: [], includesStopString: false,
                stopTokenIDs: [], endTokenIDs: [], skipsSpecialTokens: false, arrival: .now))

        harness.turn()

        #expect(harness.refusals[one.id]?.status == 400)
        #expect(harness.refusals[one.id]?.param == "n")
    }

    @Test(arguments: 0...6)
    func `a stop string counts once it ends after the minimum`(minimum: Int) throws {
        // What the model says of itself, then the same again with a stop string over tokens 3 to 5.
        let free = try EngineHarness(kvBlockCount: 64)
        let plain = request(3, promptTokenCount: 9, newTokenCount: 12, logprobCount: nil)
        free.submit(plain)
        try #require(free.finish())
        let whole = try #require(free.answers[plain.id])
        let pieces = try whole.tokens.map { try free.tokenizer.decode([$0], showsControl: true) }
        try #require(pieces.joined() == whole.text)
        let stop = pieces[2...4].joined()
        try #require(whole.text.ranges(of: stop).count == 1)

        let stopped = try EngineHarness(kvBlockCount: 64)
        stopped.submit(
            GenerationRequest(
                id: plain.id, choices: plain.choices, maxNewTokenCount: 12,
                minNewTokenCount: minimum, logprobCount: nil, echoes: false, stopStrings: [stop],
                includesStopString: false, stopTokenIDs: [], endTokenIDs: [],
                skipsSpecialTokens: false, arrival: .now))
        try #require(stopped.finish())

        let answer = try #require(stopped.answers[plain.id])
        if minimum < 5 {
            #expect(answer.text == pieces[..<2].joined())
            #expect(answer.reason == .stop)
        } else {
            #expect(answer.text == whole.text)
            #expect(answer.reason == .length)
        }
    }

    @Test func `an echoed prompt is scored once, its first token without a score`() throws {
        let harness = try EngineHarness(kvBlockCount: 64, stepTokenCount: 16)
        harness.submit(
            request(1, promptTokenCount: 50, newTokenCount: 0, echoes: true, logprobCount: 0))

        try #require(harness.finish())

        let answer = try #require(harness.answers[RequestID(rawValue: 1)])
        #expect(answer.logProbabilities.count == 50)
        #expect(answer.logProbabilities[0] == nil)
        #expect(answer.logProbabilities.dropFirst().allSatisfy { ($0 ?? 1) < 0 })
        #expect(answer.tokens.isEmpty)
        #expect(answer.reason == .length)
    }

    @Test func `requests end with an error once the model's file has changed, and later ones too`()
        throws
    {
        var damage: ModelFileError?
        var reported: [ModelFileError] = []
        let harness = try EngineHarness(
            kvBlockCount: 64, findDamage: { damage }, reportFailure: { reported.append($0) })
        for number in 1...3 {
            harness.submit(request(UInt64(number), promptTokenCount: 9, newTokenCount: 50))
        }
        harness.turn()
        #expect(harness.refusals.isEmpty && reported.isEmpty)

        damage = .damaged(path: "model", reason: "it was shortened")
        harness.turn()
        harness.submit(request(4, promptTokenCount: 9, newTokenCount: 1))
        #expect(harness.finish())

        #expect(reported == [.damaged(path: "model", reason: "it was shortened")])
        #expect(harness.refusals.count == 4)
        #expect(harness.refusals.values.allSatisfy { $0 == .modelDamaged })
        #expect(try harness.metric("num_requests_running") == 0)
    }
}
