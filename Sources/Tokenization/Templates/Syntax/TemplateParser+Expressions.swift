// SPDX-License-Identifier: Apache-2.0

extension TemplateParser {
    /// Reads an expression, or several with commas between them, which are a tuple.
    mutating func parseTuple(
        withConditional: Bool = true, endingAt end: String? = nil, isInParentheses: Bool = false
    ) throws(TemplateError) -> TemplateExpression {
        var items: [TemplateExpression] = []
        var isTuple = false
        while true {
            if !items.isEmpty {
                try expect(symbol: ",")
                isTuple = true
            }
            if isTupleEnd || end.map(isName) == true { break }
            items.append(
                withConditional ? try parseExpression() : try parseOr())
            guard isSymbol(",") else { break }
        }
        if !isTuple, let item = items.first { return item }
        guard isTuple || isInParentheses else { throw unexpected(wanted: "an expression") }
        return .tuple(items)
    }

    private var isTupleEnd: Bool {
        current.kind == .tagEnd || current.kind == .outputEnd || isSymbol(")")
    }

    /// Reads an expression with what binds loosest: `a if b else c`.
    mutating func parseExpression() throws(TemplateError) -> TemplateExpression {
        try nested { parser throws(TemplateError) in try parser.parseConditionalExpression() }
    }

    private mutating func parseConditionalExpression() throws(TemplateError) -> TemplateExpression {
        let unknownCount = unknownNames.count
        var value = try parseOr()
        if isName("if") { unknownNames.removeSubrange(unknownCount...) }
        var count = 0
        let wasConditional = isConditional
        defer { isConditional = wasConditional }
        while skip(name: "if") {
            count += 1
            guard count <= 20 else {
                throw TemplateError(.limit, "more than 20 conditions in a row", line: line)
            }
            isConditional = true
            let test = try parseOr()
            let otherwise = skip(name: "else") ? try parseExpression() : nil
            value = .conditional(test: test, value: value, otherwise: otherwise)
        }
        return value
    }

    private mutating func parseOr() throws(TemplateError) -> TemplateExpression {
        var operands = [try parseAnd()]
        while skip(name: "or") { operands.append(try parseAnd()) }
        return operands.count == 1 ? operands[0] : .or(operands)
    }

    private mutating func parseAnd() throws(TemplateError) -> TemplateExpression {
        var operands = [try parseNot()]
        while skip(name: "and") { operands.append(try parseNot()) }
        return operands.count == 1 ? operands[0] : .and(operands)
    }

    private mutating func parseNot() throws(TemplateError) -> TemplateExpression {
        guard skip(name: "not") else { return try parseComparison() }
        return try nested { parser throws(TemplateError) in .not(try parser.parseNot()) }
    }

    private mutating func parseComparison() throws(TemplateError) -> TemplateExpression {
        let first = try parseSum()
        var rest: [(TemplateExpression.Comparison, TemplateExpression)] = []
        while let comparison = skipComparison() { rest.append((comparison, try parseSum())) }
        return rest.isEmpty ? first : .comparison(first, rest)
    }

    private mutating func skipComparison() -> TemplateExpression.Comparison? {
        switch current.kind {
        case .name("in"):
            advance()
            return .isIn
        case .name("not") where following.kind == .name("in"):
            advance()
            advance()
            return .isNotIn
        case .symbol(let symbol):
            let comparisons: [String: TemplateExpression.Comparison] = [
                "==": .equal, "!=": .notEqual, "<": .less, "<=": .lessOrEqual, ">": .greater,
                ">=": .greaterOrEqual,
            ]
            guard let comparison = comparisons[symbol] else { return nil }
            advance()
            return comparison
        default: return nil
        }
    }

    private mutating func parseSum() throws(TemplateError) -> TemplateExpression {
        let first = try parseConcatenation()
        var rest: [(TemplateExpression.Arithmetic, TemplateExpression)] = []
        while let operation = skip(["+": .add, "-": .subtract]) {
            rest.append((operation, try parseConcatenation()))
        }
        return rest.isEmpty ? first : .arithmetic(first, rest)
    }

    private mutating func parseConcatenation() throws(TemplateError) -> TemplateExpression {
        var operands = [try parseProduct()]
        while skip(symbol: "~") { operands.append(try parseProduct()) }
        return operands.count == 1 ? operands[0] : .concatenation(operands)
    }

    private mutating func parseProduct() throws(TemplateError) -> TemplateExpression {
        let first = try parsePower()
        var rest: [(TemplateExpression.Arithmetic, TemplateExpression)] = []
        while let operation = skip([
            "*": .multiply, "/": .divide, "//": .floorDivide, "%": .modulo,
        ]) {
            rest.append((operation, try parsePower()))
        }
        return rest.isEmpty ? first : .arithmetic(first, rest)
    }

