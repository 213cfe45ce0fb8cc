// SPDX-License-Identifier: Apache-2.0

/// Python's `format % values`.
struct PercentFormat {
    private let evaluator: TemplateEvaluator
    private let values: TemplateValue
    private var rest: ArraySlice<TemplateValue>
    private var scalars: ArraySlice<Unicode.Scalar>
    private var text = ""

    private init(_ format: String, _ values: TemplateValue, _ evaluator: TemplateEvaluator) {
        self.evaluator = evaluator
        self.values = values
        scalars = Array(format.unicodeScalars)[...]
        if case .tuple(let list) = values { rest = list.items[...] } else { rest = [values] }
    }

    static func format(
        _ format: String, _ values: TemplateValue, _ evaluator: TemplateEvaluator
    ) throws(TemplateError) -> String {
        try evaluator.charge(bytes: format.utf8.count)
        var formatter = PercentFormat(format, values, evaluator)
        try formatter.run()
        return formatter.text
    }

    private mutating func run() throws(TemplateError) {
        while let scalar = scalars.popFirst() {
            if scalar == "%" {
                try runField()
                try evaluator.charge(bytes: text.utf8.count)
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        // What has subscripts, as a mapping has, may be there for nothing.
        switch values {
        case .dict, .list, .object, .undefined: return
        default: break
        }
        guard rest.isEmpty else {
            throw .type("not all arguments converted during string formatting")
        }
    }

    private mutating func runField() throws(TemplateError) {
        var named: TemplateValue?
        if scalars.first == "(" { named = try readName() }
        var layout = NumberFormat()
        while let flag = scalars.first, "-+ #0".unicodeScalars.contains(flag) {
            scalars.removeFirst()
            switch flag {
            case "-": layout.alignment = "<"
            case "+": layout.sign = "+"
            case " ": if layout.sign != "+" { layout.sign = " " }
            case "0": layout.fill = "0"
            default: layout.isAlternate = true
            }
        }
        layout.width = try readCount() ?? 0
        if layout.width < 0 {
            layout.alignment = "<"
            layout.width = -layout.width
        }
        if scalars.first == "." {
            scalars.removeFirst()
            layout.precision = max(0, try readCount() ?? 0)
        }
        while let letter = scalars.first, "hlL".unicodeScalars.contains(letter) {
            scalars.removeFirst()
        }
        guard let type = scalars.popFirst() else { throw .value("incomplete format") }
        if type == "%" {
            text += "%"
        } else {
            let value: TemplateValue
            if let named { value = named } else { value = try next() }
            text += try format(value, type, layout)
        }
    }

    private mutating func readName() throws(TemplateError) -> TemplateValue {
        guard case .dict(let dict) = values, let end = scalars.firstIndex(of: ")") else {
            throw .type("format requires a mapping")
        }
        var name = String.UnicodeScalarView()
        name.append(contentsOf: scalars[(scalars.startIndex + 1)..<end])
        scalars = scalars[(end + 1)...]
        guard let value = dict[String(name)] else {
            throw .value("the mapping has no key \(PythonRepr.quoted(String(name)))")
        }
        return value
    }

    private mutating func readCount() throws(TemplateError) -> Int? {
        var count: Int?
        if scalars.first == "*" {
            scalars.removeFirst()
            guard let integer = try next().integer else { throw .type("* wants int") }
            count = integer
        } else {
            while let digit = scalars.first, ("0"..."9").contains(digit) {
                scalars.removeFirst()
                count = min(NumberFormat.maxWidth + 1, (count ?? 0) * 10 + Int(digit.value - 0x30))
            }
        }
        guard (count ?? 0).magnitude <= NumberFormat.maxWidth else {
            throw .value("a width or precision is above \(NumberFormat.maxWidth)")
        }
        return count
    }

    private mutating func next() throws(TemplateError) -> TemplateValue {
        guard let value = rest.popFirst() else {
            throw .type("not enough arguments for format string")
        }
        return value
    }

    private func format(
        _ value: TemplateValue, _ type: Unicode.Scalar, _ layout: NumberFormat
    ) throws(TemplateError) -> String {
        var layout = layout
        layout.type = type
        let isLeft = layout.alignment == "<"
        switch type {
        case "s", "r", "a":
            layout.fill = " "
            layout.alignment = isLeft ? "<" : ">"
            let string =
                type == "s"
                ? try evaluator.text(of: value)
                : try PythonRepr.repr(value, limits: evaluator.limits)
            return layout.text(of: string)
        case "c":
            layout.fill = " "
            layout.alignment = isLeft ? "<" : ">"
            if case .string(let text) = value, text.unicodeScalars.count == 1 {
                return layout.text(of: text)
            }
            guard let code = value.integer.flatMap(UInt32.init(exactly:)),
                let scalar = Unicode.Scalar(code)
            else { throw .type("%c requires int or char") }
            return layout.text(of: String(Character(scalar)))
        case "d", "i", "u", "x", "X", "o":
            if layout.fill == "0" { layout.alignment = isLeft ? "<" : "=" }
            if isLeft { layout.fill = " " }
            return try layout.text(of: try integer(value, type))
        case "e", "E", "f", "F", "g", "G":
            if layout.fill == "0" { layout.alignment = isLeft ? "<" : "=" }
            if isLeft { layout.fill = " " }
            if case .undefined(let undefined) = value { throw undefined.error }
            guard let number = value.number else {
                throw .type("must be real number, not \(value.typeName)")
            }
            return try layout.text(of: number)
        default:
            throw .value("unsupported format character '\(type)'")
        }
    }

    private func integer(
        _ value: TemplateValue, _ type: Unicode.Scalar
    ) throws(TemplateError) -> Int {
        if case .undefined(let undefined) = value { throw undefined.error }
        if let integer = value.integer { return integer }
        guard case .float(let number) = value, !"xXo".unicodeScalars.contains(type) else {
            throw .type("%\(type) format: an integer is required, not \(value.typeName)")
        }
        guard let integer = Int(exactly: number.rounded(.towardZero)) else { throw .overflow }
        return integer
    }
}
