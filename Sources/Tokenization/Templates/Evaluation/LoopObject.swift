// SPDX-License-Identifier: Apache-2.0

/// `loop` inside a `for` block.
final class LoopObject: TemplateObject {
    private var items: [TemplateValue]
    private let depth0: Int
    /// The loop itself and the scope that it stands in, if it is `recursive`.
    private var recursion: (loop: TemplateStatement.Loop, scope: TemplateScope)?
    var index0 = 0
    private var lastChanged: [TemplateValue]?

    init(
        _ items: [TemplateValue], depth0: Int,
        recursion: (loop: TemplateStatement.Loop, scope: TemplateScope)?
    ) {
        self.items = items
        self.depth0 = depth0
        self.recursion = recursion
    }

    override var typeName: String { "LoopContext" }
    override var isCallable: Bool { true }
    override var length: Int? { items.count }

    override var printed: (String, TemplateValue?, String) {
        ("<LoopContext \(index0 + 1)/\(items.count)>", nil, "")
    }

    override func release() {
        items = []
        recursion = nil
        lastChanged = nil
    }

    override func attribute(_ name: String) -> TemplateValue? {
        switch name {
        case "index0": .int(index0)
        case "index": .int(index0 + 1)
        case "first": .bool(index0 == 0)
        case "last": .bool(index0 + 1 >= items.count)
        case "length": .int(items.count)
        case "revindex0": .int(items.count - index0 - 1)
        case "revindex": .int(items.count - index0)
        case "depth0": .int(depth0)
        case "depth": .int(depth0 + 1)
        case "previtem": item(index0 - 1, "there is no previous item")
        case "nextitem": item(index0 + 1, "there is no next item")
        case "cycle": .object(FunctionObject("cycle", cycle))
        case "changed": .object(FunctionObject("changed", changed))
        default: nil
        }
    }

    private func item(_ index: Int, _ absence: String) -> TemplateValue {
        items.indices.contains(index) ? items[index] : .missing(absence)
    }

    private func cycle(
        _: TemplateEvaluator, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let values = arguments.positional
        guard !values.isEmpty, arguments.named.isEmpty else {
            throw .type("no items for cycling given")
        }
        return values[index0 % values.count]
    }

    private func changed(
        _ evaluator: TemplateEvaluator, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        let (previous, values) = (lastChanged, arguments.positional)
        lastChanged = values
        guard let last = previous, last.count == values.count else { return .bool(true) }
        for (old, new) in zip(last, values) {
            guard try evaluator.areEqual(old, new) else { return .bool(true) }
        }
        return .bool(false)
    }

    /// Renders the loop again, over the elements of one of its own.
    func recurse(
        _ evaluator: TemplateEvaluator, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        guard let recursion else {
            throw .type("the loop must have the 'recursive' marker to be called recursively")
        }
        let bound = try arguments.bind("loop", "iterable", required: 1)
        let items = try evaluator.elements(of: bound[0] ?? .none)
        return .string(
            try evaluator.capture { () throws(TemplateError) in
                _ = try evaluator.run(
                    recursion.loop, over: items, depth0: depth0 + 1, in: recursion.scope)
            })
    }
}
