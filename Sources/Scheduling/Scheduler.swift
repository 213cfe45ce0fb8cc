// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Chooses the work of each step by continuous batching, over integers only.
///
/// A step is `planStep(into:)`, then someone runs the plan, then `commit(_:outcomes:)`. Who is seated first
/// is served first: every running sequence was seated before every one that waits to return, and those that
/// never were come last, in the order of `FairQueue`. A sequence is seated only when free blocks hold what its known tokens need at a time, so a prefill once begun never
/// lacks a block; a decode that lacks one preempts the youngest running sequence. Positions that were
/// computed for others of the same namespace are not computed again.
package struct Scheduler: Sendable {
    /// The limits that every plan keeps.
    package let limits: SchedulerLimits
    /// Requests that were never seated.
    var waiting = FairQueue()
    /// Preempted sequences, and forks that found no seat; in order of service, after the running ones and
    /// before those that wait.
    var returning: Deque<ScheduledSequence>
    /// Tokens of both.
    var waitingTokenCount = 0
    /// Sequences that begin when the prompt of one that waits or runs is computed.
    var pendingForkCount = 0
    /// In order of service, so the last one is the youngest.
    var running: ContiguousArray<ScheduledSequence> = []
    var freeSeats: ContiguousArray<Int>
    var tables: BlockTables
    var preemptionCount = 0
    /// Sequences that had their first seat, or began as forks.
    var startCount = 0

    /// An empty scheduler, with room for the seats and their blocks.
    package init(limits: SchedulerLimits) {
        self.limits = limits
        let seatCount = limits.maxRunningSequenceCount
        returning = Deque(minimumCapacity: seatCount)
        running.reserveCapacity(seatCount)
        freeSeats = ContiguousArray((0..<seatCount).reversed())
        tables = BlockTables(limits: limits)
    }

    /// The gauges and counters that metrics show.
    package var counts: SchedulerCounts {
        SchedulerCounts(
            runningSequenceCount: running.count,
            waitingRequestCount: waitingSequenceCount,
            waitingTokenCount: waitingTokenCount,
            usedBlockCount: limits.kvBlockCount - tables.pool.freeBlockCount,
            freeBlockCount: tables.pool.freeBlockCount,
            cachedBlockCount: tables.pool.cachedBlockCount,
            preemptionCount: preemptionCount,
            startCount: startCount)
    }

    var waitingSequenceCount: Int { waiting.count + returning.count + pendingForkCount }

    /// Where the sequence stands, or nothing when it has ended or never came.
    package func phase(of id: SequenceID) -> SequencePhase? {
        if let sequence = running.first(where: { $0.id == id }) { return sequence.phase }
        let isWaiting =
            running.contains { $0.forks.contains(id) }
            || waiting.contains(id)
            || returning.contains { $0.id == id || $0.forks.contains(id) }
        return isWaiting ? .waiting : nil
    }

    /// Puts a request at the end of the queue; what can never be served is refused here.
    ///
    /// - Throws: `AdmissionError` when the request cannot be served, now or ever.
    package mutating func enqueue(_ request: SequenceRequest) throws(AdmissionError) {
        precondition(request.maxNewTokenCount >= 0, "\(request.maxNewTokenCount) new tokens")
        precondition(request.weight > 0, "a share of weight \(request.weight)")
        assert(
            ([request.id] + request.forks).allSatisfy { phase(of: $0) == nil },
            "sequence \(request.id.rawValue) or a fork of it is live already")
        try checkFit(request)
        try checkQueue(request)
        waiting.append(ScheduledSequence(request), weight: request.weight)
        waitingTokenCount += request.prompt.count
        pendingForkCount += request.forks.count
    }

    /// Refuses an owner's next request behind more than find a free seat or are served in the time that it may
    /// wait. An owner may always have its equal share of those.
    ///
    /// - Throws: `AdmissionError.waitTooLong`.
    package func checkWait(of owner: String?, servedInTimeCount: Int) throws(AdmissionError) {
        let inTimeCount = freeSeats.count + servedInTimeCount
        let own = waiting.load(of: owner).sequenceCount
        let ownerCount = waiting.ownerCount + (own == 0 ? 1 : 0)
        if waitingSequenceCount > inTimeCount, own > inTimeCount / ownerCount {
            throw .waitTooLong(waitingRequestCount: waitingSequenceCount, inTimeCount: inTimeCount)
        }
    }

    /// Ends a sequence in whatever phase it is and frees its blocks and seat at once. Where forks wait for
    /// its prompt, the first of them goes on with it.
    ///
    /// It may come between a plan and its commit; the commit then passes over the sequence.
    ///
    /// - Returns: the phase that the sequence was in, or nothing when it had ended already.
    @discardableResult
    package mutating func abort(_ id: SequenceID) -> SequencePhase? {
        if let index = running.firstIndex(where: { $0.id == id }) {
            let phase = running[index].phase
            if running[index].leaveToFork() {
                pendingForkCount -= 1
            } else {
                vacate(seat: running.remove(at: index).seat)
            }
            return phase
        }
        return abortWaiting(id) || abortFork(id) ? .waiting : nil
    }

    private mutating func abortWaiting(_ id: SequenceID) -> Bool {
        if let (sequence, goesOn) = waiting.remove(id) {
            if goesOn {
                pendingForkCount -= 1
            } else {
                waitingTokenCount -= sequence.tokenCount
            }
            return true
        }
        guard let index = returning.firstIndex(where: { $0.id == id }) else { return false }
        if returning[index].leaveToFork() {
            pendingForkCount -= 1
        } else {
            waitingTokenCount -= returning.remove(at: index).tokenCount
        }
        return true
    }

    private mutating func abortFork(_ id: SequenceID) -> Bool {
        func remove(from sequence: inout ScheduledSequence) -> Bool {
            guard let fork = sequence.forks.firstIndex(of: id) else { return false }
            sequence.forks.remove(at: fork)
            return true
        }
        let isFound =
            running.indices.contains { remove(from: &running[$0]) }
            || waiting.removeFork(id)
            || returning.indices.contains { remove(from: &returning[$0]) }
        if isFound { pendingForkCount -= 1 }
        return isFound
    }

    /// Takes what became of each entry of the latest plan and of its forks: an entry's own outcome, then one
    /// for each of its forks, in the order of the plan.
    ///
    /// A sequence that has all of its new tokens ends without being told to.
    package mutating func commit(_ plan: StepPlan, outcomes: [StepOutcome]) {
        precondition(
            outcomes.count == plan.outcomeCount,
            "\(outcomes.count) outcomes for \(plan.outcomeCount) sequences")
        tables.removeCopies()
        var next = 0
        for entry in plan.entries {
            let own = next
            next += 1 + entry.forks.count
            guard let index = runningIndex(of: entry) else { continue }
            let isComplete = running[index].advance(
                past: entry, verified: outcomes[own].verifiedTokens)
            rememberBlocks(ofRunning: index, from: entry.startPosition)
            for (fork, outcome) in zip(plan.forks[entry.forks], outcomes[(own + 1)..<next]) {
                begin(fork, of: index, outcome)
            }
            settle(index, outcomes[own], entry, isComplete: isComplete)
            if running[index].phase == .finished { vacate(seat: running[index].seat) }
        }
        running.removeAll { $0.phase == .finished }
    }

    /// Begins a fork where the prompt ends, unless it has ended with its first token. Without a seat, or where
    /// others return before it, it waits like one that was preempted.
    private mutating func begin(_ id: SequenceID, of index: Int, _ outcome: StepOutcome) {
        guard let place = running[index].forks.firstIndex(of: id) else { return }
        running[index].forks.remove(at: place)
        pendingForkCount -= 1
        startCount += 1
        guard case .accepted(let tokens) = outcome else { return }
        var fork = running[index].fork(as: id)
        fork.accept(tokens)
        waiting.charge(fork.namespace.owner, tokenCount: tokens.count)
        guard fork.phase != .finished else { return }
        if returning.isEmpty, let seat = freeSeats.popLast() {
            tables.share(from: fork.seat, to: seat)
            fork.seat = seat
            running.append(fork)
        } else {
            fork.restart()
            waitingTokenCount += fork.tokenCount
            returning.append(fork)
        }
    }

    private mutating func settle(
        _ index: Int, _ outcome: StepOutcome, _ entry: StepPlan.Entry, isComplete: Bool
    ) {
        switch outcome {
        case .finished:
            if running[index].leaveToFork() {
                pendingForkCount -= 1
            } else {
                running[index].phase = .finished
            }
        case .accepted(let tokens):
            let fewest = min(1, entry.maxAcceptedTokenCount)
            precondition(
                (fewest...entry.maxAcceptedTokenCount).contains(tokens.count),
                "\(tokens.count) tokens for an entry of \(entry.maxAcceptedTokenCount)")
            if isComplete { running[index].accept(tokens.suffix(1)) }
            waiting.charge(running[index].namespace.owner, tokenCount: tokens.count)
        }
    }

    mutating func vacate(seat: Int) {
        tables.clear(seat: seat)
        freeSeats.append(seat)
    }

    /// Only an abort since the plan makes the index that the entry carries wrong.
    private func runningIndex(of entry: StepPlan.Entry) -> Int? {
        let index = entry.runningIndex
        if running.indices.contains(index), running[index].id == entry.sequence {
            return index
        }
        return running.firstIndex { $0.id == entry.sequence }
    }

    /// Refuses what could not be served even alone.
    ///
    /// - Throws: `AdmissionError`, of the kinds that trying again does not help.
    package func checkFit(_ request: SequenceRequest) throws(AdmissionError) {
        let promptTokenCount = request.prompt.count
        let maxNewTokenCount = request.maxNewTokenCount
        if promptTokenCount < 1 {
            throw .emptyPrompt
        }
        // Both counts may be the client's, so no sum is formed before they are known to be small.
        if promptTokenCount > limits.maxSequenceLength
            || maxNewTokenCount > limits.maxSequenceLength - promptTokenCount
        {
            throw .tooLong(
                promptTokenCount: promptTokenCount, maxNewTokenCount: maxNewTokenCount,
                maxSequenceLength: limits.maxSequenceLength)
        }
        // The last new token is sampled but never computed.
        let positionCount = promptTokenCount + max(0, maxNewTokenCount - 1)
        let neededBlockCount = tables.blockCount(forPositionCount: positionCount)
        if neededBlockCount > limits.kvBlockCount {
            throw .neverFits(
                neededBlockCount: neededBlockCount, poolBlockCount: limits.kvBlockCount)
        }
    }

    /// An owner may always have its equal share of the queue, however much of it others have taken.
    private func checkQueue(_ request: SequenceRequest) throws(AdmissionError) {
        let owner = request.namespace.owner
        let own = waiting.load(of: owner)
        let ownerCount = waiting.ownerCount + (own.sequenceCount == 0 ? 1 : 0)
        let fitsCount =
            waitingSequenceCount + request.sequenceCount <= limits.maxWaitingRequestCount
            || own.sequenceCount + request.sequenceCount
                <= limits.maxWaitingRequestCount / ownerCount
        let fitsTokens =
            waitingTokenCount + request.prompt.count <= limits.maxWaitingTokenCount
            || own.tokenCount + request.prompt.count <= limits.maxWaitingTokenCount / ownerCount
        if !(fitsCount && fitsTokens) {
            throw .queueFull(
                waitingRequestCount: waitingSequenceCount,
                maxWaitingRequestCount: limits.maxWaitingRequestCount,
                waitingTokenCount: waitingTokenCount,
                maxWaitingTokenCount: limits.maxWaitingTokenCount)
        }
    }
}
