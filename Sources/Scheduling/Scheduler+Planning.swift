// SPDX-License-Identifier: Apache-2.0

import DequeModule

extension Scheduler {
    /// Kernels work on tiles of this many rows; a chunk that is no multiple wastes part of one.
    private static let chunkAlignment = 8

    /// Chooses the next step: every decode, then prefill up to the budget.
    ///
    /// The plan has no entries only when nothing runs or waits. `prefillRowCountWhileDecoding`, at least 1,
    /// bounds prefill beside decodes below the limit. `draftTokenCounts` is for how many guesses each decode
    /// would have rows; it gets as many as the limits and the free blocks leave.
    package mutating func planStep(
        into plan: inout StepPlan, prefillRowCountWhileDecoding: Int = .max,
        draftTokenCounts: [SequenceID: Int] = [:]
    ) {
        precondition(prefillRowCountWhileDecoding > 0, "no rows for prefill")
        plan.removeAll()
        planDecodes(into: &plan, draftTokenCounts)
        admitWaiting()
        planPrefills(
            into: &plan,
            budget: prefillBudget(beside: plan, whileDecoding: prefillRowCountWhileDecoding))
        plan.appendCopies(tables.copies)
    }

    /// Plans each decode in order of arrival; those that run short of blocks preempt the youngest.
    ///
    /// The youngest comes last in that order, so a sequence that is planned is never preempted.
    private mutating func planDecodes(
        into plan: inout StepPlan, _ draftTokenCounts: [SequenceID: Int]
    ) {
        var draftRoom = limits.maxStepTokenCount - limits.maxRunningSequenceCount
        var index = 0
        while index < running.count {
            if running[index].phase == .decoding, growBlocks(ofRunning: index, into: &plan) {
                let wanted = min(draftTokenCounts[running[index].id] ?? 0, draftRoom)
                let draftTokenCount = growForDrafts(ofRunning: index, wanted)
                draftRoom -= draftTokenCount
                append(
                    running: index,
                    rowCount: running[index].pendingTokenCount + draftTokenCount,
                    draftTokenCount: draftTokenCount, to: &plan)
            }
            index += 1
        }
    }

