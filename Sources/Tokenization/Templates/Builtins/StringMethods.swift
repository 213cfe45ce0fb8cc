// SPDX-License-Identifier: Apache-2.0

/// Python's methods of `str`.
enum StringMethods {
    typealias Method =
        @Sendable (TemplateEvaluator, String, TemplateArguments) throws(TemplateError) ->
        TemplateValue

    static func named(_ name: String) -> Method? { methods[name] }

    private static let methods: [String: Method] = {
        var methods: [String: Method] = [:]
        for (name, transform) in transforms {
            methods[name] = plain(name) { .string(transform($0)) }
        }
        for (name, test) in tests { methods[name] = plain(name) { .bool(test($0)) } }
        for (name, method) in cutting + searching + padding { methods[name] = method }
        return methods
    }()

    /// A method without arguments.
    private static func plain(
        _ name: String, _ body: @escaping @Sendable (String) -> TemplateValue
    ) -> Method {
        { _, text, arguments throws(TemplateError) in
            try arguments.expectNone(name)
            return body(text)
        }
    }

    private static let transforms: [(String, @Sendable (String) -> String)] = [
        ("upper", { $0.pythonUpper }), ("lower", { $0.pythonLower }),
        ("capitalize", { $0.pythonCapitalized }), ("title", { $0.pythonTitle }),
        ("swapcase", { $0.pythonSwappedCase }), ("casefold", { $0.pythonFolded }),
    ]

    private static let tests: [(String, @Sendable (String) -> Bool)] = [
        ("isalpha", { $0.allScalars(\.isPythonLetter) }),
        ("isalnum", { $0.allScalars(\.isPythonAlphanumeric) }),
        ("isdigit", { $0.allScalars(\.isPythonDigit) }),
        ("isdecimal", { $0.allScalars(\.isPythonDecimal) }),
        ("isnumeric", { $0.allScalars(\.isPythonNumeric) }),
        ("isspace", { $0.allScalars(\.isPythonSpace) }),
        ("isascii", { $0.utf8.allSatisfy { $0 < 0x80 } }),
        ("isprintable", { $0.unicodeScalars.allSatisfy(\.isPythonPrintable) }),
        ("islower", { $0.isPythonLower }), ("isupper", { $0.isPythonUpper }),
        ("istitle", { $0.isPythonTitle }), ("isidentifier", { $0.isPythonIdentifier }),
    ]

    // MARK: Cutting and joining

    private static let cutting: [(String, Method)] = [
        (
            "strip",
            { _, text, arguments throws(TemplateError) in
                .string(text.stripped(try characters("strip", arguments)))
            }
        ),
        (
            "lstrip",
            { _, text, arguments throws(TemplateError) in
                .string(text.stripped(try characters("lstrip", arguments), right: false))
            }
        ),
        (
            "rstrip",
            { _, text, arguments throws(TemplateError) in
                .string(text.stripped(try characters("rstrip", arguments), left: false))
            }
        ),
        (
            "split",
            { evaluator, text, arguments throws(TemplateError) in
                try split("split", evaluator, text, arguments, fromRight: false)
            }
        ),
        (
            "rsplit",
            { evaluator, text, arguments throws(TemplateError) in
                try split("rsplit", evaluator, text, arguments, fromRight: true)
            }
        ),
        (
            "splitlines",
            { evaluator, text, arguments throws(TemplateError) in
                let bound = try arguments.bind("splitlines", "keepends")
                let found = try lines(evaluator, text, keepsEnds: bound[0].flag())
                return .list(try evaluator.list(found.map { .string($0) }))
            }
        ),
        (
            "partition",
            { evaluator, text, arguments throws(TemplateError) in
                try partition("partition", evaluator, text, arguments, fromRight: false)
            }
        ),
        (
            "rpartition",
            { evaluator, text, arguments throws(TemplateError) in
                try partition("rpartition", evaluator, text, arguments, fromRight: true)
            }
        ),
        (
            "join",
            { evaluator, text, arguments throws(TemplateError) in
                let bound = try arguments.bind("join", "iterable", required: 1)
                return .string(try join(evaluator, bound[0] ?? .none, text))
            }
        ),
        (
            "replace",
            { evaluator, text, arguments throws(TemplateError) in
                let bound = try arguments.bind("replace", "old", "new", "count", required: 2)
                guard let old = try bound[0].text("replace"), let new = try bound[1].text("replace")
                else { throw .type("replace() wants strings") }
                return .string(
                    try replace(
                        evaluator, text, old, new, count: try bound[2].integer("replace") ?? -1))
            }
        ),
        (
            "removeprefix",
            { _, text, arguments throws(TemplateError) in
                let prefix = try requiredText("removeprefix", arguments)
                guard text.utf8.starts(with: prefix.utf8) else { return .string(text) }
                return .string(String(utf8: text.utf8.dropFirst(prefix.utf8.count)))
            }
        ),
        (
            "removesuffix",
            { _, text, arguments throws(TemplateError) in
                let suffix = try requiredText("removesuffix", arguments)
                guard text.utf8.reversed().starts(with: suffix.utf8.reversed()) else {
                    return .string(text)
                }
                return .string(String(utf8: text.utf8.dropLast(suffix.utf8.count)))
            }
        ),
        (
            "format",
            { evaluator, text, arguments throws(TemplateError) in
                .string(try BraceFormat.format(text, arguments, evaluator))
            }
        ),
        (
            "format_map",
            { evaluator, text, arguments throws(TemplateError) in
                let bound = try arguments.bind("format_map", "mapping", required: 1)
                guard case .dict(let dict)? = bound[0] else {
                    throw .type("format_map() wants a mapping")
                }
                var named = TemplateArguments()
                for (key, value) in dict.pairs {
                    if case .string(let name) = key { named.named.append((name, value)) }
                }
                return .string(try BraceFormat.format(text, named, evaluator))
            }
        ),
    ]

