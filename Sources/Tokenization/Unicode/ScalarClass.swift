// SPDX-License-Identifier: Apache-2.0

/// What a splitting rule may ask about a Unicode scalar: a partition of all of them.
///
/// The general categories are folded as far as the rules allow; the Han script is kept apart.
enum ScalarClass: UInt8 {
    /// Controls, formats, private use and what is unassigned.
    case other
    /// `\p{Lu}` and `\p{Lt}`.
    case upper
    /// `\p{Ll}`.
    case lower
    /// `\p{Lm}` and `\p{Lo}` outside Han.
    case letter
    case hanLetter
    case mark, hanMark
    /// `\p{Nd}`.
    case decimal
    /// `\p{Nl}` and `\p{No}` outside Han.
    case number
    case hanNumber
    case punctuation
    /// `\p{Pc}`, which `\w` takes for a word character.
    case connector
    case hanPunctuation
    case symbol, hanSymbol
    /// White space except the two of `newline`.
    case space
    /// Line feed and carriage return.
    case newline
}

/// A set of scalar classes, one bit each.
struct ScalarClassSet: OptionSet {
    let rawValue: UInt32

    init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    init(_ classes: ScalarClass...) {
        rawValue = classes.reduce(0) { $0 | 1 << UInt32($1.rawValue) }
    }

    /// `\p{L}`.
    static let letters = ScalarClassSet(.upper, .lower, .letter, .hanLetter)
    /// `\p{M}`.
    static let marks = ScalarClassSet(.mark, .hanMark)
    /// `\p{N}`.
    static let numbers = ScalarClassSet(.decimal, .number, .hanNumber)
    /// `\p{P}`.
    static let punctuation = ScalarClassSet(.punctuation, .connector, .hanPunctuation)
    /// `\p{S}`.
    static let symbols = ScalarClassSet(.symbol, .hanSymbol)
    /// `\s`.
    static let spaces = ScalarClassSet(.space, .newline)
    /// `[\r\n]`.
    static let newlines = ScalarClassSet(.newline)
    /// `\p{Han}`.
    static let han = ScalarClassSet(.hanLetter, .hanMark, .hanNumber, .hanPunctuation, .hanSymbol)
    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`: what begins a word of mixed case.
    static let wordHeads = ScalarClassSet(.upper, .letter, .hanLetter, .mark, .hanMark)
    /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`: what continues a word of mixed case.
    static let wordTails = ScalarClassSet(.lower, .letter, .hanLetter, .mark, .hanMark)
    /// `[^\s\p{L}\p{N}]`.
    static let otherThanWords = ScalarClassSet(
        .other, .mark, .hanMark, .punctuation, .connector, .hanPunctuation, .symbol, .hanSymbol)

    /// Whether the class with this code is in the set.
    @inline(__always)
    func contains(code: UInt8) -> Bool {
        rawValue >> UInt32(code) & 1 != 0
    }
}
