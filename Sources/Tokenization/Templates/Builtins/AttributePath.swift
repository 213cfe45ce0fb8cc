// SPDX-License-Identifier: Apache-2.0

/// What filters call an attribute: names and indices with dots between them.
struct AttributePath {
    private let parts: [TemplateValue]
    private let ignoresCase: Bool
    private let `default`: TemplateValue?

    /// The path of an argument; nil and None stand for the element itself.
    init(
        _ argument: TemplateValue?, ignoresCase: Bool = false, default: TemplateValue? = nil
    ) throws(TemplateError) {
        switch argument {
        case nil, .some(.none): parts = []
        case .some(.string(let text)):
            parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
                .map { part in
                    let isNumber =
                        !part.isEmpty
                        && part.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                    let name = String(utf8: part)
                    return isNumber ? Int(name).map { .int($0) } ?? .string(name) : .string(name)
                }
        case .some(let value):
            guard value.integer != nil else {
                throw .type("an attribute must be a name or a number, not \(value.typeName)")
            }
            parts = [value]
        }
        self.ignoresCase = ignoresCase
        if let value = `default`, !value.isNone { self.default = value } else { self.default = nil }
    }

    /// What the path leads to.
    func value(
        of item: TemplateValue, _ evaluator: TemplateEvaluator
    ) throws(TemplateError) -> TemplateValue {
        var value = item
        for part in parts {
            value = try evaluator.item(part, of: value)
            if value.isUndefined, let `default` { value = `default` }
        }
        return try ignoresCase ? Self.lowercased(value, evaluator) : value
    }

    /// A string in lower case, anything else as it is.
    static func lowercased(
        _ value: TemplateValue, _ evaluator: TemplateEvaluator
    ) throws(TemplateError) -> TemplateValue {
        guard case .string(let text) = value else { return value }
        try evaluator.charge(bytes: text.utf8.count)
        return .string(text.pythonLower)
    }
}

/// Sorting that keeps the order of equals, by a comparison that may fail.
enum StableOrder {
    /// The positions of `keys` in ascending order, or in descending order.
    static func sorted(
        _ keys: [TemplateValue], _ evaluator: TemplateEvaluator, isReversed: Bool
    ) throws(TemplateError) -> [Int] {
        var order = Array(keys.indices)
        var merged = order
        var width = 1
        while width < keys.count {
            var start = 0
            while start < keys.count {
                let middle = min(start + width, keys.count)
                let end = min(middle + width, keys.count)
                var (left, right) = (start, middle)
                for index in start..<end {
                    let takesRight: Bool
                    if left == middle || right == end {
                        takesRight = left == middle
                    } else if isReversed {
                        takesRight = try evaluator.isLess(keys[order[left]], keys[order[right]])
                    } else {
                        takesRight = try evaluator.isLess(keys[order[right]], keys[order[left]])
                    }
                    merged[index] = order[takesRight ? right : left]
                    if takesRight { right += 1 } else { left += 1 }
                }
                start = end
            }
            swap(&order, &merged)
            width *= 2
        }
        return order
    }
}