    private mutating func parsePower() throws(TemplateError) -> TemplateExpression {
        let first = try parseUnary(withFilters: true)
        var rest: [(TemplateExpression.Arithmetic, TemplateExpression)] = []
        while let operation = skip(["**": .power]) {
            rest.append((operation, try parseUnary(withFilters: true)))
        }
        return rest.isEmpty ? first : .arithmetic(first, rest)
    }

    private mutating func skip(
        _ operations: [String: TemplateExpression.Arithmetic]
    ) -> TemplateExpression.Arithmetic? {
        guard case .symbol(let symbol) = current.kind, let operation = operations[symbol] else {
            return nil
        }
        advance()
        return operation
    }

    private mutating func parseUnary(
        withFilters: Bool
    ) throws(TemplateError) -> TemplateExpression {
        let value: TemplateExpression
        if skip(symbol: "-") {
            value = try nested { parser throws(TemplateError) in
                .negative(try parser.parseUnary(withFilters: false))
            }
        } else if skip(symbol: "+") {
            value = try nested { parser throws(TemplateError) in
                .positive(try parser.parseUnary(withFilters: false))
            }
        } else {
            value = try parsePrimary()
        }
        var operations = try parsePostfixes()
        if withFilters { operations += try parseFiltersAndTests() }
        return operations.isEmpty ? value : .postfix(value, operations)
    }

    // MARK: Values

    private mutating func parsePrimary() throws(TemplateError) -> TemplateExpression {
        switch current.kind {
        case .name(let name):
            advance()
            return named(name)
        case .string(var text):
            advance()
            while case .string(let more) = current.kind {
                text += more
                advance()
            }
            return .constant(.string(text))
        case .integer(let integer):
            advance()
            return .constant(.int(integer))
        case .float(let number):
            advance()
            return .constant(.float(number))
        case .symbol("("):
            advance()
            let value = try nested { parser throws(TemplateError) in
                try parser.parseTuple(isInParentheses: true)
            }
            try expect(symbol: ")")
            return value
        case .symbol("["): return .list(try parseList())
        case .symbol("{"): return .dict(try parseDict())
        default: throw unexpected(wanted: "an expression")
        }
    }

    private mutating func named(_ name: String) -> TemplateExpression {
        switch name {
        case "true", "True": return .constant(.bool(true))
        case "false", "False": return .constant(.bool(false))
        case "none", "None": return .constant(.none)
        default:
            for index in namesRead.indices { namesRead[index].insert(name) }
            return .name(name)
        }
    }

    private mutating func parseList() throws(TemplateError) -> [TemplateExpression] {
        var items: [TemplateExpression] = []
        try expect(symbol: "[")
        while !isSymbol("]") {
            if !items.isEmpty { try expect(symbol: ",") }
            if isSymbol("]") { break }
            items.append(try parseExpression())
        }
        advance()
        return items
    }

    private mutating func parseDict() throws(TemplateError) -> [(
        key: TemplateExpression, value: TemplateExpression
    )] {
        var entries: [(key: TemplateExpression, value: TemplateExpression)] = []
        try expect(symbol: "{")
        while !isSymbol("}") {
            if !entries.isEmpty { try expect(symbol: ",") }
            if isSymbol("}") { break }
            let key = try parseExpression()
            try expect(symbol: ":")
            entries.append((key, try parseExpression()))
        }
        advance()
        return entries
    }

    // MARK: What follows a value

    /// Attributes, subscripts and calls.
    private mutating func parsePostfixes() throws(TemplateError) -> [TemplatePostfix] {
        var operations: [TemplatePostfix] = []
        while true {
            if skip(symbol: ".") {
                operations.append(try parseAttribute())
            } else if skip(symbol: "[") {
                operations.append(try parseSubscript())
            } else if isSymbol("(") {
                operations.append(.call(try parseCall()))
            } else {
                return operations
            }
        }
    }

    private mutating func parseFiltersAndTests() throws(TemplateError) -> [TemplatePostfix] {
        var operations: [TemplatePostfix] = []
        while true {
            if skip(symbol: "|") {
                operations.append(try parseFilter())
            } else if skip(name: "is") {
                operations.append(try parseTest())
            } else if isSymbol("(") {
                operations.append(.call(try parseCall()))
            } else {
                return operations
            }
        }
    }

