// SPDX-License-Identifier: Apache-2.0

extension TemplateFilters {
    static let textFilters: [(String, Filter)] = [
        ("upper", text("upper") { $0.pythonUpper }),
        ("lower", text("lower") { $0.pythonLower }),
        ("capitalize", text("capitalize") { $0.pythonCapitalized }),
        ("title", text("title", title)),
        ("escape", escape), ("e", escape), ("forceescape", escape),
        (
            "trim",
            { evaluator, value, arguments throws(TemplateError) in
                let bound = try arguments.bind("trim", "chars")
                return .string(try evaluator.text(of: value).stripped(try bound[0].text("trim")))
            }
        ),
        (
            "replace",
            { evaluator, value, arguments throws(TemplateError) in
                let bound = try arguments.bind("replace", "old", "new", "count", required: 2)
                return .string(
                    try StringMethods.replace(
                        evaluator, try evaluator.text(of: value),
                        try evaluator.text(of: bound[0] ?? .none),
                        try evaluator.text(of: bound[1] ?? .none),
                        count: try bound[2].integer("replace") ?? -1))
            }
        ),
        (
            "center",
            { evaluator, value, arguments throws(TemplateError) in
                let bound = try arguments.bind("center", "width")
                var width = TemplateArguments()
                width.positional = [bound[0] ?? .int(80)]
                guard let center = StringMethods.named("center") else { return value }
                return try center(evaluator, try evaluator.text(of: value), width)
            }
        ),
        (
            "format",
            { evaluator, value, arguments throws(TemplateError) in
                let format = try evaluator.text(of: value)
                if arguments.named.isEmpty {
                    let values = TemplateValue.tuple(try evaluator.list(arguments.positional))
                    return .string(try PercentFormat.format(format, values, evaluator))
                }
                guard arguments.positional.isEmpty else {
                    throw .value("can't handle positional and keyword arguments at the same time")
                }
                let named = try evaluator.dict(arguments.named.map { (.string($0.name), $0.value) })
                return .string(try PercentFormat.format(format, .dict(named), evaluator))
            }
        ),
        ("indent", indent), ("truncate", truncate),
        (
            "wordcount",
            { evaluator, value, arguments throws(TemplateError) in
                try arguments.expectNone("wordcount")
                let scalars = try evaluator.text(of: value).unicodeScalars
                let words = scalars.split { !$0.isWordCharacter }
                return .int(words.count)
            }
        ),
        ("urlencode", urlencode),
        ("xmlattr", xmlattr),
    ]

    private static func text(
        _ name: String, _ transform: @escaping @Sendable (String) -> String
    ) -> Filter {
        { evaluator, value, arguments throws(TemplateError) in
            try arguments.expectNone(name)
            let result = transform(try evaluator.text(of: value))
            try evaluator.charge(bytes: result.utf8.count)
            return .string(result)
        }
    }

    /// Jinja's own: words begin after whitespace, hyphens and opening brackets.
    private static func title(_ text: String) -> String {
        let delimiters: Set<Unicode.Scalar> = ["-", "(", "{", "[", "<"]
        var result = ""
        var word = String.UnicodeScalarView()
        func finish() {
            guard let first = word.first else { return }
            result += String(Character(first)).pythonUpper
            result += String(word.dropFirst()).pythonLower
            word = String.UnicodeScalarView()
        }
        for scalar in text.unicodeScalars {
            if scalar.isPythonSpace || delimiters.contains(scalar) {
                finish()
                result.unicodeScalars.append(scalar)
            } else {
                word.append(scalar)
            }
        }
        finish()
        return result
    }

