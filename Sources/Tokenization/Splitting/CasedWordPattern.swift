// SPDX-License-Identifier: Apache-2.0

/// The rule of o200k and its descendants, which cuts words where lower case turns to upper.
///
/// `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|…|'d)?|`
/// `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|…|'d)?|`
/// `\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
struct CasedWordPattern: SplitPattern {
    /// The most numbers in one piece.
    var maxNumberCount = 3
    /// Whether a word takes the contraction after it.
    var takesContractions = true
    /// Whether a run of other scalars takes slashes after it as well as line breaks.
    var takesSlashes = true
    /// Whether runs of Han are pieces of their own: `[\p{Han}]+` comes first, and words have none.
    var separatesHan = false

    func matchEnd(in text: ClassifiedText, from index: Int, before end: Int) -> Int {
        let scalar = text.scalar(at: index)
        if separatesHan, scalar.isIn(.han) { return text.endOfRun(.han, from: index, before: end) }
        let word = endOfWord(in: text, from: index, before: end)
        if word > index {
            guard takesContractions, word < end else { return word }
            return text.endOfContraction(from: word, before: end, ignoringCase: true)
        }
        if scalar.isIn(.numbers) {
            return text.endOfNumbers(from: index, before: end, maxCount: maxNumberCount)
        }
        return endOfOther(in: text, from: index, before: end)
    }

    /// Both word alternatives, each tried with the leading scalar and then without.
    @inline(__always)
    private func endOfWord(in text: ClassifiedText, from index: Int, before end: Int) -> Int {
        let scalar = text.scalar(at: index)
        let isLetter = scalar.isIn(.letters)
        let canLead = !isLetter && !scalar.isIn(.newlines) && !scalar.isIn(.numbers)
        let isMark = scalar.isIn(.marks)
        let leading = canLead ? run(in: text, from: index + scalar.length, before: end) : (nil, nil)
        if let end = leading.0 { return end }
        let plain = isLetter || isMark ? run(in: text, from: index, before: end) : (nil, nil)
        return plain.0 ?? leading.1 ?? plain.1 ?? index
    }

    /// Where `heads* tails+` and `heads+ tails*` end, as far as they match.
    ///
    /// The first gives back heads until the last of them is a tail as well, so its end is after
    /// the last scalar of the heads that is one, unless a tail follows them all.
    @inline(__always)
    private func run(
        in text: ClassifiedText, from start: Int, before end: Int
    ) -> (ofTails: Int?, ofHeads: Int?) {
        let heads = separatesHan ? ScalarClassSet.wordHeads.subtracting(.han) : .wordHeads
        let tails = separatesHan ? ScalarClassSet.wordTails.subtracting(.han) : .wordTails
        var index = start
        var lastTail: Int?
        while index < end {
            let scalar = text.scalar(at: index)
            guard scalar.isIn(heads) else { break }
            index += scalar.length
            if scalar.isIn(tails) { lastTail = index }
        }
        let ofTails = text.endOfRun(tails, from: index, before: end)
        return (ofTails > index ? ofTails : lastTail, index > start ? index : nil)
    }

    @inline(__always)
    private func endOfOther(in text: ClassifiedText, from index: Int, before end: Int) -> Int {
        let other = ScalarClassSet.otherThanWords
        let start = text.bytes[index] == UInt8(ascii: " ") ? index + 1 : index
        guard text.isIn(other, at: start, before: end) else {
            return text.endOfSpace(from: index, before: end, newlines: true)
        }
        var after = text.endOfRun(other, from: start, before: end)
        while after < end, isTrailer(text.bytes[after]) { after += 1 }
        return after
    }

    @inline(__always)
    private func isTrailer(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\r"), UInt8(ascii: "\n"): true
        case UInt8(ascii: "/"): takesSlashes
        default: false
        }
    }
}
