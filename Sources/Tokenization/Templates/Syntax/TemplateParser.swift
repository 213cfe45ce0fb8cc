// SPDX-License-Identifier: Apache-2.0

/// Turns tokens into statements by recursive descent, as Jinja's own parser does.
struct TemplateParser {
    private let tokens: [TemplateToken]
    private var index = 0
    private let maxDepth: Int
    private var depth = 0
    /// Loops around the current statement that `break` and `continue` can mean.
    var loopDepth = 0
    /// Whether the current code may never run, so that an unknown filter is an error only where it does.
    var isConditional = false
    /// Filters and tests that are not known, in code that runs whenever it is reached.
    var unknownNames: [TemplateError] = []
    /// Names that each macro around the current code reads.
    var namesRead: [Set<String>] = []
    var blockNames: Set<String> = []

    private init(_ tokens: [TemplateToken], maxDepth: Int) {
        self.tokens = tokens
        self.maxDepth = maxDepth
    }

    /// The statements of a template.
    ///
    /// - Throws: `TemplateError`, mostly of the kind `syntax`, with the line.
    static func statements(
        of source: String, limits: TemplateLimits
    ) throws(TemplateError) -> [TemplateStatement] {
        guard source.utf8.count <= limits.maxSourceBytes else {
            throw TemplateError(
                .limit, "the chat template has more than \(limits.maxSourceBytes) bytes")
        }
        var parser = TemplateParser(
            try TemplateLexer.tokens(of: source), maxDepth: limits.maxSyntaxDepth)
        let statements = try parser.parseBody(until: [])
        if let error = parser.unknownNames.first { throw error }
        return statements
    }

    // MARK: Tokens

    var current: TemplateToken { tokens[index] }
    var line: Int { current.line }
    /// The token after the current one.
    var following: TemplateToken { tokens[min(index + 1, tokens.count - 1)] }

    mutating func advance() { index = min(index + 1, tokens.count - 1) }

    func isName(_ name: String) -> Bool { current.kind == .name(name) }

    func isSymbol(_ symbol: String) -> Bool { current.kind == .symbol(symbol) }

    mutating func skip(name: String) -> Bool {
        guard isName(name) else { return false }
        advance()
        return true
    }

    mutating func skip(symbol: String) -> Bool {
        guard isSymbol(symbol) else { return false }
        advance()
        return true
    }

    mutating func expect(symbol: String) throws(TemplateError) {
        guard skip(symbol: symbol) else { throw unexpected(wanted: "'\(symbol)'") }
    }

    mutating func expect(name: String) throws(TemplateError) {
        guard skip(name: name) else { throw unexpected(wanted: "'\(name)'") }
    }

    mutating func expectName() throws(TemplateError) -> String {
        guard case .name(let name) = current.kind else { throw unexpected(wanted: "a name") }
        advance()
        return name
    }

    mutating func expectTagEnd() throws(TemplateError) {
        guard current.kind == .tagEnd else { throw unexpected(wanted: "the end of the tag") }
        advance()
    }

    func unexpected(wanted: String) -> TemplateError {
        .syntax("wanted \(wanted), found \(current.description)", line: line)
    }

    /// Goes down one level of nesting while `parse` runs.
    mutating func nested<Result>(
        _ parse: (inout TemplateParser) throws(TemplateError) -> Result
    ) throws(TemplateError) -> Result {
        guard depth < maxDepth else {
            throw TemplateError(
                .limit, "the chat template nests more than \(maxDepth) levels deep", line: line)
        }
        depth += 1
        defer { depth -= 1 }
        return try parse(&self)
    }

    // MARK: Bodies

    /// Reads statements up to a tag that begins with one of `ends`, whose name is then the current token;
    /// without ends, up to the end of the template.
    mutating func parseBody(until ends: [String]) throws(TemplateError) -> [TemplateStatement] {
        var statements: [TemplateStatement] = []
        while true {
            let line = line
            switch current.kind {
            case .text(let text):
                advance()
                statements.append(TemplateStatement(line: line, kind: .text(text)))
            case .outputBegin:
                advance()
                let value = try parseTuple()
                guard current.kind == .outputEnd else { throw unexpected(wanted: "'}}'") }
                advance()
                statements.append(TemplateStatement(line: line, kind: .output(value)))
            case .tagBegin:
                advance()
                if case .name(let name) = current.kind, ends.contains(name) { return statements }
                statements += try nested { parser throws(TemplateError) in
                    try parser.parseStatement()
                }
                try expectTagEnd()
            case .end where ends.isEmpty: return statements
            case .end:
                throw .syntax(
                    "the template ends before '\(ends.joined(separator: "' or '"))'", line: line)
            default: throw unexpected(wanted: "text or a tag")
            }
        }
    }

    /// Reads the rest of a tag and the body after it, up to one of `ends`.
    mutating func parseBlock(until ends: String...) throws(TemplateError) -> [TemplateStatement] {
        _ = skip(symbol: ":")
        try expectTagEnd()
        return try parseBody(until: ends)
    }

    /// The same, in a scope of its own: what is in it runs whenever it does.
    mutating func parseScope(until end: String) throws(TemplateError) -> [TemplateStatement] {
        let wasConditional = isConditional
        isConditional = false
        defer { isConditional = wasConditional }
        let body = try parseBlock(until: end)
        advance()
        return body
    }
}
