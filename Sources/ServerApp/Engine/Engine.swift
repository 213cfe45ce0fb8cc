// SPDX-License-Identifier: Apache-2.0

internal import Decoding
internal import Foundation
internal import ModelFile
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
    private var costs = StepCostModel()
    /// Nil where nothing is computed ahead.
    private var speculation: Speculation?
    /// How often guesses are right in the sequences of late.
    private var usualAcceptance = 0.5
    private let stepTime: StepTime
    private let maxWait: Duration
    private var sequences: [SequenceID: TokenSequence] = [:]
    /// Live sequences of each request.
    private var sequencesOfRequest: [RequestID: [SequenceID]] = [:]
    /// Of live requests.
    private var deadlines: [RequestID: Deadline] = [:]
    private var nextSequence: UInt64 = 0
    private var seatingRate = SeatingRate()
    private var startCount = 0
    /// When the last step ended, if something waits since.
    private var waitingSince: ContinuousClock.Instant?
    /// When the seating rate was last measured.
    private var lastSeating: ContinuousClock.Instant?
    /// By entry of the plan.
    private var planned: [TokenSequence] = []
    /// By fork of the plan.
    private var plannedForks: [TokenSequence] = []
    private var outcomes: [StepOutcome] = []
    private var outputs: [GenerationOutput] = []
    private var isStopping = false
    /// Set once the model cannot be computed with any more.
    private var failure: APIError?
    private let findDamage: () -> ModelFileError?
    private let reportFailure: (ModelFileError) -> Void
    private var spinning: SpinPolicy

    private struct Deadline {
        /// When it is to have begun.
        let begin: ContinuousClock.Instant
        /// When it is to be done.
        let end: ContinuousClock.Instant?
        /// Whether a step has computed something of the request.
        var hasBegun = false
    }

    /// `findDamage` is asked after each step whether the model's file is still what was loaded, and
    /// `reportFailure` is told once that it is not.
    init(
        runner: ModelRunner, tokenizer: Tokenizer, limits: SchedulerLimits,
        stepTime: StepTime = StepTime(), maxWait: Duration,
        speculation: Speculation? = nil, threadCount: Int,
        mailbox: EngineMailbox, metrics: EngineMetrics, spinning: SpinPolicy? = nil,
        findDamage: @escaping () -> ModelFileError? = { nil },
        reportFailure: @escaping (ModelFileError) -> Void = { _ in },
        deliver: @escaping ([GenerationOutput]) -> Void
    ) {
        self.spinning = spinning ?? SpinPolicy(quota: nil, threadCount: threadCount)
        self.findDamage = findDamage
        self.reportFailure = reportFailure
        self.runner = runner
        self.tokenizer = tokenizer
        self.mailbox = mailbox
        self.metrics = metrics
        self.deliver = deliver
        self.stepTime = stepTime
        self.maxWait = maxWait
        self.speculation = speculation
        scheduler = Scheduler(limits: limits)
        plan = StepPlan(limits: limits)
        sampler = RowSampler(
            maxRowCount: limits.maxStepTokenCount + limits.maxWaitingRequestCount,
            vocabularySize: runner.model.vocabularySize,
            threadCount: threadCount)
    }

    /// Whether no sequence is waiting or running.
    var isIdle: Bool { sequences.isEmpty }

    /// Runs until `stop` is posted.
    func run() {
        while !isStopping { turn(waiting: isIdle) }
    }

    /// Takes messages, ends what is late, runs one step, delivers what came of it. The time is now unless told
    /// otherwise.
    func turn(waiting: Bool, at time: ContinuousClock.Instant? = nil) {
        for message in mailbox.take(waiting: waiting) { handle(message) }
        let now = time ?? .now
        expire(at: now)
        scheduler.planStep(
            into: &plan, prefillRowCountWhileDecoding: prefillRowCount,
            draftTokenCounts: draftTokenCounts())
        refuseWaiting(at: now)
        if !plan.entries.isEmpty {
            if let spins = spinning.decision(at: .now) { runner.setSpinning(spins) }
            runStep()
        }
        metrics.update(scheduler.counts)
        guard !outputs.isEmpty else { return }
        deliver(outputs)
        outputs.removeAll(keepingCapacity: true)
    }

    /// How many rows of prompts the decodes of the next step can wait for.
    private var prefillRowCount: Int {
        costs.prefillRowCount(
            beside: scheduler.decodeLoad, from: scheduler.nextPrefillPosition,
            within: stepTime.maxSeconds, minimum: stepTime.leastPrefillRowCount,
            maximum: scheduler.limits.maxPrefillTokenCountWhileDecoding)
    }

    /// Guesses that one sequence has computed at a time, at most.
    private static let maxDraftTokenCount = 8

    /// How many guesses each sequence has computed in the next step. Beside a prompt there are none: its rows
    /// leave no time.
    private func draftTokenCounts() -> [SequenceID: Int] {
        guard let speculation else { return [:] }
        let decoding = scheduler.decoding
        let counts = scheduler.counts
        guard decoding.count == counts.runningSequenceCount, counts.waitingRequestCount == 0 else {
            return [:]
        }
        let candidates = decoding.compactMap { sequences[$0] }.map { sequence in
            let acceptance = sequence.guess(
                Self.maxDraftTokenCount, usualAcceptance: usualAcceptance)
            if !sequence.guesses.isEmpty {
                usualAcceptance += (acceptance - usualAcceptance) / 32
            }
            return Speculation.Candidate(
                sequence.id, draftTokenCount: sequence.guesses.count, acceptance: acceptance)
        }
        return speculation.draftTokenCounts(candidates, decodeCount: decoding.count)
    }

    private func handle(_ message: EngineMailbox.Message) {
        switch message {
        case .submit(let request): admit(request)
        case .cancel(let id, let time):
            cancel(id)
            metrics.recordCancel(.now - time)
        case .stop: isStopping = true
        }
    }

    private func admit(_ request: GenerationRequest) {
        if let error = neverQueued(request) {
            outputs.append(GenerationOutput(request: request.id, content: .failed(error)))
            return
        }
        let prompts = request.prompts.map { prompt in
            prompt.map { choice in
                defer { nextSequence += 1 }
                return (id: SequenceID(nextSequence), choice: choice)
            }
        }
        do throws(AdmissionError) {
            try enqueue(prompts.map { $0.map(\.id) }, request)
        } catch {
            metrics.countRejection(error)
            outputs.append(
                GenerationOutput(
                    request: request.id, content: .failed(refusal(error, request.promptField))))
            return
        }
        let stops = StopMatcher(
            stops: request.stopStrings, includesStopString: request.includesStopString)
        for prompt in prompts {
            let sequences = prompt.map {
                TokenSequence($0.id, request, $0.choice, tokenizer: tokenizer, stops: stops)
            }
            for sequence in sequences { self.sequences[sequence.id] = sequence }
            sequences.first?.forks = Array(sequences.dropFirst())
        }
        sequencesOfRequest[request.id] = prompts.flatMap { $0.map(\.id) }
        deadlines[request.id] = Deadline(begin: request.arrival + maxWait, end: request.deadline)
    }

    /// Puts all prompts of a request into the queue, or none; the choices after a prompt's first fork from it.
    private func enqueue(
        _ prompts: [[SequenceID]], _ request: GenerationRequest
    ) throws(AdmissionError) {
        let wanted = zip(prompts, request.prompts).map { ids, choices in
            var wanted = SequenceRequest(
                ids[0], prompt: choices[0].prompt, maxNewTokenCount: request.maxNewTokenCount)
            wanted.forks = Array(ids.dropFirst())
            wanted.scoresPrompt = request.scoresPrompt
            wanted.namespace = CacheNamespace(owner: request.owner, salt: request.cacheSalt)
            wanted.weight = request.weight
            wanted.priority = request.priority
            return wanted
        }
        var admitted: [SequenceID] = []
        do throws(AdmissionError) {
            for sequence in wanted { try scheduler.checkFit(sequence) }
            if let count = servedInTimeCount {
                try scheduler.checkWait(of: request.owner, servedInTimeCount: count)
            }
            for sequence in wanted {
                try scheduler.enqueue(sequence)
                admitted += [sequence.id] + sequence.forks
            }
        } catch {
            for id in admitted { scheduler.abort(id) }
            throw error
        }
    }

    /// How many that wait are served in the time that one may wait, at the rate of late; nil where nothing was
    /// measured, or not of late.
    private var servedInTimeCount: Int? {
        guard let lastSeating, .now - lastSeating < .seconds(30) else { return nil }
        return seatingRate.count(servedWithin: maxWait / .seconds(1))
    }

    /// The refusal of a request that even an empty queue could not hold: trying again would not help.
    private func neverQueued(_ request: GenerationRequest) -> APIError? {
        if let failure { return failure }
        let limits = scheduler.limits
        if request.choices.count > limits.maxWaitingRequestCount {
            metrics.countRejection("never_fits")
            return .invalid(
                "n",
                "n: \(request.choices.count) choices in one request, the queue holds "
                    + "\(limits.maxWaitingRequestCount)")
        }
        let tokenCount = request.prompts.reduce(0) { $0 + $1[0].prompt.count }
        guard tokenCount > limits.maxWaitingTokenCount else { return nil }
        metrics.countRejection("never_fits")
        let field = request.promptField
        return .invalid(
            field,
            "\(field): \(tokenCount) tokens over all prompts, the queue holds "
                + "\(limits.maxWaitingTokenCount)")
    }

    private func refusal(_ error: AdmissionError, _ field: String) -> APIError {
        switch error {
        case .emptyPrompt:
            .invalid(field, "\(field): holds no tokens, and the model has no token to begin with")
        case .tooLong(let prompt, let new, let limit):
            .contextLengthExceeded(
                field: field, promptTokenCount: prompt, maxTokenCount: new, maxContextLength: limit)
        case .neverFits:
            .invalid(field, "\(error)")
        case .queueFull, .waitTooLong:
            .tooManyRequests("\(error)", retryAfterSeconds: retryAfterSeconds)
        }
    }

    /// Seconds until all that wait now will have begun.
    private var retryAfterSeconds: Int {
        let counts = scheduler.counts
        return seatingRate.seconds(untilServed: counts.waitingRequestCount)
            ?? metrics.secondsToDrain(tokenCount: counts.waitingTokenCount)
    }

    private func cancel(_ request: RequestID) {
        for id in sequencesOfRequest.removeValue(forKey: request) ?? [] {
            scheduler.abort(id)
            if sequences.removeValue(forKey: id) != nil { metrics.countEnd(.abort) }
        }
        deadlines[request] = nil
    }

    /// Ends requests whose deadline has passed: with an error if nothing of them has been computed, else with
    /// what they have.
    private func expire(at now: ContinuousClock.Instant) {
        for (request, deadline) in deadlines {
            guard let end = deadline.end, end <= now else { continue }
            let live = abort(request)
            deadlines[request] = nil
            if deadline.hasBegun {
                for sequence in live {
                    sequence.expire()
                    flush(sequence)
                }
            } else {
                for _ in live { metrics.countEnd(.timeout) }
                refuse([request], .deadlineExceeded)
            }
        }
    }

    /// Refuses requests that have waited for as long as they may and find no seat in this step either.
    private func refuseWaiting(at now: ContinuousClock.Instant) {
        let late = deadlines.compactMap { request, deadline in
            !deadline.hasBegun && deadline.begin <= now && isWaiting(request) ? request : nil
        }
        guard !late.isEmpty else { return }
        for request in late {
            _ = abort(request)
            deadlines[request] = nil
            metrics.countRejection("wait_too_long")
        }
        refuse(
            late,
            .tooManyRequests(
                "the request has waited for more than \(maxWait)",
                retryAfterSeconds: retryAfterSeconds))
    }

    /// Whether none of the request's sequences has a seat.
    private func isWaiting(_ request: RequestID) -> Bool {
        (sequencesOfRequest[request] ?? []).allSatisfy { scheduler.phase(of: $0) == .waiting }
    }

    private func refuse(_ requests: [RequestID], _ error: APIError) {
        for request in requests {
            for id in sequencesOfRequest.removeValue(forKey: request) ?? [] { sequences[id] = nil }
            outputs.append(GenerationOutput(request: request, content: .failed(error)))
        }
    }

    /// Takes the request's live sequences from the scheduler.
    private func abort(_ request: RequestID) -> [TokenSequence] {
        let live = (sequencesOfRequest[request] ?? []).compactMap { sequences[$0] }
        for sequence in live { scheduler.abort(sequence.id) }
        return live
    }

    private func runStep() {
        let start = ContinuousClock.now
        runner.copyBlocks(
            plan.copies.map { (source: $0.source.index, destination: $0.destination.index) })
        planned.removeAll(keepingCapacity: true)
        plannedForks = plan.forks.map { planned($0) }
        for entry in plan.entries {
            let sequence = planned(entry.sequence)
            noteSchedule(of: sequence, entry, at: start)
            planned.append(sequence)
            let knownEnd = entry.endPosition - entry.draftTokenCount
            runner.append(
                tokens: sequence.tokens[entry.startPosition..<knownEnd]
                    + sequence.guesses.prefix(entry.draftTokenCount),
                startPosition: entry.startPosition, promptTokenCount: sequence.promptTokenCount,
                blockTables: plan.blockTables[entry.blockTables],
                logitsRowCount: entry.logitsRowCount,
                samplingCount: entry.maxAcceptedTokenCount > 0 ? 1 + entry.forks.count : 1)
        }
        sampler.reserve(scheduler.limits.maxStepTokenCount + plan.forks.count)
        runner.run { row in
            let entry = plan.entries[row.slice]
            sampler.visit(
                row,
                of: row.copy == 0
                    ? planned[row.slice] : plannedForks[entry.forks.lowerBound + row.copy - 1],
                position: entry.startPosition + row.index)
        }
        let end = ContinuousClock.now
        recordSeatings(until: end)
        learnCosts(seconds: (end - start) / .seconds(1))
        metrics.recordStep(
            tokenCount: plan.tokenCount, duration: end - start,
            stall: plan.decodeCount > 0
                ? max(.zero, end - start - .seconds(stepTime.maxSeconds)) : .zero,
            weightsRead: runner.weightsRead)
        if let damage = findDamage() {
            fail(damage)
        } else {
            commit(at: end)
        }
    }

    /// What the scheduler plans is here: its rows' results go to clients by their places in the plan.
    private func planned(_ id: SequenceID) -> TokenSequence {
        guard let sequence = sequences[id] else { preconditionFailure("\(id) is planned and gone") }
        return sequence
    }

    /// Ends all requests with an error: nothing that is computed any more is right. Later ones are refused.
    private func fail(_ damage: ModelFileError) {
        let error = APIError.modelDamaged
        failure = error
        for (request, sequences) in sequencesOfRequest {
            for id in sequences { scheduler.abort(id) }
            outputs.append(GenerationOutput(request: request, content: .failed(error)))
        }
        sequences.removeAll()
        sequencesOfRequest.removeAll()
        deadlines.removeAll()
        reportFailure(damage)
    }

    private func learnCosts(seconds: Double) {
        let load = plan.load
        costs.record(load, seconds: seconds)
        if load.prefillRowCount == 0 {
            speculation?.record(rowCount: load.decodeRowCount, seconds: seconds)
        }
    }

    /// Measures how fast those that wait are served.
    private func recordSeatings(until end: ContinuousClock.Instant) {
        let counts = scheduler.counts
        if let waitingSince {
            seatingRate.record(
                counts.startCount - startCount, seconds: (end - waitingSince) / .seconds(1))
            lastSeating = end
        }
        startCount = counts.startCount
        waitingSince = counts.waitingRequestCount > 0 ? end : nil
    }

    private func noteSchedule(
        of sequence: TokenSequence, _ entry: StepPlan.Entry, at now: ContinuousClock.Instant
    ) {
        if sequence.firstScheduled == nil {
            sequence.firstScheduled = now
            metrics.recordQueueTime(now - sequence.request.arrival)
            metrics.countPrefixQuery(sequence.promptTokenCount)
            deadlines[sequence.request.id]?.hasBegun = true
        }
        metrics.countPrefixHit(
            sequence.noteRows(entry.startPosition..<entry.endPosition - entry.draftTokenCount))
    }

    private func commit(at now: ContinuousClock.Instant) {
        outcomes.removeAll(keepingCapacity: true)
        var ordinal = 0
        for (entry, sequence) in zip(plan.entries, planned) {
            if entry.draftTokenCount > 0 {
                outcomes.append(verify(entry, sequence, from: ordinal, at: now))
                ordinal += entry.logitsRowCount
                flush(sequence)
                continue
            }
            let samples = entry.maxAcceptedTokenCount > 0
            for index in 0..<entry.logitsRowCount
            where !(samples && index == entry.logitsRowCount - 1) {
                let position = entry.endPosition - entry.logitsRowCount + index
                score(sequence, sampler.result(ordinal + index), after: position)
            }
            ordinal += max(0, entry.logitsRowCount - 1)
            for sequence in [sequence] + plannedForks[entry.forks] {
                if sequence.firstScheduled == nil { sequence.begin(at: entry.endPosition, now) }
                outcomes.append(
                    samples
                        ? outcome(of: sampler.result(ordinal), entry, sequence, at: now)
                        : advance(entry, sequence))
                ordinal += samples ? 1 : 0
                flush(sequence)
            }
            ordinal += !samples && entry.logitsRowCount > 0 ? 1 : 0
            if !entry.forks.isEmpty { sequence.forks = [] }
        }
        scheduler.commit(plan, outcomes: outcomes)
    }

    /// Reports the log-probability of the prompt token that follows `position`, to forks too.
    private func score(_ sequence: TokenSequence, _ result: RowResult, after position: Int) {
        guard sequence.promptToken(after: position) != nil else { return }
        for sequence in [sequence] + sequence.forks {
            sequence.score(result, position: position + 1)
        }
    }

    private func outcome(
        of result: RowResult, _ entry: StepPlan.Entry, _ sequence: TokenSequence,
        at now: ContinuousClock.Instant
    ) -> StepOutcome {
        let isFinished = accept(
            result, sequence, isLast: entry.remainingTokenCount == 1, at: now)
        return isFinished ? .finished : .accepted([result.token])
    }

    /// Accepts what was sampled as long as that was guessed: each row's guess is the token that the row before
    /// it gives, or the row is of no use. The results begin with the `ordinal`-th.
    private func verify(
        _ entry: StepPlan.Entry, _ sequence: TokenSequence, from ordinal: Int,
        at now: ContinuousClock.Instant
    ) -> StepOutcome {
        let guesses = sequence.guesses.prefix(entry.draftTokenCount)
        var tokens: [Int32] = []
        var isFinished = false
        repeat {
            let result = sampler.result(ordinal + tokens.count)
            tokens.append(result.token)
            isFinished = accept(
                result, sequence, isLast: entry.remainingTokenCount == tokens.count, at: now)
        } while !isFinished && tokens.count <= guesses.count
            && guesses[tokens.count - 1] == tokens.last
        metrics.countDraft(guesses.count, acceptedCount: tokens.count - 1)
        return isFinished ? .finished : .accepted(tokens)
    }

    /// Takes a sampled token; true when the sequence ends with it.
    private func accept(
        _ result: RowResult, _ sequence: TokenSequence, isLast: Bool,
        at now: ContinuousClock.Instant
    ) -> Bool {
        let last = sequence.lastToken
        let isFinished = sequence.accept(result, isLast: isLast, at: now)
        if let last {
            metrics.recordInterToken(now - last)
        } else {
            metrics.recordFirstToken(
                now - sequence.request.arrival, promptTokenCount: sequence.ownPromptTokenCount)
        }
        return isFinished
    }

    /// Counts computed prompt positions; a request for no new tokens ends with its prompt.
    private func advance(_ entry: StepPlan.Entry, _ sequence: TokenSequence) -> StepOutcome {
        if entry.remainingTokenCount == 0, entry.endPosition == sequence.tokens.count {
            metrics.countPrompt(sequence.ownPromptTokenCount)
            sequence.finishScoring()
            return .finished
        }
        return .accepted([])
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
            deadlines[sequence.request.id] = nil
        }
    }
}
