// SPDX-License-Identifier: Apache-2.0

/// Writes one JSON document into bytes in the order of the calls; commas are its own affair.
package struct JSONWriter: Sendable {
    /// What has been written so far.
    package private(set) var bytes: [UInt8]
    private var needsComma = false

    /// Starts with `prefix` already written, which must end where a value may start.
    package init(prefix: [UInt8] = [], reservedBytes: Int = 256) {
        bytes = prefix
        bytes.reserveCapacity(prefix.count + reservedBytes)
    }

    /// Opens an object; members follow as `key` and a value.
    package mutating func beginObject() { open(UInt8(ascii: "{")) }
    /// Closes the innermost object.
    package mutating func endObject() { close(UInt8(ascii: "}")) }
    /// Opens an array; elements follow as values.
    package mutating func beginArray() { open(UInt8(ascii: "[")) }
    /// Closes the innermost array.
    package mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Writes a member's key; exactly one value must follow.
    package mutating func key(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a string value with the escapes JSON asks for; other characters stay UTF-8.
    package mutating func string(_ text: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { appendEscaped($0) }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes an integer value.
    package mutating func integer(_ value: some BinaryInteger) { raw("\(value)") }

    /// Writes the shortest decimal that reads back as the same double; `null` for what JSON cannot
    /// say.
    package mutating func double(_ value: Double) { raw(value.isFinite ? "\(value)" : "null") }

    /// Writes `true` or `false`.
    package mutating func boolean(_ value: Bool) { raw(value ? "true" : "false") }

    /// Writes `null`.
    package mutating func null() { raw("null") }

    /// Writes bytes as they are, after the JSON: the end of an SSE frame, say.
    mutating func appendTail(_ tail: String) { bytes.append(contentsOf: tail.utf8) }
}

extension JSONWriter {
    /// Writes a member whose value is a string, or `null`.
    mutating func member(_ name: String, _ value: String?) {
        key(name)
        if let value { string(value) } else { null() }
    }

    /// Writes a member whose value is an integer.
    mutating func member(_ name: String, _ value: some BinaryInteger) {
        key(name)
        integer(value)
    }

    /// Writes an array with one value per element.
    mutating func array<Element>(
        _ elements: [Element], _ writeElement: (inout JSONWriter, Element) -> Void
    ) {
        beginArray()
        for element in elements { writeElement(&self, element) }
        endArray()
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func raw(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func open(_ byte: UInt8) {
        separate()
        bytes.append(byte)
        needsComma = false
    }

    private mutating func close(_ byte: UInt8) {
        bytes.append(byte)
        needsComma = true
    }

    /// Copies runs of plain bytes whole and replaces the few that need an escape.
    private mutating func appendEscaped(_ utf8: UnsafeBufferPointer<UInt8>) {
        var runStart = 0
        for (index, byte) in utf8.enumerated() where Self.needsEscape(byte) {
            bytes.append(contentsOf: utf8[runStart..<index])
            appendEscape(of: byte)
            runStart = index + 1
        }
        bytes.append(contentsOf: utf8[runStart...])
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func appendEscape(of byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x00..<0x20:
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 0xF)])
        default: bytes.append(byte)
        }
    }
}
