// SPDX-License-Identifier: Apache-2.0

/// A key of a mapping: equal and hashed as in Python, where `1`, `1.0` and `True` are one key.
struct TemplateKey: Hashable {
    let value: TemplateValue

    init(_ text: String) { value = .string(text) }

    /// - Throws: `TemplateError` for lists and mappings, which have no hash.
    init(_ value: TemplateValue) throws(TemplateError) {
        try Self.check(value)
        self.value = value.plain
    }

    private static func check(_ value: TemplateValue) throws(TemplateError) {
        switch value {
        case .list, .dict:
            throw .type("unhashable type: '\(value.typeName)'")
        case .tuple(let list):
            for item in list.items { try check(item) }
        default: return
        }
    }

    static func == (left: TemplateKey, right: TemplateKey) -> Bool {
        left.value.equals(right.value)
    }

    func hash(into hasher: inout Hasher) { Self.hash(value, into: &hasher) }

    private static func hash(_ value: TemplateValue, into hasher: inout Hasher) {
        switch value {
        case .undefined: hasher.combine(0)
        case .none: hasher.combine(1)
        case .bool(let flag): hasher.combine(flag ? 1 : 0)
        case .int(let integer): hasher.combine(integer)
        case .float(let number):
            if let integer = Int(exactly: number) {
                hasher.combine(integer)
            } else {
                hasher.combine(number)
            }
        case .string(let text), .markup(let text):
            // `String` hashes what only looks alike to one value, and takes longer for it.
            for byte in text.utf8 { hasher.combine(byte) }
        case .tuple(let list):
            for item in list.items { hash(item, into: &hasher) }
        case .list, .dict: hasher.combine(2)
        case .object(let object): hasher.combine(ObjectIdentifier(object))
        }
    }
}

extension String {
    /// Python's `==`: the same code points. Swift's own takes canonical equivalents for equal.
    func isSame(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}

extension TemplateValue {
    /// Python's `==`.
    func equals(_ other: TemplateValue) -> Bool {
        switch (self, other) {
        case (.undefined, .undefined), (.none, .none): true
        case (.string(let left), .string(let right)), (.string(let left), .markup(let right)),
            (.markup(let left), .string(let right)), (.markup(let left), .markup(let right)):
            left.isSame(as: right)
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            left === right
                || (left.items.count == right.items.count
                    && zip(left.items, right.items).allSatisfy { $0.equals($1) })
        case (.dict(let left), .dict(let right)): left.equals(right)
        case (.object(let left), .object(let right)): left === right || left.equals(right)
        default: equalsNumber(other)
        }
    }

    private func equalsNumber(_ other: TemplateValue) -> Bool {
        switch (integer, other.integer) {
        case (let left?, let right?): return left == right
        case (let left?, nil):
            guard case .float(let right) = other else { return false }
            return Int(exactly: right) == left
        case (nil, let right?):
            guard case .float(let left) = self else { return false }
            return Int(exactly: left) == right
        case (nil, nil):
            guard case .float(let left) = self, case .float(let right) = other else {
                return false
            }
            return left == right
        }
    }
}

extension TemplateDict {
    fileprivate func equals(_ other: TemplateDict) -> Bool {
        if self === other { return true }
        guard count == other.count else { return false }
        return pairs.allSatisfy { key, value in
            guard let key = try? TemplateKey(key), let found = other[key] else { return false }
            return value.equals(found)
        }
    }
}
