// SPDX-License-Identifier: Apache-2.0

/// The fixed set of KV blocks, how many owners each has, and which full ones can be found by their content.
///
/// A block with one owner may be written; a block with more is shared and read only. A block that is found by
/// its content stays findable when its last owner leaves, until it is the one of those without owners that was
/// let go first and another is needed. An owner of a block owns all blocks before it too and lets them go last
/// to first, so no block is forgotten before those that continue it: what goes is the least recently used
/// leaf of the tree that prefixes form.
package struct BlockPool: Sendable {
    private var referenceCounts: ContiguousArray<Int32>
    /// Blocks without content: a stack, so that the block released last, whose memory is warmest, is given
    /// out first.
    private var freeIndices: ContiguousArray<Int32>
    /// Blocks with content and without owners.
    private var idle: IdleBlocks
    private var blocks: [PrefixKey: KVBlockID] = [:]
    /// By block, what it is found by.
    private var keys: ContiguousArray<PrefixKey?>

    /// Makes a pool of free blocks.
    package init(blockCount: Int32) {
        precondition(blockCount >= 0, "a pool cannot have \(blockCount) blocks")
        referenceCounts = ContiguousArray(repeating: 0, count: Int(blockCount))
        freeIndices = ContiguousArray((0..<blockCount).reversed())
        idle = IdleBlocks(blockCount: blockCount)
        keys = ContiguousArray(repeating: nil, count: Int(blockCount))
    }

    /// How many blocks there are, free or not.
    package var blockCount: Int { referenceCounts.count }

    /// How many blocks can still be allocated: those without owners.
    package var freeBlockCount: Int { freeIndices.count + idle.count }

    /// How many blocks can be found by their content.
    package var cachedBlockCount: Int { blocks.count }

    /// How many owners the block has; none when it is free.
    package func referenceCount(of block: KVBlockID) -> Int {
        Int(referenceCounts[Int(block.index)])
    }

    /// Hands out a free block to its first owner, or nothing when all are in use.
    package mutating func allocate() -> KVBlockID? {
        let block: KVBlockID
        if let index = freeIndices.popLast() {
            block = KVBlockID(index)
        } else if let oldest = idle.popFirst() {
            block = oldest
            forget(block)
        } else {
            return nil
        }
        referenceCounts[Int(block.index)] = 1
        return block
    }

    /// Adds an owner to a block in use or found by its content, which makes it read only for all of them.
    package mutating func retain(_ block: KVBlockID) {
        let count = referenceCounts[Int(block.index)]
        precondition(count > 0 || idle.contains(block), "block \(block.index) is free")
        if count == 0 { idle.remove(block) }
        referenceCounts[Int(block.index)] = count + 1
    }

    /// Takes one owner off; the block is free again when that was the last.
    package mutating func release(_ block: KVBlockID) {
        precondition(referenceCounts[Int(block.index)] > 0, "block \(block.index) is free")
        referenceCounts[Int(block.index)] -= 1
        guard referenceCounts[Int(block.index)] == 0 else { return }
        if keys[Int(block.index)] == nil {
            freeIndices.append(block.index)
        } else {
            idle.append(block)
        }
    }

    /// The block with this content.
    func block(for key: PrefixKey) -> KVBlockID? { blocks[key] }

    /// Makes a block in use findable by its content, which no other block may have yet.
    mutating func remember(_ block: KVBlockID, as key: PrefixKey) {
        precondition(referenceCounts[Int(block.index)] > 0, "block \(block.index) is free")
        precondition(keys[Int(block.index)] == nil && blocks[key] == nil, "remembered already")
        blocks[key] = block
        keys[Int(block.index)] = key
    }

    private mutating func forget(_ block: KVBlockID) {
        guard let key = keys[Int(block.index)] else { return }
        blocks[key] = nil
        keys[Int(block.index)] = nil
    }

    /// Checks that each block without owners is free or idle, once, and that what is found by content hangs
    /// together.
    ///
    /// - Throws: `InvariantViolation` naming the first block for which this does not hold.
    package func checkInvariants() throws(InvariantViolation) {
        var isListed = ContiguousArray(repeating: false, count: blockCount)
        for index in freeIndices + idle.all.map(\.index) {
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
        for index in freeIndices {
            try InvariantViolation.unless(
                keys[Int(index)] == nil, "block \(index) is free and has content")
        }
        try checkPrefixes()
    }

    private func checkPrefixes() throws(InvariantViolation) {
        try InvariantViolation.unless(
            keys.count { $0 != nil } == blocks.count, "\(blocks.count) blocks are found by content")
        var age = ContiguousArray(repeating: 0, count: blockCount)
        for (place, block) in idle.all.enumerated() { age[Int(block.index)] = place }
        for (key, block) in blocks {
            try InvariantViolation.unless(
                keys[Int(block.index)] == key, "block \(block.index) is found by another's content")
            guard case .block(let parent) = key.parent else { continue }
            try InvariantViolation.unless(
                keys[Int(parent.index)] != nil,
                "block \(block.index) continues \(parent.index), which is forgotten")
            try InvariantViolation.unless(
                referenceCount(of: parent) > 0
                    || idle.contains(block) && age[Int(parent.index)] > age[Int(block.index)],
                "block \(parent.index) would be forgotten before \(block.index), which continues it"
            )
        }
    }
}
