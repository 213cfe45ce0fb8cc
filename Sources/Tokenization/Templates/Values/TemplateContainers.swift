// SPDX-License-Identifier: Apache-2.0

internal import OrderedCollections

/// The elements of a list or tuple. Nothing in a template can change one, so they are shared.
package final class TemplateList {
    let items: [TemplateValue]
    /// Names of a named tuple's elements.
    let fields: [String]
    let depth: Int
    let weight: Int

    /// - Throws: `TemplateError` where the elements nest too deep or are too many.
    init(
        _ items: [TemplateValue], fields: [String] = [], limits: TemplateLimits = TemplateLimits()
    ) throws(TemplateError) {
        var measure = ContainerMeasure()
        for item in items { measure.add(item) }
        try measure.check(limits)
        self.items = items
        self.fields = fields
        depth = measure.depth
        weight = measure.weight
    }
}

/// The entries of a mapping, in the order of their insertion.
package final class TemplateDict {
    let entries: OrderedDictionary<TemplateKey, TemplateValue>
    let depth: Int
    let weight: Int

    /// Of equal keys the first one's spelling and the last one's value stay.
    ///
    /// - Throws: `TemplateError` for a key that has no hash, and where the entries nest too deep or are too
    ///   many.
    init(
        _ pairs: [(key: TemplateValue, value: TemplateValue)],
        limits: TemplateLimits = TemplateLimits()
    ) throws(TemplateError) {
        var entries: OrderedDictionary<TemplateKey, TemplateValue> = [:]
        entries.reserveCapacity(pairs.count)
        for (key, value) in pairs { entries[try TemplateKey(key)] = value }
        var measure = ContainerMeasure()
        for (key, value) in entries {
            measure.add(key.value)
            measure.add(value)
        }
        try measure.check(limits)
        self.entries = entries
        depth = measure.depth
        weight = measure.weight
    }

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }
    var keys: [TemplateValue] { entries.keys.map(\.value) }
    var values: [TemplateValue] { Array(entries.values) }
    var pairs: [(key: TemplateValue, value: TemplateValue)] {
        entries.map { ($0.key.value, $0.value) }
    }

    /// The value of a key.
    subscript(_ key: TemplateKey) -> TemplateValue? { entries[key] }

    /// The value of a string key.
    subscript(_ key: String) -> TemplateValue? { entries[TemplateKey(key)] }
}

/// Depth and weight of a container, summed over what it holds.
///
/// Values are shared, so a few dozen of them may stand for more elements than could ever be visited. Counting
/// each as often as it is reached bounds what comparing, printing and hashing cost.
private struct ContainerMeasure {
    var depth = 1
    var weight = 1

    mutating func add(_ value: TemplateValue) {
        depth = max(depth, value.depth + 1)
        // Each is far below Int.max, for it was checked when it was made.
        weight = min(weight + value.weight, 1 << 40)
    }

    func check(_ limits: TemplateLimits) throws(TemplateError) {
        guard depth <= limits.maxValueDepth else {
            throw TemplateError(
                .limit, "a value has more than \(limits.maxValueDepth) levels of nesting")
        }
        guard weight <= limits.maxValueWeight else {
            throw TemplateError(.limit, "a value has more than \(limits.maxValueWeight) elements")
        }
    }
}
