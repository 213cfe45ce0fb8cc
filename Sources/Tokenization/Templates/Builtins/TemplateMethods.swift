// SPDX-License-Identifier: Apache-2.0

/// The methods of Python's strings, lists and mappings.
enum TemplateMethods {
    /// The method of that name, bound to the value.
    static func method(_ name: String, of value: TemplateValue) -> TemplateValue? {
        let body: FunctionObject.Body
        switch value {
        case .string(let text):
            guard let method = StringMethods.named(name) else { return nil }
            body = { evaluator, arguments throws(TemplateError) in
                try evaluator.charge(bytes: text.utf8.count)
                try evaluator.charge(reading: arguments)
                let result = try method(evaluator, text, arguments)
                if case .string(let text) = result { try evaluator.charge(bytes: text.utf8.count) }
                return result
            }
        case .list(let list), .tuple(let list):
            guard let method = sequenceMethod(name, list) else {
                if case .list = value, name == "copy" {
                    return .object(FunctionObject(name, of: value) { _, _ in value })
                }
                return nil
            }
            body = method
        case .dict(let dict):
            guard let method = dictMethod(name, dict) else { return nil }
            body = method
        case .int(let integer): return integerAttribute(name, integer)
        case .float(let number): return floatAttribute(name, number)
        default: return nil
        }
        return .object(FunctionObject(name, of: value, body))
    }

    /// Whether the sandbox forbids the attribute: Python's internals, and methods that change a value.
    static func isForbidden(_ name: String, of value: TemplateValue) -> Bool {
        if name.utf8.starts(with: "__".utf8) { return true }
        return switch value {
        case .list: listMutators.contains(name)
        case .dict: dictMutators.contains(name)
        default: false
        }
    }

    private static let listMutators: Set<String> = [
        "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove",
    ]
    private static let dictMutators: Set<String> = [
        "clear", "pop", "popitem", "setdefault", "update",
    ]

    private static func sequenceMethod(
        _ name: String, _ list: TemplateList
    ) -> FunctionObject.Body? {
        switch name {
        case "count":
            { evaluator, arguments throws(TemplateError) in
                let bound = try arguments.bind(name, "value", required: 1)
                try evaluator.charge(list.weight)
                let value = bound[0] ?? .none
                return .int(list.items.count { $0.equals(value) })
            }
        case "index":
            { evaluator, arguments throws(TemplateError) in
                let bound = try arguments.bind(name, "value", "start", "stop", required: 1)
                try evaluator.charge(list.weight)
                let value = bound[0] ?? .none
                let range = SliceIndices(
                    start: try bound[1].integer(name), stop: try bound[2].integer(name), step: 1,
                    count: list.items.count)
                guard
                    let index = range.of(Array(list.items.indices)).first(where: {
                        list.items[$0].equals(value)
                    })
                else {
                    throw .value(
                        "\(try PythonRepr.repr(value, limits: evaluator.limits)) is not in list")
                }
                return .int(index)
            }
        default: nil
        }
    }

    private static func dictMethod(_ name: String, _ dict: TemplateDict) -> FunctionObject.Body? {
        switch name {
        case "get":
            { evaluator, arguments throws(TemplateError) in
                let bound = try arguments.bind(name, "key", "default", required: 1)
                guard arguments.named.isEmpty else {
                    throw .type("get() takes no keyword arguments")
                }
                let key = bound[0] ?? .none
                try evaluator.charge(key.weight)
                return dict[try TemplateKey(key)] ?? bound[1] ?? .none
            }
        case "keys", "values", "items":
            { evaluator, arguments throws(TemplateError) in
                try arguments.expectNone(name)
                return .object(try view(name, of: dict, evaluator))
            }
        case "copy":
            { _, arguments throws(TemplateError) in
                try arguments.expectNone(name)
                return .dict(dict)
            }
        case "fromkeys":
            { evaluator, arguments throws(TemplateError) in
                let bound = try arguments.bind(name, "iterable", "value", required: 1)
                let keys = try evaluator.elements(of: bound[0] ?? .none)
                return .dict(try evaluator.dict(keys.map { ($0, bound[1] ?? .none) }))
            }
        default: nil
        }
    }

    private static func view(
        _ name: String, of dict: TemplateDict, _ evaluator: TemplateEvaluator
    ) throws(TemplateError) -> ViewObject {
        try evaluator.charge(dict.count)
        return switch name {
        case "keys": try ViewObject("dict_keys", dict.keys)
        case "values": try ViewObject("dict_values", dict.values)
        default: try ViewObject("dict_items", try items(of: dict))
        }
    }

    /// A tuple of key and value for each entry.
    static func items(of dict: TemplateDict) throws(TemplateError) -> [TemplateValue] {
        try dict.pairs.map { (entry) throws(TemplateError) in
            .tuple(try TemplateList([entry.key, entry.value]))
        }
    }

    private static func integerAttribute(_ name: String, _ integer: Int) -> TemplateValue? {
        switch name {
        case "real", "numerator": .int(integer)
        case "imag": .int(0)
        case "denominator": .int(1)
        case "bit_length":
            .object(
                FunctionObject(name) { (_, arguments) throws(TemplateError) in
                    try arguments.expectNone(name)
                    return .int(Int.bitWidth - integer.magnitude.leadingZeroBitCount)
                })
        default: nil
        }
    }

    private static func floatAttribute(_ name: String, _ number: Double) -> TemplateValue? {
        switch name {
        case "real": .float(number)
        case "imag": .float(0)
        case "is_integer":
            .object(
                FunctionObject(name) { (_, arguments) throws(TemplateError) in
                    try arguments.expectNone(name)
                    return .bool(number.isFinite && number == number.rounded(.towardZero))
                })
        default: nil
        }
    }
}
