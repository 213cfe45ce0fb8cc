// SPDX-License-Identifier: Apache-2.0

/// Python's `json.dumps`, as transformers' `tojson` calls it.
struct JSONText {
    /// Escape everything that is not ASCII.
    var isASCII = false
    /// What each level is indented by; nil writes one line.
    var indent: String?
    var itemSeparator = ", "
    var keySeparator = ": "
    var sortsKeys = false
    let limits: TemplateLimits

    private var text = ""

    init(limits: TemplateLimits) { self.limits = limits }

    /// The JSON of a value.
    ///
    /// - Throws: `TemplateError` for what JSON cannot say.
    mutating func dump(_ value: TemplateValue) throws(TemplateError) -> String {
        text = ""
        try write(value, level: 0)
        return text
    }

    private mutating func write(_ value: TemplateValue, level: Int) throws(TemplateError) {
        guard text.utf8.count <= limits.maxTextBytes else {
            throw .textTooLong(maxBytes: limits.maxTextBytes)
        }
        switch value {
        case .none: text += "null"
        case .bool(let flag): text += flag ? "true" : "false"
        case .int(let integer): text += "\(integer)"
        case .float(let number): text += number.jsonText
        case .string(let string), .markup(let string): writeString(string)
        case .list(let list), .tuple(let list): try write(list.items, level: level)
        case .dict(let dict): try write(dict, level: level)
        case .undefined, .object:
            throw .type("Object of type \(value.typeName) is not JSON serializable")
        }
    }

    private mutating func write(
        _ items: [TemplateValue], level: Int
    ) throws(TemplateError) {
        guard !items.isEmpty else {
            text += "[]"
            return
        }
        text += "["
        for (index, item) in items.enumerated() {
            startItem(index, level: level + 1)
            try write(item, level: level + 1)
        }
        breakLine(level: level)
        text += "]"
    }

    private mutating func write(_ dict: TemplateDict, level: Int) throws(TemplateError) {
        guard !dict.isEmpty else {
            text += "{}"
            return
        }
        text += "{"
        for (index, entry) in try entries(of: dict).enumerated() {
            startItem(index, level: level + 1)
            writeString(try key(entry.key))
            text += keySeparator
            try write(entry.value, level: level + 1)
        }
        breakLine(level: level)
        text += "}"
    }

    private func entries(
        of dict: TemplateDict
    ) throws(TemplateError) -> [(key: TemplateValue, value: TemplateValue)] {
        let entries = dict.pairs
        guard sortsKeys else { return entries }
        var texts: [(String, (key: TemplateValue, value: TemplateValue))] = []
        for entry in entries {
            guard case .string(let text) = entry.key else {
                throw TemplateError(.unsupported, "sort_keys with keys that are not strings")
            }
            texts.append((text, entry))
        }
        return texts.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }.map(\.1)
    }

    private func key(_ value: TemplateValue) throws(TemplateError) -> String {
        switch value {
        case .string(let text): return text
        case .none: return "null"
        case .bool(let flag): return flag ? "true" : "false"
        case .int(let integer): return "\(integer)"
        case .float(let number): return number.jsonText
        default:
            throw .type(
                "keys must be str, int, float, bool or None, not \(value.typeName)")
        }
    }

    private mutating func startItem(_ index: Int, level: Int) {
        if index > 0 { text += itemSeparator }
        breakLine(level: level)
    }

    private mutating func breakLine(level: Int) {
        guard let indent else { return }
        text += "\n"
        for _ in 0..<level { text += indent }
    }

    private mutating func writeString(_ string: String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{8}": text += "\\b"
            case "\u{C}": text += "\\f"
            case "\0"..<" ": text += Self.escape(UInt16(scalar.value))
            case _ where isASCII && scalar.value > 0x7E:
                for unit in String(Character(scalar)).utf16 { text += Self.escape(unit) }
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }

    private static func escape(_ unit: UInt16) -> String {
        "\\u" + PythonRepr.hexadecimal(UInt32(unit), width: 4)
    }
}
