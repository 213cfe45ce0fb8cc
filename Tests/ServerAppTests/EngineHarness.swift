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
final class EngineHarness {
    /// Everything one choice was given.
    struct Answer: Equatable {
        var text = ""
        var tokens: [Int32] = []
        var logProbabilities: [Double?] = []
        var reason: FinishReason?
        var meanLogProbability = 0.0

        mutating func add(_ delta: ChoiceDelta) {
            text += delta.text
            tokens += delta.tokenIDs
            logProbabilities += delta.logprobs.map(\.logprob)
            reason = delta.finish?.reason
            meanLogProbability = delta.meanLogProbability
        }
    }

    /// By choice, where a request has several.
    private(set) var choices: [RequestID: [Int: Answer]] = [:]
    private(set) var cachedTokenCounts: [RequestID: Int] = [:]
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
        parallelCount: Int = 16, threadCount: Int = 2, keepsPrefixes: Bool = true,
        tellsPromptTokensApart: Bool? = nil, speculation: Speculation? = nil,
        maxWait: Duration = .seconds(86400),
        findDamage: @escaping () -> ModelFileError? = { nil },
        reportFailure: @escaping (ModelFileError) -> Void = { _ in }
    ) throws {
        let team = try ThreadTeam(threadCount: threadCount)
        tokenizer = try LanguageModel(try Self.file("qwen3_moe"), team: team).tokenizer
        let model = try Model(try Self.file(family), team: team)
        let kvSpans = model.kvGroups.map(KVSpan.init)
        let limits = try SchedulerLimits(
            maxRunningSequenceCount: parallelCount, maxWaitingRequestCount: 100,
            maxWaitingTokenCount: 10_000, maxStepTokenCount: stepTokenCount,
            maxSequenceLength: 1024, kvBlockCount: kvBlockCount * kvSpans.count,
            kvSpans: kvSpans, keepsPrefixes: keepsPrefixes,
            tellsPromptTokensApart: tellsPromptTokensApart ?? model.tellsPromptTokensApart)
        let runner = try ModelRunner(
            model, team: team, maxTokenCount: stepTokenCount,
            kvBlockCount: limits.kvBlockCount)
        engine = Engine(
            runner: runner, tokenizer: tokenizer, limits: limits, maxWait: maxWait,
            speculation: speculation,
            threadCount: threadCount, mailbox: mailbox, metrics: metrics,
            findDamage: findDamage, reportFailure: reportFailure
        ) { [unowned self] outputs in outputs.forEach(take) }
    }

    private static func file(_ family: String) throws -> GGUFFile {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/tiny/\(family).gguf").path
        return try GGUFFile(path: path)
    }

    private func take(_ output: GenerationOutput) {
        switch output.content {
        case .failed(let error): refusals[output.request] = error
        case .delta(let delta):
            answers[output.request, default: Answer()].add(delta)
            choices[output.request, default: [:]][delta.index, default: Answer()].add(delta)
            cachedTokenCounts[output.request, default: 0] += delta.cachedTokenCount
        }
    }

    /// A metric's value as `/metrics` shows it.
    func metric(_ name: String) throws -> Int {
        let line = metrics.render().split(separator: "\n").first { $0.hasPrefix("apus:\(name) ") }
        return try #require(line.flatMap { Int($0.drop { $0 != " " }.dropFirst()) })
    }

    func submit(_ request: GenerationRequest) { #expect(mailbox.submit(request)) }

    /// One step.
    func turn(at time: ContinuousClock.Instant? = nil) { engine?.turn(waiting: false, at: time) }

    /// Steps until nothing is left; false after far more steps than any test needs.
    func finish() -> Bool {
        for _ in 0..<5000 {
            turn()
            if engine?.isIdle == true { return true }
        }
        return false
    }
}
