// SPDX-License-Identifier: Apache-2.0

/// One pass of a splitting rule: cuts a piece of text into its matches and what lies between them.
///
/// The patterns are the regular expressions that vocabularies are published with, each written as
/// a function that looks at every scalar a bounded number of times, whatever the text.
protocol SplitPattern {
    /// The end of the match that begins at `index`, or `index` if none does.
    func matchEnd(in text: ClassifiedText, from index: Int, before end: Int) -> Int

    /// Appends the parts of `piece`, in order and without a gap.
    func split(_ piece: Range<Int>, of text: ClassifiedText, into pieces: inout [Range<Int>])
}

extension SplitPattern {
    @inline(__always)
    func split(_ piece: Range<Int>, of text: ClassifiedText, into pieces: inout [Range<Int>]) {
        var gap = piece.lowerBound
        var index = gap
        while index < piece.upperBound {
            let end = matchEnd(in: text, from: index, before: piece.upperBound)
            if end == index {
                index += text.scalar(at: index).length
                continue
            }
            if gap < index { pieces.append(gap..<index) }
            pieces.append(index..<end)
            index = end
            gap = end
        }
        if gap < piece.upperBound { pieces.append(gap..<piece.upperBound) }
    }
}

extension ClassifiedText {
    /// `\s*[\r\n]+|\s+(?!\S)|\s+`, the first alternative only if `newlines`: white space up to its
    /// last line break, or else all but the last scalar, which stays with the word that follows.
    @inline(__always)
    func endOfSpace(from start: Int, before end: Int, newlines: Bool) -> Int {
        var index = start
        var last = start
        var afterNewline = start
        while index < end {
            let scalar = scalar(at: index)
            guard scalar.isIn(.spaces) else { break }
            last = index
            index += scalar.length
            if scalar.isIn(.newlines) { afterNewline = index }
        }
        if newlines, afterNewline > start { return afterNewline }
        return index == end || last == start ? index : last
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d`: the end of an English contraction that begins at `index`.
    ///
    /// Without regard to case, U+017F (long s) counts as an s, as it does to Oniguruma.
    @inline(__always)
    func endOfContraction(from index: Int, before end: Int, ignoringCase: Bool) -> Int {
        guard bytes[index] == UInt8(ascii: "'"), index + 1 < end else { return index }
        let fold: UInt8 = ignoringCase ? 0x20 : 0
        let first = bytes[index + 1] | fold
        switch first {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
            return index + 2
        default: break
        }
        guard index + 2 < end else { return index }
        let second = bytes[index + 2] | fold
        switch (first, second) {
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return index + 3
        default:
            let isLongS = bytes[index + 1] == 0xC5 && bytes[index + 2] == 0xBF
            return ignoringCase && isLongS ? index + 3 : index
        }
    }
}
