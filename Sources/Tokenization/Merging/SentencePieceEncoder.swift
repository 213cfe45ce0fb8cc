// SPDX-License-Identifier: Apache-2.0

/// SentencePiece's byte pair encoding: characters, merged by the score of the token they make.
struct SentencePieceEncoder: Sendable {
    /// Whether ordinary text that begins a fragment gets a space before it.
    let addsSpacePrefix: Bool
    private let table: TokenTable
    /// By id: 0 for the best score, rising as scores fall.
    private let ranks: [UInt32]
    private let byteIDs: [Int32?]
    private let unknownID: Int32?
    /// Whether no token has a space after another character, so that words merge independently.
    private let wordsAreIndependent: Bool

    /// U+2581 in UTF-8.
    private static let escapedSpace: [UInt8] = [0xE2, 0x96, 0x81]

    init(
        _ source: VocabularySource, _ tokens: TokenBytes, _ types: [TokenType], _ ids: SpecialIDs
    ) throws(TokenizerError) {
        addsSpacePrefix = source.addsSpacePrefix ?? true
        let ordinary = types.indices.filter { types[$0] == .normal }.map(Int32.init)
        table = TokenTable(tokens, of: ordinary)
        ranks = try Self.ranks(source.scores, count: types.count)
        var byteIDs = [Int32?](repeating: nil, count: 256)
        for (id, type) in types.enumerated() where type == .byte {
            guard let byte = tokens[Int32(id)].first, tokens[Int32(id)].count == 1 else { continue }
            byteIDs[Int(byte)] = Int32(id)
        }
        self.byteIDs = byteIDs
        unknownID = ids.unknown
        guard unknownID != nil || !byteIDs.contains(nil) else { throw .missingFallback }
        wordsAreIndependent = ordinary.allSatisfy { id in
            zip(tokens[id], tokens[id].dropFirst()).allSatisfy { $0 == 0x20 || $1 != 0x20 }
        }
    }

    private static func ranks(
        _ scores: [Float], count: Int
    ) throws(TokenizerError) -> [UInt32] {
        guard scores.count == count else {
            throw .countMismatch(
                key: "tokenizer.ggml.scores", expected: count, found: scores.count)
        }
        if let id = scores.firstIndex(where: \.isNaN) { throw .badScore(id: Int32(id)) }
        var ranks = [UInt32](repeating: 0, count: count)
        var rank: UInt32 = 0
        var last: Float?
        for id in scores.indices.sorted(by: { scores[$0] > scores[$1] }) {
            if let last, scores[id] < last { rank += 1 }
            ranks[id] = rank
            last = scores[id]
        }
        return ranks
    }

    /// The text with each U+2581 as the space it stands for.
    static func unescaped(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(escapedSpace[0]) else { return bytes }
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index...].starts(with: escapedSpace) {
                output.append(0x20)
                index += escapedSpace.count
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return output
    }

    /// Appends the tokens of a stretch of ordinary text.
    func encode(_ range: Range<Int>, of text: ClassifiedText, into ids: inout [Int32]) {
        let prefix: [UInt8] = addsSpacePrefix ? [0x20] : []
        let bytes = Self.unescaped(prefix + text.bytes[range])
        var merger = PairMerger()
        var memo = PieceMemo(textBytes: bytes.count)
        var start = 0
        while start < bytes.count {
            let word = start..<endOfWord(in: bytes, from: start)
            let hash = TokenTable.hash(of: bytes, in: word)
            if let known = memo.find(word, of: bytes, hash: hash) {
                for index in known { ids.append(ids[index]) }
            } else {
                let first = ids.count
                merge(word, of: bytes, with: &merger, into: &ids)
                memo.insert(word, hash: hash, first..<ids.count)
            }
            start = word.upperBound
        }
    }

    /// The end of the spaces and the word that begin at `start`, if words merge independently.
    private func endOfWord(in bytes: [UInt8], from start: Int) -> Int {
        guard wordsAreIndependent else { return bytes.count }
        var index = start + 1
        while index < bytes.count, bytes[index - 1] == 0x20 || bytes[index] != 0x20 { index += 1 }
        return index
    }

    func merge(
        _ word: Range<Int>, of bytes: [UInt8], with merger: inout PairMerger,
        into ids: inout [Int32]
    ) {
        merger.symbols.removeAll(keepingCapacity: true)
        var start = word.lowerBound
        while start < word.upperBound {
            var end = start + 1
            while end < word.upperBound, bytes[end] & 0xC0 == 0x80 { end += 1 }
            let id = table.id(of: bytes, in: start..<end) ?? -1
            merger.symbols.append(Symbol(id: id, start: Int32(start), end: Int32(end)))
            start = end
        }
        merger.merge(by: ScoredPairs(table: table, ranks: ranks, bytes: bytes))
        for symbol in merger.symbols { append(symbol, of: bytes, to: &ids) }
    }

    /// Appends a symbol's token, or else the tokens of its bytes, or else the unknown token.
    private func append(_ symbol: Symbol, of bytes: [UInt8], to ids: inout [Int32]) {
        guard symbol.id < 0 else {
            ids.append(symbol.id)
            return
        }
        let spelled = bytes[Int(symbol.start)..<Int(symbol.end)].map { byteIDs[Int($0)] }
        if spelled.contains(nil) {
            ids += unknownID.map { [$0] } ?? []
        } else {
            ids += spelled.compactMap(\.self)
        }
    }
}

/// Merges two neighbours whose text together is a token.
private struct ScoredPairs: MergeRule {
    let table: TokenTable
    let ranks: [UInt32]
    let bytes: [UInt8]

    func merge(_ left: Symbol, _ right: Symbol) -> Merge {
        let range = Int(left.start)..<Int(right.end)
        guard range.count <= table.maxTokenBytes,
            let id = table.id(of: bytes, in: range)
        else { return .none }
        return Merge(rank: ranks[Int(id)], id: id)
    }
}
