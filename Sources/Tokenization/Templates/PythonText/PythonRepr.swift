// SPDX-License-Identifier: Apache-2.0

/// Python's `str(x)` and `repr(x)`.
struct PythonRepr {
    private(set) var text = ""
    private let maxBytes: Int

    private init(maxBytes: Int) { self.maxBytes = maxBytes }

    /// `str(x)`: strings as they are, everything else as `repr(x)`.
    ///
    /// - Throws: `TemplateError` where the text is longer than a template may make.
    static func str(
        _ value: TemplateValue, limits: TemplateLimits
    ) throws(TemplateError) -> String {
        switch value {
        case .string(let text), .markup(let text): return text
        case .undefined: return ""
        default: return try repr(value, limits: limits)
        }
    }

    /// `repr(x)`.
    ///
    /// - Throws: `TemplateError` where the text is longer than a template may make.
    static func repr(
        _ value: TemplateValue, limits: TemplateLimits
    ) throws(TemplateError) -> String {
        var printer = PythonRepr(maxBytes: limits.maxTextBytes)
        try printer.write(value, depth: 0)
        return printer.text
    }

    private mutating func write(_ value: TemplateValue, depth: Int) throws(TemplateError) {
        guard text.utf8.count <= maxBytes else { throw .textTooLong(maxBytes: maxBytes) }
        switch value {
        case .undefined: text += "Undefined"
        case .none: text += "None"
        case .bool(let flag): text += flag ? "True" : "False"
        case .int(let integer): text += "\(integer)"
        case .float(let number): text += number.pythonRepr
        case .string(let string): text += Self.quoted(string)
        case .markup(let string): text += "Markup(" + Self.quoted(string) + ")"
        case .list(let list): try write(list.items, "[", "]", depth: depth)
        case .tuple(let list):
            try write(list.items, "(", list.items.count == 1 ? ",)" : ")", depth: depth)
        case .dict(let dict): try write(dict, depth: depth)
        case .object(let object): try write(object, depth: depth)
        }
    }

    private mutating func write(
        _ items: [TemplateValue], _ open: String, _ close: String, depth: Int
    ) throws(TemplateError) {
        text += open
        for (index, item) in items.enumerated() {
            if index > 0 { text += ", " }
            try write(item, depth: depth)
        }
        text += close
    }

    private mutating func write(_ dict: TemplateDict, depth: Int) throws(TemplateError) {
        text += "{"
        for (index, entry) in dict.pairs.enumerated() {
            if index > 0 { text += ", " }
            try write(entry.key, depth: depth)
            text += ": "
            try write(entry.value, depth: depth)
        }
        text += "}"
    }

    /// Objects can hold themselves, by way of a namespace.
    private mutating func write(_ object: TemplateObject, depth: Int) throws(TemplateError) {
        guard depth < 20 else {
            throw TemplateError(.limit, "a value that is printed holds itself, or nests too deep")
        }
        let (opening, contents, closing) = object.printed
        text += opening
        if let contents { try write(contents, depth: depth + 1) }
        text += closing
    }

    /// A string as Python writes it: in single quotes, unless it has such and no double ones.
    static func quoted(_ string: String) -> String {
        let quote: Unicode.Scalar =
            string.utf8.contains(0x27) && !string.utf8.contains(0x22) ? "\"" : "'"
        var text = String.UnicodeScalarView()
        text.append(quote)
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\\": text.append(contentsOf: "\\\\".unicodeScalars)
            case quote:
                text.append("\\")
                text.append(scalar)
            case "\n": text.append(contentsOf: "\\n".unicodeScalars)
            case "\r": text.append(contentsOf: "\\r".unicodeScalars)
            case "\t": text.append(contentsOf: "\\t".unicodeScalars)
            case _ where scalar.isPythonPrintable: text.append(scalar)
            default: text.append(contentsOf: escape(scalar).unicodeScalars)
            }
        }
        text.append(quote)
        return String(text)
    }

    /// `\x07`, `\u200b` or `\U0001f600`.
    static func escape(_ scalar: Unicode.Scalar) -> String {
        switch scalar.value {
        case 0...0xFF: "\\x" + hexadecimal(scalar.value, width: 2)
        case 0...0xFFFF: "\\u" + hexadecimal(scalar.value, width: 4)
        default: "\\U" + hexadecimal(scalar.value, width: 8)
        }
    }

    static func hexadecimal(_ value: UInt32, width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

extension TemplateError {
    static func textTooLong(maxBytes: Int) -> TemplateError {
        TemplateError(.limit, "a text has more than \(maxBytes) bytes")
    }
}
