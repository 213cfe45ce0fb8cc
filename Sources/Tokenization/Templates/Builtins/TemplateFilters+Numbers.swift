// SPDX-License-Identifier: Apache-2.0

extension TemplateFilters {
    static let numberFilters: [(String, Filter)] = [
        (
            "abs",
            { evaluator, value, arguments throws(TemplateError) in
                try arguments.expectNone("abs")
                if case .float(let number) = value { return .float(number.magnitude) }
                guard let integer = value.integer else {
                    throw .type("bad operand type for abs(): '\(value.typeName)'")
                }
                return integer < 0 ? try evaluator.negate(.int(integer)) : .int(integer)
            }
        ),
        (
            "int",
            { _, value, arguments throws(TemplateError) in
                let bound = try arguments.bind("int", "default", "base")
                let base = try bound[1].integer("int") ?? 10
                return try integer(value, base: base) ?? bound[0] ?? .int(0)
            }
        ),
        (
            "float",
            { _, value, arguments throws(TemplateError) in
                let bound = try arguments.bind("float", "default")
                return try number(value).map { .float($0) } ?? bound[0] ?? .float(0)
            }
        ),
        ("round", round),
        (
            "filesizeformat",
            { _, value, arguments throws(TemplateError) in
                let bound = try arguments.bind("filesizeformat", "binary")
                guard let size = try number(value) else { throw .value("not a number of bytes") }
                return .string(fileSize(size, isBinary: bound[0].flag()))
            }
        ),
    ]

    /// Python's `int(x)`, and of a string with a fraction its whole part; nil where neither is one.
    private static func integer(
        _ value: TemplateValue, base: Int
    ) throws(TemplateError) -> TemplateValue? {
        if let integer = value.integer { return .int(integer) }
        if case .string(let text) = value, let integer = try PythonNumbers.integer(text, base: base)
        {
            return .int(integer)
        }
        guard let number = try number(value) else { return nil }
        if number.isNaN { return nil }
        if number.isInfinite {
            if case .float = value { throw .value("cannot convert float infinity to integer") }
            return nil
        }
        guard let integer = Int(exactly: number.rounded(.towardZero)) else { throw .overflow }
        return .int(integer)
    }

    /// Python's `float(x)`; nil where it raises.
    private static func number(_ value: TemplateValue) throws(TemplateError) -> Double? {
        switch value {
        case .undefined(let undefined): throw undefined.error
        case .string(let text): return PythonNumbers.double(text)
        default: return value.number
        }
    }

    private static func round(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("round", "precision", "method")
        let precision = try bound[0].integer("round") ?? 0
        let method = try bound[1].text("round") ?? "common"
        guard ["common", "ceil", "floor"].contains(method) else {
            throw .value("method must be common, ceil or floor")
        }
        guard let number = value.number else {
            if case .undefined(let undefined) = value { throw undefined.error }
            throw .type("type \(value.typeName) doesn't define __round__ method")
        }
        guard precision.magnitude <= 400 else { throw .value("a precision is above 400") }
        if method == "common" {
            if let integer = value.integer {
                return .int(try rounded(integer, precision: precision))
            }
            guard number.isFinite else { return value }
            var decimal = ExactDecimal(number)
            decimal.round(toFractionCount: precision)
            let magnitude = Double(decimal.text) ?? 0
            guard magnitude.isFinite else { throw .value("rounded value too large to represent") }
            return .float(number.sign == .minus ? -magnitude : magnitude)
        }
        let factor = try evaluator.compute(.power, .int(10), .int(precision))
        guard let scale = factor.number, number.isFinite else {
            throw .value("cannot round this number")
        }
        let scaled = number * scale
        return .float((method == "ceil" ? scaled.rounded(.up) : scaled.rounded(.down)) / scale)
    }

