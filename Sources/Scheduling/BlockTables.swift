// SPDX-License-Identifier: Apache-2.0

/// Which KV blocks each seat holds, in the order of the positions that they hold.
///
/// All tables lie in one array of fixed size, a row per seat, so that growing one never allocates.
struct BlockTables: Sendable {
    var pool: BlockPool
    private var entries: ContiguousArray<Int32>
    private var blockCounts: ContiguousArray<Int>
    private let rowLength: Int

    init(limits: SchedulerLimits) {
        pool = BlockPool(blockCount: Int32(limits.kvBlockCount))
        rowLength = limits.maxBlockCountPerSequence
        let seatCount = limits.maxRunningSequenceCount
        entries = ContiguousArray(repeating: 0, count: seatCount * rowLength)
        blockCounts = ContiguousArray(repeating: 0, count: seatCount)
    }

    /// How many blocks the seat holds.
    func blockCount(ofSeat seat: Int) -> Int { blockCounts[seat] }

    /// The seat's blocks, first position first.
    func blocks(ofSeat seat: Int) -> ContiguousArray<Int32>.SubSequence {
        entries[seat * rowLength..<seat * rowLength + blockCounts[seat]]
    }

    /// Gives the seat as many blocks as asked for; all of what is missing, or none.
    mutating func grow(seat: Int, toBlockCount target: Int) -> Bool {
        guard target - blockCounts[seat] <= pool.freeBlockCount else { return false }
        while blockCounts[seat] < target, let block = pool.allocate() {
            entries[seat * rowLength + blockCounts[seat]] = block.index
            blockCounts[seat] += 1
        }
        return true
    }

    /// Takes the seat off all of its blocks, last first so that they are given out in order again.
    mutating func clear(seat: Int) {
        for entry in blocks(ofSeat: seat).indices.reversed() {
            pool.release(KVBlockID(entries[entry]))
        }
        blockCounts[seat] = 0
    }
}
