// SPDX-License-Identifier: Apache-2.0

/// How a number or text is laid out, by `%` and by `format`.
struct NumberFormat {
    var fill: Unicode.Scalar = " "
    /// `<`, `>`, `^`, or `=` for padding after the sign; nil is the type's own.
    var alignment: Unicode.Scalar?
    /// `+`, `-` or space.
    var sign: Unicode.Scalar = "-"
    var isAlternate = false
    var width = 0
    /// `,` or `_` between thousands.
    var grouping: Unicode.Scalar?
    var precision: Int?
    /// The letter that says how; nil is `str`.
    var type: Unicode.Scalar?

    /// The largest width and precision: more is a mistake, or an attack.
    static let maxWidth = 10_000

    /// An integer in the base that the type asks for.
    func text(of integer: Int) throws(TemplateError) -> String {
        let (radix, prefix): (Int, String) =
            switch type {
            case "x": (16, "0x")
            case "X": (16, "0X")
            case "o": (8, "0o")
            case "b": (2, "0b")
            default: (10, "")
            }
        let digits = String(integer.magnitude, radix: radix, uppercase: type == "X")
        let least = precision ?? 0
        let body = String(repeating: "0", count: max(0, least - digits.utf8.count)) + digits
        return pad(
            sign: signText(isNegative: integer < 0), prefix: isAlternate ? prefix : "",
            grouped(body, size: radix == 10 ? 3 : 4))
    }

    /// A double as `e`, `f`, `g` or `%` lay it out.
    func text(of number: Double) throws(TemplateError) -> String {
        let sign = signText(isNegative: number.sign == .minus && !number.isNaN)
        guard number.isFinite else {
            let word = number.isNaN ? "nan" : "inf"
            let isUpper = type == "F" || type == "E" || type == "G"
            return pad(sign: sign, prefix: "", isUpper ? word.uppercased() : word)
        }
        let digits = precision ?? 6
        let body =
            switch type {
            case "e", "E": Self.scientific(number, digits)
            case "g", "G": Self.general(number, digits, keepsZeros: isAlternate)
            case "%": Self.fixed(number * 100, digits) + "%"
            default: Self.fixed(number, digits)
            }
        let cased = type == "E" || type == "G" ? body.uppercased() : body
        return pad(sign: sign, prefix: "", grouped(cased, size: 3))
    }

    /// A text, cut to the precision.
    func text(of string: String) -> String {
        let cut = precision.map { String(string.unicodeScalars.prefix($0)) } ?? string
        var format = self
        format.alignment = alignment ?? "<"
        return format.pad(sign: "", prefix: "", cut)
    }

    private func signText(isNegative: Bool) -> String {
        if isNegative { return "-" }
        return sign == "-" ? "" : String(Character(sign))
    }

    private func grouped(_ digits: String, size: Int) -> String {
        guard let grouping else { return digits }
        let bytes = Array(digits.utf8)
        let wholeCount = bytes.prefix { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "e") }.count
        var text = ""
        for (index, byte) in bytes[..<wholeCount].enumerated() {
            if index > 0, (wholeCount - index).isMultiple(of: size) {
                text.unicodeScalars.append(grouping)
            }
            text.unicodeScalars.append(Unicode.Scalar(byte))
        }
        return text + String(utf8: bytes[wholeCount...])
    }

    private func pad(sign: String, prefix: String, _ body: String) -> String {
        let length =
            sign.utf8.count + prefix.utf8.count + body.unicodeScalars.count
        let count = max(0, width - length)
        func padding(_ count: Int) -> String {
            String(repeating: String(Character(fill)), count: count)
        }
        switch alignment ?? ">" {
        case "<": return sign + prefix + body + padding(count)
        case "^": return padding(count / 2) + sign + prefix + body + padding(count - count / 2)
        case "=": return sign + prefix + padding(count) + body
        default: return padding(count) + sign + prefix + body
        }
    }

    // MARK: Digits

    static func fixed(_ number: Double, _ digits: Int) -> String {
        guard number.isFinite else { return "inf" }
        var decimal = ExactDecimal(number)
        decimal.round(toFractionCount: digits)
        return decimal.text
    }

    /// The significant digits, rounded to `count`, and the exponent of the first one.
    private static func significant(_ number: Double, _ count: Int) -> (String, Int) {
        guard number != 0 else { return (String(repeating: "0", count: count), 0) }
        var decimal = ExactDecimal(number)
        let exponent = decimal.exponent
        decimal.round(toFractionCount: count - 1 - exponent)
        let digits = decimal.digits.drop { $0 == 0 }.map { $0 + 0x30 }
        // Rounding up may have made one digit more.
        return (String(utf8: digits.prefix(count)), decimal.exponent)
    }

    private static func scientific(_ number: Double, _ digits: Int) -> String {
        let (text, exponent) = significant(number, digits + 1)
        return mantissa(text) + exponentText(exponent)
    }

    private static func mantissa(_ digits: String) -> String {
        let rest = digits.dropFirst()
        return digits.prefix(1) + (rest.isEmpty ? "" : "." + rest)
    }

    private static func exponentText(_ exponent: Int) -> String {
        let size = String(abs(exponent))
        return (exponent < 0 ? "e-" : "e+") + (size.utf8.count < 2 ? "0" : "") + size
    }

    private static func general(_ number: Double, _ precision: Int, keepsZeros: Bool) -> String {
        let count = max(1, precision)
        var (digits, exponent) = significant(number, count)
        if !keepsZeros {
            while digits.utf8.count > 1, digits.hasSuffix("0") { digits.removeLast() }
        }
        if exponent < -4 || exponent >= count { return mantissa(digits) + exponentText(exponent) }
        if exponent < 0 { return "0." + String(repeating: "0", count: -exponent - 1) + digits }
        let wholeCount = exponent + 1
        if digits.utf8.count <= wholeCount {
            return digits + String(repeating: "0", count: wholeCount - digits.utf8.count)
        }
        return digits.prefix(wholeCount) + "." + digits.dropFirst(wholeCount)
    }
}