    private static func characters(
        _ function: String, _ arguments: TemplateArguments
    ) throws(TemplateError) -> String? {
        try arguments.bind(function, "chars")[0].text(function)
    }

    private static func requiredText(
        _ function: String, _ arguments: TemplateArguments
    ) throws(TemplateError) -> String {
        guard let text = try arguments.bind(function, "text", required: 1)[0].text(function) else {
            throw .type("\(function)() wants a string, found 'NoneType'")
        }
        return text
    }

    private static func split(
        _ function: String, _ evaluator: TemplateEvaluator, _ text: String,
        _ arguments: TemplateArguments, fromRight: Bool
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind(function, "sep", "maxsplit")
        let limit = try bound[1].integer(function) ?? -1
        let parts: [String]
        if let separator = try bound[0].text(function) {
            guard !separator.isEmpty else { throw .value("empty separator") }
            parts = try Self.parts(
                evaluator, text, at: separator, limit: limit, fromRight: fromRight)
        } else {
            parts = text.pythonWords(maxSplits: limit, fromRight: fromRight)
        }
        return .list(try evaluator.list(parts.map { .string($0) }))
    }

    /// Python's `text.splitlines(keepends)`. The lines are counted before they are made.
    static func lines(
        _ evaluator: TemplateEvaluator, _ text: String, keepsEnds: Bool = false
    ) throws(TemplateError) -> [String] {
        try evaluator.charge(text.unicodeScalars.count { $0.isPythonLineEnd })
        return text.pythonLines(keepsEnds: keepsEnds)
    }

    private static func parts(
        _ evaluator: TemplateEvaluator, _ text: String, at separator: String, limit: Int,
        fromRight: Bool
    ) throws(TemplateError) -> [String] {
        let bytes = Array(text.utf8)
        let pattern = Array(separator.utf8)
        let count = limit < 0 ? Int.max : limit
        let cuts =
            fromRight
            ? TextSearch.allFromRight(of: pattern, in: bytes, limit: count)
            : TextSearch(pattern).all(in: bytes, limit: count)
        try evaluator.charge(cuts.count)
        var parts: [String] = []
        var start = 0
        for cut in cuts {
            parts.append(String(utf8: bytes[start..<cut]))
            start = cut + pattern.count
        }
        return parts + [String(utf8: bytes[start...])]
    }

    private static func partition(
        _ function: String, _ evaluator: TemplateEvaluator, _ text: String,
        _ arguments: TemplateArguments, fromRight: Bool
    ) throws(TemplateError) -> TemplateValue {
        let separator = try requiredText(function, arguments)
        guard !separator.isEmpty else { throw .value("empty separator") }
        let parts = try Self.parts(
            evaluator, text, at: separator, limit: 1, fromRight: fromRight)
        let three =
            parts.count == 2
            ? [parts[0], separator, parts[1]] : fromRight ? ["", "", text] : [text, "", ""]
        return .tuple(try evaluator.list(three.map { .string($0) }))
    }

