// SPDX-License-Identifier: Apache-2.0

/// A value of the template language, with the meaning that Python's value has.
package enum TemplateValue {
    /// What a name or attribute gives that is not there; printing it gives nothing.
    case undefined(UndefinedValue)
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
    /// Text that `safe` or `escape` gave: what is added to it is escaped for HTML.
    case markup(String)
    case list(TemplateList)
    case tuple(TemplateList)
    case dict(TemplateDict)
    /// Everything that is not data: functions, macros, iterators, namespaces.
    case object(TemplateObject)
}

/// Why a value is not there.
package struct UndefinedValue {
    let message: String
    /// What using it raises; forbidden attributes raise `security`.
    var kind = TemplateError.Kind.undefined

    init(_ message: String, kind: TemplateError.Kind = .undefined) {
        self.message = message
        self.kind = kind
    }

    var error: TemplateError { TemplateError(kind, message) }
}

extension TemplateValue {
    /// An undefined value that says why.
    static func missing(_ message: String) -> TemplateValue { .undefined(UndefinedValue(message)) }

    /// Levels of containers; 0 for what holds nothing.
    var depth: Int {
        switch self {
        case .list(let list), .tuple(let list): list.depth
        case .dict(let dict): dict.depth
        case .object(let object): object.depth
        default: 0
        }
    }

    /// Values inside, and what long strings weigh.
    var weight: Int {
        switch self {
        case .list(let list), .tuple(let list): list.weight
        case .dict(let dict): dict.weight
        case .string(let text), .markup(let text): 1 + text.utf8.count / 64
        case .object(let object): object.weight
        default: 1
        }
    }

    /// Python's `type(x).__name__`.
    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .int: "int"
        case .float: "float"
        case .string: "str"
        case .markup: "Markup"
        case .list: "list"
        case .tuple: "tuple"
        case .dict: "dict"
        case .object(let object): object.typeName
        }
    }

    /// How Jinja's errors name the value: `'dict object'`, `None`.
    var describedType: String {
        if case .none = self { return "None" }
        return "\(typeName) object"
    }

    /// Python's `bool(x)`.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let flag): flag
        case .int(let integer): integer != 0
        case .float(let number): number != 0
        case .string(let text), .markup(let text): !text.isEmpty
        case .list(let list), .tuple(let list): !list.items.isEmpty
        case .dict(let dict): !dict.isEmpty
        case .object(let object): object.isTrue
        }
    }

    /// The integer that a number or truth value is to Python's arithmetic.
    var integer: Int? {
        switch self {
        case .int(let integer): integer
        case .bool(let flag): flag ? 1 : 0
        default: nil
        }
    }

    /// The value as a double, if it is a number.
    var number: Double? {
        if case .float(let number) = self { return number }
        return integer.map(Double.init)
    }

    /// The value with markup as an ordinary string.
    var plain: TemplateValue {
        if case .markup(let text) = self { .string(text) } else { self }
    }

    /// A string as markup where `other` is such.
    func marked(like other: TemplateValue) -> TemplateValue {
        if case .string(let text) = self, case .markup = other { .markup(text) } else { self }
    }

    var isUndefined: Bool {
        if case .undefined = self { true } else { false }
    }

    var isNone: Bool {
        if case .none = self { true } else { false }
    }
}
