// SPDX-License-Identifier: Apache-2.0

/// `%41` to `A` (RFC 3986 section 2.1).
enum PercentDecoding {
    /// Decodes; a percent sign without two hexadecimal digits stays as it is.
    static func decode(_ text: Substring) -> String {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: "%")) else { return String(text) }
        var decoded: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = ByteClass.hexDigit(bytes[index + 1]),
                let low = ByteClass.hexDigit(bytes[index + 2])
            {
                decoded.append(UInt8(high << 4 | low))
                index += 3
            } else {
                decoded.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }
}
