// SPDX-License-Identifier: Apache-2.0

@testable import Tokenization

/// Vocabularies small enough to reason about.
enum TinyVocabulary {
    static let merges = ["h e", "l l", "he ll", "hell o", "Ġ w", "o r", "Ġw or", "a a", "aa aa"]

    /// All bytes, the merges' tokens, and from id 265 on `<|im_start|>`, `<|im_end|>`, `<|im|>`
    /// (control) and `<tool>` (user-defined).
    static var byteLevel: VocabularySource {
        let spare = (0x100...0x143).compactMap(Unicode.Scalar.init)
        let latin = [0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF].joined()
            .compactMap { Unicode.Scalar(UInt32($0)) }
        let bytes = (latin + spare).map { String($0) }
        let merged = merges.map { $0.filter { $0 != " " } }
        let special = ["<|im_start|>", "<|im_end|>", "<|im|>", "<tool>"]
        var source = VocabularySource(
            model: "gpt2", preTokenizer: "gpt-2", tokens: bytes + merged + special)
        source.tokenTypes = Array(repeating: 1, count: bytes.count + merged.count) + [3, 3, 3, 4]
        source.merges = merges
        return source
    }

    /// `<unk>`, `<s>`, `</s>`, all bytes from id 3 on, and from id 259 on ordinary tokens.
    static var sentencePiece: VocabularySource {
        let digits = Array("0123456789ABCDEF")
        let bytes = (0..<256).map { "<0x\(digits[$0 / 16])\(digits[$0 % 16])>" }
        let ordinary = ["▁", "a", "b", "ab", "▁a", "▁ab", "▁▁", "é"]
        var source = VocabularySource(
            model: "llama", tokens: ["<unk>", "<s>", "</s>"] + bytes + ordinary)
        source.tokenTypes =
            [2, 3, 3] + Array(repeating: 6, count: 256)
            + Array(repeating: 1, count: ordinary.count)
        source.scores = Array(repeating: 0, count: 259) + [-9, -8, -7, -1, -2, -3, -4, -5]
        return source
    }

    static func byteLevelTokenizer() throws -> Tokenizer {
        Tokenizer(try Vocabulary(byteLevel))
    }

    static func sentencePieceTokenizer() throws -> Tokenizer {
        Tokenizer(try Vocabulary(sentencePiece))
    }
}

/// Reproducible random numbers (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// Text that mixes scripts, marks, spaces and the unassigned.
    mutating func text(count: Int) -> String {
        let blocks: [ClosedRange<UInt32>] = [
            0x20...0x7E, 0x09...0x0D, 0xA0...0x24F, 0x300...0x345, 0x400...0x45F, 0x590...0x6FF,
            0x900...0x97F, 0x1100...0x11FF, 0x2000...0x206F, 0x3000...0x30FF, 0x4E00...0x4FFF,
            0xAC00...0xAD00, 0x1F300...0x1F6FF, 0x20...0x10_FFFF,
        ]
        var view = String.UnicodeScalarView()
        while view.count < count {
            let block = blocks[Int.random(in: 0..<blocks.count, using: &self)]
            for _ in 0..<Int.random(in: 1...4, using: &self) {
                let value = UInt32.random(in: block, using: &self)
                if let scalar = Unicode.Scalar(value) { view.append(scalar) }
            }
        }
        return String(view)
    }
}
