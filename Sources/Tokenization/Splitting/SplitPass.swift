// SPDX-License-Identifier: Apache-2.0

/// The passes that splitting rules are made of; each cuts every piece that the one before left.
enum SplitPass: Sendable {
    case gpt2
    case words(WordPattern)
    case casedWords(CasedWordPattern)
    case punctuatedWords
    case numbers(maxCount: Int)
    case digitTriples
    case runs(RunPattern)
    case newlines
    case lines
    case trailingSpace

    /// The pieces of the pieces, in order and without a gap.
    func split(_ pieces: [Range<Int>], of text: ClassifiedText) -> [Range<Int>] {
        switch self {
        case .gpt2: Self.split(pieces, of: text, by: GPT2Pattern())
        case .words(let pattern): Self.split(pieces, of: text, by: pattern)
        case .casedWords(let pattern): Self.split(pieces, of: text, by: pattern)
        case .punctuatedWords: Self.split(pieces, of: text, by: PunctuatedWordPattern())
        case .numbers(let maxCount):
            Self.split(pieces, of: text, by: NumberPattern(maxCount: maxCount))
        case .digitTriples: Self.split(pieces, of: text, by: DigitTriplePattern())
        case .runs(let pattern): Self.split(pieces, of: text, by: pattern)
        case .newlines: Self.split(pieces, of: text, by: NewlinePattern())
        case .lines: Self.split(pieces, of: text, by: LinePattern())
        case .trailingSpace: Self.split(pieces, of: text, by: TrailingSpacePattern())
        }
    }

    private static func split(
        _ pieces: [Range<Int>], of text: ClassifiedText, by pattern: some SplitPattern
    ) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        parts.reserveCapacity(pieces.count)
        for piece in pieces { pattern.split(piece, of: text, into: &parts) }
        return parts
    }
}
