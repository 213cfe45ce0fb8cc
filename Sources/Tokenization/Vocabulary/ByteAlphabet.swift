// SPDX-License-Identifier: Apache-2.0

/// GPT-2's spelling of bytes as printable characters, in which byte-level vocabularies are written.
///
/// A byte that is a printable character of Latin-1 is that character; the others are numbered from
/// U+0100 on.
struct ByteAlphabet {
    private var bytes: [UInt8?] = Array(repeating: nil, count: 0x144)

    init() {
        var spare = 0x100
        for byte in UInt8.min...UInt8.max {
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: bytes[Int(byte)] = byte
            default:
                bytes[spare] = byte
                spare += 1
            }
        }
    }

    /// The bytes that the text spells; its own UTF-8 if one of its characters spells none.
    func decode(_ text: some StringProtocol) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            guard scalar.value < bytes.count, let byte = bytes[Int(scalar.value)] else {
                return Array(text.utf8)
            }
            decoded.append(byte)
        }
        return decoded
    }
}

extension ByteAlphabet {
    /// Appends the bytes that both halves of a merge such as "Ġ t" spell.
    ///
    /// Returns where the second half begins; nil if a character spells no byte or a half is missing.
    func decode(merge text: String, into decoded: inout [UInt8]) -> Int? {
        var middle: Int?
        for scalar in text.unicodeScalars {
            if scalar == " ", middle == nil {
                middle = decoded.count
                continue
            }
            guard scalar.value < bytes.count, let byte = bytes[Int(scalar.value)] else {
                return nil
            }
            decoded.append(byte)
        }
        guard let middle, middle > 0, middle < decoded.count else { return nil }
        return middle
    }
}
