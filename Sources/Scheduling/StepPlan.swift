// SPDX-License-Identifier: Apache-2.0

/// The work of one step: decodes first, then chunks of prefill.
///
/// Make one and plan into it again and again: its arrays keep their memory.
package struct StepPlan: Sendable {
    /// The rows that one sequence contributes to the step.
    package struct Entry: Equatable, Sendable {
        /// Whose tokens these are.
        package let sequence: SequenceID
        /// The position of the first row; every position before it has been computed.
        package let startPosition: Int
        /// How many rows, one for each position from `startPosition` on.
        package let tokenCount: Int
        /// Where in `blockTables` the sequence's block tables lie: one for each group of layers, each
        /// up to this entry's last position. Entries of blocks that were given back are 0.
        package let blockTables: Range<Int>
        /// How many rows need logits, counted from the last row backwards.
        package let logitsRowCount: Int
        /// How many of the rows, the last ones, hold guesses at what comes next; they need logits, and so does
        /// the row before them.
        package let draftTokenCount: Int
        /// How many tokens the step may append: none before the prefill is complete, else one, and one for
        /// each guess that proves right.
        package let maxAcceptedTokenCount: Int
        /// Where in `forks` the sequences are that sample from the last row too; they begin with this step.
        package let forks: Range<Int>
        /// How many tokens the sequence may still get before it ends for its length.
        package let remainingTokenCount: Int
        /// Where the sequence stood among the running ones when the step was planned.
        let runningIndex: Int

        /// The position after this entry's last row.
        package var endPosition: Int { startPosition + tokenCount }
    }

    /// One entry for each sequence that takes part in the step.
    package private(set) var entries: ContiguousArray<Entry> = []
    /// How many of the entries, the first ones, are decodes.
    package private(set) var decodeCount = 0
    /// How many rows the step has, over all entries.
    package private(set) var tokenCount = 0
    /// The block tables of all entries, one behind the other, as kernels read them.
    package private(set) var blockTables: ContiguousArray<Int32> = []
    /// The forks of all entries, one behind the other.
    package private(set) var forks: ContiguousArray<SequenceID> = []
    /// Blocks to copy before the step runs, one after the other.
    package private(set) var copies: ContiguousArray<BlockCopy> = []
    /// Whom this step put back into the queue to make room, youngest first.
    package private(set) var preempted: ContiguousArray<SequenceID> = []

    /// Makes an empty plan, with room for steps whose sequences share no blocks.
    package init(limits: SchedulerLimits) {
        let seatCount = limits.maxRunningSequenceCount
        entries.reserveCapacity(seatCount)
        blockTables.reserveCapacity(
            limits.kvSpans.allSatisfy { $0 == .full }
                ? min(limits.kvBlockCount, limits.maxTableEntryCount) : limits.maxTableEntryCount)
        preempted.reserveCapacity(seatCount)
        copies.reserveCapacity(seatCount * limits.kvSpans.count)
    }

    /// How many outcomes a commit takes: one for each entry, each followed by one for each of its forks.
    package var outcomeCount: Int { entries.count + forks.count }

    mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        decodeCount = 0
        tokenCount = 0
        blockTables.removeAll(keepingCapacity: true)
        forks.removeAll(keepingCapacity: true)
        copies.removeAll(keepingCapacity: true)
        preempted.removeAll(keepingCapacity: true)
    }

    mutating func append(_ entry: Entry, isDecode: Bool) {
        entries.append(entry)
        decodeCount += isDecode ? 1 : 0
        tokenCount += entry.tokenCount
    }

    mutating func appendBlockTable(_ blocks: ContiguousArray<Int32>.SubSequence) {
        blockTables.append(contentsOf: blocks)
    }

    mutating func appendForks(_ sequences: [SequenceID]) {
        forks.append(contentsOf: sequences)
    }

    mutating func appendCopies(_ newCopies: ContiguousArray<BlockCopy>) {
        copies.append(contentsOf: newCopies)
    }

    mutating func appendPreempted(_ sequence: SequenceID) {
        preempted.append(sequence)
    }
}
