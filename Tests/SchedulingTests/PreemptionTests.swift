// SPDX-License-Identifier: Apache-2.0

import Scheduling
import Testing

@Suite struct PreemptionTests {
    /// Two sequences of 4 + 12 tokens in 4 blocks of 4: neither has room for a third block.
    private func makeCrowded(
        blocks: Int = 4, scoresPrompt: Bool = false
    ) throws -> SteppedScheduler {
        var stepped = try SteppedScheduler(blocks: blocks, blockLength: 4)
        try stepped.enqueue(1, prompt: 4, new: 12)
        try stepped.enqueue(2, prompt: 4, new: 12, scoresPrompt: scoresPrompt)
        while stepped.scheduler.counts.preemptionCount == 0 {
            try stepped.step()
        }
        return stepped
    }

    @Test func `an exhausted pool preempts the youngest and the oldest goes on`() throws {
        let stepped = try makeCrowded()

        #expect(stepped.plan.preempted == [SequenceID(2)])
        #expect(stepped.plan.entries.map(Rows.init) == [Rows(1, 8..<9)])
        #expect(stepped.phase(of: 1) == .decoding)
        #expect(stepped.phase(of: 2) == .waiting)
        #expect(stepped.scheduler.counts.waitingTokenCount == 9)
    }

    @Test func `a preempted sequence computes prompt and generated tokens again`() throws {
        var stepped = try makeCrowded()
        while stepped.phase(of: 1) != nil {
            try stepped.step()
        }

        #expect(try stepped.step() == [Rows(2, 0..<9)])
        #expect(stepped.plan.entries[0].remainingTokenCount == 7)
        for position in 9..<15 {
            #expect(try stepped.step() == [Rows(2, position..<position + 1)])
        }
        #expect(stepped.phase(of: 2) == nil)
        #expect(stepped.scheduler.counts.preemptionCount == 1)
    }

    @Test func `a prompt scored before its preemption is not scored again`() throws {
        var stepped = try makeCrowded(scoresPrompt: true)
        while stepped.phase(of: 1) != nil {
            try stepped.step()
        }

        #expect(try stepped.step() == [Rows(2, 0..<9)])
        #expect(stepped.plan.entries.map(\.logitsRowCount) == [1])
    }

    @Test func `a prompt preempted in its midst is scored from where it was`() throws {
        var stepped = try SteppedScheduler(
            step: 24, whileDecoding: 2, blocks: 9, blockLength: 4, keepsPrefixes: false)
        try stepped.enqueue(1, prompt: 4, new: 10)
        try stepped.step()
        try stepped.enqueue(2, prompt: 24, new: 1, scoresPrompt: true)
        for end in stride(from: 2, through: 16, by: 2) {
            #expect(try stepped.step().last == Rows(2, end - 2..<end))
        }
        try stepped.step()
        #expect(stepped.plan.preempted == [SequenceID(2)])

        #expect(try stepped.step() == [Rows(2, 0..<24)])
        #expect(stepped.plan.entries.map(\.logitsRowCount) == [8])
    }

    @Test func `the preempted sequence is first in the queue`() throws {
        var stepped = try SteppedScheduler(seats: 2, blocks: 5, blockLength: 4)
        try stepped.enqueue(1, prompt: 4, new: 12)
        try stepped.enqueue(2, prompt: 4, new: 12)
        try stepped.enqueue(3, prompt: 4, new: 1)
        while stepped.phase(of: 1) != nil {
            try stepped.step()
        }

        let next = try stepped.step()

        #expect(next.first == Rows(2, 4..<9))
    }

    @Test func `a decode that is the youngest gives way itself`() throws {
        // The older one takes the fifth block in the same step.
        let stepped = try makeCrowded(blocks: 5)

        #expect(stepped.plan.preempted == [SequenceID(2)])
        #expect(stepped.plan.entries.map(Rows.init) == [Rows(1, 8..<9)])
        #expect(stepped.scheduler.counts.usedBlockCount == 3)
        #expect(stepped.phase(of: 2) == .waiting)
    }

    @Test func `preemption may fill the queue beyond its limit, not stop it`() throws {
        var stepped = try SteppedScheduler(seats: 2, waiting: 1, blocks: 5, blockLength: 4)
        try stepped.enqueue(1, prompt: 4, new: 12)
        try stepped.step()
        try stepped.enqueue(2, prompt: 4, new: 12)
        try stepped.step()
        try stepped.enqueue(3, prompt: 4, new: 1)
        while stepped.scheduler.counts.preemptionCount == 0 {
            try stepped.step()
        }
        #expect(stepped.scheduler.counts.waitingRequestCount == 2)

        for _ in 0..<30 {
            try stepped.step()
        }
        #expect(stepped.scheduler.counts.waitingRequestCount == 0)
        #expect(stepped.scheduler.counts.usedBlockCount == 0)
    }
}
