// SPDX-License-Identifier: Apache-2.0

/// The rule of cl100k and its descendants, with the places where those differ.
///
/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|`
/// `\s*[\r\n]+|\s+(?!\S)|\s+`
struct WordPattern: SplitPattern {
    /// What words are made of: `\p{L}`, or `[\p{L}\p{M}]`.
    var letters: ScalarClassSet = .letters
    /// The most numbers in one piece.
    var maxNumberCount = 3
    /// Whether a run of other scalars takes the line breaks after it.
    var takesNewlines = true

    func matchEnd(in text: ClassifiedText, from index: Int, before end: Int) -> Int {
        let contraction = text.endOfContraction(from: index, before: end, ignoringCase: true)
        if contraction > index { return contraction }
        let scalar = text.scalar(at: index)
        let next = index + scalar.length
        if scalar.isIn(.letters) { return text.endOfRun(letters, from: next, before: end) }
        if scalar.isIn(.numbers) {
            return text.endOfNumbers(from: index, before: end, maxCount: maxNumberCount)
        }
        let canLead = !scalar.isIn(.newlines)
        if canLead && text.isIn(letters, at: next, before: end) || scalar.isIn(letters) {
            return text.endOfRun(letters, from: next, before: end)
        }
        return endOfOther(in: text, from: index, before: end)
    }

    @inline(__always)
    private func endOfOther(in text: ClassifiedText, from index: Int, before end: Int) -> Int {
        let other = ScalarClassSet.otherThanWords.subtracting(letters)
        let start = text.bytes[index] == UInt8(ascii: " ") ? index + 1 : index
        guard text.isIn(other, at: start, before: end) else {
            return text.endOfSpace(from: index, before: end, newlines: true)
        }
        let after = text.endOfRun(other, from: start, before: end)
        return takesNewlines ? text.endOfRun(.newlines, from: after, before: end) : after
    }
}
