// SPDX-License-Identifier: Apache-2.0

/// One statement of a template, with the line it begins on.
struct TemplateStatement: Sendable {
    let line: Int
    let kind: Kind

    indirect enum Kind: Sendable {
        /// Text between tags.
        case text(String)
        /// `{{ … }}`
        case output(TemplateExpression)
        case conditional(branches: [Branch], otherwise: [TemplateStatement])
        case loop(Loop)
        case set(TemplateTarget, TemplateExpression)
        /// `{% set x | filters %}…{% endset %}`
        case setBlock(TemplateTarget, filters: [TemplatePostfix], body: [TemplateStatement])
        case macro(MacroDefinition)
        /// `{% call(x) m() %}…{% endcall %}`
        case callBlock(caller: MacroDefinition, call: TemplateExpression)
        case filterBlock(filters: [TemplatePostfix], body: [TemplateStatement])
        case with([(TemplateTarget, TemplateExpression)], body: [TemplateStatement])
        /// `{% generation %}`, which only marks what an assistant has said.
        case generation([TemplateStatement])
        case autoescape(TemplateExpression, body: [TemplateStatement])
        case block(name: String, isScoped: Bool, body: [TemplateStatement])
        /// `include`, `import`, `extends`: a chat template stands alone.
        case loading(tag: String)
        case breakLoop
        case continueLoop
    }

    struct Branch: Sendable {
        let test: TemplateExpression
        let body: [TemplateStatement]
    }

    struct Loop: Sendable {
        let target: TemplateTarget
        let elements: TemplateExpression
        /// `for … if test`
        let test: TemplateExpression?
        let isRecursive: Bool
        let body: [TemplateStatement]
        let otherwise: [TemplateStatement]
    }
}

/// A macro, or the body of a `call` block.
struct MacroDefinition: Sendable {
    let name: String
    let parameters: [String]
    /// Of the last parameters.
    let defaults: [TemplateExpression]
    let body: [TemplateStatement]
    /// Whether the body reads `caller`, `kwargs`, `varargs`, and so takes what no parameter does.
    let takesCaller: Bool
    let takesKeywords: Bool
    let takesExtras: Bool
}

/// What `set` and `for` assign to.
indirect enum TemplateTarget: Sendable {
    case name(String)
    /// `ns.attribute`
    case attribute(of: String, String)
    case tuple([TemplateTarget])
}

/// One expression. Operators of one level form one node, so the depth of the tree is that of the brackets.
indirect enum TemplateExpression: Sendable {
    case constant(TemplateConstant)
    case name(String)
    case list([TemplateExpression])
    case tuple([TemplateExpression])
    case dict([(key: TemplateExpression, value: TemplateExpression)])
    /// From left to right.
    case arithmetic(TemplateExpression, [(Arithmetic, TemplateExpression)])
    /// `a ~ b ~ c`
    case concatenation([TemplateExpression])
    case comparison(TemplateExpression, [(Comparison, TemplateExpression)])
    case and([TemplateExpression])
    case or([TemplateExpression])
    case not(TemplateExpression)
    case negative(TemplateExpression)
    case positive(TemplateExpression)
    /// `value if test else otherwise`
    case conditional(
        test: TemplateExpression, value: TemplateExpression, otherwise: TemplateExpression?)
    /// What follows a value, from left to right.
    case postfix(TemplateExpression, [TemplatePostfix])

    enum Arithmetic: Sendable {
        case add, subtract, multiply, divide, floorDivide, modulo, power
    }

    enum Comparison: Sendable {
        case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual, isIn, isNotIn
    }
}

/// What can follow a value.
enum TemplatePostfix: Sendable {
    case attribute(String)
    case item(TemplateExpression)
    case slice(TemplateExpression?, TemplateExpression?, TemplateExpression?)
    case call(TemplateCall)
    case filter(String, TemplateCall)
    case test(String, TemplateCall, isNegated: Bool)
}

/// The arguments of a call as they are written.
struct TemplateCall: Sendable {
    var positional: [TemplateExpression] = []
    var named: [(name: String, value: TemplateExpression)] = []
    /// `*args`
    var extras: TemplateExpression?
    /// `**kwargs`
    var keywords: TemplateExpression?
}

/// A literal.
enum TemplateConstant: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)

    var value: TemplateValue {
        switch self {
        case .none: .none
        case .bool(let flag): .bool(flag)
        case .int(let integer): .int(integer)
        case .float(let number): .float(number)
        case .string(let text): .string(text)
        }
    }
}
