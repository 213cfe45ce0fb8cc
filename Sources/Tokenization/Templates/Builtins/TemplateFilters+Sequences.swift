// SPDX-License-Identifier: Apache-2.0

extension TemplateFilters {
    static let sequenceFilters: [(String, Filter)] = [
        ("length", length), ("count", length),
        (
            "list",
            { evaluator, value, arguments throws(TemplateError) in
                try arguments.expectNone("list")
                return .list(try evaluator.list(try evaluator.elements(of: value)))
            }
        ),
        (
            "first",
            { evaluator, value, arguments throws(TemplateError) in
                try arguments.expectNone("first")
                let absent = TemplateValue.missing("No first item, sequence was empty.")
                if case .object(let iterator as IteratorObject) = value {
                    return iterator.next() ?? absent
                }
                return try evaluator.elements(of: value).first ?? absent
            }
        ),
        (
            "last",
            { evaluator, value, arguments throws(TemplateError) in
                try arguments.expectNone("last")
                if case .object(let object) = value, object is IteratorObject {
                    throw .type("'\(value.typeName)' object is not reversible")
                }
                return try evaluator.elements(of: value).last
                    ?? .missing("No last item, sequence was empty.")
            }
        ),
        (
            "reverse",
            { evaluator, value, arguments throws(TemplateError) in
                try arguments.expectNone("reverse")
                if case .string(let text) = value {
                    return .string(String(String.UnicodeScalarView(text.unicodeScalars.reversed())))
                }
                let items = Array(try evaluator.elements(of: value).reversed())
                if case .object(let object) = value, object is IteratorObject {
                    return .list(try evaluator.list(items))
                }
                return try evaluator.iterator(items, type: "\(value.typeName)_reverseiterator")
            }
        ),
        ("join", join), ("sum", sum), ("sort", sort), ("unique", unique), ("groupby", groupby),
        (
            "min",
            { evaluator, value, arguments throws(TemplateError) in
                try extreme("min", evaluator, value, arguments) {
                    (new, old) throws(TemplateError) in
                    try evaluator.isLess(new, old)
                }
            }
        ),
        (
            "max",
            { evaluator, value, arguments throws(TemplateError) in
                try extreme("max", evaluator, value, arguments) {
                    (new, old) throws(TemplateError) in
                    try evaluator.isLess(old, new, ">", isSwapped: true)
                }
            }
        ),
        (
            "items",
            { evaluator, value, arguments throws(TemplateError) in
                try arguments.expectNone("items")
                if value.isUndefined { return try evaluator.iterator([]) }
                guard case .dict(let dict) = value else {
                    throw .type("Can only get item pairs from a mapping.")
                }
                return try evaluator.iterator(try TemplateMethods.items(of: dict))
            }
        ),
        ("dictsort", dictsort), ("batch", batch), ("slice", slice),
    ]

    private static func length(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        try arguments.expectNone("length")
        return .int(try evaluator.length(of: value))
    }

    private static func join(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("join", "d", "attribute")
        let separator =
            try bound[0].map { (value) throws(TemplateError) in
                try evaluator.text(of: value)
            } ?? ""
        let path = try AttributePath(bound[1])
        var joined = ""
        for (index, item) in try evaluator.elements(of: value).enumerated() {
            if index > 0 { try evaluator.append(separator, to: &joined) }
            let text = try evaluator.text(of: try path.value(of: item, evaluator))
            try evaluator.append(text, to: &joined)
        }
        return .string(joined)
    }

    private static func sum(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("sum", "attribute", "start")
        let path = try AttributePath(bound[0])
        var total = bound[1] ?? .int(0)
        if case .string = total { throw .type("sum() can't sum strings") }
        for item in try evaluator.elements(of: value) {
            total = try evaluator.compute(.add, total, try path.value(of: item, evaluator))
        }
        return total
    }

    // MARK: Order

    private static func sort(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("sort", "reverse", "case_sensitive", "attribute")
        let paths: [AttributePath]
        if case .string(let text)? = bound[2] {
            paths = try text.utf8.split(
                separator: UInt8(ascii: ","), omittingEmptySubsequences: false
            )
            .map { (part) throws(TemplateError) in
                try AttributePath(.string(String(utf8: part)), ignoresCase: !bound[1].flag())
            }
        } else {
            paths = [try AttributePath(bound[2], ignoresCase: !bound[1].flag())]
        }
        let items = try evaluator.elements(of: value)
        let keys = try items.map { (item) throws(TemplateError) in
            TemplateValue.list(
                try evaluator.list(
                    try paths.map { (path) throws(TemplateError) in
                        try path.value(of: item, evaluator)
                    }))
        }
        let order = try StableOrder.sorted(keys, evaluator, isReversed: bound[0].flag())
        return .list(try evaluator.list(order.map { items[$0] }))
    }

