// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Chooses the work of each step by continuous batching, over integers only.
///
/// A step is `planStep(into:)`, then someone runs the plan, then `commit(_:outcomes:)`. Sequences
/// are served in order of arrival: every running one arrived before every waiting one. A sequence
/// is seated only when free blocks hold what its known tokens need at a time, so a prefill once begun never
/// lacks a block; a decode that lacks one preempts the youngest running sequence.
package struct Scheduler: Sendable {
    /// The limits that every plan keeps.
    package let limits: SchedulerLimits
    /// In order of arrival; all arrived after the running ones.
    var waiting: Deque<ScheduledSequence>
    var waitingTokenCount = 0
    /// In order of arrival, so the last one is the youngest.
    var running: ContiguousArray<ScheduledSequence> = []
    var freeSeats: ContiguousArray<Int>
    var tables: BlockTables
    var preemptionCount = 0

    /// Takes all memory that the scheduler will ever need.
    package init(limits: SchedulerLimits) {
        self.limits = limits
        let seatCount = limits.maxRunningSequenceCount
        // Preempted sequences return to a queue that may be full already.
        waiting = Deque(minimumCapacity: limits.maxWaitingRequestCount + seatCount)
        running.reserveCapacity(seatCount)
        freeSeats = ContiguousArray((0..<seatCount).reversed())
        tables = BlockTables(limits: limits)
    }

    /// The gauges and counters that metrics show.
    package var counts: SchedulerCounts {
        SchedulerCounts(
            runningSequenceCount: running.count,
            waitingRequestCount: waiting.count,
            waitingTokenCount: waitingTokenCount,
            usedBlockCount: limits.kvBlockCount - tables.pool.freeBlockCount,
            freeBlockCount: tables.pool.freeBlockCount,
            preemptionCount: preemptionCount)
    }

    /// Where the sequence stands, or nothing when it has ended or never came.
    package func phase(of id: SequenceID) -> SequencePhase? {
        running.first { $0.id == id }?.phase ?? waiting.first { $0.id == id }?.phase
    }

    /// Puts a request at the end of the queue; what can never be served is refused here.
    ///
    /// The id must not be that of a live sequence, and `maxNewTokenCount` not negative; zero makes
    /// sense with `scoresPrompt`, which asks for the logits of every prompt position.
    ///
    /// - Throws: `AdmissionError` when the request cannot be served, now or ever.
    package mutating func enqueue(
        _ id: SequenceID, promptTokenCount: Int, maxNewTokenCount: Int, scoresPrompt: Bool = false
    ) throws(AdmissionError) {
        precondition(maxNewTokenCount >= 0, "maxNewTokenCount is \(maxNewTokenCount)")
        assert(phase(of: id) == nil, "sequence \(id.rawValue) is live already")
        try checkFit(promptTokenCount: promptTokenCount, maxNewTokenCount: maxNewTokenCount)
        try checkQueue(promptTokenCount: promptTokenCount)
        waiting.append(
            ScheduledSequence(
                id: id, promptTokenCount: promptTokenCount, maxNewTokenCount: maxNewTokenCount,
                scoresPrompt: scoresPrompt))
        waitingTokenCount += promptTokenCount
    }

    /// Ends a sequence in whatever phase it is and frees its blocks and seat at once.
    ///
    /// It may come between a plan and its commit; the commit then passes over the sequence.
    ///
    /// - Returns: the phase that the sequence was in, or nothing when it had ended already.
    @discardableResult
    package mutating func abort(_ id: SequenceID) -> SequencePhase? {
        if let index = running.firstIndex(where: { $0.id == id }) {
            let sequence = running.remove(at: index)
            vacate(seat: sequence.seat)
            return sequence.phase
        }
        if let index = waiting.firstIndex(where: { $0.id == id }) {
            waitingTokenCount -= waiting.remove(at: index).tokenCount
            return .waiting
        }
        return nil
    }

    /// Takes what became of each entry of the latest plan, in the order of its entries.
    ///
    /// A sequence that has all of its new tokens ends without being told to.
    package mutating func commit(_ plan: StepPlan, outcomes: [StepOutcome]) {
        precondition(
            outcomes.count == plan.entries.count,
            "\(outcomes.count) outcomes for \(plan.entries.count) entries")
        for (entry, outcome) in zip(plan.entries, outcomes) {
            guard let index = runningIndex(of: entry) else { continue }
            switch outcome {
            case .accepted(let tokenCount):
                running[index].advance(past: entry, acceptedTokenCount: tokenCount)
            case .finished:
                running[index].phase = .finished
            }
            if running[index].phase == .finished {
                vacate(seat: running[index].seat)
            }
        }
        running.removeAll { $0.phase == .finished }
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

    private func checkFit(
        promptTokenCount: Int, maxNewTokenCount: Int
    ) throws(AdmissionError) {
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

    private func checkQueue(promptTokenCount: Int) throws(AdmissionError) {
        if waiting.count >= limits.maxWaitingRequestCount
            || waitingTokenCount + promptTokenCount > limits.maxWaitingTokenCount
        {
            throw .queueFull(
                waitingRequestCount: waiting.count,
                maxWaitingRequestCount: limits.maxWaitingRequestCount,
                waitingTokenCount: waitingTokenCount,
                maxWaitingTokenCount: limits.maxWaitingTokenCount)
        }
    }
}
