// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import Foundation
internal import OpenAIAPI
internal import Scheduling
internal import Tokenization

/// Schedules, runs and samples steps, one after the other, on a thread of its own.
///
/// Everything here is local to that thread; requests come in by the mailbox, outputs leave by
/// `deliver`, once per step.
final class Engine {
    private let mailbox: EngineMailbox
    private let tokenizer: Tokenizer
    private let metrics: EngineMetrics
    private let deliver: ([GenerationOutput]) -> Void
    private let runner: ModelRunner
    private let sampler: RowSampler

    private var scheduler: Scheduler
    private var plan: StepPlan
    private var sequences: [SequenceID: TokenSequence] = [:]
    /// Live sequences of each request.
    private var sequencesOfRequest: [RequestID: [SequenceID]] = [:]
    private var nextSequence: UInt64 = 0
    private var planned: [TokenSequence] = []
    private var outcomes: [StepOutcome] = []
    private var outputs: [GenerationOutput] = []
    private var isStopping = false

    init(
        runner: ModelRunner, tokenizer: Tokenizer, limits: SchedulerLimits, threadCount: Int,
        mailbox: EngineMailbox, metrics: EngineMetrics,
        deliver: @escaping ([GenerationOutput]) -> Void
    ) {
        self.runner = runner
        self.tokenizer = tokenizer
        self.mailbox = mailbox
        self.metrics = metrics
        self.deliver = deliver
        scheduler = Scheduler(limits: limits)
        plan = StepPlan(limits: limits)
        sampler = RowSampler(
            maxRowCount: limits.maxStepTokenCount, vocabularySize: runner.model.vocabularySize,
            threadCount: threadCount)
    }

    /// Whether no sequence is waiting or running.
    var isIdle: Bool { sequences.isEmpty }

    /// Runs until `stop` is posted.
    func run() {
        while !isStopping { turn(waiting: isIdle) }
    }

    /// Takes messages, runs one step, delivers what came of it.
    func turn(waiting: Bool) {
        for message in mailbox.take(waiting: waiting) { handle(message) }
        scheduler.planStep(into: &plan)
        if !plan.entries.isEmpty { runStep() }
        metrics.update(scheduler.counts)
        guard !outputs.isEmpty else { return }
        deliver(outputs)
        outputs.removeAll(keepingCapacity: true)
    }

    private func handle(_ message: EngineMailbox.Message) {
        switch message {
        case .submit(let request): admit(request)
        case .cancel(let id): cancel(id)
        case .stop: isStopping = true
        }
    }

    private func admit(_ request: GenerationRequest) {
        if let error = neverQueued(request) {
            outputs.append(GenerationOutput(request: request.id, content: .refused(error)))
            return
        }
        var admitted: [SequenceID] = []
        do throws(AdmissionError) {
            for choice in request.choices {
                let id = SequenceID(nextSequence)
                nextSequence += 1
                try scheduler.enqueue(
                    id, promptTokenCount: choice.prompt.count,
                    maxNewTokenCount: request.maxNewTokenCount, scoresPrompt: request.scoresPrompt)
                admitted.append(id)
            }
        } catch {
            for id in admitted { scheduler.abort(id) }
            metrics.countRejection(error)
            outputs.append(
                GenerationOutput(request: request.id, content: .refused(refusal(error))))
            return
        }
        let stops = StopMatcher(
            stops: request.stopStrings, includesStopString: request.includesStopString)
        for (id, choice) in zip(admitted, request.choices) {
            sequences[id] = TokenSequence(
                id, request, choice, tokenizer: tokenizer, stops: stops)
        }
        sequencesOfRequest[request.id] = admitted
        outputs.append(GenerationOutput(request: request.id, content: .admitted))
    }

    /// The refusal of a request that even an empty queue could not hold: trying again would not help.
    private func neverQueued(_ request: GenerationRequest) -> APIError? {
        let limits = scheduler.limits
        if request.choices.count > limits.maxWaitingRequestCount {
            metrics.countRejection("never_fits")
            return .invalid(
                "n",
                "n: \(request.choices.count) choices in one request, the queue holds "
                    + "\(limits.maxWaitingRequestCount)")
        }
        let tokenCount = request.choices.reduce(0) { $0 + $1.prompt.count }
        guard tokenCount > limits.maxWaitingTokenCount else { return nil }
        metrics.countRejection("never_fits")
        return .invalid(
            "prompt",
            "prompt: \(tokenCount) tokens over all choices, the queue holds "
                + "\(limits.maxWaitingTokenCount)")
    }

