// SPDX-License-Identifier: Apache-2.0

import Scheduling
import Testing

@Suite struct PlanningTests {
    @Test func `an idle scheduler plans nothing`() throws {
        var stepped = try SteppedScheduler()

        #expect(try stepped.step().isEmpty)
        #expect(stepped.plan.tokenCount == 0)
    }

    @Test func `a long prompt is prefilled in chunks and sampled at its end`() throws {
        var stepped = try SteppedScheduler(step: 16)
        try stepped.enqueue(1, prompt: 37, new: 2)

        #expect(try stepped.step() == [Rows(1, 0..<16)])
        #expect(stepped.plan.entries.map(\.logitsRowCount) == [0])
        #expect(stepped.plan.entries.map(\.maxAcceptedTokenCount) == [0])
        #expect(try stepped.step() == [Rows(1, 16..<32)])
        #expect(try stepped.step() == [Rows(1, 32..<37)])
        #expect(stepped.plan.entries.map(\.logitsRowCount) == [1])
        #expect(stepped.plan.entries.map(\.remainingTokenCount) == [2])
        #expect(try stepped.step() == [Rows(1, 37..<38)])
        #expect(stepped.plan.entries.map(\.logitsRowCount) == [1])
        #expect(stepped.plan.entries.map(\.remainingTokenCount) == [1])
        #expect(stepped.phase(of: 1) == nil)
    }

    @Test func `decodes come first, prefill has the rest of the budget`() throws {
        var stepped = try SteppedScheduler(step: 18)
        try stepped.enqueue(1, prompt: 2, new: 9)
        try stepped.enqueue(2, prompt: 2, new: 9)
        try stepped.step()
        try stepped.enqueue(3, prompt: 40, new: 1)

        #expect(try stepped.step() == [Rows(1, 2..<3), Rows(2, 2..<3), Rows(3, 0..<16)])
        #expect(stepped.plan.decodeCount == 2)
        #expect(stepped.plan.tokenCount == 18)
    }

    @Test func `beside decodes prefill keeps to its smaller budget`() throws {
        var stepped = try SteppedScheduler(step: 32, whileDecoding: 8)
        try stepped.enqueue(1, prompt: 2, new: 2)
        try stepped.step()
        try stepped.enqueue(2, prompt: 40, new: 1)

        #expect(try stepped.step() == [Rows(1, 2..<3), Rows(2, 0..<8)])
        #expect(try stepped.step() == [Rows(2, 8..<40)])
    }

    @Test func `a chunk that does not end the prompt is a multiple of eight`() throws {
        var stepped = try SteppedScheduler(step: 30)
        try stepped.enqueue(1, prompt: 60, new: 1)

        #expect(try stepped.step() == [Rows(1, 0..<24)])
    }

    @Test func `a budget below eight is used as it is`() throws {
        var stepped = try SteppedScheduler(step: 5)
        try stepped.enqueue(1, prompt: 8, new: 1)

        #expect(try stepped.step() == [Rows(1, 0..<5)])
        #expect(try stepped.step() == [Rows(1, 5..<8)])
    }

    @Test func `short prompts share the step of a long one`() throws {
        var stepped = try SteppedScheduler(step: 32, blocks: 64)
        try stepped.enqueue(1, prompt: 60, new: 1)
        try stepped.enqueue(2, prompt: 5, new: 1)
        try stepped.enqueue(3, prompt: 20, new: 1)
        try stepped.enqueue(4, prompt: 3, new: 1)

        #expect(try stepped.step() == [Rows(2, 0..<5), Rows(4, 0..<3), Rows(1, 0..<24)])
        #expect(try stepped.step() == [Rows(1, 24..<56)])
        #expect(try stepped.step() == [Rows(1, 56..<60), Rows(3, 0..<20)])
    }

    @Test func `short prompts never take more than half from a long one`() throws {
        var stepped = try SteppedScheduler(seats: 8, step: 32, blocks: 64)
        try stepped.enqueue(1, prompt: 60, new: 1)
        for id in 2...7 as ClosedRange<UInt64> {
            try stepped.enqueue(id, prompt: 8, new: 1)
        }

        #expect(try stepped.step() == [Rows(2, 0..<8), Rows(3, 0..<8), Rows(1, 0..<16)])
    }

    @Test func `a tile is left to the long prompt even in a small budget`() throws {
        var stepped = try SteppedScheduler(step: 9, blocks: 64)
        try stepped.enqueue(1, prompt: 60, new: 1)
        try stepped.enqueue(2, prompt: 1, new: 1)
        try stepped.enqueue(3, prompt: 1, new: 1)

        #expect(try stepped.step() == [Rows(2, 0..<1), Rows(1, 0..<8)])
    }

    @Test func `a block table reaches as far as the entry does`() throws {
        var stepped = try SteppedScheduler(step: 16, blockLength: 4)
        try stepped.enqueue(1, prompt: 30, new: 3)

        try stepped.step()
        let first = Array(stepped.plan.blockTables[stepped.plan.entries[0].blockTables])
        try stepped.step()
        let second = Array(stepped.plan.blockTables[stepped.plan.entries[0].blockTables])

        #expect(first.count == 4)
        #expect(second.count == 8)
        #expect(second.starts(with: first))
    }

    @Test func `a scored prompt needs logits for all of its rows and none twice`() throws {
        var stepped = try SteppedScheduler(step: 16)
        try stepped.enqueue(1, prompt: 20, new: 3, scoresPrompt: true)

        try stepped.step()
        #expect(stepped.plan.entries.map(\.logitsRowCount) == [16])
        try stepped.step()
        #expect(stepped.plan.entries.map(\.logitsRowCount) == [4])
        try stepped.step()
        #expect(stepped.plan.entries.map(\.logitsRowCount) == [1])
    }

    @Test func `scoring without new tokens ends with the prompt`() throws {
        var stepped = try SteppedScheduler()
        try stepped.enqueue(1, prompt: 20, new: 0, scoresPrompt: true)

        #expect(try stepped.step() == [Rows(1, 0..<20)])

        #expect(stepped.plan.entries.map(\.logitsRowCount) == [20])
        #expect(stepped.plan.entries.map(\.maxAcceptedTokenCount) == [0])
        #expect(stepped.phase(of: 1) == nil)
        #expect(stepped.scheduler.counts.usedBlockCount == 0)
    }

    @Test func `planning again without a commit plans the same step`() throws {
        var stepped = try SteppedScheduler(step: 16)
        try stepped.enqueue(1, prompt: 20, new: 3)

        stepped.scheduler.planStep(into: &stepped.plan)
        let entries = stepped.plan.entries
        stepped.scheduler.planStep(into: &stepped.plan)

        #expect(stepped.plan.entries == entries)
    }
}