    private static func dictsort(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("dictsort", "case_sensitive", "by", "reverse")
        let by = try bound[1].text("dictsort") ?? "key"
        guard by == "key" || by == "value" else {
            throw .value("You can only sort by either \"key\" or \"value\"")
        }
        guard case .dict(let dict) = value else {
            if case .undefined(let undefined) = value { throw undefined.error }
            throw .type("dictsort wants a mapping, found '\(value.typeName)'")
        }
        let keys = try dict.pairs.map { (entry) throws(TemplateError) -> TemplateValue in
            let key = by == "key" ? entry.key : entry.value
            return try bound[0].flag() ? key : AttributePath.lowercased(key, evaluator)
        }
        let items = try TemplateMethods.items(of: dict)
        let order = try StableOrder.sorted(keys, evaluator, isReversed: bound[2].flag())
        return .list(try evaluator.list(order.map { items[$0] }))
    }

    private static func extreme(
        _ name: String, _ evaluator: TemplateEvaluator, _ value: TemplateValue,
        _ arguments: TemplateArguments,
        _ isBetter: (TemplateValue, TemplateValue) throws(TemplateError) -> Bool
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind(name, "case_sensitive", "attribute")
        let path = try AttributePath(bound[1], ignoresCase: !bound[0].flag())
        var best: (item: TemplateValue, key: TemplateValue)?
        for item in try evaluator.elements(of: value) {
            let key = try path.value(of: item, evaluator)
            if let old = best, try !isBetter(key, old.key) { continue }
            best = (item, key)
        }
        return best?.item ?? .missing("No aggregated item, sequence was empty.")
    }

    // MARK: Groups

    private static func unique(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("unique", "case_sensitive", "attribute")
        let path = try AttributePath(bound[1], ignoresCase: !bound[0].flag())
        var seen: Set<TemplateKey> = []
        var items: [TemplateValue] = []
        for item in try evaluator.elements(of: value) {
            let key = try path.value(of: item, evaluator)
            try evaluator.charge(key.weight)
            if seen.insert(try TemplateKey(key)).inserted { items.append(item) }
        }
        return try evaluator.iterator(items)
    }

    private static func groupby(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind(
            "groupby", "attribute", "default", "case_sensitive", required: 1)
        let path = try AttributePath(bound[0], default: bound[1])
        let items = try evaluator.elements(of: value)
        let names = try items.map { (item) throws(TemplateError) in
            try path.value(of: item, evaluator)
        }
        let keys =
            try bound[2].flag()
            ? names
            : names.map { (name) throws(TemplateError) in
                try AttributePath.lowercased(name, evaluator)
            }
        var groups: [(name: TemplateValue, key: TemplateValue, items: [TemplateValue])] = []
        for index in try StableOrder.sorted(keys, evaluator, isReversed: false) {
            if let last = groups.last, try evaluator.areEqual(last.key, keys[index]) {
                groups[groups.count - 1].items.append(items[index])
            } else {
                groups.append((names[index], keys[index], [items[index]]))
            }
        }
        let tuples = try groups.map { (group) throws(TemplateError) in
            TemplateValue.tuple(
                try evaluator.list(
                    [group.name, .list(try evaluator.list(group.items))],
                    fields: ["grouper", "list"]))
        }
        return .list(try evaluator.list(tuples))
    }

    private static func batch(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("batch", "linecount", "fill_with", required: 1)
        let count = try bound[0].integer("batch") ?? 0
        var batches: [[TemplateValue]] = []
        for item in try evaluator.elements(of: value) {
            if let last = batches.last, last.count != count {
                batches[batches.count - 1].append(item)
            } else {
                batches.append([item])
            }
        }
        if let fill = bound[1], !fill.isNone, let last = batches.last, last.count < count {
            try evaluator.charge(count)
            batches[batches.count - 1] += Array(repeating: fill, count: count - last.count)
        }
        return try evaluator.iterator(
            try batches.map { (items) throws(TemplateError) in
                .list(try evaluator.list(items))
            })
    }

    private static func slice(
        _ evaluator: TemplateEvaluator, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let bound = try arguments.bind("slice", "slices", "fill_with", required: 1)
        let count = try bound[0].integer("slice") ?? 0
        guard count != 0 else { throw .value("integer division or modulo by zero") }
        let items = try evaluator.elements(of: value)
        try evaluator.charge(max(0, count))
        var slices: [TemplateValue] = []
        var start = 0
        for number in 0..<max(0, count) {
            let hasExtra = number < items.count % count
            let end = start + items.count / count + (hasExtra ? 1 : 0)
            var slice = Array(items[start..<end])
            if let fill = bound[1], !fill.isNone, !hasExtra { slice.append(fill) }
            slices.append(.list(try evaluator.list(slice)))
            start = end
        }
        return try evaluator.iterator(slices)
    }
}
