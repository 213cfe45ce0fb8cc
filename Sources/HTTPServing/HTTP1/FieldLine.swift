// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// `field-name ":" OWS field-value OWS` (RFC 9112 section 5), without folding.
enum FieldLine {
    static func parse(_ line: Span<UInt8>) throws(Refusal) -> HTTPField {
        guard let colon = line.firstIndex(of: ByteClass.colon), colon > 0,
            line.extracting(0..<colon).allSatisfy(ByteClass.isToken),
            let name = HTTPField.Name(line.extracting(0..<colon).text)
        else { throw .malformedField }
        let value = line.extracting(trimmed(line, from: colon + 1))
        guard value.allSatisfy(ByteClass.isFieldValue) else { throw .malformedField }
        return value.withUnsafeBufferPointer { HTTPField(name: name, lenientValue: $0) }
    }

    /// Where the value lies without the blanks around it.
    private static func trimmed(_ line: Span<UInt8>, from first: Int) -> Range<Int> {
        var start = first
        var end = line.count
        while start < end, isBlank(line[start]) { start += 1 }
        while end > start, isBlank(line[end - 1]) { end -= 1 }
        return start..<end
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == ByteClass.space || byte == ByteClass.tab
    }
}
