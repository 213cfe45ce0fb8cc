// SPDX-License-Identifier: Apache-2.0

/// A JSON number as read: exact where it was written as an integer of 64 bits, else a finite double.
package enum JSONNumber: Sendable, Equatable {
    /// Written without fraction or exponent, and representable.
    case integer(Int64)
    /// Everything else; never infinite, because `1e400` is refused by the reader.
    case real(Double)

    /// The nearest double.
    package var double: Double {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        }
    }

    /// The integer it stands for, so that `16.0` counts as 16; nil for a fraction and for doubles
    /// above 2⁵³, which may stand for several integers.
    package var exactInteger: Int64? {
        switch self {
        case .integer(let value): value
        case .real(let value): value.magnitude <= 0x1p53 ? Int64(exactly: value) : nil
        }
    }
}

extension JSONNumber: CustomStringConvertible {
    /// As an error message quotes it.
    package var description: String {
        switch self {
        case .integer(let value): "\(value)"
        case .real(let value): "\(value)"
        }
    }
}

extension JSONReader {
    /// The longest number read; a double has 17 significant digits.
    package static let maxNumberBytes = 128

    /// Reads one number by the JSON grammar: no leading zeros, no `+`, no `NaN`.
    package mutating func readNumber() throws(APIError) -> JSONNumber {
        skipWhitespace()
        let start = offset
        let isNegative = peekByte() == UInt8(ascii: "-")
        if isNegative { offset += 1 }
        let integer = try readIntegerPart(isNegative: isNegative)
        let isReal = try skipFractionAndExponent()
        guard offset - start <= Self.maxNumberBytes else {
            offset = start
            throw malformed(wanted: "a number of at most \(Self.maxNumberBytes) bytes")
        }
        if !isReal, let integer { return .integer(integer) }
        return .real(try finiteDouble(from: start))
    }

    /// The digits before the point; nil when they overflow. Summed as a negative number, whose
    /// range is the larger one.
    private mutating func readIntegerPart(isNegative: Bool) throws(APIError) -> Int64? {
        let start = offset
        var sum: Int64 = 0
        var overflows = false
        while let digit = peekDigit() {
            let (tens, overflow) = sum.multipliedReportingOverflow(by: 10)
            let (next, underflow) = tens.subtractingReportingOverflow(Int64(digit))
            overflows = overflows || overflow || underflow
            sum = next
            offset += 1
        }
        guard offset > start else { throw malformed(wanted: "a digit") }
        if offset - start > 1, bytes[start] == UInt8(ascii: "0") {
            offset = start
            throw malformed(wanted: "a number without leading zeros")
        }
        if overflows { return nil }
        return isNegative ? sum : Int64(exactly: sum.magnitude)
    }

    private mutating func skipFractionAndExponent() throws(APIError) -> Bool {
        let start = offset
        if peekByte() == UInt8(ascii: ".") {
            offset += 1
            try skipDigits()
        }
        if let byte = peekByte(), byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            offset += 1
            if let sign = peekByte(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
                offset += 1
            }
            try skipDigits()
        }
        return offset > start
    }

    private mutating func skipDigits() throws(APIError) {
        let start = offset
        while peekDigit() != nil { offset += 1 }
        guard offset > start else { throw malformed(wanted: "a digit") }
    }

    private func peekDigit() -> UInt8? {
        guard let byte = peekByte(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
            return nil
        }
        return byte - UInt8(ascii: "0")
    }

    private mutating func finiteDouble(from start: Int) throws(APIError) -> Double {
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        guard let value = Double(text), value.isFinite else {
            offset = start
            throw malformed(wanted: "a number that fits a double")
        }
        return value
    }
}
