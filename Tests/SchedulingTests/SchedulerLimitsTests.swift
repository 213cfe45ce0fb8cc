// SPDX-License-Identifier: Apache-2.0

import Scheduling
import Testing

@Suite struct SchedulerLimitsTests {
    private func makeLimits(
        seats: Int = 4, waiting: Int = 8, waitingTokens: Int = 128, step: Int = 32,
        whileDecoding: Int? = nil, length: Int = 64, blocks: Int = 16, blockLength: Int = 16
    ) throws(SchedulerLimitsError) -> SchedulerLimits {
        try SchedulerLimits(
            maxRunningSequenceCount: seats, maxWaitingRequestCount: waiting,
            maxWaitingTokenCount: waitingTokens, maxStepTokenCount: step,
            maxPrefillTokenCountWhileDecoding: whileDecoding, maxSequenceLength: length,
            kvBlockCount: blocks, kvBlockLength: blockLength)
    }

    @Test func `prefill has the whole budget beside decodes unless told otherwise`() throws {
        #expect(try makeLimits().maxPrefillTokenCountWhileDecoding == 32)
        #expect(try makeLimits(whileDecoding: 8).maxPrefillTokenCountWhileDecoding == 8)
    }

    @Test(arguments: [Int.min, -1, 0, 1 << 31, Int.max])
    func `a limit that no machine could use is refused by name`(value: Int) {
        let allowed = 1...Int(Int32.max)
        func refusal(_ name: String) -> SchedulerLimitsError {
            .outOfRange(name: name, value: value, allowed: allowed)
        }
        #expect(throws: refusal("maxRunningSequenceCount")) { try makeLimits(seats: value) }
        #expect(throws: refusal("maxWaitingRequestCount")) { try makeLimits(waiting: value) }
        #expect(throws: refusal("maxWaitingTokenCount")) { try makeLimits(waitingTokens: value) }
        #expect(throws: refusal("maxStepTokenCount")) {
            try makeLimits(step: value, whileDecoding: 1)
        }
        #expect(throws: refusal("maxPrefillTokenCountWhileDecoding")) {
            try makeLimits(whileDecoding: value)
        }
        #expect(throws: refusal("maxSequenceLength")) { try makeLimits(length: value) }
        #expect(throws: refusal("kvBlockCount")) { try makeLimits(blocks: value) }
        #expect(throws: refusal("kvBlockLength")) { try makeLimits(blockLength: value) }
    }

    @Test func `a step that cannot hold one token of each seat is refused`() throws {
        #expect(
            throws: SchedulerLimitsError.stepBelowSeats(
                maxStepTokenCount: 3, maxRunningSequenceCount: 4)
        ) { try makeLimits(step: 3) }
        #expect(try makeLimits(step: 4).maxStepTokenCount == 4)
    }

    @Test func `prefill beside decodes may not exceed the step`() {
        #expect(
            throws: SchedulerLimitsError.prefillAboveStep(
                maxPrefillTokenCountWhileDecoding: 33, maxStepTokenCount: 32)
        ) { try makeLimits(whileDecoding: 33) }
    }

    @Test func `a queue too small for one legal prompt is refused`() throws {
        #expect(
            throws: SchedulerLimitsError.queueBelowSequence(
                maxWaitingTokenCount: 63, maxSequenceLength: 64)
        ) { try makeLimits(waitingTokens: 63) }
        #expect(try makeLimits(waitingTokens: 64).maxWaitingTokenCount == 64)
    }

    @Test func `block tables beyond reason are refused`() {
        let many = Int(Int32.max)
        #expect(
            throws: SchedulerLimitsError.blockTablesTooLarge(
                entryCount: 64 * (1 << 27), maxEntryCount: 1 << 26)
        ) {
            try makeLimits(
                seats: 64, waitingTokens: many, step: 64, length: many, blocks: many,
                blockLength: 16)
        }
    }

    @Test func `positions round up to whole blocks`() throws {
        let limits = try makeLimits()

        #expect([0, 1, 16, 17].map(limits.blockCount(forPositionCount:)) == [0, 1, 1, 2])
    }
}
