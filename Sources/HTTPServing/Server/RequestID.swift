// SPDX-License-Identifier: Apache-2.0

/// What logs and the answer's `X-Request-Id` call a request: the client's own name for it, or a number.
package struct RequestID: Hashable, Sendable, CustomStringConvertible {
    private let clientName: String?
    private let number: UInt32

    private static let maxClientBytes = 128
    /// Tells the numbers of one process from those of another.
    private static let prefix = Array(
        ("req-" + String(UInt32.random(in: (1 << 28)...UInt32.max), radix: 16) + "-").utf8)
    private static let fieldName = Array("\r\nX-Request-Id: ".utf8)
    private static let numberedField = fieldName + prefix

    /// The client's name for a request if it is fit for a log, else the number.
    init(_ clientName: String?, number: UInt32) {
        self.number = number
        guard let clientName, !clientName.isEmpty, clientName.utf8.count <= Self.maxClientBytes,
            clientName.utf8.allSatisfy(Self.isPlain)
        else {
            self.clientName = nil
            return
        }
        self.clientName = clientName
    }

    /// The name: the client's, or such as `req-8f3a11c0-0000002a`.
    package var description: String {
        if let clientName { return clientName }
        var name = Self.prefix
        appendDigits(to: &name)
        return String(decoding: name, as: UTF8.self)
    }

    /// Appends the field of an answer, after its CRLF.
    func appendField(to fields: inout [UInt8]) {
        if let clientName {
            fields.append(contentsOf: Self.fieldName)
            fields.append(ascii: clientName)
        } else {
            fields.append(contentsOf: Self.numberedField)
            appendDigits(to: &fields)
        }
    }

    private func appendDigits(to bytes: inout [UInt8]) {
        var digits: UInt64 = 0
        for shift in stride(from: UInt32(28), through: 0, by: -4) {
            let digit = UInt64(number >> shift & 15)
            digits = digits << 8 | (digit + (digit < 10 ? 0x30 : 0x57))
        }
        Swift.withUnsafeBytes(of: digits.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Visible ASCII, but for what would end a quoted text.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }
}
