// SPDX-License-Identifier: Apache-2.0

/// The character classes of RFC 9110 section 5.6 and RFC 3986 that the parser needs.
enum ByteClass {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let colon = UInt8(ascii: ":")
    static let semicolon = UInt8(ascii: ";")

    /// `tchar`: what names and methods are made of.
    static func isToken(_ byte: UInt8) -> Bool {
        byte < 128 && isMember(byte, of: tokenBits)
    }

    /// `field-vchar`, space or tab: what a field value is made of.
    static func isFieldValue(_ byte: UInt8) -> Bool {
        byte >= 0x20 ? byte != 0x7f : byte == tab
    }

    /// Visible ASCII but `#`: what a request target is made of.
    static func isTarget(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "#")
    }

    /// The characters of `uri-host [ ":" port ]`.
    static func isHost(_ byte: UInt8) -> Bool {
        byte < 128 && isMember(byte, of: hostBits)
    }

    static func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte &- UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte &- UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte &- UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    /// Bit n of the pair says whether byte n is in the class.
    private typealias Bits = (low: UInt64, high: UInt64)

    private static let tokenBits = bits(of: "!#$%&'*+-.^_`|~")
    private static let hostBits = bits(of: "-._~%!$&'()*+;=:[]")

    private static func bits(of punctuation: StaticString) -> Bits {
        var bits: Bits = (0, 0)
        let alphanumerics: StaticString =
            "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        for members in [punctuation, alphanumerics] {
            members.withUTF8Buffer { buffer in
                for byte in buffer where byte < 64 { bits.low |= 1 << UInt64(byte) }
                for byte in buffer where byte >= 64 { bits.high |= 1 << UInt64(byte - 64) }
            }
        }
        return bits
    }

    private static func isMember(_ byte: UInt8, of bits: Bits) -> Bool {
        (byte < 64 ? bits.low &>> UInt64(byte) : bits.high &>> UInt64(byte & 63)) & 1 == 1
    }
}

extension StringProtocol {
    /// The text in small letters; nil where it is not ASCII. By Unicode's rules other characters become
    /// ASCII letters or are equal to them, as U+212A, the Kelvin sign, to `k`: a reader of bytes sees
    /// something else.
    var lowercasedASCII: String? {
        utf8.allSatisfy { $0 < 0x80 } ? lowercased() : nil
    }
}
