// SPDX-License-Identifier: Apache-2.0

import Scheduling
import Testing

/// Positions that were computed once are not computed again, for those who may share them.
@Suite struct PrefixTests {
    private static let text = (0..<40).map(Int32.init)

    @Test func `a prompt that begins like an earlier one starts behind the common blocks`() throws {
        var stepped = try SteppedScheduler(step: 32)
        try stepped.enqueue(1, tokens: Array(Self.text[..<20]), new: 1)
        try stepped.step()
        #expect(stepped.scheduler.counts.usedBlockCount == 0)
        #expect(stepped.scheduler.counts.cachedBlockCount == 5)

        try stepped.enqueue(2, tokens: Array(Self.text[..<14]) + [99, 98], new: 1)

        // Positions 12 and 13 are in a block that goes on differently.
        #expect(try stepped.step() == [Rows(2, 12..<16)])
    }

    @Test func `the last position is always computed`() throws {
        var stepped = try SteppedScheduler(step: 32)
        try stepped.enqueue(1, tokens: Array(Self.text[..<16]), new: 1)
        try stepped.step()

        try stepped.enqueue(2, tokens: Array(Self.text[..<16]), new: 1)

        #expect(try stepped.step() == [Rows(2, 12..<16)])
    }

    @Test(arguments: [
        CacheNamespace(), CacheNamespace(owner: "a", salt: "s"), CacheNamespace(owner: "b"),
        CacheNamespace(salt: "a"),
    ])
    func `prefixes are shared inside one namespace only`(other: CacheNamespace) throws {
        var stepped = try SteppedScheduler(step: 32)
        let own = CacheNamespace(owner: "a")
        try stepped.enqueue(1, tokens: Array(Self.text[..<20]), new: 1, namespace: own)
        try stepped.step()
        try stepped.enqueue(2, tokens: Array(Self.text[..<20]), new: 1, namespace: other)

        #expect(try stepped.step() == [Rows(2, 0..<20)])

        try stepped.enqueue(3, tokens: Array(Self.text[..<20]), new: 1, namespace: own)
        #expect(try stepped.step() == [Rows(3, 16..<20)])
    }

    /// The second prompt is the first one's with its answer: 505 and 506 were sampled.
    @Test(arguments: [false, true])
    func `an answer is part of the prefix where generated tokens are computed like given ones`(
        tellsApart: Bool
    ) throws {
        var stepped = try SteppedScheduler(step: 32, tellsPromptTokensApart: tellsApart)
        try stepped.enqueue(1, tokens: Array(Self.text[..<6]), new: 8)
        while stepped.phase(of: 1) != nil { try stepped.step() }

        let answered = Array(Self.text[..<6]) + Array(repeating: 501, count: 7) + [7, 8]
        try stepped.enqueue(2, tokens: answered, new: 1)

        #expect(try stepped.step() == [Rows(2, (tellsApart ? 4 : 12)..<15)])
    }

    @Test func `a preempted sequence finds what nobody has needed since`() throws {
        var stepped = try SteppedScheduler(
            blocks: 5, blockLength: 4, tellsPromptTokensApart: true)
        try stepped.enqueue(1, prompt: 4, new: 12)
        try stepped.enqueue(2, prompt: 4, new: 12)
        while stepped.phase(of: 1) != nil { try stepped.step() }
        #expect(stepped.scheduler.counts.preemptionCount == 1)

        // Of two full blocks, the second was the least recently used leaf.
        #expect(try stepped.step() == [Rows(2, 4..<9)])
    }

    @Test func `what was used last stays longest`() throws {
        var stepped = try SteppedScheduler(step: 64, blocks: 8, blockLength: 4)
        let texts = (0..<3).map { number in (0..<9).map { Int32(number * 100 + $0) } }
        for (number, text) in texts.enumerated() {
            try stepped.enqueue(UInt64(number), tokens: text, new: 1)
            try stepped.step()
        }
        // Each left two full blocks; the third took a free one and needed none of theirs.
        #expect(stepped.scheduler.counts.cachedBlockCount == 6)
        try stepped.enqueue(10, tokens: texts[0], new: 1)
        #expect(try stepped.step() == [Rows(10, 8..<9)])

        try stepped.enqueue(11, tokens: (0..<16).map { 1000 + $0 }, new: 1)
        try stepped.step()

        try stepped.enqueue(12, tokens: texts[0], new: 1)
        #expect(try stepped.step() == [Rows(12, 8..<9)])
        try stepped.enqueue(13, tokens: texts[1], new: 1)
        #expect(try stepped.step() == [Rows(13, 0..<9)])
    }

    @Test func `prompts that arrive together compute what they have in common once`() throws {
        var stepped = try SteppedScheduler(seats: 8, step: 16, length: 128, blocks: 96)
        for id in 1...6 as ClosedRange<UInt64> {
            try stepped.enqueue(id, tokens: Self.text + [Int32(id) + 100], new: 1)
        }
        var rowCount = 0
        while stepped.phase(of: 6) != nil {
            rowCount += try stepped.step().reduce(0) { $0 + $1.positions.count }
        }

        // 40 common tokens once, the own one of each.
        #expect(rowCount == 40 + 6)
        #expect(stepped.scheduler.counts.preemptionCount == 0)
    }

    @Test func `a prompt to be scored is computed in full, and others find it`() throws {
        var stepped = try SteppedScheduler(step: 32)
        try stepped.enqueue(1, tokens: Array(Self.text[..<20]), new: 1)
        try stepped.step()

        try stepped.enqueue(2, tokens: Array(Self.text[..<20]), new: 1, scoresPrompt: true)
        #expect(try stepped.step() == [Rows(2, 0..<20)])
        #expect(stepped.plan.entries.map(\.logitsRowCount) == [20])
        #expect(stepped.scheduler.counts.cachedBlockCount == 5)
    }

    @Test func `a shared prefix needs room once`() throws {
        var stepped = try SteppedScheduler(step: 64, blocks: 9, blockLength: 4)
        try stepped.enqueue(1, tokens: Array(Self.text[..<24]), new: 3)
        try stepped.step()
        try stepped.enqueue(2, tokens: Array(Self.text[..<24]) + [50], new: 3)
        try stepped.step()

        // Six blocks in common, one more for each.
        #expect(stepped.phase(of: 2) == .decoding)
        #expect(stepped.scheduler.counts.usedBlockCount == 8)
    }
}
