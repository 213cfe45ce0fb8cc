// SPDX-License-Identifier: Apache-2.0

extension TemplateLexer {
    /// Reads one token inside a tag.
    mutating func readExpressionToken() throws(TemplateError) {
        let scalar = source[position]
        switch scalar {
        case "0"..."9": try readNumber()
        case "'", "\"": try readString(quote: scalar)
        case _ where scalar.isWordCharacter: try readName()
        default: try readSymbol()
        }
    }

    private mutating func readName() throws(TemplateError) {
        var end = position
        while let scalar = peek(end), scalar.isWordCharacter { end += 1 }
        guard source[position].beginsIdentifier,
            source[position..<end].allSatisfy(\.continuesIdentifier)
        else { throw .syntax("invalid character in identifier", line: line) }
        append(.name(text(position..<end)))
        skip(to: end)
    }

    private mutating func readSymbol() throws(TemplateError) {
        let pair = position + 1 < source.count ? text(position..<position + 2) : ""
        if ["//", "**", "==", "!=", ">=", "<="].contains(pair) {
            append(.symbol(pair))
            skip(to: position + 2)
            return
        }
        let scalar = source[position]
        switch scalar {
        case "(": openBrackets.append(")")
        case "[": openBrackets.append("]")
        case "{": openBrackets.append("}")
        case ")", "]", "}":
            guard let expected = openBrackets.popLast() else {
                throw .syntax("unexpected '\(scalar)'", line: line)
            }
            guard expected == scalar else {
                throw .syntax("unexpected '\(scalar)', expected '\(expected)'", line: line)
            }
        case "+", "-", "/", "*", "%", "~", ">", "<", "=", ".", ":", "|", ",", ";": break
        default:
            throw .syntax(
                "unexpected character \(PythonRepr.quoted(String(Character(scalar))))", line: line)
        }
        append(.symbol(String(Character(scalar))))
        skip(to: position + 1)
    }

    // MARK: Numbers

    private mutating func readNumber() throws(TemplateError) {
        if let end = floatEnd() {
            let digits = text(position..<end).filter { $0 != "_" }
            guard let number = Double(digits) else {
                throw .syntax("not a number: \(digits)", line: line)
            }
            append(.float(number))
            skip(to: end)
            return
        }
        let (end, radix) = integerEnd()
        let digits = text((radix == 10 ? position : position + 2)..<end).filter { $0 != "_" }
        guard let integer = Int(digits, radix: radix) else {
            throw .syntax("an integer is beyond 64 bits: \(digits)", line: line)
        }
        append(.integer(integer))
        skip(to: end)
    }

    /// Where digits end, single underscores between them included.
    private func digitsEnd(from start: Int, _ isDigit: (Unicode.Scalar) -> Bool) -> Int {
        var index = start
        while true {
            if let scalar = peek(index), isDigit(scalar) {
                index += 1
            } else if index > start, peek(index) == "_", let next = peek(index + 1), isDigit(next) {
                index += 2
            } else {
                return index
            }
        }
    }

    private static func isDecimal(_ scalar: Unicode.Scalar) -> Bool {
        ("0"..."9").contains(scalar)
    }

    /// Where a number with a fraction or an exponent ends; nil where there is none.
    private func floatEnd() -> Int? {
        // "a.0.1" is two subscripts.
        if position > 0, source[position - 1] == "." { return nil }
        var end = digitsEnd(from: position, Self.isDecimal)
        var isFloat = false
        if peek(end) == "." {
            let fraction = digitsEnd(from: end + 1, Self.isDecimal)
            if fraction > end + 1 {
                end = fraction
                isFloat = true
            }
        }
        if let scalar = peek(end), scalar == "e" || scalar == "E" {
            let sign = peek(end + 1)
            let start = end + (sign == "+" || sign == "-" ? 2 : 1)
            let exponent = digitsEnd(from: start, Self.isDecimal)
            if exponent > start { return exponent }
        }
        return isFloat ? end : nil
    }

    private func integerEnd() -> (end: Int, radix: Int) {
        guard source[position] == "0" else {
            return (digitsEnd(from: position, Self.isDecimal), 10)
        }
        let radix: Int? =
            switch peek(position + 1) {
            case "x", "X": 16
            case "o", "O": 8
            case "b", "B": 2
            default: nil
            }
        if let radix {
            let start = position + 2
            let first = peek(start) == "_" ? start + 1 : start
            let end = digitsEnd(from: first) { Int(String(Character($0)), radix: radix) != nil }
            if end > first { return (end, radix) }
        }
        return (digitsEnd(from: position) { $0 == "0" }, 10)
    }

    // MARK: Strings

    private mutating func readString(quote: Unicode.Scalar) throws(TemplateError) {
        var view = String.UnicodeScalarView()
        let start = line
        var index = position + 1
        while let scalar = peek(index), scalar != quote {
            if scalar == "\\" {
                index = try readEscape(at: index + 1, into: &view)
            } else {
                view.append(scalar)
                index += 1
            }
        }
        guard index < source.count else { throw .syntax("a string does not end", line: start) }
        append(.string(String(view)))
        skip(to: index + 1)
    }

    /// Reads what follows a backslash, and returns where it ends.
    private func readEscape(
        at index: Int, into view: inout String.UnicodeScalarView
    ) throws(TemplateError) -> Int {
        guard let scalar = peek(index) else {
            throw .syntax("a string does not end", line: line)
        }
        let simple: [Unicode.Scalar: Unicode.Scalar] = [
            "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}",
            "b": "\u{8}", "f": "\u{C}", "v": "\u{B}",
        ]
        if let meaning = simple[scalar] {
            view.append(meaning)
            return index + 1
        }
        switch scalar {
        case "\n": return index + 1
        case "x": return try readHexadecimal(at: index + 1, digitCount: 2, into: &view)
        case "u": return try readHexadecimal(at: index + 1, digitCount: 4, into: &view)
        case "U": return try readHexadecimal(at: index + 1, digitCount: 8, into: &view)
        case "0"..."7": return readOctal(at: index, into: &view)
        case "N":
            throw TemplateError(.unsupported, "characters by name in a string", line: line)
        default:
            // Jinja escapes what is not ASCII before it looks at escapes, and so finds this one doubled.
            view.append("\\")
            if scalar.isASCII {
                view.append(scalar)
            } else {
                view.append(contentsOf: PythonRepr.escape(scalar).unicodeScalars.dropFirst())
            }
            return index + 1
        }
    }

    private func readHexadecimal(
        at index: Int, digitCount: Int, into view: inout String.UnicodeScalarView
    ) throws(TemplateError) -> Int {
        let end = index + digitCount
        guard end <= source.count, source[index..<end].allSatisfy(\.properties.isASCIIHexDigit),
            let value = UInt32(text(index..<end), radix: 16), let scalar = Unicode.Scalar(value)
        else { throw .syntax("a string has an escape that is no character", line: line) }
        view.append(scalar)
        return end
    }

    private func readOctal(
        at index: Int, into view: inout String.UnicodeScalarView
    ) -> Int {
        var end = index
        var value: UInt32 = 0
        while end < index + 3, let scalar = peek(end), ("0"..."7").contains(scalar) {
            value = value * 8 + (scalar.value - 0x30)
            end += 1
        }
        // At most 0o777, which is a character.
        if let scalar = Unicode.Scalar(value) { view.append(scalar) }
        return end
    }
}
