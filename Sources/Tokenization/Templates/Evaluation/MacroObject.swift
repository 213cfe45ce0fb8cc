// SPDX-License-Identifier: Apache-2.0

/// A macro, or the body of a `call` block, with the scope that it was defined in.
final class MacroObject: TemplateObject {
    let definition: MacroDefinition
    private(set) var scope: TemplateScope?

    init(_ definition: MacroDefinition, in scope: TemplateScope) {
        self.definition = definition
        self.scope = scope
    }

    override var typeName: String { "Macro" }
    override var isCallable: Bool { true }

    override var printed: (String, TemplateValue?, String) {
        ("<Macro \(PythonRepr.quoted(definition.name))>", nil, "")
    }

    override func release() { scope = nil }

    override func attribute(_ name: String) -> TemplateValue? {
        switch name {
        case "name": .string(definition.name)
        case "arguments":
            (try? TemplateList(definition.parameters.map { .string($0) })).map { .tuple($0) }
        case "caller": .bool(definition.takesCaller)
        case "catch_kwargs": .bool(definition.takesKeywords)
        case "catch_varargs": .bool(definition.takesExtras)
        default: nil
        }
    }
}

extension TemplateEvaluator {
    /// Runs a macro's body and returns what it wrote.
    func call(
        _ macro: MacroObject, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let definition = macro.definition
        guard let parent = macro.scope else { return .string("") }
        // Each parameter is looked for among the arguments that have a name.
        try charge(definition.parameters.count * (1 + arguments.named.count))
        let scope = TemplateScope(parent: parent)
        var named = arguments.named
        func take(_ name: String) -> TemplateValue? {
            guard let index = named.firstIndex(where: { $0.name == name }) else { return nil }
            return named.remove(at: index).value
        }
        var absent: [Int] = []
        for (index, name) in definition.parameters.enumerated() {
            if index < arguments.positional.count {
                scope.set(name, arguments.positional[index])
            } else if let value = take(name) {
                scope.set(name, value)
            } else {
                scope.set(name, .missing("parameter '\(name)' was not provided"))
                absent.append(index)
            }
        }
        if definition.takesCaller, !definition.parameters.contains("caller") {
            scope.set("caller", take("caller") ?? .missing("No caller defined"))
        }
        try bindRest(
            of: definition, named,
            extras: arguments.positional.dropFirst(definition.parameters.count), in: scope)
        let required = definition.parameters.count - definition.defaults.count
        for index in absent where index >= required {
            scope.set(
                definition.parameters[index],
                try evaluate(definition.defaults[index - required], scope))
        }
        return .string(
            try capture { () throws(TemplateError) in
                _ = try execute(definition.body, scope)
            })
    }

    /// Binds what no parameter takes to `kwargs` and `varargs`, or refuses it.
    private func bindRest(
        of definition: MacroDefinition, _ named: [(name: String, value: TemplateValue)],
        extras: ArraySlice<TemplateValue>, in scope: TemplateScope
    ) throws(TemplateError) {
        if definition.takesKeywords {
            scope.set("kwargs", .dict(try dict(named.map { (.string($0.name), $0.value) })))
        } else if let first = named.first {
            throw .type("macro '\(definition.name)' takes no keyword argument '\(first.name)'")
        }
        if definition.takesExtras {
            scope.set("varargs", .tuple(try list(Array(extras))))
        } else if !extras.isEmpty {
            throw .type(
                "macro '\(definition.name)' takes not more than "
                    + "\(definition.parameters.count) argument(s)")
        }
    }
}
