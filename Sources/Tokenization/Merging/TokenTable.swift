// SPDX-License-Identifier: Apache-2.0

/// From the bytes of a token to its id: one flat table with open addressing.
struct TokenTable: Sendable {
    private struct Slot {
        var hash: UInt32
        var id: Int32
    }

    private let tokens: TokenBytes
    private var slots: [Slot]
    private let mask: Int
    /// The length of the longest token in the table.
    private(set) var maxTokenBytes = 0

    /// A table of the given tokens; of two with the same bytes the first stays.
    init(_ tokens: TokenBytes, of ids: some Collection<Int32>) {
        self.tokens = tokens
        let capacity = hashCapacity(for: ids.count)
        slots = Array(repeating: Slot(hash: 0, id: -1), count: capacity)
        mask = capacity - 1
        for id in ids { insert(id) }
    }

    private mutating func insert(_ id: Int32) {
        let range = tokens.range(of: id)
        guard !range.isEmpty, self.id(of: tokens.bytes, in: range) == nil else { return }
        let hash = Self.hash(of: tokens.bytes, in: range)
        var index = Int(hash) & mask
        while slots[index].id >= 0 { index = (index + 1) & mask }
        slots[index] = Slot(hash: hash, id: id)
        maxTokenBytes = max(maxTokenBytes, range.count)
    }

    /// The token with exactly the bytes of the range.
    func id(of bytes: [UInt8], in range: Range<Int>) -> Int32? {
        id(of: bytes, in: range, hash: Self.hash(of: bytes, in: range))
    }

    /// The token with exactly the bytes of the range, whose hash the caller has.
    func id(of bytes: [UInt8], in range: Range<Int>, hash: UInt32) -> Int32? {
        var index = Int(hash) & mask
        while slots[index].id >= 0 {
            let slot = slots[index]
            if slot.hash == hash, tokens.equal(slot.id, bytes, in: range) { return slot.id }
            index = (index + 1) & mask
        }
        return nil
    }

    /// A hash of the bytes of the range (FNV-1a, folded).
    @inline(__always)
    static func hash(of bytes: [UInt8], in range: Range<Int>) -> UInt32 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes[range] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    }
}

/// The number of slots for this many keys: a power of two that they fill to half at most.
func hashCapacity(for count: Int) -> Int {
    var capacity = 16
    while capacity < count * 2 { capacity *= 2 }
    return capacity
}
