// SPDX-License-Identifier: Apache-2.0

/// The fixed set of KV blocks and how many owners each has.
///
/// A block with one owner may be written; a block with more is shared and read only. Every
/// operation takes constant time, and memory is only taken by the initialiser.
package struct BlockPool: Sendable {
    private var referenceCounts: ContiguousArray<Int32>
    /// A stack, so that the block released last, whose memory is warmest, is given out first.
    private var freeIndices: ContiguousArray<Int32>

    /// Makes a pool of free blocks.
    package init(blockCount: Int32) {
        precondition(blockCount >= 0, "a pool cannot have \(blockCount) blocks")
        referenceCounts = ContiguousArray(repeating: 0, count: Int(blockCount))
        freeIndices = ContiguousArray((0..<blockCount).reversed())
    }

    /// How many blocks there are, free or not.
    package var blockCount: Int { referenceCounts.count }

    /// How many blocks can still be allocated.
    package var freeBlockCount: Int { freeIndices.count }

    /// How many owners the block has; none when it is free.
    package func referenceCount(of block: KVBlockID) -> Int {
        Int(referenceCounts[Int(block.index)])
    }

    /// Hands out a free block to its first owner, or nothing when all are in use.
    package mutating func allocate() -> KVBlockID? {
        guard let index = freeIndices.popLast() else { return nil }
        referenceCounts[Int(index)] = 1
        return KVBlockID(index)
    }

    /// Adds an owner to a block in use, which makes it read only for all of them.
    package mutating func retain(_ block: KVBlockID) {
        precondition(referenceCounts[Int(block.index)] > 0, "block \(block.index) is free")
        referenceCounts[Int(block.index)] += 1
    }

    /// Takes one owner off; the block is free again when that was the last.
    package mutating func release(_ block: KVBlockID) {
        precondition(referenceCounts[Int(block.index)] > 0, "block \(block.index) is free")
        referenceCounts[Int(block.index)] -= 1
        if referenceCounts[Int(block.index)] == 0 {
            freeIndices.append(block.index)
        }
    }

    /// Checks that exactly the blocks without owners are on the free list, each once.
    ///
    /// - Throws: `InvariantViolation` naming the first block for which this does not hold.
    package func checkInvariants() throws(InvariantViolation) {
        var isListed = ContiguousArray(repeating: false, count: blockCount)
        for index in freeIndices {
            try InvariantViolation.unless(
                !isListed[Int(index)], "block \(index) is on the free list twice")
            isListed[Int(index)] = true
        }
        for (index, count) in referenceCounts.enumerated() {
            try InvariantViolation.unless(count >= 0, "block \(index) has \(count) owners")
            try InvariantViolation.unless(
                isListed[index] == (count == 0),
                "block \(index) has \(count) owners, on the free list: \(isListed[index])")
        }
    }
}
