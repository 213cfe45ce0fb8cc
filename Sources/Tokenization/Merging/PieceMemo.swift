// SPDX-License-Identifier: Apache-2.0

/// Remembers where in a text a piece was and where its tokens went, so that it merges only once.
///
/// Each piece has one place, from which a later piece may oust it.
struct PieceMemo {
    private struct Entry {
        var piece: Range<Int32> = 0..<0
        var tokens: Range<Int32> = 0..<0
    }

    /// Enough for the words that recur; the entries stay within the second-level cache.
    private static let entryCount = 1 << 13
    /// Below this, setting up the memo takes longer than it saves.
    private static let minTextBytes = 1 << 10
    /// Pieces longer than words do not recur.
    private static let maxPieceBytes = 48

    private var entries: [Entry]

    init(textBytes: Int) {
        let isWorthwhile = textBytes >= Self.minTextBytes
        entries = isWorthwhile ? Array(repeating: Entry(), count: Self.entryCount) : []
    }

    /// Where the tokens of an equal piece are.
    @inline(__always)
    func find(_ piece: Range<Int>, of bytes: [UInt8], hash: UInt32) -> Range<Int>? {
        guard !entries.isEmpty else { return nil }
        let entry = entries[Int(hash) & (Self.entryCount - 1)]
        guard entry.piece.count == piece.count else { return nil }
        let start = Int(entry.piece.lowerBound)
        for offset in 0..<piece.count
        where bytes[start + offset] != bytes[piece.lowerBound + offset] {
            return nil
        }
        return Int(entry.tokens.lowerBound)..<Int(entry.tokens.upperBound)
    }

    /// Remembers a piece that was merged.
    @inline(__always)
    mutating func insert(_ piece: Range<Int>, hash: UInt32, _ tokens: Range<Int>) {
        guard !entries.isEmpty, piece.count <= Self.maxPieceBytes else { return }
        entries[Int(hash) & (Self.entryCount - 1)] = Entry(
            piece: Int32(piece.lowerBound)..<Int32(piece.upperBound),
            tokens: Int32(tokens.lowerBound)..<Int32(tokens.upperBound))
    }
}