    /// An integer with zeros for its last `-precision` digits, halves to even.
    private static func rounded(_ integer: Int, precision: Int) throws(TemplateError) -> Int {
        guard precision < 0 else { return integer }
        guard precision > -19 else { return 0 }
        let unit = (0..<(-precision)).reduce(1) { result, _ in result * 10 }
        let quotient = integer / unit
        let remainder = (integer % unit).magnitude
        let isUp =
            remainder > UInt(unit) - remainder
            || (remainder == UInt(unit) - remainder && !quotient.isMultiple(of: 2))
        let (value, overflows) = (isUp ? quotient + (integer < 0 ? -1 : 1) : quotient)
            .multipliedReportingOverflow(by: unit)
        guard !overflows else { throw .overflow }
        return value
    }

    private static func fileSize(_ size: Double, isBinary: Bool) -> String {
        if size == 1 { return "1 Byte" }
        let base = isBinary ? 1024.0 : 1000.0
        if size < base {
            let sign = size <= -1 ? "-" : ""
            return "\(sign)\(NumberFormat.fixed(size.rounded(.towardZero), 0)) Bytes"
        }
        let letters = ["k", "M", "G", "T", "P", "E", "Z", "Y"]
        var unit = base * base
        for (index, letter) in letters.enumerated() {
            if size < unit || index == letters.count - 1 {
                let prefix = isBinary ? letter.uppercased() + "iB" : letter + "B"
                return "\(NumberFormat.fixed(base * size / unit, 1)) \(prefix)"
            }
            unit *= base
        }
        return ""
    }
}

/// Numbers as Python reads them from strings.
enum PythonNumbers {
    /// `int(text, base)`; nil where it raises.
    static func integer(_ text: String, base: Int) throws(TemplateError) -> Int? {
        guard base == 0 || (2...36).contains(base) else {
            throw .value("int() base must be >= 2 and <= 36, or 0")
        }
        var body = Array(text.stripped(nil).utf8)[...]
        let isNegative = body.first == UInt8(ascii: "-")
        if isNegative || body.first == UInt8(ascii: "+") { body.removeFirst() }
        var radix = base == 0 ? 10 : base
        let prefixes: [UInt8: Int] = [
            UInt8(ascii: "x"): 16, UInt8(ascii: "o"): 8, UInt8(ascii: "b"): 2,
        ]
        if body.count > 2, body.first == UInt8(ascii: "0"),
            let prefixed = prefixes[body[body.startIndex + 1] | 0x20],
            base == 0 || base == prefixed
        {
            radix = prefixed
            body = body.dropFirst(2)
            if body.first == UInt8(ascii: "_") { body.removeFirst() }
        }
        guard let digits = withoutUnderscores(body), digits.first != UInt8(ascii: "-"),
            digits.first != UInt8(ascii: "+")
        else { return nil }
        let isNumber = digits.allSatisfy { byte in
            Int(String(utf8: [byte]), radix: radix) != nil
        }
        guard isNumber else { return nil }
        guard let value = Int((isNegative ? "-" : "") + String(utf8: digits), radix: radix) else {
            throw .overflow
        }
        return value
    }

    /// `float(text)`; nil where it raises.
    static func double(_ text: String) -> Double? {
        let body = Array(text.stripped(nil).utf8)[...]
        guard let digits = withoutUnderscores(body) else { return nil }
        // Swift reads hexadecimal numbers, too.
        guard !digits.contains(where: { $0 | 0x20 == UInt8(ascii: "x") || $0 == UInt8(ascii: "(") })
        else {
            return nil
        }
        return Double(String(utf8: digits))
    }

    /// The bytes without single underscores between digits; nil where one is elsewhere, or nothing is left.
    private static func withoutUnderscores(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        func isDigit(_ index: Int) -> Bool {
            guard bytes.indices.contains(index) else { return false }
            return Int(String(utf8: [bytes[index]]), radix: 36) != nil
        }
        var digits: [UInt8] = []
        for index in bytes.indices {
            if bytes[index] == UInt8(ascii: "_") {
                guard isDigit(index - 1), isDigit(index + 1) else { return nil }
            } else {
                digits.append(bytes[index])
            }
        }
        return digits.isEmpty ? nil : digits
    }
}
