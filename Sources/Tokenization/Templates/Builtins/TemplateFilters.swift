// SPDX-License-Identifier: Apache-2.0

/// What can follow `|`.
enum TemplateFilters {
    typealias Filter =
        @Sendable (TemplateEvaluator, TemplateValue, TemplateArguments) throws(TemplateError) ->
        TemplateValue

    static func named(_ name: String) -> Filter? { filters[name] }

    private static let filters: [String: Filter] = {
        let readers = textFilters + numberFilters + sequenceFilters + selectingFilters
        let counted = readers.map { (name, filter) in (name, charged(filter)) }
        return Dictionary(counted + valueFilters, uniquingKeysWith: { first, _ in first })
    }()

    /// The filter, which first counts the reading of the strings that it gets.
    private static func charged(_ filter: @escaping Filter) -> Filter {
        { evaluator, value, arguments throws(TemplateError) in
            try evaluator.charge(reading: value)
            try evaluator.charge(reading: arguments)
            return try filter(evaluator, value, arguments)
        }
    }

    /// The result of a filter on markup: several keep it such, and it is not escaped twice.
    static func marked(
        _ result: TemplateValue, _ name: String, _ text: String
    ) -> TemplateValue {
        switch name {
        case "escape", "e": .markup(text)
        case "upper", "lower", "capitalize", "title", "trim", "center", "indent", "truncate",
            "string", "default", "d", "reverse":
            result.marked(like: .markup(text))
        default: result
        }
    }

    // MARK: Any value

    /// Those that read no string, or count it themselves.
    private static let valueFilters: [(String, Filter)] = [
        ("default", `default`), ("d", `default`),
        (
            "string",
            { evaluator, value, arguments throws(TemplateError) in
                try arguments.expectNone("string")
                return .string(try evaluator.text(of: value))
            }
        ),
        (
            "safe",
            { evaluator, value, arguments throws(TemplateError) in
                try arguments.expectNone("safe")
                return .markup(try evaluator.text(of: value))
            }
        ),
        (
            "attr",
            { evaluator, value, arguments throws(TemplateError) in
                let bound = try arguments.bind("attr", "name", required: 1)
                guard let name = try bound[0].text("attr") else {
                    throw .type("attr() wants a name")
                }
                return try evaluator.properAttribute(name, of: value)
            }
        ),
        ("tojson", tojson),
    ]

    private static func `default`(
        _: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("default", "default_value", "boolean")
        guard value.isUndefined || (bound[1].flag() && !value.isTrue) else { return value }
        return bound[0] ?? .string("")
    }

    private static func tojson(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind(
            "tojson", "ensure_ascii", "indent", "separators", "sort_keys")
        var json = JSONText(limits: evaluator.limits)
        json.isASCII = bound[0].flag()
        json.sortsKeys = bound[3].flag()
        json.indent = try indentation(bound[1])
        if json.indent != nil { json.itemSeparator = "," }
        if let separators = bound[2], !separators.isNone {
            let parts = try evaluator.elements(of: separators)
            guard parts.count == 2, case .string(let item) = parts[0],
                case .string(let key) = parts[1]
            else { throw .value("separators must be two strings") }
            (json.itemSeparator, json.keySeparator) = (item, key)
        }
        try evaluator.charge(value.weight)
        let text = try json.dump(value)
        try evaluator.charge(bytes: text.utf8.count)
        return .string(text)
    }

    /// What JSON is indented by: a string, or so many spaces; nil for one line.
    private static func indentation(
        _ argument: TemplateValue?
    ) throws(TemplateError) -> String? {
        let text: String?
        if case .string(let given)? = argument {
            text = given
        } else {
            text = try argument.integer("tojson").map { width in
                String(repeating: " ", count: max(0, min(width, NumberFormat.maxWidth + 1)))
            }
        }
        guard (text?.utf8.count ?? 0) <= NumberFormat.maxWidth else {
            throw .value("an indent is above \(NumberFormat.maxWidth)")
        }
        return text
    }
}
