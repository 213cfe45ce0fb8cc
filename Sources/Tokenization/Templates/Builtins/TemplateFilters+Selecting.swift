// SPDX-License-Identifier: Apache-2.0

extension TemplateFilters {
    static let selectingFilters: [(String, Filter)] = [
        ("map", map),
        (
            "select",
            { evaluator, value, arguments throws(TemplateError) in
                try select("select", evaluator, value, arguments, byAttribute: false, keeps: true)
            }
        ),
        (
            "reject",
            { evaluator, value, arguments throws(TemplateError) in
                try select("reject", evaluator, value, arguments, byAttribute: false, keeps: false)
            }
        ),
        (
            "selectattr",
            { evaluator, value, arguments throws(TemplateError) in
                try select(
                    "selectattr", evaluator, value, arguments, byAttribute: true, keeps: true)
            }
        ),
        (
            "rejectattr",
            { evaluator, value, arguments throws(TemplateError) in
                try select(
                    "rejectattr", evaluator, value, arguments, byAttribute: true, keeps: false)
            }
        ),
    ]

    private static func map(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        guard value.isTrue else { return try evaluator.iterator([]) }
        let transform: (TemplateValue) throws(TemplateError) -> TemplateValue
        if arguments.positional.isEmpty,
            let attribute = arguments.named.first(where: { $0.name == "attribute" })
        {
            let bound = try arguments.bind("map", "attribute", "default")
            let path = try AttributePath(attribute.value, default: bound[1])
            transform = { (item) throws(TemplateError) in try path.value(of: item, evaluator) }
        } else {
            guard case .string(let name)? = arguments.positional.first else {
                throw .type("map requires a filter argument")
            }
            guard let filter = named(name) else { throw .type("no filter is named '\(name)'") }
            var rest = arguments
            rest.positional.removeFirst()
            transform = { (item) throws(TemplateError) in try filter(evaluator, item, rest) }
        }
        return try evaluator.iterator(
            try evaluator.elements(of: value).map { (item) throws(TemplateError) in
                try evaluator.charge()
                return try transform(item)
            })
    }

    private static func select(
        _ filter: String, _ evaluator: TemplateEvaluator, _ value: TemplateValue,
        _ arguments: TemplateArguments, byAttribute: Bool, keeps: Bool
    ) throws(TemplateError) -> TemplateValue {
        guard value.isTrue else { return try evaluator.iterator([]) }
        var rest = arguments
        var path = try AttributePath(nil)
        if byAttribute {
            guard !rest.positional.isEmpty else {
                throw .type("Missing parameter for attribute name")
            }
            path = try AttributePath(rest.positional.removeFirst())
        }
        let test: TemplateTests.Test
        if rest.positional.isEmpty {
            test = { _, value, _ in value.isTrue }
        } else {
            guard case .string(let name) = rest.positional.removeFirst(),
                let named = TemplateTests.named(name)
            else { throw .type("\(filter)() wants the name of a test") }
            test = named
        }
        var kept: [TemplateValue] = []
        for item in try evaluator.elements(of: value) {
            try evaluator.charge()
            let tested = try path.value(of: item, evaluator)
            if try test(evaluator, tested, rest) == keeps { kept.append(item) }
        }
        return try evaluator.iterator(kept)
    }
}
