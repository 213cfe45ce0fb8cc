// SPDX-License-Identifier: Apache-2.0

/// What two neighbours become, and how soon: the lowest rank merges first.
struct Merge: Sendable {
    let rank: UInt32
    let id: Int32

    /// Stands for two neighbours that do not merge.
    static let none = Merge(rank: .max, id: -1)
}

/// From a pair of token ids to their merge: one flat table with open addressing.
struct PairTable: Sendable {
    private struct Slot {
        var pair: UInt64
        var merge: Merge
    }

    private var slots: [Slot]
    private let mask: Int

    /// An empty table for this many pairs.
    init(count: Int) {
        let capacity = hashCapacity(for: count)
        slots = Array(repeating: Slot(pair: .max, merge: .none), count: capacity)
        mask = capacity - 1
    }

    /// Adds a pair; of two merges of the same pair the first stays.
    mutating func insert(_ left: Int32, _ right: Int32, _ merge: Merge) {
        let pair = Self.pair(left, right)
        var index = start(of: pair)
        while slots[index].pair != .max {
            if slots[index].pair == pair { return }
            index = (index + 1) & mask
        }
        slots[index] = Slot(pair: pair, merge: merge)
    }

    /// The merge of two tokens, `.none` if they have none.
    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> Merge {
        let pair = Self.pair(left, right)
        var index = start(of: pair)
        while slots[index].pair != .max {
            if slots[index].pair == pair { return slots[index].merge }
            index = (index + 1) & mask
        }
        return .none
    }

    @inline(__always)
    private func start(of pair: UInt64) -> Int {
        // The golden ratio spreads the low bits of both ids over the high bits of the product.
        Int(truncatingIfNeeded: (pair ^ pair >> 32) &* 0x9E37_79B9_7F4A_7C15 >> 32) & mask
    }

    @inline(__always)
    private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}
