// SPDX-License-Identifier: Apache-2.0

/// The arguments of a call, evaluated.
struct TemplateArguments {
    var positional: [TemplateValue] = []
    var named: [(name: String, value: TemplateValue)] = []

    /// The arguments in the order of `names`, nil where one is not given.
    ///
    /// - Throws: `TemplateError` for too many, unknown or doubled ones, and where one of the first
    ///   `requiredCount` is absent.
    func bind(
        _ function: String, _ names: String..., required requiredCount: Int = 0
    ) throws(TemplateError) -> [TemplateValue?] {
        guard positional.count <= names.count else {
            throw .type(
                "\(function)() takes at most \(names.count) arguments (\(positional.count) given)")
        }
        var bound: [TemplateValue?] = positional
        bound.append(contentsOf: repeatElement(nil, count: names.count - positional.count))
        for (name, value) in named {
            guard let index = names.firstIndex(of: name) else {
                throw .type("\(function)() got an unexpected keyword argument '\(name)'")
            }
            guard bound[index] == nil else {
                throw .type("\(function)() got multiple values for argument '\(name)'")
            }
            bound[index] = value
        }
        for index in 0..<requiredCount where bound[index] == nil {
            throw .type("\(function)() is missing the argument '\(names[index])'")
        }
        return bound
    }

    /// The arguments with markup as ordinary strings: only macros tell them apart.
    var plain: TemplateArguments {
        TemplateArguments(
            positional: positional.map(\.plain), named: named.map { ($0.name, $0.value.plain) })
    }

    /// Checks that there are none.
    func expectNone(_ function: String) throws(TemplateError) { _ = try bind(function) }
}

extension TemplateValue? {
    /// A string argument; nil where it is absent or None.
    func text(_ function: String) throws(TemplateError) -> String? {
        switch self {
        case nil, .some(.none): return nil
        case .some(.string(let text)): return text
        case .some(.undefined(let value)): throw value.error
        case .some(let value):
            throw .type("\(function)() wants a string, found '\(value.typeName)'")
        }
    }

    /// An integer argument; nil where it is absent or None.
    func integer(_ function: String) throws(TemplateError) -> Int? {
        switch self {
        case nil, .some(.none): return nil
        case .some(.undefined(let value)): throw value.error
        case .some(let value):
            guard let integer = value.integer else {
                throw .type("\(function)() wants an integer, found '\(value.typeName)'")
            }
            return integer
        }
    }

    /// A truth value, `default` where it is absent.
    func flag(default: Bool = false) -> Bool { self?.isTrue ?? `default` }
}