    /// Makes room for guesses after the pending token, and says for how many. Blocks that others could need to
    /// get on are not taken for guesses.
    private mutating func growForDrafts(ofRunning index: Int, _ wanted: Int) -> Int {
        let sequence = running[index]
        // The last new token is never computed.
        let count = min(wanted, sequence.remainingTokenCount - 1)
        guard count > 0 else { return 0 }
        let blockCount =
            tables.groupCount * (running.count + 1 + count / limits.kvBlockLength)
        guard blockCount <= tables.pool.freeBlockCount else { return 0 }
        let hasBlocks = tables.grow(
            seat: sequence.seat, from: sequence.computedTokenCount,
            toPositionCount: sequence.tokenCount + count)
        return hasBlocks ? count : 0
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

    /// Puts the youngest running sequence before all that wait, to be recomputed later.
    private mutating func preemptYoungest(into plan: inout StepPlan) {
        guard var sequence = running.popLast() else { return }
        vacate(seat: sequence.seat)
        sequence.restart()
        waitingTokenCount += sequence.tokenCount
        returning.prepend(sequence)
        preemptionCount += 1
        plan.appendPreempted(sequence.id)
    }

    /// Seats waiting sequences, strictly in order, while seats and blocks allow. What a request has computed is
    /// counted for its owner beforehand, so that owners take turns even where many seats are free.
    ///
    /// One block for each table of the running sequences stays free, so that they can grow for a while
    /// before they would have to preempt the newcomer and throw its prefill away.
    private mutating func admitWaiting() {
        while let seat = freeSeats.last, let first = returning.first ?? waiting.first {
            let prefix = cachedPrefix(of: first)
            // Blocks that others hold cost nothing, those that no one holds count as free.
            let sharedBlockCount = prefix.count { tables.pool.referenceCount(of: $0) > 0 }
            let blockCount =
                tables.blockCount(forPositionCount: first.tokenCount) - sharedBlockCount
            let reserve = running.count * tables.groupCount
            guard blockCount + reserve <= tables.pool.freeBlockCount else { return }
            var sequence = removeFirstWaiting(
                cachedTokenCount: prefix.count * limits.kvBlockLength)
            for (index, block) in prefix.enumerated() {
                tables.place(block, seat: seat, index: index)
            }
            sequence.skip(toPosition: prefix.count * limits.kvBlockLength)
            let hasBlocks = tables.grow(
                seat: seat, from: sequence.computedTokenCount, toPositionCount: sequence.tokenCount)
            precondition(hasBlocks, "counted blocks are missing")
            freeSeats.removeLast()
            sequence.seat = seat
            sequence.phase = .prefilling
            running.append(sequence)
        }
    }

    private mutating func removeFirstWaiting(cachedTokenCount: Int) -> ScheduledSequence {
        let sequence: ScheduledSequence
        if let returned = returning.popFirst() {
            sequence = returned
        } else if let new = waiting.popFirst() {
            sequence = new
            startCount += 1
            waiting.charge(
                new.namespace.owner, tokenCount: new.tokenCount - cachedTokenCount)
        } else {
            preconditionFailure("nobody waits")
        }
        waitingTokenCount -= sequence.tokenCount
        return sequence
    }

    /// Shares the budget between prompts, in order of arrival.
    ///
    /// Those that the budget completes are planned whole. The first that it does not complete gets
    /// what is left, but at most half of that goes first to later prompts that it completes: short
    /// prompts need not wait for a long one, and the long one keeps at least half its speed. A prompt whose
    /// next block another one computes in this step waits for it.
    private mutating func planPrefills(into plan: inout StepPlan, budget stepBudget: Int) {
        var budget = stepBudget
        var budgetForShort = 0
        var long: Int?
        for index in running.indices where running[index].phase == .prefilling {
            skipCachedPositions(ofRunning: index)
            if isNextBlockPlanned(ofRunning: index, in: plan, long: long) { continue }
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

    private func isNextBlockPlanned(
        ofRunning index: Int, in plan: StepPlan, long: Int?
    ) -> Bool {
        if let long, sharesNextBlock(running: index, with: long) { return true }
        return plan.entries.dropFirst(plan.decodeCount).contains {
            sharesNextBlock(running: index, with: $0.runningIndex)
        }
    }

    private func prefillBudget(beside plan: StepPlan, whileDecoding rowCount: Int) -> Int {
        plan.decodeCount == 0
            ? limits.maxStepTokenCount
            : min(
                rowCount, limits.maxPrefillTokenCountWhileDecoding,
                limits.maxStepTokenCount - plan.tokenCount)
    }

    /// Plans the next rows of one sequence.
    ///
    /// Mutating only because the compiler would else copy the whole scheduler for each call.
    private mutating func append(
        running index: Int, rowCount: Int, draftTokenCount: Int = 0, to plan: inout StepPlan
    ) {
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
        let firstFork = plan.forks.count
        if rowCount == sequence.pendingTokenCount { plan.appendForks(sequence.forks) }
        plan.append(
            StepPlan.Entry(
                sequence: sequence.id,
                startPosition: sequence.computedTokenCount,
                tokenCount: rowCount,
                blockTables: start..<plan.blockTables.count,
                logitsRowCount: sequence.logitsRowCount(ofRowCount: rowCount - draftTokenCount)
                    + draftTokenCount,
                draftTokenCount: draftTokenCount,
                maxAcceptedTokenCount: sequence.maxAcceptedTokenCount(
                    afterRowCount: rowCount - draftTokenCount) + draftTokenCount,
                forks: firstFork..<plan.forks.count,
                remainingTokenCount: sequence.remainingTokenCount,
                runningIndex: index),
            isDecode: isDecode)
    }
}