    private func refusal(_ error: AdmissionError) -> APIError {
        switch error {
        case .emptyPrompt:
            .invalid("prompt", "prompt: holds no tokens, and the model has no token to begin with")
        case .tooLong(let prompt, let new, let limit):
            .contextLengthExceeded(
                promptTokenCount: prompt, maxTokenCount: new, maxContextLength: limit)
        case .neverFits:
            .invalid("prompt", "\(error)")
        case .queueFull:
            .tooManyRequests(
                "\(error)",
                retryAfterSeconds: metrics.secondsToDrain(
                    tokenCount: scheduler.counts.waitingTokenCount))
        }
    }

    private func cancel(_ request: RequestID) {
        for id in sequencesOfRequest.removeValue(forKey: request) ?? [] {
            scheduler.abort(id)
            if sequences.removeValue(forKey: id) != nil { metrics.countEnd(.abort) }
        }
    }

    private func runStep() {
        let start = ContinuousClock.now
        planned.removeAll(keepingCapacity: true)
        for entry in plan.entries {
            guard let sequence = sequences[entry.sequence] else { continue }
            if sequence.firstScheduled == nil {
                sequence.firstScheduled = start
                metrics.recordQueueTime(start - sequence.request.arrival)
            }
            planned.append(sequence)
            runner.append(
                tokens: sequence.tokens[entry.startPosition..<entry.endPosition],
                startPosition: entry.startPosition, promptTokenCount: sequence.promptTokenCount,
                blockTables: plan.blockTables[entry.blockTables],
                logitsRowCount: entry.logitsRowCount)
        }
        runner.run { row in
            sampler.visit(
                row, of: planned[row.slice],
                position: plan.entries[row.slice].startPosition + row.index)
        }
        let end = ContinuousClock.now
        metrics.recordStep(
            tokenCount: plan.tokenCount, duration: end - start, weightsRead: runner.weightsRead)
        commit(at: end)
    }

    private func commit(at now: ContinuousClock.Instant) {
        outcomes.removeAll(keepingCapacity: true)
        var ordinal = 0
        for (entry, sequence) in zip(plan.entries, planned) {
            let samples = entry.maxAcceptedTokenCount > 0
            for index in 0..<entry.logitsRowCount
            where !(samples && index == entry.logitsRowCount - 1) {
                let position = entry.endPosition - entry.logitsRowCount + index
                if sequence.promptToken(after: position) != nil {
                    sequence.score(sampler.result(ordinal + index), position: position + 1)
                }
            }
            ordinal += entry.logitsRowCount
            outcomes.append(
                samples
                    ? accept(sampler.result(ordinal - 1), entry, sequence, at: now)
                    : advance(entry, sequence))
            flush(sequence)
        }
        scheduler.commit(plan, outcomes: outcomes)
    }

    private func accept(
        _ result: RowResult, _ entry: StepPlan.Entry, _ sequence: TokenSequence,
        at now: ContinuousClock.Instant
    ) -> StepOutcome {
        let last = sequence.lastToken
        let isFinished = sequence.accept(
            result, isLast: entry.remainingTokenCount == 1, at: now)
        if let last {
            metrics.recordInterToken(now - last)
        } else {
            metrics.recordFirstToken(
                now - sequence.request.arrival, promptTokenCount: sequence.promptTokenCount)
        }
        return isFinished ? .finished : .accepted(tokenCount: 1)
    }

    /// Counts computed prompt positions; a request for no new tokens ends with its prompt.
    private func advance(_ entry: StepPlan.Entry, _ sequence: TokenSequence) -> StepOutcome {
        if entry.remainingTokenCount == 0, entry.endPosition == sequence.tokens.count {
            metrics.countPrompt(sequence.promptTokenCount)
            sequence.finishScoring()
            return .finished
        }
        return .accepted(tokenCount: 0)
    }

    private func flush(_ sequence: TokenSequence) {
        guard let delta = sequence.takeDelta() else { return }
        outputs.append(GenerationOutput(request: sequence.request.id, content: .delta(delta)))
        guard let finish = delta.finish else { return }
        metrics.countEnd(finish.reason)
        metrics.recordEnd(sequence)
        sequences[sequence.id] = nil
        sequencesOfRequest[sequence.request.id]?.removeAll { $0 == sequence.id }
        if sequencesOfRequest[sequence.request.id]?.isEmpty == true {
            sequencesOfRequest[sequence.request.id] = nil
        }
    }
}
