// SPDX-License-Identifier: Apache-2.0

/// A queue of KV blocks, oldest first, from which any block can be taken in constant time.
struct IdleBlocks: Sendable {
    /// A ring of blocks; the last index is the ring's own. A block outside points to itself.
    private var next: ContiguousArray<Int32>
    private var previous: ContiguousArray<Int32>
    private(set) var count = 0

    init(blockCount: Int32) {
        next = ContiguousArray(0...blockCount)
        previous = next
    }

    private var end: Int { next.count - 1 }

    func contains(_ block: KVBlockID) -> Bool { next[Int(block.index)] != block.index }

    /// Puts a block behind all others.
    mutating func append(_ block: KVBlockID) {
        let index = Int(block.index)
        let last = previous[end]
        next[index] = Int32(end)
        previous[index] = last
        next[Int(last)] = block.index
        previous[end] = block.index
        count += 1
    }

    mutating func remove(_ block: KVBlockID) {
        let index = Int(block.index)
        next[Int(previous[index])] = next[index]
        previous[Int(next[index])] = previous[index]
        next[index] = block.index
        previous[index] = block.index
        count -= 1
    }

    mutating func popFirst() -> KVBlockID? {
        guard count > 0 else { return nil }
        let first = KVBlockID(next[end])
        remove(first)
        return first
    }

    /// All blocks, oldest first.
    var all: [KVBlockID] {
        var blocks: [KVBlockID] = []
        var index = next[end]
        while index != end {
            blocks.append(KVBlockID(index))
            index = next[Int(index)]
        }
        return blocks
    }
}
