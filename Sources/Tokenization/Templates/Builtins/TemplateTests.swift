// SPDX-License-Identifier: Apache-2.0

/// What can follow `is`.
enum TemplateTests {
    typealias Test =
        @Sendable (TemplateEvaluator, TemplateValue, TemplateArguments) throws(TemplateError) ->
        Bool

    static func named(_ name: String) -> Test? { tests[name] }

    private static let tests: [String: Test] = {
        var tests: [String: Test] = [
            "defined": plain { !$0.isUndefined },
            "undefined": plain { $0.isUndefined },
            "none": plain { $0.isNone },
            "boolean": plain { if case .bool = $0 { true } else { false } },
            "true": plain { if case .bool(true) = $0 { true } else { false } },
            "false": plain { if case .bool(false) = $0 { true } else { false } },
            "integer": plain { if case .int = $0 { true } else { false } },
            "float": plain { if case .float = $0 { true } else { false } },
            "number": plain { $0.number != nil },
            "string": plain { if case .string = $0 { true } else { false } },
            "mapping": plain { if case .dict = $0 { true } else { false } },
            "sequence": plain(isSequence),
            "iterable": plain(isIterable),
            "callable": plain(isCallable),
            "escaped": plain { _ in false },
            "odd": { evaluator, value, arguments throws(TemplateError) in
                try arguments.expectNone("odd")
                return try remainder(evaluator, value, .int(2)).equals(.int(1))
            },
            "even": { evaluator, value, arguments throws(TemplateError) in
                try arguments.expectNone("even")
                return try remainder(evaluator, value, .int(2)).equals(.int(0))
            },
            "divisibleby": binary("divisibleby") {
                evaluator, value, divisor throws(TemplateError) in
                try remainder(evaluator, value, divisor).equals(.int(0))
            },
            "lower": text("lower") { $0.isPythonLower },
            "upper": text("upper") { $0.isPythonUpper },
            "in": binary("in") { evaluator, value, container throws(TemplateError) in
                try evaluator.contains(container, value)
            },
            "sameas": binary("sameas") { evaluator, value, other throws(TemplateError) in
                try evaluator.charge(reading: value)
                return isSame(value, other)
            },
            "filter": name("filter") { TemplateFilters.named($0) != nil },
            "test": name("test") { names.contains($0) },
        ]
        for (comparison, names) in comparisons {
            for name in names {
                tests[name] = binary(name) { evaluator, value, other throws(TemplateError) in
                    try evaluator.holds(value, comparison, other)
                }
            }
        }
        return tests
    }()

    private static let comparisons: [(TemplateExpression.Comparison, [String])] = [
        (.equal, ["==", "eq", "equalto"]), (.notEqual, ["!=", "ne"]),
        (.greater, [">", "gt", "greaterthan"]), (.greaterOrEqual, [">=", "ge"]),
        (.less, ["<", "lt", "lessthan"]), (.lessOrEqual, ["<=", "le"]),
    ]

    private static let names: Set<String> = [
        "odd", "even", "divisibleby", "defined", "undefined", "filter", "test", "none", "boolean",
        "false", "true", "integer", "float", "lower", "upper", "string", "mapping", "number",
        "sequence", "iterable", "callable", "sameas", "escaped", "in", "==", "eq", "equalto", "!=",
        "ne", ">", "gt", "greaterthan", "ge", ">=", "<", "lt", "lessthan", "<=", "le",
    ]

    private static func plain(_ test: @escaping @Sendable (TemplateValue) -> Bool) -> Test {
        { _, value, arguments throws(TemplateError) in
            try arguments.expectNone("the test")
            return test(value)
        }
    }

    /// A test of what the value prints as.
    private static func text(
        _ name: String, _ test: @escaping @Sendable (String) -> Bool
    ) -> Test {
        { evaluator, value, arguments throws(TemplateError) in
            try arguments.expectNone(name)
            let text = try evaluator.text(of: value)
            try evaluator.charge(bytes: text.utf8.count)
            return test(text)
        }
    }

    /// A test that only a string can pass.
    private static func name(
        _ name: String, _ test: @escaping @Sendable (String) -> Bool
    ) -> Test {
        { evaluator, value, arguments throws(TemplateError) in
            try arguments.expectNone(name)
            try evaluator.charge(reading: value)
            guard case .string(let text) = value else { return false }
            return test(text)
        }
    }

    private static func binary(
        _ name: String,
        _ test:
            @escaping @Sendable (TemplateEvaluator, TemplateValue, TemplateValue)
            throws(TemplateError) -> Bool
    ) -> Test {
        { evaluator, value, arguments throws(TemplateError) in
            let bound = try arguments.bind(name, "other", required: 1)
            return try test(evaluator, value, bound[0] ?? .none)
        }
    }

    private static func remainder(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ divisor: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        try evaluator.compute(.modulo, value, divisor)
    }

    private static func isSequence(_ value: TemplateValue) -> Bool {
        switch value {
        case .string, .list, .tuple, .dict, .undefined: true
        case .object(let object): object is RangeObject
        default: false
        }
    }

    private static func isIterable(_ value: TemplateValue) -> Bool {
        switch value {
        case .object(let object): object.isIterable
        default: isSequence(value)
        }
    }

    private static func isCallable(_ value: TemplateValue) -> Bool {
        switch value {
        case .object(let object): object.isCallable
        default: value.isUndefined
        }
    }

    /// Python's `is`: of data only what there is one of is the same.
    private static func isSame(_ left: TemplateValue, _ right: TemplateValue) -> Bool {
        switch (left, right) {
        case (.none, .none): true
        case (.bool(let left), .bool(let right)): left == right
        case (.int(let left), .int(let right)): left == right
        case (.string(let left), .string(let right)): left.isSame(as: right)
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            left === right
        case (.dict(let left), .dict(let right)): left === right
        case (.object(let left), .object(let right)): left === right
        default: false
        }
    }
}
