// SPDX-License-Identifier: Apache-2.0

internal import OrderedCollections

/// A value that is not data. Rendering confines them: none outlives it.
package class TemplateObject {
    /// Python's `type(x).__name__`.
    var typeName: String { "object" }
    var depth: Int { 1 }
    var weight: Int { 1 }
    var isTrue: Bool { true }
    /// Python's `len(x)`; nil where it has none.
    var length: Int? { nil }
    /// Whether it can be called.
    var isCallable: Bool { false }
    /// The text of `repr(x)`: what comes before, a value to print, what comes after.
    var printed: (String, TemplateValue?, String) { ("<\(typeName) object>", nil, "") }

    /// Whether it can be iterated over.
    var isIterable: Bool { false }
    /// The elements, if it can be iterated over. An iterator gives each once.
    func takeElements() -> [TemplateValue]? { nil }

    /// A named attribute.
    func attribute(_ name: String) -> TemplateValue? { nil }

    /// Python's `==`, beyond being the same object.
    func equals(_ other: TemplateObject) -> Bool { false }

    /// Lets go of what it holds: objects can hold each other in circles.
    func release() {}
}

/// What `namespace(…)` makes: the only thing that `set` can change from within a block.
final class NamespaceObject: TemplateObject {
    private var attributes: OrderedDictionary<TemplateKey, TemplateValue>

    init(_ dict: TemplateDict) { attributes = dict.entries }

    override var typeName: String { "Namespace" }

    override var printed: (String, TemplateValue?, String) {
        let pairs = attributes.map { (key: $0.key.value, value: $0.value) }
        return ("<Namespace ", (try? TemplateDict(pairs)).map { .dict($0) }, ">")
    }

    override func attribute(_ name: String) -> TemplateValue? { attributes[TemplateKey(name)] }

    override func release() { attributes = [:] }

    /// - Throws: `TemplateError`, which forbids names that begin with an underscore.
    func set(_ name: String, _ value: TemplateValue) throws(TemplateError) {
        try Self.check(name)
        attributes[TemplateKey(name)] = value
    }

    static func check(_ name: String) throws(TemplateError) {
        guard !name.utf8.starts(with: "_".utf8) else {
            throw TemplateError(
                .security,
                "a namespace cannot have an attribute that begins with an underscore: "
                    + PythonRepr.quoted(name))
        }
    }
}

/// Elements that can be gone through once: what `map`, `select` and their like give.
final class IteratorObject: TemplateObject {
    private var rest: ArraySlice<TemplateValue>
    private let measured: (depth: Int, weight: Int)
    private let type: String

    /// - Throws: `TemplateError` where the elements nest too deep or are too many.
    init(
        _ items: [TemplateValue], type: String = "generator", limits: TemplateLimits
    ) throws(TemplateError) {
        let list = try TemplateList(items, limits: limits)
        rest = items[...]
        measured = (list.depth, list.weight)
        self.type = type
    }

    override var typeName: String { type }
    override var depth: Int { measured.depth }
    override var weight: Int { measured.weight }

    override var isIterable: Bool { true }

    override func takeElements() -> [TemplateValue]? {
        defer { rest = [] }
        return Array(rest)
    }

    /// The next element alone.
    func next() -> TemplateValue? { rest.popFirst() }
}

/// Python's `range`.
final class RangeObject: TemplateObject {
    /// The most elements, as the sandbox has it.
    static let maxCount = 100_000

    let start: Int
    let stop: Int
    let step: Int
    let count: Int

    /// - Throws: `TemplateError` where there are too many elements, or the step is 0.
    init(start: Int, stop: Int, step: Int) throws(TemplateError) {
        guard step != 0 else { throw .value("range() arg 3 must not be zero") }
        (self.start, self.stop, self.step) = (start, stop, step)
        let (distance, overflows) = stop.subtractingReportingOverflow(start)
        let isEmpty = step > 0 ? stop <= start : stop >= start
        if isEmpty {
            count = 0
        } else {
            let steps = overflows ? UInt.max : (distance.magnitude - 1) / step.magnitude
            guard !overflows, steps < UInt(Self.maxCount) else {
                throw .value("range() has more than \(Self.maxCount) elements")
            }
            count = Int(steps) + 1
        }
    }

    override var typeName: String { "range" }
    override var weight: Int { count + 1 }
    override var isTrue: Bool { count > 0 }
    override var length: Int? { count }

    override var printed: (String, TemplateValue?, String) {
        ("range(\(start), \(stop)\(step == 1 ? "" : ", \(step)"))", nil, "")
    }

    override var isIterable: Bool { true }

    override func takeElements() -> [TemplateValue]? { items }

    /// The elements; every one lies between `start` and `stop`.
    var items: [TemplateValue] { (0..<count).map { .int(start + $0 * step) } }

    /// The range of the elements at those positions.
    func sliced(_ indices: SliceIndices) throws(TemplateError) -> RangeObject {
        func place(_ index: Int) throws(TemplateError) -> Int {
            let (distance, overflows) = step.multipliedReportingOverflow(by: index)
            let (place, overflowsAgain) = start.addingReportingOverflow(distance)
            guard !overflows, !overflowsAgain else { throw .overflow }
            return place
        }
        let (newStep, overflows) = step.multipliedReportingOverflow(by: indices.step)
        guard !overflows else { throw .overflow }
        return try RangeObject(
            start: try place(indices.start), stop: try place(indices.stop), step: newStep)
    }

    override func equals(_ other: TemplateObject) -> Bool {
        guard let other = other as? RangeObject, count == other.count else { return false }
        return count == 0 || (start == other.start && (count == 1 || step == other.step))
    }
}

/// What `dict.keys()`, `values()` and `items()` give.
final class ViewObject: TemplateObject {
    private let type: String
    private let list: TemplateList

    init(_ type: String, _ items: [TemplateValue]) throws(TemplateError) {
        self.type = type
        list = try TemplateList(items)
    }

    override var typeName: String { type }
    override var depth: Int { list.depth }
    override var weight: Int { list.weight }
    override var isTrue: Bool { !list.items.isEmpty }
    override var length: Int? { list.items.count }
    override var printed: (String, TemplateValue?, String) { ("\(type)(", .list(list), ")") }
    override var isIterable: Bool { true }

    override func takeElements() -> [TemplateValue]? { list.items }
}

/// A function of the language, or a method of a value.
final class FunctionObject: TemplateObject {
    typealias Body = (TemplateEvaluator, TemplateArguments) throws(TemplateError) -> TemplateValue

    private let name: String
    private let measured: (depth: Int, weight: Int)
    let body: Body

    /// `receiver` is what the body holds; how deep it nests is checked where a list or mapping takes the
    /// function.
    init(_ name: String, of receiver: TemplateValue = .none, _ body: @escaping Body) {
        self.name = name
        measured = (receiver.depth + 1, receiver.weight + 1)
        self.body = body
    }

    override var typeName: String { "builtin_function_or_method" }
    override var depth: Int { measured.depth }
    override var weight: Int { measured.weight }
    override var isCallable: Bool { true }
    override var printed: (String, TemplateValue?, String) { ("<function \(name)>", nil, "") }
}