    /// Python's `separator.join(values)`, which takes strings only.
    private static func join(
        _ evaluator: TemplateEvaluator, _ values: TemplateValue, _ separator: String
    ) throws(TemplateError) -> String {
        var joined = ""
        for (index, value) in try evaluator.elements(of: values).enumerated() {
            guard case .string(let text) = value else {
                throw .type(
                    "sequence item \(index): expected str instance, \(value.typeName) found")
            }
            if index > 0 { try evaluator.append(separator, to: &joined) }
            try evaluator.append(text, to: &joined)
        }
        return joined
    }

    /// Python's `text.replace(old, new, count)`.
    static func replace(
        _ evaluator: TemplateEvaluator, _ text: String, _ old: String, _ new: String, count: Int
    ) throws(TemplateError) -> String {
        let limit = count < 0 ? Int.max : count
        let bytes = Array(text.utf8)
        let added = Array(new.utf8)
        let cuts: [Int]
        if old.isEmpty {
            // Between all code points, and around them.
            let starts = bytes.indices.filter { bytes[$0] & 0xC0 != 0x80 }
            cuts = Array((starts + [bytes.count]).prefix(limit))
        } else {
            cuts = TextSearch(Array(old.utf8)).all(in: bytes, limit: limit)
        }
        let (growth, overflows) = cuts.count.multipliedReportingOverflow(by: added.count)
        guard !overflows else { throw .textTooLong(maxBytes: evaluator.limits.maxTextBytes) }
        try evaluator.charge(bytes: min(growth, Int.max - bytes.count) + bytes.count)
        var result: [UInt8] = []
        var start = 0
        for cut in cuts {
            result += bytes[start..<cut]
            result += added
            start = cut + old.utf8.count
        }
        return String(utf8: result + bytes[start...])
    }

    // MARK: Searching

    private static let searching: [(String, Method)] = [
        (
            "startswith",
            { evaluator, text, arguments throws(TemplateError) in
                try begins("startswith", evaluator, text, arguments) { $0.starts(with: $1) }
            }
        ),
        (
            "endswith",
            { evaluator, text, arguments throws(TemplateError) in
                try begins("endswith", evaluator, text, arguments) {
                    $0.reversed().starts(with: $1.reversed())
                }
            }
        ),
        (
            "find",
            { _, text, arguments throws(TemplateError) in
                .int(try find("find", text, arguments, fromRight: false) ?? -1)
            }
        ),
        (
            "rfind",
            { _, text, arguments throws(TemplateError) in
                .int(try find("rfind", text, arguments, fromRight: true) ?? -1)
            }
        ),
        (
            "index",
            { _, text, arguments throws(TemplateError) in
                guard let index = try find("index", text, arguments, fromRight: false) else {
                    throw .value("substring not found")
                }
                return .int(index)
            }
        ),
        (
            "rindex",
            { _, text, arguments throws(TemplateError) in
                guard let index = try find("rindex", text, arguments, fromRight: true) else {
                    throw .value("substring not found")
                }
                return .int(index)
            }
        ),
        (
            "count",
            { _, text, arguments throws(TemplateError) in
                let bound = try arguments.bind("count", "sub", "start", "end", required: 1)
                guard let part = try bound[0].text("count") else {
                    throw .type("count() wants a string")
                }
                let (bytes, _) = try window("count", text, bound)
                if part.isEmpty { return .int(String(utf8: bytes).unicodeScalars.count + 1) }
                return .int(TextSearch(Array(part.utf8)).all(in: bytes).count)
            }
        ),
    ]

    private static func begins(
        _ function: String, _ evaluator: TemplateEvaluator, _ text: String,
        _ arguments: TemplateArguments, _ test: ([UInt8], [UInt8]) -> Bool
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind(function, "prefix", "start", "end", required: 1)
        let (bytes, _) = try window(function, text, bound)
        var parts = [bound[0] ?? .none]
        if case .tuple(let list) = parts[0] {
            try evaluator.charge(list.weight)
            parts = list.items
        }
        for part in parts {
            guard case .string(let part) = part else {
                if case .undefined(let undefined) = part { throw undefined.error }
                throw .type(
                    "\(function) first arg must be str or a tuple of str, not \(part.typeName)")
            }
            if test(bytes, Array(part.utf8)) { return .bool(true) }
        }
        return .bool(false)
    }

