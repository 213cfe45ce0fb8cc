// SPDX-License-Identifier: Apache-2.0

/// Every limit that the scheduler keeps, checked against each other once, at start.
package struct SchedulerLimits: Equatable, Sendable {
    /// Seats: how many sequences may hold KV blocks and take part in steps at the same time.
    package let maxRunningSequenceCount: Int
    /// How many requests may wait before new ones are refused.
    package let maxWaitingRequestCount: Int
    /// How many tokens may wait for prefill before new requests are refused.
    package let maxWaitingTokenCount: Int
    /// The token budget: how many positions one step computes at most, over all sequences.
    package let maxStepTokenCount: Int
    /// The smaller budget for prefill in a step that also decodes, which bounds the decodes' stall.
    package let maxPrefillTokenCountWhileDecoding: Int
    /// The context length: prompt and new tokens of one sequence together.
    package let maxSequenceLength: Int
    /// How many KV blocks the pool has.
    package let kvBlockCount: Int
    /// How many positions one KV block holds.
    package let kvBlockLength: Int
    /// What each group of layers needs of a sequence's positions; each has a block table of its own.
    package let kvSpans: [KVSpan]
    /// Whether computed prefixes are kept for later sequences, as far as nobody needs their room.
    package let keepsPrefixes: Bool
    /// Whether keys and values differ between tokens of a prompt and generated ones.
    package let tellsPromptTokensApart: Bool

    /// Takes the limits and checks that each is possible and that they can be kept together.
    ///
    /// Without `maxPrefillTokenCountWhileDecoding`, prefill has the whole budget beside decodes.
    ///
    /// - Throws: `SchedulerLimitsError` for the first limit or pair that cannot be.
    package init(
        maxRunningSequenceCount: Int,
        maxWaitingRequestCount: Int,
        maxWaitingTokenCount: Int,
        maxStepTokenCount: Int,
        maxPrefillTokenCountWhileDecoding: Int? = nil,
        maxSequenceLength: Int,
        kvBlockCount: Int,
        kvBlockLength: Int = 16,
        kvSpans: [KVSpan] = [.full],
        keepsPrefixes: Bool = true,
        tellsPromptTokensApart: Bool = false
    ) throws(SchedulerLimitsError) {
        self.maxRunningSequenceCount = maxRunningSequenceCount
        self.maxWaitingRequestCount = maxWaitingRequestCount
        self.maxWaitingTokenCount = maxWaitingTokenCount
        self.maxStepTokenCount = maxStepTokenCount
        self.maxPrefillTokenCountWhileDecoding =
            maxPrefillTokenCountWhileDecoding ?? maxStepTokenCount
        self.maxSequenceLength = maxSequenceLength
        self.kvBlockCount = kvBlockCount
        self.kvBlockLength = kvBlockLength
        self.kvSpans = kvSpans
        self.keepsPrefixes = keepsPrefixes
        self.tellsPromptTokensApart = tellsPromptTokensApart
        try checkRanges()
        try checkRelations()
    }

    /// How many blocks this many positions of one sequence take.
    package func blockCount(forPositionCount positionCount: Int) -> Int {
        (positionCount + kvBlockLength - 1) / kvBlockLength
    }

    /// Whether prefixes can be found again: a layer that sees a window has given up the blocks before it.
    package var reusesPrefixes: Bool { keepsPrefixes && kvSpans == [.full] }

    /// The longest sequence that the context and the whole pool have room for.
    package var maxFittingSequenceLength: Int {
        var fits = 1
        var tooLong = maxSequenceLength + 1
        while tooLong - fits > 1 {
            let length = fits + (tooLong - fits) / 2
            let blockCount = kvSpans.reduce(0) {
                $0
                    + $1.maxBlockCount(
                        forPositionCount: length, maxStepTokenCount: maxStepTokenCount,
                        blockLength: kvBlockLength)
            }
            if blockCount <= kvBlockCount { fits = length } else { tooLong = length }
        }
        return fits
    }

    /// How many entries the longest possible block table has.
    var maxTableLength: Int {
        let length = blockCount(forPositionCount: maxSequenceLength)
        // Where nothing is given back, no table is longer than the pool.
        return kvSpans.contains(.full) ? min(length, kvBlockCount) : length
    }

    /// How many entries all block tables have together at most.
    var maxTableEntryCount: Int { maxRunningSequenceCount * kvSpans.count * maxTableLength }

    /// Block ids are 32 bits wide; holding every limit to that keeps all sums below within `Int`.
    private static let allowedValues = 1...Int(Int32.max)

    /// The room for all block tables together, 256 MiB: far above 256 seats of a million positions.
    private static let maxBlockTableEntryCount = 1 << 26

    private func checkRanges() throws(SchedulerLimitsError) {
        let named = [
            ("maxRunningSequenceCount", maxRunningSequenceCount),
            ("maxWaitingRequestCount", maxWaitingRequestCount),
            ("maxWaitingTokenCount", maxWaitingTokenCount),
            ("maxStepTokenCount", maxStepTokenCount),
            ("maxPrefillTokenCountWhileDecoding", maxPrefillTokenCountWhileDecoding),
            ("maxSequenceLength", maxSequenceLength),
            ("kvBlockCount", kvBlockCount),
            ("kvBlockLength", kvBlockLength),
            ("kvSpans.count", kvSpans.count),
        ]
        for (name, value) in named where !Self.allowedValues.contains(value) {
            throw .outOfRange(name: name, value: value, allowed: Self.allowedValues)
        }
        for case .sliding(let value) in kvSpans where !Self.allowedValues.contains(value) {
            throw .outOfRange(name: "kvSpans", value: value, allowed: Self.allowedValues)
        }
        for case .chunked(let value) in kvSpans where !Self.allowedValues.contains(value) {
            throw .outOfRange(name: "kvSpans", value: value, allowed: Self.allowedValues)
        }
    }

    private func checkRelations() throws(SchedulerLimitsError) {
        if maxStepTokenCount < maxRunningSequenceCount {
            throw .stepBelowSeats(
                maxStepTokenCount: maxStepTokenCount,
                maxRunningSequenceCount: maxRunningSequenceCount)
        }
        if maxPrefillTokenCountWhileDecoding > maxStepTokenCount {
            throw .prefillAboveStep(
                maxPrefillTokenCountWhileDecoding: maxPrefillTokenCountWhileDecoding,
                maxStepTokenCount: maxStepTokenCount)
        }
        if maxWaitingTokenCount < maxSequenceLength {
            throw .queueBelowSequence(
                maxWaitingTokenCount: maxWaitingTokenCount, maxSequenceLength: maxSequenceLength)
        }
        let (rowCount, overflows) = maxRunningSequenceCount.multipliedReportingOverflow(
            by: kvSpans.count)
        let (product, overflowsAgain) = rowCount.multipliedReportingOverflow(by: maxTableLength)
        let entryCount = overflows || overflowsAgain ? Int.max : product
        if entryCount > Self.maxBlockTableEntryCount {
            throw .blockTablesTooLarge(
                entryCount: entryCount, maxEntryCount: Self.maxBlockTableEntryCount)
        }
    }
}