    private mutating func parseAttribute() throws(TemplateError) -> TemplatePostfix {
        switch current.kind {
        case .name(let name):
            advance()
            return .attribute(name)
        case .integer(let integer):
            advance()
            return .item(.constant(.int(integer)))
        default: throw unexpected(wanted: "a name or a number after '.'")
        }
    }

    private mutating func parseSubscript() throws(TemplateError) -> TemplatePostfix {
        var items: [TemplatePostfix] = []
        while !isSymbol("]") {
            if !items.isEmpty { try expect(symbol: ",") }
            items.append(try parseSubscriptItem())
        }
        let line = line
        advance()
        if items.count == 1 { return items[0] }
        var values: [TemplateExpression] = []
        for item in items {
            guard case .item(let value) = item else {
                throw TemplateError(.unsupported, "a slice among several subscripts", line: line)
            }
            values.append(value)
        }
        return .item(.tuple(values))
    }

    private mutating func parseSubscriptItem() throws(TemplateError) -> TemplatePostfix {
        var start: TemplateExpression?
        if !isSymbol(":") {
            let value = try parseExpression()
            guard isSymbol(":") else { return .item(value) }
            start = value
        }
        advance()
        let stop = isSymbol(":") ? nil : try parseSliceBound()
        let step = skip(symbol: ":") ? try parseSliceBound() : nil
        return .slice(start, stop, step)
    }

    private mutating func parseSliceBound() throws(TemplateError) -> TemplateExpression? {
        isSymbol("]") || isSymbol(",") ? nil : try parseExpression()
    }

    mutating func parseFilters() throws(TemplateError) -> [TemplatePostfix] {
        var filters: [TemplatePostfix] = []
        while skip(symbol: "|") { filters.append(try parseFilter()) }
        return filters
    }

    /// Reads a filter from its name on.
    mutating func parseFilter() throws(TemplateError) -> TemplatePostfix {
        let line = line
        let name = try parseDottedName()
        if !isConditional, TemplateFilters.named(name) == nil {
            unknownNames.append(.syntax("no filter is named '\(name)'", line: line))
        }
        return .filter(name, isSymbol("(") ? try parseCall() : TemplateCall())
    }

    private mutating func parseTest() throws(TemplateError) -> TemplatePostfix {
        let isNegated = skip(name: "not")
        let line = line
        let name = try parseDottedName()
        if !isConditional, TemplateTests.named(name) == nil {
            unknownNames.append(.syntax("no test is named '\(name)'", line: line))
        }
        return .test(name, try parseTestArguments(), isNegated: isNegated)
    }

    private mutating func parseTestArguments() throws(TemplateError) -> TemplateCall {
        switch current.kind {
        case .symbol("("): return try parseCall()
        case .name("else"), .name("or"), .name("and"): return TemplateCall()
        case .name("is"):
            throw .syntax("tests cannot be chained with 'is'", line: line)
        case .name, .string, .integer, .float, .symbol("["), .symbol("{"):
            let value = try parsePrimary()
            let operations = try parsePostfixes()
            return TemplateCall(
                positional: [operations.isEmpty ? value : .postfix(value, operations)])
        default: return TemplateCall()
        }
    }

    private mutating func parseDottedName() throws(TemplateError) -> String {
        var name = try expectName()
        while skip(symbol: ".") { name += "." + (try expectName()) }
        return name
    }

    // MARK: Calls

    private mutating func parseCall() throws(TemplateError) -> TemplateCall {
        let line = line
        var call = TemplateCall()
        try expect(symbol: "(")
        while !isSymbol(")") {
            try parseArgument(into: &call, line)
            if !isSymbol(")") { try expect(symbol: ",") }
        }
        advance()
        return call
    }

    private mutating func parseArgument(
        into call: inout TemplateCall, _ line: Int
    ) throws(TemplateError) {
        func ensure(_ isAllowed: Bool) throws(TemplateError) {
            guard isAllowed else {
                throw .syntax("the arguments of a call are out of order", line: line)
            }
        }
        if skip(symbol: "*") {
            try ensure(call.extras == nil && call.keywords == nil)
            call.extras = try parseExpression()
        } else if skip(symbol: "**") {
            try ensure(call.keywords == nil)
            call.keywords = try parseExpression()
        } else if case .name(let name) = current.kind, following.kind == .symbol("=") {
            try ensure(call.keywords == nil)
            guard !call.named.contains(where: { $0.name == name }) else {
                throw .syntax("the argument '\(name)' comes twice", line: line)
            }
            advance()
            advance()
            call.named.append((name, try parseExpression()))
        } else {
            try ensure(call.extras == nil && call.keywords == nil && call.named.isEmpty)
            call.positional.append(try parseExpression())
        }
    }
}
