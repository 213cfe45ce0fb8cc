// SPDX-License-Identifier: Apache-2.0

/// The bytes of every token, end to end.
struct TokenBytes: Sendable {
    private(set) var bytes: [UInt8] = []
    private var ends: [Int] = []

    /// How many tokens there are.
    var count: Int { ends.count }

    mutating func append(_ token: some Sequence<UInt8>) {
        bytes.append(contentsOf: token)
        ends.append(bytes.count)
    }

    /// Where the token's bytes lie in `bytes`.
    @inline(__always)
    func range(of id: Int32) -> Range<Int> {
        (id == 0 ? 0 : ends[Int(id) - 1])..<ends[Int(id)]
    }

    subscript(id: Int32) -> ArraySlice<UInt8> { bytes[range(of: id)] }

    /// Whether the token has exactly the bytes of the range of another array.
    @inline(__always)
    func equal(_ id: Int32, _ other: [UInt8], in range: Range<Int>) -> Bool {
        let own = self.range(of: id)
        guard own.count == range.count else { return false }
        for offset in 0..<own.count
        where bytes[own.lowerBound + offset] != other[range.lowerBound + offset] {
            return false
        }
        return true
    }
}
