// SPDX-License-Identifier: Apache-2.0

/// Attributes, subscripts and slices, by the rules of Jinja's immutable sandbox.
extension TemplateEvaluator {
    /// `value.name`: an attribute, else the item of that name.
    func attribute(
        _ name: String, of value: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        if case .undefined(let undefined) = value { throw undefined.error }
        if case .markup(let text) = value { return try markedMethod(name, of: text) }
        if let attribute = try knownAttribute(name, of: value) { return attribute }
        return try directItem(.string(name), of: value) ?? noAttribute(name, of: value)
    }

    /// `value[key]`: an item, else the attribute of that name.
    func item(
        _ key: TemplateValue, of value: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        if case .undefined(let undefined) = value { throw undefined.error }
        try charge(key.weight)
        if let item = try directItem(key, of: value.plain) { return item }
        guard case .string(let name) = key else {
            return .missing(
                "\(value.describedType) has no element \(try PythonRepr.repr(key, limits: limits))")
        }
        return try knownAttribute(name, of: value) ?? noAttribute(name, of: value)
    }

    /// `value|attr("name")`: an attribute, and no item.
    func properAttribute(
        _ name: String, of value: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        if case .undefined(let undefined) = value { throw undefined.error }
        try charge(bytes: name.utf8.count)
        return try knownAttribute(name, of: value) ?? noAttribute(name, of: value)
    }

    private func noAttribute(_ name: String, of value: TemplateValue) -> TemplateValue {
        .missing("'\(value.describedType)' has no attribute \(PythonRepr.quoted(name))")
    }

    /// A method of markup, whose texts are markup again.
    private func markedMethod(
        _ name: String, of text: String
    ) throws(TemplateError) -> TemplateValue {
        let method = try attribute(name, of: .string(text))
        guard case .object(let function as FunctionObject) = method else { return method }
        return .object(
            FunctionObject(name, of: .string(text)) {
                (evaluator, arguments) throws(TemplateError) in
                let result = try function.body(evaluator, arguments)
                func marked(_ list: TemplateList) throws(TemplateError) -> TemplateList {
                    try evaluator.list(list.items.map { $0.marked(like: .markup(text)) })
                }
                switch result {
                case .list(let list): return .list(try marked(list))
                case .tuple(let list): return .tuple(try marked(list))
                default: return result.marked(like: .markup(text))
                }
            })
    }

    /// A method or another attribute that Python knows, forbidden ones as an undefined value that says so.
    private func knownAttribute(
        _ name: String, of value: TemplateValue
    ) throws(TemplateError) -> TemplateValue? {
        if TemplateMethods.isForbidden(name, of: value) {
            return .undefined(
                UndefinedValue(
                    "access to attribute \(PythonRepr.quoted(name)) of '\(value.typeName)' object "
                        + "is unsafe.", kind: .security))
        }
        switch value {
        case .object(let object): return object.attribute(name)
        case .tuple(let list):
            if let index = list.fields.firstIndex(of: name) { return list.items[index] }
        default: break
        }
        return TemplateMethods.method(name, of: value)
    }

    /// Python's `value[key]`, nil where it raises.
    private func directItem(
        _ key: TemplateValue, of value: TemplateValue
    ) throws(TemplateError) -> TemplateValue? {
        switch value {
        case .dict(let dict):
            guard let key = try? TemplateKey(key) else { return nil }
            return dict[key]
        case .list(let list), .tuple(let list):
            return key.integer.flatMap { Self.position($0, count: list.items.count) }
                .map { list.items[$0] }
        case .string(let text):
            guard let index = key.integer else { return nil }
            // As far as the text is gone through.
            try charge(bytes: min(Int(clamping: index.magnitude), text.utf8.count))
            return Self.character(at: index, of: text).map { .string($0) }
        case .object(let range as RangeObject):
            return key.integer.flatMap { Self.position($0, count: range.count) }
                .map { .int(range.start + $0 * range.step) }
        default: return nil
        }
    }

    /// The index that a possibly negative one means.
    private static func position(_ index: Int, count: Int) -> Int? {
        let position = index < 0 ? index + count : index
        return (0..<count).contains(position) ? position : nil
    }

    private static func character(at index: Int, of text: String) -> String? {
        let scalars = text.unicodeScalars
        let byteCount = text.utf8.count
        guard index.magnitude <= byteCount else { return nil }
        let start = index < 0 ? scalars.endIndex : scalars.startIndex
        let limit = index < 0 ? scalars.startIndex : scalars.endIndex
        guard let found = scalars.index(start, offsetBy: index, limitedBy: limit),
            found < scalars.endIndex
        else { return nil }
        return String(Character(scalars[found]))
    }

    /// `value[start:stop:step]`
    func slice(
        _ value: TemplateValue, _ start: TemplateValue, _ stop: TemplateValue,
        _ step: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        if case .undefined(let undefined) = value { throw undefined.error }
        let bounds = [start, stop, step]
        guard bounds.allSatisfy({ $0.isNone || $0.integer != nil }) else {
            throw .type("slice indices must be integers or None")
        }
        guard step.integer != 0 else { throw .value("slice step cannot be zero") }
        func indices(_ count: Int) -> SliceIndices {
            SliceIndices(
                start: start.integer, stop: stop.integer, step: step.integer ?? 1, count: count)
        }
        switch value {
        case .list(let list): return .list(try self.list(indices(list.items.count).of(list.items)))
        case .tuple(let list):
            return .tuple(try self.list(indices(list.items.count).of(list.items)))
        case .string(let text):
            try charge(bytes: text.utf8.count)
            let scalars = Array(text.unicodeScalars)
            var view = String.UnicodeScalarView()
            view.append(contentsOf: indices(scalars.count).of(scalars))
            return .string(String(view))
        case .object(let range as RangeObject):
            return .object(try range.sliced(indices(range.count)))
        default: throw .type("'\(value.typeName)' object is not subscriptable")
        }
    }
}

/// The positions that a slice takes, as Python's `slice.indices` has them.
struct SliceIndices {
    let start: Int
    let stop: Int
    let step: Int

    /// - Precondition: `step` is not 0.
    init(start: Int?, stop: Int?, step: Int, count: Int) {
        // Longer steps than the sequence take one element, and cannot overflow.
        self.step = max(-count - 1, min(count + 1, step))
        let isForward = step > 0
        let (lower, upper) = isForward ? (0, count) : (-1, count - 1)
        func clamp(_ index: Int?, _ absent: Int) -> Int {
            guard let index else { return absent }
            if index < 0 { return max(lower, index < -count ? lower : index + count) }
            return min(index, upper)
        }
        self.start = clamp(start, isForward ? lower : upper)
        self.stop = clamp(stop, isForward ? upper : lower)
    }

    /// The elements at those positions.
    func of<Element>(_ elements: [Element]) -> [Element] {
        stride(from: start, to: stop, by: step).map { elements[$0] }
    }
}
