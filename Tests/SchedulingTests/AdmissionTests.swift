// SPDX-License-Identifier: Apache-2.0

import Scheduling
import Testing

@Suite struct AdmissionTests {
    @Test func `a prompt without tokens is refused`() throws {
        var stepped = try SteppedScheduler()

        #expect(throws: AdmissionError.emptyPrompt) { try stepped.enqueue(1, prompt: 0, new: 5) }
    }

    @Test(arguments: [(60, 5), (65, 0), (1, Int.max), (9000, Int.max)])
    func `more than the context length is refused`(prompt: Int, new: Int) throws {
        var stepped = try SteppedScheduler(length: 64)

        #expect(
            throws: AdmissionError.tooLong(
                promptTokenCount: prompt, maxNewTokenCount: new, maxSequenceLength: 64)
        ) { try stepped.enqueue(1, prompt: prompt, new: new) }
        try stepped.enqueue(2, prompt: 60, new: 4)
    }

    @Test func `what would outgrow the whole pool is refused at once`() throws {
        var stepped = try SteppedScheduler(length: 64, blocks: 5, blockLength: 4)

        // 22 tokens keep 21 positions, since the last one is never computed.
        #expect(throws: AdmissionError.neverFits(neededBlockCount: 6, poolBlockCount: 5)) {
            try stepped.enqueue(1, prompt: 10, new: 12)
        }
        try stepped.enqueue(2, prompt: 10, new: 11)

        for _ in 0..<11 {
            try stepped.step()
        }
        #expect(stepped.phase(of: 2) == nil)
        #expect(stepped.scheduler.counts.preemptionCount == 0)
    }

    @Test func `a full queue refuses by requests`() throws {
        var stepped = try SteppedScheduler(waiting: 2, length: 64)
        try stepped.enqueue(1, prompt: 3, new: 1)
        try stepped.enqueue(2, prompt: 4, new: 1)

        #expect(
            throws: AdmissionError.queueFull(
                waitingRequestCount: 2, maxWaitingRequestCount: 2,
                waitingTokenCount: 7, maxWaitingTokenCount: 128)
        ) { try stepped.enqueue(3, prompt: 1, new: 1) }
    }

    @Test func `a full queue refuses by tokens`() throws {
        var stepped = try SteppedScheduler(length: 64)
        try stepped.enqueue(1, prompt: 60, new: 1)
        try stepped.enqueue(2, prompt: 60, new: 1)

        #expect(
            throws: AdmissionError.queueFull(
                waitingRequestCount: 2, maxWaitingRequestCount: 8,
                waitingTokenCount: 120, maxWaitingTokenCount: 128)
        ) { try stepped.enqueue(3, prompt: 9, new: 1) }
        try stepped.enqueue(4, prompt: 8, new: 1)
    }

    @Test func `one waits behind no more than find a seat or are served in time`() throws {
        var stepped = try SteppedScheduler(seats: 1)
        try stepped.scheduler.checkWait(of: nil, servedInTimeCount: 0)
        for id in 1...3 as ClosedRange<UInt64> { try stepped.enqueue(id, prompt: 3, new: 2) }

        // The seat is free, so one of the three needs no time.
        try stepped.scheduler.checkWait(of: nil, servedInTimeCount: 2)
        #expect(throws: AdmissionError.waitTooLong(waitingRequestCount: 3, inTimeCount: 2)) {
            try stepped.scheduler.checkWait(of: nil, servedInTimeCount: 1)
        }

        try stepped.step()
        try stepped.scheduler.checkWait(of: nil, servedInTimeCount: 2)
        #expect(throws: AdmissionError.waitTooLong(waitingRequestCount: 2, inTimeCount: 1)) {
            try stepped.scheduler.checkWait(of: nil, servedInTimeCount: 1)
        }
    }

    @Test func `an owner has its share of those that are served in time`() throws {
        var stepped = try SteppedScheduler(seats: 1)
        for id in 1...5 as ClosedRange<UInt64> {
            try stepped.enqueue(
                id, tokens: [1, 2], new: 1, namespace: .init(owner: id > 3 ? "b" : "a"))
        }

        try stepped.scheduler.checkWait(of: "b", servedInTimeCount: 3)
        try stepped.scheduler.checkWait(of: "c", servedInTimeCount: 0)
        #expect(throws: AdmissionError.self) {
            try stepped.scheduler.checkWait(of: "a", servedInTimeCount: 3)
        }
    }

    @Test func `a refusal shows its arithmetic`() {
        let refusals: [AdmissionError] = [
            .tooLong(promptTokenCount: 60, maxNewTokenCount: 5, maxSequenceLength: 64),
            .neverFits(neededBlockCount: 6, poolBlockCount: 5),
            .queueFull(
                waitingRequestCount: 2, maxWaitingRequestCount: 8,
                waitingTokenCount: 120, maxWaitingTokenCount: 128),
            .waitTooLong(waitingRequestCount: 9, inTimeCount: 4),
        ]

        #expect(
            refusals.map(\.description) == [
                "60 prompt tokens and up to 5 new tokens exceed the context length of 64 tokens",
                "the sequence may need 6 KV blocks, the whole pool has 5",
                "2 of 8 requests with 120 of 128 tokens are already waiting",
                "9 requests are waiting, of which no more than 4 will begin within the time that one may wait",
            ])
    }

    @Test func `a refused request leaves nothing behind`() throws {
        var stepped = try SteppedScheduler()

        try? stepped.enqueue(1, prompt: 65, new: 1)

        #expect(stepped.scheduler.counts.waitingRequestCount == 0)
        #expect(stepped.phase(of: 1) == nil)
    }

    @Test func `seats are given in order of arrival`() throws {
        var stepped = try SteppedScheduler(seats: 2)
        for id in 1...3 as ClosedRange<UInt64> {
            try stepped.enqueue(id, prompt: 2, new: 2)
        }

        #expect(try stepped.step() == [Rows(1, 0..<2), Rows(2, 0..<2)])
        #expect(try stepped.step() == [Rows(1, 2..<3), Rows(2, 2..<3)])
        #expect(try stepped.step() == [Rows(3, 0..<2)])
    }

    @Test func `a small request does not overtake one that waits for blocks`() throws {
        var stepped = try SteppedScheduler(blocks: 8, blockLength: 4)
        try stepped.enqueue(1, prompt: 16, new: 2)
        try stepped.enqueue(2, prompt: 16, new: 2)
        try stepped.enqueue(3, prompt: 1, new: 2)

        #expect(try stepped.step() == [Rows(1, 0..<16)])
        #expect(stepped.phase(of: 2) == .waiting)
        #expect(stepped.phase(of: 3) == .waiting)
    }

    @Test func `a newcomer leaves a block for each running sequence to grow into`() throws {
        var stepped = try SteppedScheduler(blocks: 5, blockLength: 4)
        try stepped.enqueue(1, prompt: 8, new: 4)
        try stepped.enqueue(2, prompt: 12, new: 1)
        try stepped.step()
        #expect(stepped.phase(of: 2) == .waiting)

        stepped = try SteppedScheduler(blocks: 6, blockLength: 4)
        try stepped.enqueue(1, prompt: 8, new: 4)
        try stepped.enqueue(2, prompt: 12, new: 2)
        try stepped.step()
        #expect(stepped.phase(of: 2) == .decoding)
    }

    @Test func `the counts follow the queue and the pool`() throws {
        var stepped = try SteppedScheduler(seats: 1, blocks: 16, blockLength: 4)
        try stepped.enqueue(1, prompt: 9, new: 2)
        try stepped.enqueue(2, prompt: 7, new: 2)
        try stepped.step()

        let counts = stepped.scheduler.counts

        #expect(counts.runningSequenceCount == 1)
        #expect(counts.waitingRequestCount == 1)
        #expect(counts.waitingTokenCount == 7)
        #expect(counts.usedBlockCount == 3)
        #expect(counts.freeBlockCount == 13)
    }
}
