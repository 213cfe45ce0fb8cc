// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Scheduling

/// The checkers of the other tests, shown to catch what they are there to catch.
@Suite struct BrokenScheduleTests {
    enum PlanDefect: CaseIterable {
        case none, skippedDecode, gap, repetition, sharedBlock, lostBlock, wrongSample, twice, draft
    }

    enum BookkeepingDefect: CaseIterable {
        case none, leakedBlock, sharedBlock, lostSeat, waitingTokens, wrongPhase, forks,
            swappedBlock
    }

    @Test(arguments: PlanDefect.allCases)
    func `the audit accepts a sound plan and refuses a broken one`(defect: PlanDefect) throws {
        var stepped = try SteppedScheduler()
        var audit = ScheduleAudit(limits: stepped.scheduler.limits)
        for id in 1...3 as ClosedRange<UInt64> {
            let request = SequenceRequest(
                SequenceID(id), prompt: (0..<6).map { Int32(id) * 10 + $0 }, maxNewTokenCount: 9)
            try stepped.scheduler.enqueue(request)
            audit.arrive(request)
        }
        try stepped.step()
        let running = [1, 2, 3].map(SequenceID.init)
        try audit.check(stepped.plan, running: running)
        audit.commit(
            stepped.plan,
            outcomes: stepped.plan.outcomes { id, _ in .accepted([Int32(id.rawValue) + 500]) })
        stepped.scheduler.planStep(into: &stepped.plan)

        let plan = stepped.plan.with(defect)

        if defect == .none {
            try audit.check(plan, running: running)
        } else {
            #expect(throws: ScheduleAudit.Failure.self) {
                try audit.check(plan, running: running)
            }
        }
    }

    @Test(arguments: BookkeepingDefect.allCases)
    func `broken bookkeeping is a violation`(defect: BookkeepingDefect) throws {
        var stepped = try SteppedScheduler(seats: 2)
        for id in 1...3 as ClosedRange<UInt64> {
            try stepped.enqueue(id, prompt: 6, new: 9)
        }
        try stepped.step()

        stepped.scheduler.introduce(defect)

        if defect == .none {
            try stepped.scheduler.checkInvariants()
        } else {
            #expect(throws: InvariantViolation.self) { try stepped.scheduler.checkInvariants() }
        }
    }
}

extension StepPlan {
    /// The same plan with its second entry, a decode, spoilt.
    fileprivate func with(_ defect: BrokenScheduleTests.PlanDefect) -> StepPlan {
        var broken = self
        broken.removeAll()
        for (index, entry) in entries.enumerated() {
            let isSpoilt = index == 1
            if isSpoilt, defect == .skippedDecode { continue }
            var blocks = ContiguousArray(blockTables[entry.blockTables])
            if isSpoilt, defect == .sharedBlock {
                blocks[blocks.count - 1] = blockTables[entries[0].blockTables.upperBound - 1]
            }
            if isSpoilt, defect == .lostBlock { blocks.swapAt(0, 1) }
            let start = broken.blockTables.count
            broken.appendBlockTable(blocks[...])
            let spoilt = entry.with(
                isSpoilt ? defect : .none, blockTables: start..<broken.blockTables.count)
            broken.append(spoilt, isDecode: true)
            if isSpoilt, defect == .twice { broken.append(spoilt, isDecode: true) }
        }
        return broken
    }
}

extension StepPlan.Entry {
    fileprivate func with(
        _ defect: BrokenScheduleTests.PlanDefect, blockTables: Range<Int>
    ) -> StepPlan.Entry {
        let shift = defect == .gap ? 1 : defect == .repetition ? -1 : 0
        return StepPlan.Entry(
            sequence: sequence, startPosition: startPosition + shift, tokenCount: tokenCount,
            blockTables: blockTables, logitsRowCount: logitsRowCount,
            draftTokenCount: draftTokenCount + (defect == .draft ? 1 : 0),
            maxAcceptedTokenCount: defect == .wrongSample ? 0 : maxAcceptedTokenCount,
            forks: forks,
            remainingTokenCount: remainingTokenCount, runningIndex: runningIndex)
    }
}

extension Scheduler {
    fileprivate mutating func introduce(_ defect: BrokenScheduleTests.BookkeepingDefect) {
        switch defect {
        case .none: break
        case .leakedBlock: _ = tables.pool.allocate()
        case .sharedBlock: running[1].seat = running[0].seat
        case .lostSeat: freeSeats.append(0)
        case .waitingTokens: waitingTokenCount += 1
        case .wrongPhase: running[0].phase = .waiting
        case .forks: pendingForkCount += 1
        case .swappedBlock:
            tables.place(
                tables.block(ofSeat: running[1].seat, group: 0, index: 0), seat: running[0].seat,
                index: 0)
        }
    }
}
