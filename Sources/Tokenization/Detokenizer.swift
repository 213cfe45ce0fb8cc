// SPDX-License-Identifier: Apache-2.0

/// Turns token ids into UTF-8 one by one, holding back characters that are not whole yet.
///
/// The pieces together are what decoding all ids at once gives, byte for byte: each maximal part
/// of an ill-formed sequence is replaced by U+FFFD (Unicode Standard, section 3.9).
package struct Detokenizer: Sendable {
    private let tokenizer: Tokenizer
    private let showsControl: Bool
    private var stripsSpace: Bool
    private var unfinished: [UInt8] = []

    private static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

    /// A detokenizer at the beginning of its text.
    ///
    /// - Parameters:
    ///   - tokenizer: Whose ids will come.
    ///   - showsControl: Whether control tokens become their text; if not, they become nothing.
    ///   - continuesText: Whether text comes before, so that the first word keeps the space that
    ///     SentencePiece vocabularies add to the beginning of a text.
    package init(_ tokenizer: Tokenizer, showsControl: Bool = false, continuesText: Bool = false) {
        self.tokenizer = tokenizer
        self.showsControl = showsControl
        if case .sentencePiece(let encoder) = tokenizer.vocabulary.model {
            stripsSpace = encoder.addsSpacePrefix && !continuesText
        } else {
            stripsSpace = false
        }
    }

    /// The whole characters that the token completes, in UTF-8.
    ///
    /// - Throws: `TokenizerError.idOutOfRange`, and then nothing has changed.
    package mutating func append(_ id: Int32) throws(TokenizerError) -> [UInt8] {
        let vocabulary = tokenizer.vocabulary
        guard let bytes = vocabulary.bytes(of: id), let type = vocabulary.type(of: id) else {
            throw .idOutOfRange(key: "token", id: Int(id), count: vocabulary.count)
        }
        let isControl = type == .control || type == .unknown
        if isControl, !showsControl { return [] }
        let strips = stripsSpace && !isControl
        if strips { stripsSpace = false }
        unfinished += strips && bytes.first == 0x20 ? bytes.dropFirst() : bytes
        return takeWhole(atEnd: false)
    }

    /// What is left at the end: U+FFFD for a character that was never finished, or nothing.
    package mutating func finish() -> [UInt8] {
        takeWhole(atEnd: true)
    }

    private mutating func takeWhole(atEnd: Bool) -> [UInt8] {
        var output: [UInt8] = []
        var index = 0
        scan: while index < unfinished.count {
            switch UTF8Sequence(unfinished[index...]) {
            case .whole(let count):
                output += unfinished[index..<index + count]
                index += count
            case .illFormed(let count):
                output += Self.replacement
                index += count
            case .unfinished:
                guard atEnd else { break scan }
                output += Self.replacement
                index = unfinished.count
            }
        }
        unfinished.removeFirst(index)
        return output
    }
}

/// What the bytes begin with.
private enum UTF8Sequence {
    /// A character of this many bytes.
    case whole(Int)
    /// This many bytes that no character begins with, the longest such part.
    case illFormed(Int)
    /// The beginning of a character, and nothing else.
    case unfinished

    /// - Precondition: There is at least one byte.
    init(_ bytes: ArraySlice<UInt8>) {
        let lead = bytes[bytes.startIndex]
        let count: Int
        switch lead {
        case 0x00...0x7F: count = 1
        case 0xC2...0xDF: count = 2
        case 0xE0...0xEF: count = 3
        case 0xF0...0xF4: count = 4
        default:
            self = .illFormed(1)
            return
        }
        var seen = 1
        for byte in bytes.dropFirst().prefix(count - 1) {
            guard Self.isContinuation(byte, after: lead, at: seen) else {
                self = .illFormed(seen)
                return
            }
            seen += 1
        }
        self = seen == count ? .whole(count) : .unfinished
    }

    /// Whether the byte may follow, by table 3-7 of the Unicode Standard.
    private static func isContinuation(_ byte: UInt8, after lead: UInt8, at position: Int) -> Bool {
        guard position == 1 else { return (0x80...0xBF).contains(byte) }
        return switch lead {
        case 0xE0: (0xA0...0xBF).contains(byte)
        case 0xED: (0x80...0x9F).contains(byte)
        case 0xF0: (0x90...0xBF).contains(byte)
        case 0xF4: (0x80...0x8F).contains(byte)
        default: (0x80...0xBF).contains(byte)
        }
    }
}
