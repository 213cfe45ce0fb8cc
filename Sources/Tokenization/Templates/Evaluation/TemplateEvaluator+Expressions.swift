// SPDX-License-Identifier: Apache-2.0

extension TemplateEvaluator {
    func evaluate(
        _ expression: TemplateExpression, _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        switch expression {
        case .constant(let constant):
            try charge()
            return constant.value
        case .name(let name):
            try charge()
            return scope.value(of: name) ?? .missing("'\(name)' is undefined")
        case .postfix(let base, let operations):
            return try nested { () throws(TemplateError) in
                try apply(operations, to: try evaluate(base, scope), scope)
            }
        default:
            return try nested { () throws(TemplateError) in
                try evaluateOperation(expression, scope)
            }
        }
    }

    private func evaluateOperation(
        _ expression: TemplateExpression, _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        switch expression {
        case .list(let items): return .list(try list(try evaluate(items, scope)))
        case .tuple(let items): return .tuple(try list(try evaluate(items, scope)))
        case .dict(let entries):
            return .dict(
                try dict(
                    try entries.map { (entry) throws(TemplateError) in
                        (try evaluate(entry.key, scope), try evaluate(entry.value, scope))
                    }))
        case .arithmetic(let first, let rest):
            var value = try evaluate(first, scope)
            for (operation, operand) in rest {
                value = try compute(operation, value, try evaluate(operand, scope))
            }
            return value
        case .concatenation(let operands): return try concatenate(operands, scope)
        case .comparison(let first, let rest): return try compare(first, rest, scope)
        case .and(let operands):
            return try firstValue(of: operands, where: { !$0.isTrue }, scope)
        case .or(let operands): return try firstValue(of: operands, where: \.isTrue, scope)
        case .not(let operand): return .bool(try !evaluate(operand, scope).isTrue)
        case .negative(let operand): return try negate(try evaluate(operand, scope))
        case .positive(let operand): return try confirm(try evaluate(operand, scope))
        case .conditional(let test, let value, let otherwise):
            if try evaluate(test, scope).isTrue { return try evaluate(value, scope) }
            guard let otherwise else {
                return .missing(
                    "the inline if-expression evaluated to false and no else section was defined.")
            }
            return try evaluate(otherwise, scope)
        case .constant, .name, .postfix: return try evaluate(expression, scope)
        }
    }

    private func evaluate(
        _ expressions: [TemplateExpression], _ scope: TemplateScope
    ) throws(TemplateError) -> [TemplateValue] {
        try expressions.map { (expression) throws(TemplateError) in
            try evaluate(expression, scope)
        }
    }

    private func concatenate(
        _ operands: [TemplateExpression], _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        var joined = ""
        for operand in operands {
            joined += try text(of: try evaluate(operand, scope))
            try charge(bytes: joined.utf8.count)
        }
        return .string(joined)
    }

    private func compare(
        _ first: TemplateExpression,
        _ rest: [(TemplateExpression.Comparison, TemplateExpression)], _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        var left = try evaluate(first, scope)
        for (comparison, operand) in rest {
            let right = try evaluate(operand, scope)
            guard try holds(left, comparison, right) else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    /// The first operand that decides, or the last one.
    private func firstValue(
        of operands: [TemplateExpression], where decides: (TemplateValue) -> Bool,
        _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        var value = TemplateValue.none
        for operand in operands {
            value = try evaluate(operand, scope)
            if decides(value) { break }
        }
        return value
    }

    // MARK: What follows a value

    func apply(
        _ operations: [TemplatePostfix], to value: TemplateValue, _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        var value = value
        for operation in operations {
            try charge()
            value = try apply(operation, to: value, scope)
        }
        return value
    }

    private func apply(
        _ operation: TemplatePostfix, to value: TemplateValue, _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        switch operation {
        case .attribute(let name): return try attribute(name, of: value)
        case .item(let key):
            let result = try item(try evaluate(key, scope).plain, of: value)
            return result.marked(like: value)
        case .slice(let start, let stop, let step):
            let plain = value.plain
            func bound(_ expression: TemplateExpression?) throws(TemplateError) -> TemplateValue {
                guard let expression else { return .none }
                return try evaluate(expression, scope)
            }
            let result = try slice(plain, try bound(start), try bound(stop), try bound(step))
            return result.marked(like: value)
        case .call(let call): return try self.call(value, try arguments(of: call, scope))
        case .filter(let name, let call):
            guard let filter = TemplateFilters.named(name) else {
                throw TemplateError(.syntax, "no filter is named '\(name)'")
            }
            let result = try filter(self, value.plain, try arguments(of: call, scope).plain)
            if case .markup(let text) = value { return TemplateFilters.marked(result, name, text) }
            return result
        case .test(let name, let call, let isNegated):
            guard let test = TemplateTests.named(name) else {
                throw TemplateError(.syntax, "no test is named '\(name)'")
            }
            if name == "escaped" {
                if case .markup = value { return .bool(!isNegated) }
            }
            let arguments = try arguments(of: call, scope).plain
            return .bool(try test(self, value.plain, arguments) != isNegated)
        }
    }

    /// Evaluates the call of a `call` block.
    func evaluate(
        _ expression: TemplateExpression, calledBy caller: MacroObject, _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateValue {
        guard case .postfix(let base, let operations) = expression,
            case .call(let call)? = operations.last
        else { return try evaluate(expression, scope) }
        let callee = try apply(
            Array(operations.dropLast()), to: try evaluate(base, scope), scope)
        var arguments = try arguments(of: call, scope)
        arguments.named.append(("caller", .object(caller)))
        return try self.call(callee, arguments)
    }

    private func arguments(
        of call: TemplateCall, _ scope: TemplateScope
    ) throws(TemplateError) -> TemplateArguments {
        var arguments = TemplateArguments()
        arguments.positional = try evaluate(call.positional, scope)
        for (name, value) in call.named {
            arguments.named.append((name, try evaluate(value, scope)))
        }
        if let extras = call.extras {
            arguments.positional += try elements(of: try evaluate(extras, scope))
        }
        if let keywords = call.keywords {
            guard case .dict(let dict) = try evaluate(keywords, scope) else {
                throw .type("argument after ** must be a mapping")
            }
            try charge(dict.count)
            for (key, value) in dict.pairs {
                guard case .string(let name) = key else {
                    throw .type("keywords must be strings")
                }
                arguments.named.append((name, value))
            }
        }
        return arguments
    }

    func call(
        _ callee: TemplateValue, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        switch callee {
        case .undefined(let value): throw value.error
        case .object(let function as FunctionObject):
            return try function.body(self, arguments.plain)
        case .object(let macro as MacroObject):
            return try nested { () throws(TemplateError) in try self.call(macro, arguments) }
        case .object(let loop as LoopObject):
            return try nested { () throws(TemplateError) in try loop.recurse(self, arguments) }
        default: throw .type("'\(callee.typeName)' object is not callable")
        }
    }
}