    /// The bytes of `text[start:end]`, from the second and third arguments, and the code points before them.
    private static func window(
        _ function: String, _ text: String, _ bound: [TemplateValue?]
    ) throws(TemplateError) -> (bytes: [UInt8], offset: Int) {
        let start = try bound[1].integer(function)
        let end = try bound[2].integer(function)
        if start == nil, end == nil { return (Array(text.utf8), 0) }
        let scalars = Array(text.unicodeScalars)
        let range = SliceIndices(start: start, stop: end, step: 1, count: scalars.count)
        let positions = range.of(Array(scalars.indices))
        var view = String.UnicodeScalarView()
        view.append(contentsOf: positions.map { scalars[$0] })
        return (Array(String(view).utf8), positions.first ?? 0)
    }

    private static func find(
        _ function: String, _ text: String, _ arguments: TemplateArguments, fromRight: Bool
    ) throws(TemplateError) -> Int? {
        let bound = try arguments.bind(function, "sub", "start", "end", required: 1)
        guard let part = try bound[0].text(function) else {
            throw .type("\(function)() wants a string")
        }
        let (bytes, offset) = try window(function, text, bound)
        let pattern = Array(part.utf8)
        let found: Int?
        if pattern.isEmpty {
            found = fromRight ? bytes.count : 0
        } else if fromRight {
            found = TextSearch.allFromRight(of: pattern, in: bytes, limit: 1).first
        } else {
            found = TextSearch(pattern).first(in: bytes)
        }
        return found.map { offset + String(utf8: bytes[..<$0]).unicodeScalars.count }
    }

    // MARK: Padding

    private static let padding: [(String, Method)] = [
        (
            "center",
            { evaluator, text, arguments throws(TemplateError) in
                try pad("center", evaluator, text, arguments) { width in
                    // Python puts the odd one to the left if the width is odd, too.
                    let left = width / 2 + (width & (width + text.unicodeScalars.count) & 1)
                    return (left, width - left)
                }
            }
        ),
        (
            "ljust",
            { evaluator, text, arguments throws(TemplateError) in
                try pad("ljust", evaluator, text, arguments) { (0, $0) }
            }
        ),
        (
            "rjust",
            { evaluator, text, arguments throws(TemplateError) in
                try pad("rjust", evaluator, text, arguments) { ($0, 0) }
            }
        ),
        (
            "zfill",
            { evaluator, text, arguments throws(TemplateError) in
                let width =
                    try arguments.bind("zfill", "width", required: 1)[0].integer("zfill") ?? 0
                let missing = width - min(width, text.unicodeScalars.count)
                guard missing > 0 else { return .string(text) }
                try evaluator.charge(bytes: missing)
                let zeros = String(repeating: "0", count: missing)
                guard let sign = text.unicodeScalars.first, sign == "+" || sign == "-" else {
                    return .string(zeros + text)
                }
                return .string(
                    String(Character(sign)) + zeros + String(text.unicodeScalars.dropFirst()))
            }
        ),
        (
            "expandtabs",
            { evaluator, text, arguments throws(TemplateError) in
                let bound = try arguments.bind("expandtabs", "tabsize")
                return .string(
                    try expandTabs(evaluator, text, size: try bound[0].integer("expandtabs") ?? 8))
            }
        ),
    ]

    private static func pad(
        _ function: String, _ evaluator: TemplateEvaluator, _ text: String,
        _ arguments: TemplateArguments, _ sides: (Int) -> (Int, Int)
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind(function, "width", "fillchar", required: 1)
        guard let width = try bound[0].integer(function) else {
            throw .type("\(function)() wants an integer")
        }
        let fill = try bound[1].text(function) ?? " "
        guard fill.unicodeScalars.count == 1 else {
            throw .type("the fill character must be exactly one character long")
        }
        return .string(try padded(evaluator, text, width: width, fill: fill, sides))
    }

    static func padded(
        _ evaluator: TemplateEvaluator, _ text: String, width: Int, fill: String = " ",
        _ sides: (Int) -> (Int, Int)
    ) throws(TemplateError) -> String {
        let missing = width - min(width, text.unicodeScalars.count)
        guard missing > 0 else { return text }
        try evaluator.charge(bytes: min(missing, Int.max / 8) * fill.utf8.count)
        let (left, right) = sides(missing)
        return String(repeating: fill, count: left) + text + String(repeating: fill, count: right)
    }

    private static func expandTabs(
        _ evaluator: TemplateEvaluator, _ text: String, size: Int
    ) throws(TemplateError) -> String {
        var column = 0
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\t" where size > 0:
                let count = size - column % size
                try evaluator.charge(bytes: count)
                result.append(contentsOf: repeatElement(" ", count: count))
                column = 0
            case "\t": continue
            case "\n", "\r":
                result.append(scalar)
                column = 0
            default:
                result.append(scalar)
                column += 1
            }
        }
        return String(result)
    }
}
