// SPDX-License-Identifier: Apache-2.0

/// Which KV blocks each seat holds, in the order of the positions that they hold: a table for each group
/// of layers.
///
/// All tables lie in one array of fixed size, a row per seat and group, so that growing one never
/// allocates. Of a table, the blocks from some index on are held; those before it were given back.
struct BlockTables: Sendable {
    var pool: BlockPool
    private var entries: ContiguousArray<Int32>
    /// Which entries of each row are held.
    private var held: ContiguousArray<Range<Int>>
    private let rowLength: Int
    private let spans: [KVSpan]
    private let maxStepTokenCount: Int
    private let blockLength: Int
    /// What must be copied before the next step runs, in this order.
    private(set) var copies: ContiguousArray<BlockCopy> = []

    init(limits: SchedulerLimits) {
        pool = BlockPool(blockCount: Int32(limits.kvBlockCount))
        rowLength = limits.maxTableLength
        spans = limits.kvSpans
        maxStepTokenCount = limits.maxStepTokenCount
        blockLength = limits.kvBlockLength
        let rowCount = limits.maxRunningSequenceCount * spans.count
        copies.reserveCapacity(rowCount)
        entries = ContiguousArray(repeating: 0, count: rowCount * rowLength)
        held = ContiguousArray(repeating: 0..<0, count: rowCount)
    }

    /// How many groups there are.
    var groupCount: Int { spans.count }

    /// How many blocks the seat holds, over all groups.
    func blockCount(ofSeat seat: Int) -> Int {
        (0..<groupCount).reduce(0) { $0 + held[row(seat, $1)].count }
    }

    /// Which indices of a group's table the seat holds.
    func held(ofSeat seat: Int, group: Int) -> Range<Int> { held[row(seat, group)] }

    /// The first `count` entries of a group's table, position by position; 0 where the block was given back.
    func table(
        ofSeat seat: Int, group: Int, count: Int
    ) -> ContiguousArray<Int32>.SubSequence {
        let start = row(seat, group) * rowLength
        return entries[start..<start + count]
    }

    /// How many blocks must be free before `grow` can succeed for a seat that holds none.
    func blockCount(forPositionCount positionCount: Int) -> Int {
        spans.reduce(0) {
            $0
                + $1.maxBlockCount(
                    forPositionCount: positionCount, maxStepTokenCount: maxStepTokenCount,
                    blockLength: blockLength)
        }
    }

    /// Gives back what positions from `start` on do not need, and takes what they do: up to
    /// `positionCount` in all or, in a group that sees less, as much as the largest step can need.
    /// All of what is missing is taken, or none. A block with positions from `start` on that others hold too
    /// is replaced by a copy.
    ///
    /// A seat that holds this much for an earlier `start` and the same or a larger `positionCount` has
    /// what it needs: it never takes more than it gives back.
    mutating func grow(seat: Int, from start: Int, toPositionCount positionCount: Int) -> Bool {
        var missing = 0
        for group in 0..<groupCount {
            release(seat, group, before: spans[group].firstPosition(for: start) / blockLength)
            missing += max(
                0, end(seat, group, positionCount) - held[row(seat, group)].upperBound)
            missing += sharedIndices(seat, group, from: start).count
        }
        guard missing <= pool.freeBlockCount else { return false }
        for group in 0..<groupCount {
            let row = row(seat, group)
            let end = end(seat, group, positionCount)
            for index in sharedIndices(seat, group, from: start) { copyBlock(row, index) }
            while held[row].upperBound < end, let block = pool.allocate() {
                entries[row * rowLength + held[row].upperBound] = block.index
                held[row] = held[row].lowerBound..<held[row].upperBound + 1
            }
        }
        return true
    }

    /// Takes the seat off all of its blocks, last first so that they are given out in order again.
    mutating func clear(seat: Int) {
        for group in (0..<groupCount).reversed() {
            let row = row(seat, group)
            for index in held[row].reversed() {
                pool.release(KVBlockID(entries[row * rowLength + index]))
                entries[row * rowLength + index] = 0
            }
            held[row] = 0..<0
        }
    }

    /// Makes a seat that holds nothing hold all blocks that another does.
    mutating func share(from seat: Int, to other: Int) {
        for group in 0..<groupCount {
            let (source, target) = (row(seat, group), row(other, group))
            held[target] = held[source]
            for index in held[source] {
                let block = entries[source * rowLength + index]
                pool.retain(KVBlockID(block))
                entries[target * rowLength + index] = block
            }
        }
    }

    /// Makes a seat hold a block at a place of the only group's table: one that it held there goes back, else
    /// the table must end there.
    mutating func place(_ block: KVBlockID, seat: Int, index: Int) {
        let row = row(seat, 0)
        precondition(groupCount == 1 && index <= held[row].upperBound, "a gap in a block table")
        pool.retain(block)
        if index < held[row].upperBound {
            pool.release(KVBlockID(entries[row * rowLength + index]))
        } else {
            held[row] = held[row].lowerBound..<index + 1
        }
        entries[row * rowLength + index] = block.index
    }

    /// The block at a place of a group's table.
    func block(ofSeat seat: Int, group: Int, index: Int) -> KVBlockID {
        KVBlockID(entries[row(seat, group) * rowLength + index])
    }

    /// Forgets copies that were made.
    mutating func removeCopies() { copies.removeAll(keepingCapacity: true) }

    /// Where a table has blocks with positions from `start` on that others hold too: at most one unless the
    /// seat has just been shared.
    private func sharedIndices(_ seat: Int, _ group: Int, from start: Int) -> [Int] {
        let held = held[row(seat, group)]
        let first = max(held.lowerBound, start / blockLength)
        guard first < held.upperBound else { return [] }
        return (first..<held.upperBound).filter {
            pool.referenceCount(of: block(ofSeat: seat, group: group, index: $0)) > 1
        }
    }

    private mutating func copyBlock(_ row: Int, _ index: Int) {
        let source = KVBlockID(entries[row * rowLength + index])
        guard let copy = pool.allocate() else { return }
        copies.append(BlockCopy(source: source, destination: copy))
        pool.release(source)
        entries[row * rowLength + index] = copy.index
    }

    private func row(_ seat: Int, _ group: Int) -> Int { seat * groupCount + group }

    /// Where a group's table ends when it begins at what is held now.
    private func end(_ seat: Int, _ group: Int, _ positionCount: Int) -> Int {
        let all = (positionCount + blockLength - 1) / blockLength
        let most = spans[group].maxBlockCount(
            forPositionCount: positionCount, maxStepTokenCount: maxStepTokenCount,
            blockLength: blockLength)
        return min(all, held[row(seat, group)].lowerBound + most)
    }

    private mutating func release(_ seat: Int, _ group: Int, before first: Int) {
        let row = row(seat, group)
        while held[row].lowerBound < min(first, held[row].upperBound) {
            let index = row * rowLength + held[row].lowerBound
            pool.release(KVBlockID(entries[index]))
            entries[index] = 0
            held[row] = held[row].lowerBound + 1..<held[row].upperBound
        }
        // Nothing is held before `first`, even when the table has not reached it yet.
        if held[row].isEmpty { held[row] = first..<first }
    }
}
