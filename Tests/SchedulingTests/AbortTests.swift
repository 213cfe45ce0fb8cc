// SPDX-License-Identifier: Apache-2.0

import Scheduling
import Testing

@Suite struct AbortTests {
    @Test func `an abort while waiting takes the request off the queue`() throws {
        var stepped = try SteppedScheduler()
        try stepped.enqueue(1, prompt: 9, new: 2)
        try stepped.enqueue(2, prompt: 5, new: 2)

        #expect(stepped.scheduler.abort(SequenceID(1)) == .waiting)

        #expect(stepped.scheduler.counts.waitingTokenCount == 5)
        #expect(try stepped.step() == [Rows(2, 0..<5)])
    }

    @Test func `an abort while prefilling frees the seat and the blocks`() throws {
        var stepped = try SteppedScheduler(seats: 1, step: 8)
        try stepped.enqueue(1, prompt: 40, new: 2)
        try stepped.enqueue(2, prompt: 5, new: 2)
        try stepped.step()

        #expect(stepped.scheduler.abort(SequenceID(1)) == .prefilling)

        #expect(stepped.scheduler.counts.usedBlockCount == 0)
        #expect(try stepped.step() == [Rows(2, 0..<5)])
    }

    @Test func `an abort while decoding frees the seat and the blocks`() throws {
        var stepped = try SteppedScheduler(seats: 1)
        try stepped.enqueue(1, prompt: 4, new: 9)
        try stepped.enqueue(2, prompt: 5, new: 2)
        try stepped.step()
        try stepped.step()

        #expect(stepped.scheduler.abort(SequenceID(1)) == .decoding)

        #expect(stepped.scheduler.counts.usedBlockCount == 0)
        #expect(try stepped.step() == [Rows(2, 0..<5)])
    }

    @Test func `an abort between plan and commit leaves the others their outcomes`() throws {
        var stepped = try SteppedScheduler()
        for id in 1...3 as ClosedRange<UInt64> {
            try stepped.enqueue(id, prompt: 4, new: 9)
        }
        stepped.scheduler.planStep(into: &stepped.plan)

        stepped.scheduler.abort(SequenceID(1))
        stepped.scheduler.commit(
            stepped.plan, outcomes: [.finished, .accepted(tokenCount: 1), .finished])

        try stepped.scheduler.checkInvariants()
        #expect(try stepped.step() == [Rows(2, 4..<5)])
    }

    @Test func `an abort of what has ended or never came changes nothing`() throws {
        var stepped = try SteppedScheduler()
        try stepped.enqueue(1, prompt: 4, new: 1)
        try stepped.step()

        #expect(stepped.scheduler.abort(SequenceID(1)) == nil)
        #expect(stepped.scheduler.abort(SequenceID(7)) == nil)
        #expect(stepped.scheduler.counts.usedBlockCount == 0)
    }

    @Test func `a sequence that stops early returns its blocks with the commit`() throws {
        var stepped = try SteppedScheduler()
        try stepped.enqueue(1, prompt: 4, new: 9)
        try stepped.enqueue(2, prompt: 4, new: 9)
        try stepped.step()

        try stepped.step(finishing: [1])

        #expect(stepped.phase(of: 1) == nil)
        #expect(stepped.scheduler.counts.usedBlockCount == 2)
        #expect(try stepped.step() == [Rows(2, 5..<6)])
    }
}