    private static func escape(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        try arguments.expectNone("escape")
        let text = escaped(try evaluator.text(of: value))
        try evaluator.charge(bytes: text.utf8.count)
        return .markup(text)
    }

    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "'": result += "&#39;"
            case "\"": result += "&#34;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func string(
        _ value: TemplateValue, _ filter: String
    ) throws(TemplateError) -> String {
        switch value {
        case .string(let text): return text
        case .undefined(let undefined): throw undefined.error
        default: throw .type("\(filter) wants a string, found '\(value.typeName)'")
        }
    }

    private static func indent(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("indent", "width", "first", "blank")
        let indentation: String
        if case .string(let text)? = bound[0] {
            indentation = text
        } else {
            let width = try bound[0].integer("indent") ?? 4
            guard width <= NumberFormat.maxWidth else {
                throw .value("an indent is above \(NumberFormat.maxWidth)")
            }
            indentation = String(repeating: " ", count: max(0, width))
        }
        let text = try string(value, "indent")
        let lines = try StringMethods.lines(evaluator, text + "\n")
        let (growth, overflows) = lines.count.multipliedReportingOverflow(
            by: indentation.utf8.count)
        try evaluator.charge(
            bytes: overflows ? Int.max : min(growth, Int.max / 2) + text.utf8.count)
        var result = bound[1].flag() ? indentation : ""
        for (index, line) in lines.enumerated() {
            if index > 0 {
                result += "\n"
                if bound[2].flag() || !line.isEmpty { result += indentation }
            }
            result += line
        }
        return .string(result)
    }

    private static func truncate(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("truncate", "length", "killwords", "end", "leeway")
        let length = try bound[0].integer("truncate") ?? 255
        let end = try bound[2].text("truncate") ?? "..."
        let leeway = try bound[3].integer("truncate") ?? 5
        let endCount = end.unicodeScalars.count
        guard length >= endCount else {
            throw .value("expected length >= \(endCount), got \(length)")
        }
        guard leeway >= 0 else { throw .value("expected leeway >= 0, got \(leeway)") }
        let count = try evaluator.length(of: value)
        if count <= length || count - length <= leeway { return value }
        let scalars = Array(try string(value, "truncate").unicodeScalars)
        var kept = scalars[..<min(scalars.count, length - endCount)]
        if !bound[1].flag(), let space = kept.lastIndex(of: " ") { kept = kept[..<space] }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: kept)
        return .string(String(view) + end)
    }

    private static func urlencode(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        try arguments.expectNone("urlencode")
        let pairs: [TemplateValue]
        switch value {
        case .dict(let dict): pairs = try TemplateMethods.items(of: dict)
        case .list, .tuple, .object, .undefined: pairs = try evaluator.elements(of: value)
        default:
            let text = percentEncoded(try evaluator.text(of: value), isQuery: false)
            try evaluator.charge(bytes: text.utf8.count)
            return .string(text)
        }
        var text = ""
        for pair in pairs {
            let items = try evaluator.elements(of: pair)
            guard items.count == 2 else { throw .value("urlencode wants pairs") }
            let key = percentEncoded(try evaluator.text(of: items[0]), isQuery: true)
            let value = percentEncoded(try evaluator.text(of: items[1]), isQuery: true)
            try evaluator.append((text.isEmpty ? "" : "&") + key + "=" + value, to: &text)
        }
        return .string(text)
    }

    private static func percentEncoded(_ text: String, isQuery: Bool) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "-"), UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "/") where !isQuery: result += "/"
            case UInt8(ascii: " ") where isQuery: result += "+"
            default: result += "%" + PythonRepr.hexadecimal(UInt32(byte), width: 2).uppercased()
            }
        }
        return result
    }

    private static func xmlattr(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("xmlattr", "autospace")
        guard case .dict(let dict) = value else { throw .type("xmlattr wants a mapping") }
        var text = ""
        for (key, value) in dict.pairs where !value.isNone && !value.isUndefined {
            let name = try evaluator.text(of: key)
            guard !name.utf8.contains(where: { "/>= \t\n\r\u{B}\u{C}".utf8.contains($0) }) else {
                throw .value("invalid character in attribute name: \(PythonRepr.quoted(name))")
            }
            let content = escaped(try evaluator.text(of: value))
            let space = text.isEmpty ? "" : " "
            try evaluator.append("\(space)\(escaped(name))=\"\(content)\"", to: &text)
        }
        return .string(bound[0].flag(default: true) && !text.isEmpty ? " " + text : text)
    }
}
