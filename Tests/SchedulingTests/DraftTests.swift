// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Scheduling

@Suite struct DraftTests {
    private func decoding(
        seats: Int = 2, step: Int = 32, new: Int = 20, blocks: Int = 16
    ) throws -> SteppedScheduler {
        var stepped = try SteppedScheduler(seats: seats, step: step, blocks: blocks)
        try stepped.enqueue(1, prompt: 6, new: new)
        try stepped.step()
        return stepped
    }

    private func plan(_ stepped: inout SteppedScheduler, _ count: Int) -> StepPlan.Entry? {
        stepped.scheduler.planStep(
            into: &stepped.plan, draftTokenCounts: [SequenceID(1): count])
        return stepped.plan.entries.first
    }

    @Test func `guesses are rows behind the pending token, all with logits`() throws {
        var stepped = try decoding()

        let entry = try #require(plan(&stepped, 3))

        #expect(Rows(entry) == Rows(1, 6..<10))
        #expect(entry.draftTokenCount == 3)
        #expect(entry.logitsRowCount == 4)
        #expect(entry.maxAcceptedTokenCount == 4)
    }

    @Test(arguments: 1...4)
    func `a sequence goes on behind what proved right`(acceptedCount: Int) throws {
        var stepped = try decoding()
        _ = plan(&stepped, 3)

        stepped.scheduler.commit(
            stepped.plan, outcomes: [.accepted(tokenCount: acceptedCount)])
        try stepped.scheduler.checkInvariants()

        #expect(try stepped.step() == [Rows(1, 6 + acceptedCount..<7 + acceptedCount)])
    }

    @Test func `blocks of what proved wrong are not found`() throws {
        var stepped = try decoding()
        _ = plan(&stepped, 5)  // rows 6 ..< 12 fill the second and third block of four
        stepped.scheduler.commit(stepped.plan, outcomes: [.accepted([7, 8])])
        try stepped.scheduler.checkInvariants()
        let tokens = (0..<6).map { Int32(10_000 + $0) } + [501, 7, 8, 9, 10, 11, 12]

        try stepped.enqueue(2, tokens: tokens, new: 1)
        let rows = try stepped.step()

        #expect(rows.last == Rows(2, 8..<13))
    }

    @Test func `the last token of a sequence is not computed`() throws {
        var stepped = try decoding(new: 4)

        #expect(plan(&stepped, 9)?.draftTokenCount == 2)
    }

    @Test func `every seat keeps a row`() throws {
        var stepped = try decoding(seats: 4, step: 9)

        #expect(plan(&stepped, 9)?.draftTokenCount == 5)
    }

    @Test func `guesses take no block that a sequence could need`() throws {
        // Of four blocks, two are held: one more may be taken, one stays free.
        var stepped = try decoding(new: 8, blocks: 4)
        #expect(plan(&stepped, 3)?.draftTokenCount == 3)

        var short = try decoding(new: 7, blocks: 3)
        #expect(plan(&short, 4)?.draftTokenCount == 0)
    }

    @Test func `who has ended before the commit stays ended`() throws {
        var stepped = try decoding()
        _ = plan(&stepped, 3)
        stepped.scheduler.abort(SequenceID(1))

        stepped.scheduler.commit(stepped.plan, outcomes: [.accepted(tokenCount: 2)])

        try stepped.scheduler.checkInvariants()
        #expect(stepped.scheduler.counts.usedBlockCount == 0)
    }
}
