// SPDX-License-Identifier: Apache-2.0

extension Double {
    /// Python's `repr`: the shortest decimal that reads back, with an exponent below 1e-4 and from 1e16.
    var pythonRepr: String {
        if isNaN { return "nan" }
        if isInfinite { return self < 0 ? "-inf" : "inf" }
        let (digits, exponent) = shortestDigits
        let sign = self.sign == .minus ? "-" : ""
        guard (-4..<16).contains(exponent) else {
            return sign + Self.scientific(digits, exponent: exponent)
        }
        return sign + Self.positional(digits, exponent: exponent)
    }

    /// How JSON writers of Python spell it.
    var jsonText: String {
        if isNaN { return "NaN" }
        if isInfinite { return self < 0 ? "-Infinity" : "Infinity" }
        return pythonRepr
    }

    /// The digits of the shortest decimal, d₀d₁…, and the exponent that makes it d₀.d₁… · 10^exponent.
    private var shortestDigits: (digits: [UInt8], exponent: Int) {
        guard self != 0 else { return ([0x30], 0) }
        let parts = Array(magnitude.description.utf8).split(separator: UInt8(ascii: "e"))
        let mantissa = parts[0]
        let power = parts.count > 1 ? Int(String(utf8: parts[1])) ?? 0 : 0
        let wholeCount = mantissa.prefix { $0 != UInt8(ascii: ".") }.count
        var digits = mantissa.filter { $0 != UInt8(ascii: ".") }
        let exponent = power + wholeCount - 1
        let leading = digits.prefix { $0 == 0x30 }.count
        digits.removeFirst(leading)
        while digits.count > 1, digits.last == 0x30 { digits.removeLast() }
        return (digits, exponent - leading)
    }

    private static func scientific(_ digits: [UInt8], exponent: Int) -> String {
        let fraction = digits.dropFirst()
        let mantissa =
            String(utf8: digits.prefix(1)) + (fraction.isEmpty ? "" : "." + String(utf8: fraction))
        let size = String(abs(exponent))
        return mantissa + (exponent < 0 ? "e-" : "e+") + (size.utf8.count < 2 ? "0" : "") + size
    }

    private static func positional(_ digits: [UInt8], exponent: Int) -> String {
        if exponent < 0 {
            return "0." + String(repeating: "0", count: -exponent - 1) + String(utf8: digits)
        }
        let wholeCount = exponent + 1
        if digits.count <= wholeCount {
            return String(utf8: digits)
                + String(repeating: "0", count: wholeCount - digits.count) + ".0"
        }
        return String(utf8: digits[..<wholeCount]) + "." + String(utf8: digits[wholeCount...])
    }
}
