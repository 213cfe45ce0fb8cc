// SPDX-License-Identifier: Apache-2.0

extension ClassifiedText {
    /// The text of the range in NFC, or nil if it is already.
    ///
    /// Only the neighbourhood of scalars that may change is composed: from the scalar before the
    /// first of them to the scalar before the next that is stable.
    func composed(_ range: Range<Int>) -> [UInt8]? {
        guard var unstable = firstUnstable(in: range) else { return nil }
        var output: [UInt8] = []
        var copied = range.lowerBound
        while true {
            let start = max(copied, scalarStart(before: unstable))
            let end = endOfUnstable(from: unstable, before: range.upperBound)
            output += bytes[copied..<start]
            let scalars = String(decoding: bytes[start..<end], as: UTF8.self).unicodeScalars
            let composed = CanonicalComposer.shared.composed(scalars)
            output += String(composed).utf8
            copied = end
            guard let next = firstUnstable(in: end..<range.upperBound) else { break }
            unstable = next
        }
        return output + bytes[copied..<range.upperBound]
    }

    private func scalarStart(before index: Int) -> Int {
        var index = index - 1
        while index > 0, bytes[index] & 0xC0 == 0x80 { index -= 1 }
        return max(index, 0)
    }

    private func endOfUnstable(from index: Int, before end: Int) -> Int {
        var index = index
        while index < end, firstUnstable(in: index..<index + 1) != nil {
            index += scalar(at: index).length
        }
        return index
    }
}
