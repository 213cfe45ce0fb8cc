// SPDX-License-Identifier: Apache-2.0

/// Python's `text.format(…)`.
struct BraceFormat {
    private let evaluator: TemplateEvaluator
    private let arguments: TemplateArguments
    private var nextIndex = 0
    /// Whether fields have been numbered by themselves, or by the text.
    private var isAutomatic: Bool?

    static func format(
        _ format: String, _ arguments: TemplateArguments, _ evaluator: TemplateEvaluator
    ) throws(TemplateError) -> String {
        var formatter = BraceFormat(evaluator, arguments)
        return try formatter.run(Array(format.unicodeScalars)[...], depth: 0)
    }

    private init(_ evaluator: TemplateEvaluator, _ arguments: TemplateArguments) {
        self.evaluator = evaluator
        self.arguments = arguments
    }

    private mutating func run(
        _ format: ArraySlice<Unicode.Scalar>, depth: Int
    ) throws(TemplateError) -> String {
        guard depth < 2 else { throw .value("max string recursion exceeded") }
        var text = ""
        var scalars = format
        while let scalar = scalars.popFirst() {
            switch scalar {
            case "{" where scalars.first == "{", "}" where scalars.first == "}":
                scalars.removeFirst()
                text.unicodeScalars.append(scalar)
            case "{":
                let field = try Self.takeField(&scalars)
                text += try value(of: field, depth: depth)
                try evaluator.charge(bytes: text.utf8.count)
            case "}": throw .value("single '}' encountered in format string")
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// What is between the opening brace, already behind, and its closing one.
    private static func takeField(
        _ scalars: inout ArraySlice<Unicode.Scalar>
    ) throws(TemplateError) -> ArraySlice<Unicode.Scalar> {
        var open = 1
        for index in scalars.indices {
            if scalars[index] == "{" { open += 1 }
            if scalars[index] == "}" { open -= 1 }
            guard open == 0 else { continue }
            defer { scalars = scalars[(index + 1)...] }
            return scalars[..<index]
        }
        throw .value("expected '}' before end of string")
    }

    private mutating func value(
        of field: ArraySlice<Unicode.Scalar>, depth: Int
    ) throws(TemplateError) -> String {
        var inBrackets = false
        let end =
            field.firstIndex { scalar in
                if scalar == "[" { inBrackets = true }
                if scalar == "]" { inBrackets = false }
                return !inBrackets && (scalar == ":" || scalar == "!")
            } ?? field.endIndex
        var value = try lookUp(field[..<end])
        var rest = field[end...]
        if rest.first == "!" {
            rest.removeFirst()
            let conversion = rest.popFirst()
            guard rest.isEmpty || rest.first == ":" else {
                throw .value("expected ':' after conversion specifier")
            }
            switch conversion {
            case "r", "a": value = .string(try PythonRepr.repr(value, limits: evaluator.limits))
            case "s": value = .string(try evaluator.text(of: value))
            default: throw .value("unknown conversion specifier")
            }
        }
        let specification = rest.dropFirst()
        if specification.isEmpty { return try format(value, "") }
        return try format(value, try run(specification, depth: depth + 1))
    }

    private mutating func lookUp(
        _ name: ArraySlice<Unicode.Scalar>
    ) throws(TemplateError) -> TemplateValue {
        let end = name.firstIndex { $0 == "." || $0 == "[" } ?? name.endIndex
        var value = try argument(String(name[..<end]))
        var rest = name[end...]
        while let mark = rest.popFirst() {
            if mark == "." {
                let end = rest.firstIndex { $0 == "." || $0 == "[" } ?? rest.endIndex
                value = try evaluator.attribute(String(rest[..<end]), of: value)
                rest = rest[end...]
            } else {
                guard mark == "[", let end = rest.firstIndex(of: "]") else {
                    throw .value("missing ']' in format string")
                }
                let key = String(rest[..<end])
                value = try evaluator.item(Int(key).map { .int($0) } ?? .string(key), of: value)
                rest = rest[(end + 1)...]
            }
        }
        return value
    }

    private mutating func argument(_ name: String) throws(TemplateError) -> TemplateValue {
        let index: Int
        if name.isEmpty {
            guard isAutomatic != false else {
                throw .value("cannot switch from manual to automatic field numbering")
            }
            isAutomatic = true
            index = nextIndex
            nextIndex += 1
        } else if let number = Int(name) {
            guard isAutomatic != true else {
                throw .value("cannot switch from automatic to manual field numbering")
            }
            isAutomatic = false
            index = number
        } else {
            try evaluator.charge(arguments.named.count)
            guard let found = arguments.named.first(where: { $0.name == name }) else {
                throw .value("the format has no argument \(PythonRepr.quoted(name))")
            }
            return found.value
        }
        guard arguments.positional.indices.contains(index) else {
            throw .value("replacement index \(index) out of range for positional args tuple")
        }
        return arguments.positional[index]
    }

    // MARK: Specifications

    private func format(
        _ value: TemplateValue, _ specification: String
    ) throws(TemplateError) -> String {
        if specification.isEmpty { return try evaluator.text(of: value) }
        var layout = try Self.layout(specification)
        switch value {
        case .string(let text):
            guard layout.type == nil || layout.type == "s" else {
                throw Self.unknown(layout.type, value)
            }
            return layout.text(of: text)
        case .int, .bool: return try format(value, value.integer ?? 0, &layout)
        case .float(let number):
            guard let type = layout.type else {
                if let precision = layout.precision {
                    layout.type = "g"
                    layout.precision = max(1, precision)
                    return try layout.text(of: number)
                }
                var plain = layout
                plain.alignment = layout.alignment ?? ">"
                return plain.text(of: number.pythonRepr)
            }
            guard "eEfFgG%".unicodeScalars.contains(type) else { throw Self.unknown(type, value) }
            return try layout.text(of: number)
        case .undefined(let undefined): throw undefined.error
        default:
            throw .type("unsupported format string passed to \(value.typeName).__format__")
        }
    }

    private func format(
        _ value: TemplateValue, _ integer: Int, _ layout: inout NumberFormat
    ) throws(TemplateError) -> String {
        switch layout.type {
        case nil, "d", "n", "x", "X", "o", "b":
            guard layout.precision == nil else {
                throw .value("precision not allowed in integer format specifier")
            }
            return try layout.text(of: integer)
        case "c":
            guard let scalar = UInt32(exactly: integer).flatMap(Unicode.Scalar.init) else {
                throw .overflow
            }
            return layout.text(of: String(Character(scalar)))
        case "e", "E", "f", "F", "g", "G", "%": return try layout.text(of: Double(integer))
        default: throw Self.unknown(layout.type, value)
        }
    }

    private static func unknown(_ type: Unicode.Scalar?, _ value: TemplateValue) -> TemplateError {
        let letter = type.map { String(Character($0)) } ?? ""
        return .value("unknown format code '\(letter)' for object of type '\(value.typeName)'")
    }

    /// `[[fill]align][sign][#][0][width][grouping][.precision][type]`
    private static func layout(_ specification: String) throws(TemplateError) -> NumberFormat {
        var layout = NumberFormat()
        var scalars = Array(specification.unicodeScalars)[...]
        let alignments: Set<Unicode.Scalar> = ["<", ">", "=", "^"]
        if scalars.count > 1, alignments.contains(scalars[1]) {
            layout.fill = scalars[0]
            layout.alignment = scalars[1]
            scalars = scalars[2...]
        } else if let first = scalars.first, alignments.contains(first) {
            layout.alignment = first
            scalars.removeFirst()
        }
        if let sign = scalars.first, sign == "+" || sign == "-" || sign == " " {
            layout.sign = sign
            scalars.removeFirst()
        }
        if scalars.first == "#" {
            layout.isAlternate = true
            scalars.removeFirst()
        }
        if scalars.first == "0" {
            if layout.alignment == nil { (layout.fill, layout.alignment) = ("0", "=") }
            scalars.removeFirst()
        }
        layout.width = try count(&scalars) ?? 0
        if let grouping = scalars.first, grouping == "," || grouping == "_" {
            layout.grouping = grouping
            scalars.removeFirst()
        }
        if scalars.first == "." {
            scalars.removeFirst()
            guard let precision = try count(&scalars) else {
                throw .value("format specifier missing precision")
            }
            layout.precision = precision
        }
        layout.type = scalars.popFirst()
        guard scalars.isEmpty else { throw .value("invalid format specifier") }
        return layout
    }

    private static func count(
        _ scalars: inout ArraySlice<Unicode.Scalar>
    ) throws(TemplateError) -> Int? {
        var count: Int?
        while let digit = scalars.first, ("0"..."9").contains(digit) {
            scalars.removeFirst()
            count = min(NumberFormat.maxWidth + 1, (count ?? 0) * 10 + Int(digit.value - 0x30))
        }
        guard (count ?? 0) <= NumberFormat.maxWidth else {
            throw .value("a width or precision is above \(NumberFormat.maxWidth)")
        }
        return count
    }
}

extension String {
    fileprivate init(_ scalars: ArraySlice<Unicode.Scalar>) {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        self = String(view)
    }
}
