// SPDX-License-Identifier: Apache-2.0

import DequeModule

extension Scheduler {
    /// Kernels work on tiles of this many rows; a chunk that is no multiple wastes part of one.
    private static let chunkAlignment = 8

    /// Chooses the next step: every decode, then prefill up to the budget.
    ///
    /// The plan has no entries only when nothing runs or waits. Allocates no memory when `plan` was
    /// made for the same limits.
    package mutating func planStep(into plan: inout StepPlan) {
        plan.removeAll()
        planDecodes(into: &plan)
        admitWaiting()
        planPrefills(into: &plan)
    }

    /// Plans each decode in order of arrival; those that run short of blocks preempt the youngest.
    ///
    /// The youngest comes last in that order, so a sequence that is planned is never preempted.
    private mutating func planDecodes(into plan: inout StepPlan) {
        var index = 0
        while index < running.count {
            if running[index].phase == .decoding, growBlocks(ofRunning: index, into: &plan) {
                append(running: index, rowCount: running[index].pendingTokenCount, to: &plan)
            }
            index += 1
        }
    }

    /// Makes room for the pending tokens; false when the sequence itself had to be preempted.
    private mutating func growBlocks(ofRunning index: Int, into plan: inout StepPlan) -> Bool {
        let sequence = running[index]
        while !tables.grow(
            seat: sequence.seat, from: sequence.computedTokenCount,
            toPositionCount: sequence.tokenCount)
        {
            preemptYoungest(into: &plan)
            if index == running.count {
                return false
            }
        }
        return true
    }

    /// Puts the youngest running sequence at the front of the queue, to be recomputed later.
    private mutating func preemptYoungest(into plan: inout StepPlan) {
        guard var sequence = running.popLast() else { return }
        vacate(seat: sequence.seat)
        sequence.restart()
        waitingTokenCount += sequence.tokenCount
        waiting.prepend(sequence)
        preemptionCount += 1
        plan.appendPreempted(sequence.id)
    }

    /// Seats waiting sequences, strictly in order, while seats and blocks allow.
    ///
    /// One block for each table of the running sequences stays free, so that they can grow for a while
    /// before they would have to preempt the newcomer and throw its prefill away.
    private mutating func admitWaiting() {
        while let first = waiting.first, let seat = freeSeats.last {
            let blockCount = tables.blockCount(forPositionCount: first.tokenCount)
            let reserve = running.count * tables.groupCount
            guard blockCount + reserve <= tables.pool.freeBlockCount,
                tables.grow(seat: seat, from: 0, toPositionCount: first.tokenCount)
            else { return }
            var sequence = waiting.removeFirst()
            waitingTokenCount -= sequence.tokenCount
            freeSeats.removeLast()
            sequence.seat = seat
            sequence.phase = .prefilling
            running.append(sequence)
        }
    }

    /// Shares the budget between prompts, in order of arrival.
    ///
    /// Those that the budget completes are planned whole. The first that it does not complete gets
    /// what is left, but at most half of that goes first to later prompts that it completes: short
    /// prompts need not wait for a long one, and the long one keeps at least half its speed.
    private mutating func planPrefills(into plan: inout StepPlan) {
        let stepBudget = prefillBudget(beside: plan)
        var budget = stepBudget
        var budgetForShort = 0
        var long: Int?
        for index in running.indices where running[index].phase == .prefilling {
            let pendingTokenCount = running[index].pendingTokenCount
            if pendingTokenCount <= (long == nil ? budget : budgetForShort) {
                append(running: index, rowCount: pendingTokenCount, to: &plan)
                budget -= pendingTokenCount
                budgetForShort -= pendingTokenCount
            } else if long == nil {
                long = index
                budgetForShort = min(budget / 2, budget - Self.chunkAlignment)
            }
        }
        if let long {
            let unaligned = stepBudget < Self.chunkAlignment ? 0 : budget % Self.chunkAlignment
            if budget > unaligned {
                append(running: long, rowCount: budget - unaligned, to: &plan)
            }
        }
    }

    private func prefillBudget(beside plan: StepPlan) -> Int {
        plan.decodeCount == 0
            ? limits.maxStepTokenCount
            : min(
                limits.maxPrefillTokenCountWhileDecoding,
                limits.maxStepTokenCount - plan.tokenCount)
    }

    /// Plans the next rows of one sequence.
    ///
    /// Mutating only because the compiler would else copy the whole scheduler for each call.
    private mutating func append(running index: Int, rowCount: Int, to plan: inout StepPlan) {
        let sequence = running[index]
        let isDecode = sequence.phase == .decoding
        if !isDecode {
            let hasBlocks = tables.grow(
                seat: sequence.seat, from: sequence.computedTokenCount,
                toPositionCount: sequence.tokenCount)
            precondition(hasBlocks, "a prefill once begun never lacks a block")
        }
        let endPosition = sequence.computedTokenCount + rowCount
        let blockCount = limits.blockCount(forPositionCount: endPosition)
        let start = plan.blockTables.count
        for group in 0..<tables.groupCount {
            plan.appendBlockTable(
                tables.table(ofSeat: sequence.seat, group: group, count: blockCount))
        }
        plan.append(
            StepPlan.Entry(
                sequence: sequence.id,
                startPosition: sequence.computedTokenCount,
                tokenCount: rowCount,
                blockTables: start..<plan.blockTables.count,
                logitsRowCount: sequence.logitsRowCount(ofRowCount: rowCount),
                maxAcceptedTokenCount: sequence.maxAcceptedTokenCount(afterRowCount: rowCount),
                remainingTokenCount: sequence.remainingTokenCount,
                runningIndex: index),
            isDecode: isDecode)
    }
}
