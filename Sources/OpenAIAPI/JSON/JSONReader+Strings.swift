// SPDX-License-Identifier: Apache-2.0

extension JSONReader {
    /// Reads one string: escapes resolved, invalid UTF-8 and lone surrogates refused.
    package mutating func readString() throws(APIError) -> String {
        skipWhitespace()
        let start = offset
        try expect(UInt8(ascii: "\""), wanted: "a string")
        let plainEnd = try skipPlainBytes()
        if bytes[plainEnd] == UInt8(ascii: "\"") {
            offset = plainEnd + 1
            return try validated(bytes[(start + 1)..<plainEnd], start: start)
        }
        var unescaped = Array(bytes[(start + 1)..<plainEnd])
        while true {
            let runStart = offset
            let runEnd = try skipPlainBytes()
            unescaped.append(contentsOf: bytes[runStart..<runEnd])
            offset = runEnd + 1
            if bytes[runEnd] == UInt8(ascii: "\"") {
                return try validated(unescaped[...], start: start)
            }
            try appendEscape(to: &unescaped)
        }
    }

    /// Moves to the next quote or backslash, and returns its offset.
    private mutating func skipPlainBytes() throws(APIError) -> Int {
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return offset }
            guard byte >= 0x20 else {
                throw malformed(wanted: "control characters in a string to be escaped")
            }
            offset += 1
        }
        throw malformed(wanted: "the closing quote of a string")
    }

    private mutating func validated(
        _ utf8: ArraySlice<UInt8>, start: Int
    ) throws(APIError) -> String {
        guard let text = String(validating: utf8, as: UTF8.self) else {
            throw .malformedJSON(at: start, wanted: "a string in UTF-8", found: "other bytes")
        }
        return text
    }

    /// Resolves one escape; the backslash is already behind.
    private mutating func appendEscape(to unescaped: inout [UInt8]) throws(APIError) {
        guard let letter = peekByte() else { throw malformed(wanted: "an escape") }
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(letter)
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0C)
        case UInt8(ascii: "n"): unescaped.append(0x0A)
        case UInt8(ascii: "r"): unescaped.append(0x0D)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "u"):
            offset += 1
            unescaped.append(contentsOf: String(Character(try readEscapedScalar())).utf8)
            return
        default: throw malformed(wanted: "one of \"\\/bfnrtu after '\\'")
        }
        offset += 1
    }

    /// The scalar of `\uXXXX`, or of two of them that form a surrogate pair.
    private mutating func readEscapedScalar() throws(APIError) -> Unicode.Scalar {
        let start = offset
        let high = try readFourHexDigits()
        if let scalar = Unicode.Scalar(high) { return scalar }
        if (0xD800...0xDBFF).contains(high), peekByte() == UInt8(ascii: "\\") {
            offset += 1
            try expect(UInt8(ascii: "u"), wanted: "the second half of a surrogate pair")
            let low = try readFourHexDigits()
            if (0xDC00...0xDFFF).contains(low),
                let scalar = Unicode.Scalar(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            {
                return scalar
            }
        }
        offset = start
        throw malformed(wanted: "no lone surrogate")
    }

    private mutating func readFourHexDigits() throws(APIError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peekByte(), let digit = Self.hexDigit(byte) else {
                throw malformed(wanted: "four hexadecimal digits")
            }
            value = (value << 4) | digit
            offset += 1
        }
        return value
    }

    private static func hexDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
