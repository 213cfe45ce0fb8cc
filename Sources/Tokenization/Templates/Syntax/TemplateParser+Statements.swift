// SPDX-License-Identifier: Apache-2.0

extension TemplateParser {
    /// Reads a tag from its name to before its closing mark, and the body that belongs to it.
    mutating func parseStatement() throws(TemplateError) -> [TemplateStatement] {
        let line = line
        guard case .name(let tag) = current.kind else { throw unexpected(wanted: "a tag's name") }
        advance()
        if tag == "print" { return try parsePrint(line) }
        return [TemplateStatement(line: line, kind: try parseTag(tag, line))]
    }

    private mutating func parseTag(
        _ tag: String, _ line: Int
    ) throws(TemplateError) -> TemplateStatement.Kind {
        switch tag {
        case "if": try parseConditional()
        case "for": try parseLoop()
        case "set": try parseSet()
        case "macro": try parseMacro()
        case "call": try parseCallBlock(line)
        case "filter": try parseFilterBlock()
        case "with": try parseWith()
        case "generation":
            .generation(
                try parseFunction { parser throws(TemplateError) in
                    try parser.parseScope(until: "endgeneration")
                })
        case "autoescape": try parseAutoescape()
        case "block": try parseNamedBlock()
        case "include", "import", "from", "extends":
            try parseLoading(tag)
        case "break", "continue":
            try parseJump(tag, line)
        default:
            throw .syntax("unknown tag '\(tag)'", line: line)
        }
    }

    private mutating func parsePrint(_ line: Int) throws(TemplateError) -> [TemplateStatement] {
        var outputs: [TemplateStatement] = []
        while current.kind != .tagEnd {
            if !outputs.isEmpty { try expect(symbol: ",") }
            outputs.append(TemplateStatement(line: line, kind: .output(try parseExpression())))
        }
        return outputs
    }

    private func parseJump(
        _ tag: String, _ line: Int
    ) throws(TemplateError) -> TemplateStatement.Kind {
        guard loopDepth > 0 else { throw .syntax("'\(tag)' outside of a loop", line: line) }
        return tag == "break" ? .breakLoop : .continueLoop
    }

    private mutating func parseConditional() throws(TemplateError) -> TemplateStatement.Kind {
        let wasConditional = isConditional
        isConditional = true
        defer { isConditional = wasConditional }
        var branches: [TemplateStatement.Branch] = []
        while true {
            let test = try parseTuple(withConditional: false)
            let body = try parseBlock(until: "elif", "else", "endif")
            branches.append(.init(test: test, body: body))
            if skip(name: "elif") { continue }
            var otherwise: [TemplateStatement] = []
            if skip(name: "else") { otherwise = try parseBlock(until: "endif") }
            try expect(name: "endif")
            return .conditional(branches: branches, otherwise: otherwise)
        }
    }

    private mutating func parseLoop() throws(TemplateError) -> TemplateStatement.Kind {
        let target = try parseTarget(until: "in")
        try expect(name: "in")
        let elements = try parseTuple(withConditional: false, endingAt: "recursive")
        let wasConditional = isConditional
        isConditional = false
        defer { isConditional = wasConditional }
        let test = skip(name: "if") ? try parseExpression() : nil
        let isRecursive = skip(name: "recursive")
        loopDepth += 1
        let body: [TemplateStatement]
        do {
            defer { loopDepth -= 1 }
            body = try parseBlock(until: "endfor", "else")
        }
        var otherwise: [TemplateStatement] = []
        if skip(name: "else") { otherwise = try parseBlock(until: "endfor") }
        try expect(name: "endfor")
        return .loop(
            .init(
                target: target, elements: elements, test: test, isRecursive: isRecursive,
                body: body, otherwise: otherwise))
    }

    private mutating func parseSet() throws(TemplateError) -> TemplateStatement.Kind {
        let target = try parseTarget(withAttributes: true)
        if skip(symbol: "=") { return .set(target, try parseTuple()) }
        let filters = try parseFilters()
        return .setBlock(target, filters: filters, body: try parseScope(until: "endset"))
    }

    private mutating func parseFilterBlock() throws(TemplateError) -> TemplateStatement.Kind {
        var filters = [try parseFilter()]
        filters += try parseFilters()
        return .filterBlock(filters: filters, body: try parseScope(until: "endfilter"))
    }

    private mutating func parseWith() throws(TemplateError) -> TemplateStatement.Kind {
        var bindings: [(TemplateTarget, TemplateExpression)] = []
        while current.kind != .tagEnd {
            if !bindings.isEmpty { try expect(symbol: ",") }
            let target = try parseTarget()
            try expect(symbol: "=")
            bindings.append((target, try parseExpression()))
        }
        return .with(bindings, body: try parseScope(until: "endwith"))
    }

    private mutating func parseAutoescape() throws(TemplateError) -> TemplateStatement.Kind {
        let flag = try parseExpression()
        return .autoescape(flag, body: try parseScope(until: "endautoescape"))
    }

