// SPDX-License-Identifier: Apache-2.0

import Scheduling
import Testing

/// Layers that see only part of a sequence give up the blocks of the rest.
@Suite struct SpanTests {
    private static let spans: [KVSpan] = [.full, .sliding(1), .sliding(9), .chunked(8)]

    @Test(arguments: spans)
    func `what a position sees begins where the definition says`(span: KVSpan) {
        for position in 0..<50 {
            let seen = (0...position).filter { earlier in
                switch span {
                case .full: true
                case .sliding(let length): position - earlier < length
                case .chunked(let length): position / length == earlier / length
                }
            }

            #expect(span.firstPosition(for: position) == seen.first)
        }
    }

    @Test(arguments: [KVSpan.sliding(9), .chunked(8)])
    func `a long sequence holds no more than its window and a step`(span: KVSpan) throws {
        var stepped = try SteppedScheduler(step: 16, length: 300, blocks: 24, spans: [span])
        try stepped.enqueue(1, prompt: 200, new: 100)
        let bound = span.maxBlockCount(
            forPositionCount: 299, maxStepTokenCount: 16, blockLength: 4)

        while stepped.scheduler.phase(of: SequenceID(1)) != nil {
            try stepped.step()
            #expect(stepped.scheduler.counts.usedBlockCount <= bound)
        }

        #expect(bound < 8)
        #expect(stepped.scheduler.counts.usedBlockCount == 0)
    }

    @Test func `a decode holds the blocks that its window touches`() throws {
        var stepped = try SteppedScheduler(
            step: 16, length: 300, blocks: 24, spans: [.sliding(8)])
        try stepped.enqueue(1, prompt: 64, new: 20)
        for _ in 0..<4 { try stepped.step() }

        for position in 64..<70 {
            try stepped.step()
            let windowBlocks = position / 4 - (position - 7) / 4 + 1
            #expect(stepped.scheduler.counts.usedBlockCount == windowBlocks)
        }
    }

    @Test func `groups that see everything keep everything`() throws {
        var stepped = try SteppedScheduler(
            step: 16, length: 300, blocks: 40, spans: [.full, .sliding(8)])
        try stepped.enqueue(1, prompt: 64, new: 20)
        for _ in 0..<5 { try stepped.step() }

        #expect(stepped.scheduler.counts.usedBlockCount == 17 + 3)
    }

    @Test func `a pool that holds no whole sequence serves one whose window it holds`() throws {
        var stepped = try SteppedScheduler(
            step: 8, length: 300, blocks: 5, spans: [.sliding(8)])

        try stepped.enqueue(1, prompt: 100, new: 100)

        #expect(throws: AdmissionError.neverFits(neededBlockCount: 5, poolBlockCount: 4)) {
            var small = try SteppedScheduler(
                step: 8, length: 300, blocks: 4, spans: [.sliding(8)])
            try small.enqueue(1, prompt: 100, new: 100)
        }
    }
}
