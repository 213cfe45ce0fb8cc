// SPDX-License-Identifier: Apache-2.0

import Decoding
import Foundation
import ModelFile
import OpenAIAPI
import Scheduling
import Testing
import Tokenization

@testable import ServerApp

/// An engine over a tiny model, driven turn by turn on the test's thread.
private final class EngineHarness {
    /// Everything one choice was given.
    struct Answer: Equatable {
        var text = ""
        var tokens: [Int32] = []
        var logProbabilities: [Double?] = []
        var reason: FinishReason?
    }

    let metrics = EngineMetrics()
    let mailbox = EngineMailbox(maxSubmissionCount: 1000)
    private(set) var answers: [RequestID: Answer] = [:]
    private(set) var refusals: [RequestID: APIError] = [:]
    private var engine: Engine?
    let tokenizer: Tokenizer

    /// `kvBlockCount` is for each group of layers. Every family's tokens are spelled as qwen3_moe's, the one
    /// that has a tokenizer.
    init(
        family: String = "qwen3_moe", kvBlockCount: Int, stepTokenCount: Int = 64,
        parallelCount: Int = 16, threadCount: Int = 2
    ) throws {
        let team = try ThreadTeam(threadCount: threadCount)
        tokenizer = try LanguageModel(try Self.file("qwen3_moe"), team: team).tokenizer
        let model = try Model(try Self.file(family), team: team)
        let kvSpans = model.kvGroups.map(KVSpan.init)
        let limits = try SchedulerLimits(
            maxRunningSequenceCount: parallelCount, maxWaitingRequestCount: 100,
            maxWaitingTokenCount: 10_000, maxStepTokenCount: stepTokenCount,
            maxSequenceLength: 1024, kvBlockCount: kvBlockCount * kvSpans.count,
            kvSpans: kvSpans)
        let runner = try ModelRunner(
            model, team: team, maxTokenCount: stepTokenCount,
            kvBlockCount: limits.kvBlockCount)
        engine = Engine(
            runner: runner, tokenizer: tokenizer, limits: limits,
            threadCount: threadCount, mailbox: mailbox, metrics: metrics
        ) { [unowned self] outputs in outputs.forEach(take) }
    }

    private static func file(_ family: String) throws -> GGUFFile {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/tiny/\(family).gguf").path
        return try GGUFFile(path: path)
    }

    private func take(_ output: GenerationOutput) {
        switch output.content {
        case .admitted: answers[output.request] = Answer()
        case .refused(let error): refusals[output.request] = error
        case .delta(let delta):
            answers[output.request]?.text += delta.text
            answers[output.request]?.tokens += delta.tokenIDs
            answers[output.request]?.logProbabilities += delta.logprobs.map(\.logprob)
            answers[output.request]?.reason = delta.finish?.reason
        }
    }

    /// A metric's value as `/metrics` shows it.
    func metric(_ name: String) throws -> Int {
        let line = metrics.render().split(separator: "\n").first { $0.hasPrefix("apus:\(name) ") }
        return try #require(line.flatMap { Int($0.drop { $0 != " " }.dropFirst()) })
    }

    func submit(_ request: GenerationRequest) { #expect(mailbox.submit(request)) }

    /// One step.
    func turn() { engine?.turn(waiting: false) }

    /// Steps until nothing is left; false after far more steps than any test needs.
    func finish() -> Bool {
        for _ in 0..<5000 {
            turn()
            if engine?.isIdle == true { return true }
        }
        return false
    }
}

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
}