    private mutating func parseNamedBlock() throws(TemplateError) -> TemplateStatement.Kind {
        let line = line
        let name = try expectName()
        guard blockNames.insert(name).inserted else {
            throw .syntax("the block '\(name)' is defined twice", line: line)
        }
        let isScoped = skip(name: "scoped")
        _ = skip(name: "required")
        let body = try parseFunction { parser throws(TemplateError) in
            try parser.parseScope(until: "endblock")
        }
        _ = skip(name: name)
        return .block(name: name, isScoped: isScoped, body: body)
    }

    /// A chat template has nothing to load from; the tag is an error where it is reached.
    private mutating func parseLoading(
        _ tag: String
    ) throws(TemplateError) -> TemplateStatement.Kind {
        _ = try parseExpression()
        while current.kind != .tagEnd {
            guard current.kind != .end else { throw unexpected(wanted: "the end of the tag") }
            advance()
        }
        return .loading(tag: tag)
    }

    // MARK: Macros

    private mutating func parseMacro() throws(TemplateError) -> TemplateStatement.Kind {
        let name = try expectName()
        return .macro(try parseMacro(name: name, until: "endmacro"))
    }

    private mutating func parseCallBlock(_ line: Int) throws(TemplateError)
        -> TemplateStatement.Kind
    {
        let (parameters, defaults) =
            isSymbol("(") ? try parseSignature() : ([], [])
        let call = try parseExpression()
        guard case .postfix(_, let operations) = call, case .call? = operations.last else {
            throw .syntax("wanted a call in the call block", line: line)
        }
        let caller = try parseMacroBody("caller", parameters, defaults, until: "endcall")
        return .callBlock(caller: caller, call: call)
    }

    private mutating func parseMacro(
        name: String, until end: String
    ) throws(TemplateError) -> MacroDefinition {
        let (parameters, defaults) = try parseSignature()
        return try parseMacroBody(name, parameters, defaults, until: end)
    }

    private mutating func parseMacroBody(
        _ name: String, _ parameters: [String], _ defaults: [TemplateExpression], until end: String
    ) throws(TemplateError) -> MacroDefinition {
        namesRead.append([])
        let body: [TemplateStatement]
        let names: Set<String>
        do {
            defer { _ = namesRead.popLast() }
            body = try parseFunction { parser throws(TemplateError) in
                try parser.parseScope(until: end)
            }
            names = namesRead.last ?? []
        }
        if names.contains("caller"), let index = parameters.firstIndex(of: "caller"),
            index < parameters.count - defaults.count
        {
            throw .syntax("the special parameter 'caller' must have a default", line: line)
        }
        return MacroDefinition(
            name: name, parameters: parameters, defaults: defaults, body: body,
            takesCaller: names.contains("caller"),
            takesKeywords: names.contains("kwargs") && !parameters.contains("kwargs"),
            takesExtras: names.contains("varargs") && !parameters.contains("varargs"))
    }

    /// Reads a body that is a function of its own: it cannot leave a loop around it.
    private mutating func parseFunction<Result>(
        _ parse: (inout TemplateParser) throws(TemplateError) -> Result
    ) throws(TemplateError) -> Result {
        let loops = loopDepth
        loopDepth = 0
        defer { loopDepth = loops }
        return try parse(&self)
    }

    private mutating func parseSignature() throws(TemplateError) -> (
        parameters: [String], defaults: [TemplateExpression]
    ) {
        var parameters: [String] = []
        var defaults: [TemplateExpression] = []
        try expect(symbol: "(")
        while !isSymbol(")") {
            if !parameters.isEmpty { try expect(symbol: ",") }
            let line = line
            let name = try expectName()
            guard !parameters.contains(name) else {
                throw .syntax("the parameter '\(name)' comes twice", line: line)
            }
            parameters.append(name)
            if skip(symbol: "=") {
                defaults.append(try parseExpression())
            } else if !defaults.isEmpty {
                throw .syntax("a parameter without default follows one with a default", line: line)
            }
        }
        advance()
        return (parameters, defaults)
    }

    // MARK: Targets

    /// Reads what is assigned to: a name, or several with commas between them.
    private mutating func parseTarget(
        until end: String? = nil, withAttributes: Bool = false
    ) throws(TemplateError) -> TemplateTarget {
        var targets: [TemplateTarget] = []
        var isTuple = false
        while true {
            if !targets.isEmpty {
                try expect(symbol: ",")
                isTuple = true
            }
            if current.kind == .tagEnd || isSymbol(")") || end.map(isName) == true { break }
            targets.append(try parseSingleTarget(withAttributes: withAttributes))
            guard isSymbol(",") else { break }
        }
        if isTuple { return .tuple(targets) }
        guard let target = targets.first else { throw unexpected(wanted: "a name to assign to") }
        return target
    }

    private mutating func parseSingleTarget(
        withAttributes: Bool
    ) throws(TemplateError) -> TemplateTarget {
        if skip(symbol: "(") {
            let target = try nested { parser throws(TemplateError) in
                try parser.parseTarget(withAttributes: withAttributes)
            }
            try expect(symbol: ")")
            return target
        }
        let line = line
        let name = try expectName()
        guard !["true", "false", "none", "True", "False", "None"].contains(name) else {
            throw .syntax("cannot assign to '\(name)'", line: line)
        }
        if withAttributes, skip(symbol: ".") { return .attribute(of: name, try expectName()) }
        return .name(name)
    }
}
