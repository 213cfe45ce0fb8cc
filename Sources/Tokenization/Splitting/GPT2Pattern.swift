// SPDX-License-Identifier: Apache-2.0

/// GPT-2's rule: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
struct GPT2Pattern: SplitPattern {
    func matchEnd(in text: ClassifiedText, from index: Int, before end: Int) -> Int {
        let contraction = text.endOfContraction(from: index, before: end, ignoringCase: false)
        if contraction > index { return contraction }
        let hasSpace = text.bytes[index] == UInt8(ascii: " ") && index + 1 < end
        let start = hasSpace ? index + 1 : index
        let scalar = text.scalar(at: start)
        if scalar.isIn(.spaces) {
            return text.endOfSpace(from: index, before: end, newlines: false)
        }
        if scalar.isIn(.letters) { return text.endOfRun(.letters, from: start, before: end) }
        if scalar.isIn(.numbers) { return text.endOfRun(.numbers, from: start, before: end) }
        return text.endOfRun(.otherThanWords, from: start, before: end)
    }
}
