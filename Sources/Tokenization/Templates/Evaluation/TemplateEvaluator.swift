// SPDX-License-Identifier: Apache-2.0

/// Renders one template once, within limits. Confined to the call that made it.
final class TemplateEvaluator {
    let limits: TemplateLimits
    /// What `strftime_now` tells.
    let now: TemplateTime
    /// The names that blocks see: the template's own, then the variables, then the language's.
    private(set) var topScope: TemplateScope
    private var output = ""
    private var stepCount = 0
    private var depth = 0
    /// Objects that may hold each other in circles.
    private var objects: [TemplateObject] = []

    init(variables: [String: TemplateValue], now: TemplateTime, limits: TemplateLimits) {
        self.limits = limits
        self.now = now
        topScope = TemplateScope(parent: nil)
        let language = TemplateScope(parent: nil, values: TemplateGlobals.values)
        topScope = TemplateScope(parent: TemplateScope(parent: language, values: variables))
    }

    deinit {
        for object in objects { object.release() }
    }

    /// The text that the statements write.
    func render(_ statements: [TemplateStatement]) throws(TemplateError) -> String {
        _ = try execute(statements, topScope)
        return output
    }

    // MARK: Limits

    /// Counts steps.
    func charge(_ count: Int = 1) throws(TemplateError) {
        guard count <= limits.maxStepCount - stepCount else {
            throw TemplateError(
                .limit, "rendering the chat template takes more than \(limits.maxStepCount) steps")
        }
        stepCount += count
    }

    /// Counts the steps of making or reading a text, and bounds its length.
    func charge(bytes: Int) throws(TemplateError) {
        guard bytes <= limits.maxTextBytes else {
            throw .textTooLong(maxBytes: limits.maxTextBytes)
        }
        try charge(1 + bytes / 64)
    }

    /// Counts the steps of reading a string; nothing for other values.
    func charge(reading value: TemplateValue) throws(TemplateError) {
        if case .string(let text) = value.plain { try charge(bytes: text.utf8.count) }
    }

    /// Counts the steps of reading the strings among a call's arguments.
    func charge(reading arguments: TemplateArguments) throws(TemplateError) {
        for value in arguments.positional { try charge(reading: value) }
        for (_, value) in arguments.named { try charge(reading: value) }
    }

    /// Goes down one level of evaluation while `body` runs.
    func nested<Result>(
        _ body: () throws(TemplateError) -> Result
    ) throws(TemplateError) -> Result {
        try charge()
        guard depth < limits.maxCallDepth else {
            throw TemplateError(
                .limit,
                "rendering the chat template goes more than \(limits.maxCallDepth) levels deep")
        }
        depth += 1
        defer { depth -= 1 }
        return try body()
    }

    // MARK: Output

    func write(_ text: String) throws(TemplateError) { try append(text, to: &output) }

    /// Adds to a text that is being made, which counts as making the part.
    func append(_ part: String, to text: inout String) throws(TemplateError) {
        try charge(bytes: part.utf8.count)
        guard text.utf8.count + part.utf8.count <= limits.maxTextBytes else {
            throw .textTooLong(maxBytes: limits.maxTextBytes)
        }
        text += part
    }

    /// What `body` writes, kept out of the output.
    func capture(_ body: () throws(TemplateError) -> Void) throws(TemplateError) -> String {
        var text = ""
        swap(&text, &output)
        defer { swap(&text, &output) }
        try body()
        return output
    }

    // MARK: Values

    /// Keeps an object that may come to hold itself, to take it apart at the end.
    func keep<Object: TemplateObject>(_ object: Object) -> Object {
        objects.append(object)
        return object
    }

    func text(of value: TemplateValue) throws(TemplateError) -> String {
        if case .string(let text) = value.plain { return text }
        let text = try PythonRepr.str(value, limits: limits)
        try charge(bytes: text.utf8.count)
        return text
    }

    func list(
        _ items: [TemplateValue], fields: [String] = []
    ) throws(TemplateError) -> TemplateList {
        try charge(items.count)
        return try TemplateList(items, fields: fields, limits: limits)
    }

    func dict(
        _ entries: [(key: TemplateValue, value: TemplateValue)]
    ) throws(TemplateError) -> TemplateDict {
        try charge(entries.count)
        for (key, _) in entries { try charge(key.weight) }
        return try TemplateDict(entries, limits: limits)
    }

    func iterator(
        _ items: [TemplateValue], type: String = "generator"
    ) throws(TemplateError) -> TemplateValue {
        try charge(items.count)
        return .object(try IteratorObject(items, type: type, limits: limits))
    }

    /// What iterating over the value gives.
    func elements(of value: TemplateValue) throws(TemplateError) -> [TemplateValue] {
        let items: [TemplateValue]
        switch value.plain {
        case .undefined: items = []
        case .list(let list), .tuple(let list): items = list.items
        case .dict(let dict): items = dict.keys
        case .string(let text):
            // Counted before they are made: a value takes many times the room of a character.
            try charge(try length(of: value))
            return text.unicodeScalars.map { .string(String(Character($0))) }
        case .object(let object):
            guard let elements = object.takeElements() else { throw notIterable(value) }
            items = elements
        default: throw notIterable(value)
        }
        try charge(items.count)
        return items
    }

    private func notIterable(_ value: TemplateValue) -> TemplateError {
        .type("'\(value.typeName)' object is not iterable")
    }

    /// Python's `len(x)`.
    func length(of value: TemplateValue) throws(TemplateError) -> Int {
        switch value.plain {
        case .undefined: return 0
        case .string(let text):
            try charge(bytes: text.utf8.count)
            return text.unicodeScalars.count
        case .list(let list), .tuple(let list): return list.items.count
        case .dict(let dict): return dict.count
        case .object(let object):
            if let length = object.length { return length }
        default: break
        }
        throw .type("object of type '\(value.typeName)' has no len()")
    }
}
