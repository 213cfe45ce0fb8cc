// SPDX-License-Identifier: Apache-2.0

import Scheduling
import Testing

/// Several sequences that continue one prompt.
@Suite struct ForkTests {
    @Test func `forks begin where the prompt ends and copy the block they write to`() throws {
        var stepped = try SteppedScheduler(blocks: 16, blockLength: 4)
        try stepped.enqueue(1, tokens: Array(0..<10), new: 3, forks: [2, 3])
        #expect(stepped.scheduler.counts.waitingRequestCount == 3)
        #expect(stepped.scheduler.counts.waitingTokenCount == 10)

        #expect(try stepped.step() == [Rows(1, 0..<10)])
        #expect(stepped.plan.outcomeCount == 3)
        #expect(stepped.scheduler.counts.usedBlockCount == 3)
        #expect(try stepped.step() == [Rows(1, 10..<11), Rows(2, 10..<11), Rows(3, 10..<11)])

        // Two blocks of the prompt are shared; the last that holds the third writes to it.
        #expect(stepped.plan.copies.count == 2)
        #expect(stepped.scheduler.counts.usedBlockCount == 2 + 3)
        #expect(try stepped.step().count == 3)
        #expect(stepped.plan.copies.isEmpty)
        #expect(stepped.phase(of: 3) == nil)
        #expect(stepped.scheduler.counts.usedBlockCount == 0)
    }

    @Test func `nothing is copied where the prompt fills its blocks`() throws {
        var stepped = try SteppedScheduler(blocks: 16, blockLength: 4)
        try stepped.enqueue(1, tokens: Array(0..<8), new: 3, forks: [2])

        try stepped.step()
        try stepped.step()

        #expect(stepped.plan.copies.isEmpty)
        #expect(stepped.scheduler.counts.usedBlockCount == 4)
    }

    @Test func `forks without a seat wait and find the prompt computed`() throws {
        var stepped = try SteppedScheduler(seats: 2, blocks: 16, blockLength: 4)
        try stepped.enqueue(1, tokens: Array(0..<10), new: 2, forks: [2, 3])
        try stepped.step()
        try stepped.enqueue(9, prompt: 4, new: 1)
        #expect(stepped.phase(of: 3) == .waiting)
        try stepped.step()

        // It got its first token with the prompt; two full blocks are found again.
        let rows = try stepped.step()
        #expect(rows == [Rows(3, 8..<11), Rows(9, 0..<4)])
        #expect(stepped.phase(of: 3) == nil)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `an abort leaves the others their prompt`(aborted: UInt64) throws {
        for stepCount in 0...2 {
            var stepped = try SteppedScheduler(step: 8, blockLength: 4)
            try stepped.enqueue(1, tokens: Array(0..<12), new: 4, forks: [2, 3])
            for _ in 0..<stepCount { try stepped.step() }

            #expect(stepped.scheduler.abort(SequenceID(aborted)) != nil)
            try stepped.scheduler.checkInvariants()
            var finished: Set<UInt64> = []
            for _ in 0..<8 {
                try stepped.step()
                finished.formUnion((1...3).filter { stepped.phase(of: $0) == nil })
            }

            #expect(finished == [1, 2, 3])
            #expect(stepped.scheduler.counts.usedBlockCount == 0)
            #expect(stepped.scheduler.counts.waitingRequestCount == 0)
        }
    }

    @Test func `a fork that ends with its first token takes nothing`() throws {
        var stepped = try SteppedScheduler(blockLength: 4)
        try stepped.enqueue(1, tokens: Array(0..<10), new: 3, forks: [2, 3])

        try stepped.step(finishing: [1, 3])

        #expect(stepped.phase(of: 1) == nil)
        #expect(stepped.phase(of: 2) == .decoding)
        #expect(stepped.phase(of: 3) == nil)
        #expect(stepped.scheduler.counts.usedBlockCount == 3)
    }

    @Test func `a queue counts every fork`() throws {
        var stepped = try SteppedScheduler(waiting: 3)

        #expect(throws: AdmissionError.self) {
            try stepped.enqueue(1, tokens: [1], new: 1, forks: [2, 3, 4])
        }
        try stepped.enqueue(1, tokens: [1], new: 1, forks: [2, 3])
    }

    @Test func `forks share windows too`() throws {
        var stepped = try SteppedScheduler(
            step: 16, length: 64, blocks: 24, blockLength: 4, spans: [.full, .sliding(6)])
        try stepped.enqueue(1, tokens: Array(0..<30), new: 3, forks: [2])
        while stepped.phase(of: 2) != .decoding { try stepped.step() }

        try stepped.step()

        // A block of each group.
        #expect(stepped.plan.copies.count == 2)
    }
}
