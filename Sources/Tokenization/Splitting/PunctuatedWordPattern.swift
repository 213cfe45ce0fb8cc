// SPDX-License-Identifier: Apache-2.0

/// DeepSeek-V3's rule for what its first two passes leave.
///
/// ``[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|``
/// `` ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+``
struct PunctuatedWordPattern: SplitPattern {
    private static let letters = ScalarClassSet.letters.union(.marks)
    private static let signs = ScalarClassSet.punctuation.union(.symbols)

    func matchEnd(in text: ClassifiedText, from index: Int, before end: Int) -> Int {
        let scalar = text.scalar(at: index)
        let next = index + scalar.length
        if scalar.isIn(Self.signs) {
            if scalar.length == 1, next < end, Self.isASCIILetter(text.bytes[next]) {
                var after = next
                while after < end, Self.isASCIILetter(text.bytes[after]) { after += 1 }
                return after
            }
            return endOfSigns(in: text, from: index, before: end)
        }
        let canLead = !scalar.isIn(.letters) && !scalar.isIn(.newlines)
        if scalar.isIn(Self.letters) || canLead && text.isIn(Self.letters, at: next, before: end) {
            return text.endOfRun(Self.letters, from: next, before: end)
        }
        if scalar.value == 0x20, text.isIn(Self.signs, at: next, before: end) {
            return endOfSigns(in: text, from: next, before: end)
        }
        guard scalar.isIn(.spaces) else { return index }
        return text.endOfSpace(from: index, before: end, newlines: true)
    }

    private func endOfSigns(in text: ClassifiedText, from index: Int, before end: Int) -> Int {
        let after = text.endOfRun(Self.signs, from: index, before: end)
        return text.endOfRun(.newlines, from: after, before: end)
    }

    private static func isASCIILetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
