// SPDX-License-Identifier: Apache-2.0

/// The functions that every template can call: Jinja's, and those that transformers adds.
enum TemplateGlobals {
    static var values: [String: TemplateValue] {
        var values: [String: TemplateValue] = [:]
        let functions: [(String, FunctionObject.Body)] = [
            ("range", range), ("dict", dict), ("namespace", namespace), ("joiner", joiner),
            ("cycler", cycler), ("raise_exception", raise), ("strftime_now", strftime),
        ]
        for (name, body) in functions { values[name] = .object(FunctionObject(name, body)) }
        return values
    }

    private static func range(
        _: TemplateEvaluator, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("range", "start", "stop", "step", required: 1)
        let values = try bound.map { (value) throws(TemplateError) in
            try value.integer("range")
        }
        guard arguments.named.isEmpty, let first = values[0] else {
            throw .type("range() wants integers")
        }
        let object = try RangeObject(
            start: values[1] == nil ? 0 : first, stop: values[1] ?? first, step: values[2] ?? 1)
        return .object(object)
    }

    private static func dict(
        _ evaluator: TemplateEvaluator, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        .dict(try evaluator.dict(try entries(evaluator, arguments, "dict")))
    }

    private static func namespace(
        _ evaluator: TemplateEvaluator, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let dict = try evaluator.dict(try entries(evaluator, arguments, "namespace"))
        for case .string(let name) in dict.keys { try NamespaceObject.check(name) }
        return .object(evaluator.keep(NamespaceObject(dict)))
    }

    /// What `dict(…)` takes: a mapping or pairs, then names with values.
    private static func entries(
        _ evaluator: TemplateEvaluator, _ arguments: TemplateArguments, _ function: String
    ) throws(TemplateError) -> [(key: TemplateValue, value: TemplateValue)] {
        var entries: [(key: TemplateValue, value: TemplateValue)] = []
        guard arguments.positional.count <= 1 else {
            throw .type("\(function)() expected at most 1 argument")
        }
        switch arguments.positional.first {
        case nil: break
        case .dict(let dict)?: entries = dict.pairs
        case let value?:
            for pair in try evaluator.elements(of: value) {
                let parts = try evaluator.elements(of: pair)
                guard parts.count == 2 else {
                    throw .value("\(function)() wants pairs, found \(parts.count) elements")
                }
                entries.append((parts[0], parts[1]))
            }
        }
        return entries + arguments.named.map { (.string($0.name), $0.value) }
    }

    private static func joiner(
        _ evaluator: TemplateEvaluator, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("joiner", "sep")
        let separator = bound[0] ?? .string(", ")
        // A list checks how deep it nests: the separator may be another joiner.
        let held = try evaluator.list([separator])
        var isUsed = false
        return .object(
            FunctionObject("joiner", of: .list(held)) { (_, arguments) throws(TemplateError) in
                try arguments.expectNone("joiner")
                defer { isUsed = true }
                return isUsed ? separator : .string("")
            })
    }

    private static func cycler(
        _ evaluator: TemplateEvaluator, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        guard !arguments.positional.isEmpty, arguments.named.isEmpty else {
            throw .type("at least one item has to be provided")
        }
        return .object(CyclerObject(try evaluator.list(arguments.positional)))
    }

    private static func raise(
        _ evaluator: TemplateEvaluator, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("raise_exception", "message", required: 1)
        throw TemplateError(.raised, try evaluator.text(of: bound[0] ?? .none))
    }

    private static func strftime(
        _ evaluator: TemplateEvaluator, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("strftime_now", "format", required: 1)
        guard let format = try bound[0].text("strftime_now") else {
            throw .type("strftime_now() wants a string")
        }
        try evaluator.charge(bytes: format.utf8.count)
        let text = evaluator.now.formatted(format)
        try evaluator.charge(bytes: text.utf8.count)
        return .string(text)
    }
}

/// What `cycler(…)` makes.
private final class CyclerObject: TemplateObject {
    private let items: TemplateList
    private var position = 0

    init(_ items: TemplateList) { self.items = items }

    override var typeName: String { "Cycler" }
    override var depth: Int { items.depth }
    override var weight: Int { items.weight }

    override func attribute(_ name: String) -> TemplateValue? {
        switch name {
        case "current": items.items[position]
        case "next":
            .object(
                FunctionObject("next", of: .object(self)) { (_, arguments) throws(TemplateError) in
                    try arguments.expectNone("next")
                    defer { self.position = (self.position + 1) % self.items.items.count }
                    return self.items.items[self.position]
                })
        case "reset":
            .object(
                FunctionObject("reset", of: .object(self)) { (_, arguments) throws(TemplateError) in
                    try arguments.expectNone("reset")
                    self.position = 0
                    return .none
                })
        default: nil
        }
    }
}
