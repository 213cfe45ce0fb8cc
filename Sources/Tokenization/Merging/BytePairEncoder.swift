// SPDX-License-Identifier: Apache-2.0

/// Byte-level byte pair encoding: pieces of text, their bytes as tokens, merged by rank.
struct BytePairEncoder: Sendable {
    let rule: PreTokenizer
    private let tokens: TokenBytes
    private let byteIDs: [Int32?]
    private let merges: PairTable
    /// The ordinary tokens, if a piece that is one need not be merged.
    private let pieces: TokenTable?

    init(
        _ source: VocabularySource, _ rule: PreTokenizer, _ tokens: TokenBytes,
        _ types: [TokenType], _ ids: SpecialIDs
    ) throws(TokenizerError) {
        self.rule = rule
        self.tokens = tokens
        let ordinary = types.indices.lazy.filter { types[$0] == .normal }.map(Int32.init)
        let others = types.indices.lazy.filter { types[$0] != .normal }.map(Int32.init)
        let table = TokenTable(tokens, of: Array(ordinary) + others)
        merges = try Self.merges(source.merges, table)
        byteIDs = (UInt8.min...UInt8.max).map { table.id(of: [$0], in: 0..<1) ?? ids.unknown }
        pieces = rule.looksUpPieces ? TokenTable(tokens, of: Array(ordinary)) : nil
    }

    private static func merges(
        _ texts: [String], _ table: TokenTable
    ) throws(TokenizerError) -> PairTable {
        let alphabet = ByteAlphabet()
        var merges = PairTable(count: texts.count)
        var bytes: [UInt8] = []
        for (index, text) in texts.enumerated() {
            bytes.removeAll(keepingCapacity: true)
            guard let middle = alphabet.decode(merge: text, into: &bytes),
                let left = table.id(of: bytes, in: 0..<middle),
                let right = table.id(of: bytes, in: middle..<bytes.count),
                let merged = table.id(of: bytes, in: 0..<bytes.count)
            else { throw .badMerge(index: index, text: text) }
            merges.insert(left, right, Merge(rank: UInt32(index), id: merged))
        }
        return merges
    }

    /// Appends the tokens of a stretch of ordinary text.
    func encode(_ range: Range<Int>, of text: ClassifiedText, into ids: inout [Int32]) {
        if rule.composesText, let composed = text.composed(range) {
            encodePieces(composed.indices, of: ClassifiedText(composed), into: &ids)
        } else {
            encodePieces(range, of: text, into: &ids)
        }
    }

    private func encodePieces(
        _ range: Range<Int>, of text: ClassifiedText, into ids: inout [Int32]
    ) {
        var merger = PairMerger()
        var memo = PieceMemo(textBytes: range.count)
        for piece in rule.pieces(of: range, in: text) {
            let hash = TokenTable.hash(of: text.bytes, in: piece)
            if let id = pieces?.id(of: text.bytes, in: piece, hash: hash) {
                ids.append(id)
            } else if let known = memo.find(piece, of: text.bytes, hash: hash) {
                for index in known { ids.append(ids[index]) }
            } else {
                let start = ids.count
                merge(piece, of: text.bytes, with: &merger, into: &ids)
                memo.insert(piece, hash: hash, start..<ids.count)
            }
        }
    }

    func merge(
        _ piece: Range<Int>, of bytes: [UInt8], with merger: inout PairMerger,
        into ids: inout [Int32]
    ) {
        merger.symbols.removeAll(keepingCapacity: true)
        for index in piece {
            guard let id = byteIDs[Int(bytes[index])] else { continue }
            merger.symbols.append(Symbol(id: id, start: Int32(index), end: Int32(index + 1)))
        }
        merger.merge(by: RankedPairs(table: merges))
        for symbol in merger.symbols { ids.append(symbol.id) }
    }
}

/// Merges two tokens that the vocabulary lists as a pair.
private struct RankedPairs: MergeRule {
    let table: PairTable

    @inline(__always)
    func merge(_ left: Symbol, _ right: Symbol) -> Merge {
        table.merge(left.id, right.id)
    }
}
