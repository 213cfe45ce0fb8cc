// SPDX-License-Identifier: Apache-2.0

/// Cuts a template into tokens, by Jinja's rules with `trim_blocks` and `lstrip_blocks`.
struct TemplateLexer {
    let source: [Unicode.Scalar]
    var position = 0
    var line = 1
    var tokens: [TemplateToken] = []
    /// Whether the tag before ended with a line's end: what follows is then the start of a line.
    private var isLineStart = true
    /// The closing brackets that are waited for inside a tag.
    var openBrackets: [Unicode.Scalar] = []

    private init(_ source: String) {
        var scalars: [Unicode.Scalar] = []
        scalars.reserveCapacity(source.utf8.count)
        for scalar in source.unicodeScalars {
            // "\r\n" and "\r" are "\n".
            if scalar == "\n", scalars.last == "\r" { scalars.removeLast() }
            scalars.append(scalar)
        }
        for index in scalars.indices where scalars[index] == "\r" { scalars[index] = "\n" }
        if scalars.last == "\n" { scalars.removeLast() }
        self.source = scalars
    }

    /// The tokens of a template; the last one is `end`.
    ///
    /// - Throws: `TemplateError` of the kind `syntax`.
    static func tokens(of source: String) throws(TemplateError) -> [TemplateToken] {
        var lexer = TemplateLexer(source)
        while try lexer.readTextAndTag() {}
        lexer.append(.end)
        return lexer.tokens
    }

    mutating func append(_ kind: TemplateToken.Kind) {
        tokens.append(TemplateToken(kind: kind, line: line))
    }

    /// Reads up to and including the next tag; false at the end.
    private mutating func readTextAndTag() throws(TemplateError) -> Bool {
        guard let opening = nextOpening(from: position) else {
            appendText(position..<source.count)
            position = source.count
            return false
        }
        let kind = source[opening + 1]
        let sign = peek(opening + 2)
        let strips = sign == "-"
        let keeps = sign == "+"
        appendText(
            position..<textEnd(opening, strips: strips, keeps: keeps, isOutput: kind == "{"))
        skip(to: opening + 2 + (strips || keeps ? 1 : 0))
        switch kind {
        case "#": try skipComment()
        case "{": try readOutput()
        default:
            if let end = rawOpeningEnd() {
                skip(to: end)
                try readRaw()
            } else {
                try readStatement()
            }
        }
        isLineStart = position > 0 && source[position - 1] == "\n"
        return true
    }

    /// Where the next `{{`, `{%` or `{#` is.
    private func nextOpening(from start: Int) -> Int? {
        var index = start
        while index + 1 < source.count {
            if source[index] == "{" {
                switch source[index + 1] {
                case "{", "%", "#": return index
                default: break
                }
            }
            index += 1
        }
        return nil
    }

    /// Where the text before a tag ends, once whitespace that the tag does away with is left out.
    private func textEnd(_ tag: Int, strips: Bool, keeps: Bool, isOutput: Bool) -> Int {
        var end = tag
        if strips {
            while end > position, source[end - 1].isPythonSpace { end -= 1 }
            return end
        }
        guard !keeps, !isOutput else { return tag }
        while end > position, source[end - 1] != "\n" {
            guard source[end - 1].isPythonSpace else { return tag }
            end -= 1
        }
        // Only a whole line's beginning goes.
        return end > position || isLineStart ? end : tag
    }

    private mutating func appendText(_ range: Range<Int>) {
        if !range.isEmpty { append(.text(text(range))) }
        skip(to: range.upperBound)
    }

    func text(_ range: Range<Int>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: source[range])
        return String(view)
    }

    func peek(_ index: Int) -> Unicode.Scalar? {
        index < source.count ? source[index] : nil
    }

    func hasPrefix(_ prefix: StaticString, at index: Int) -> Bool {
        var index = index
        for scalar in "\(prefix)".unicodeScalars {
            guard peek(index) == scalar else { return false }
            index += 1
        }
        return true
    }

    /// Moves on, counting lines.
    mutating func skip(to end: Int) {
        while position < end {
            if source[position] == "\n" { line += 1 }
            position += 1
        }
    }

    func spaceEnd(from start: Int) -> Int {
        var index = start
        while let scalar = peek(index), scalar.isPythonSpace { index += 1 }
        return index
    }

    /// Where a closing mark at `index` ends, with the whitespace that goes with it: all of it after `-`, one
    /// line's end after a statement or comment.
    func closingEnd(_ mark: StaticString, at index: Int, isOutput: Bool) -> Int? {
        if peek(index) == "-", hasPrefix(mark, at: index + 1) { return spaceEnd(from: index + 3) }
        if !isOutput, peek(index) == "+", hasPrefix(mark, at: index + 1) { return index + 3 }
        guard hasPrefix(mark, at: index) else { return nil }
        return !isOutput && peek(index + 2) == "\n" ? index + 3 : index + 2
    }

    private mutating func skipComment() throws(TemplateError) {
        let start = line
        // Jinja lets one that has not begun be.
        if position == source.count { return }
        while position < source.count {
            if let end = closingEnd("#}", at: position, isOutput: false) {
                skip(to: end)
                return
            }
            skip(to: position + 1)
        }
        throw .syntax("missing end of comment", line: start)
    }

    /// Where the tag `{% raw %}` ends, if it is one; the position is after its sign.
    private func rawOpeningEnd() -> Int? {
        let start = spaceEnd(from: position)
        guard hasPrefix("raw", at: start) else { return nil }
        let end = spaceEnd(from: start + 3)
        if hasPrefix("-%}", at: end) { return spaceEnd(from: end + 3) }
        return hasPrefix("%}", at: end) ? end + 2 : nil
    }

    private mutating func readRaw() throws(TemplateError) {
        isLineStart = position > 0 && source[position - 1] == "\n"
        let start = line
        // As with comments.
        if position == source.count { return }
        var index = position
        while index < source.count {
            if hasPrefix("{%", at: index) {
                let sign = peek(index + 2)
                let signed = sign == "-" || sign == "+"
                let word = spaceEnd(from: index + (signed ? 3 : 2))
                if hasPrefix("endraw", at: word),
                    let end = closingEnd("%}", at: spaceEnd(from: word + 6), isOutput: false)
                {
                    appendText(
                        position..<textEnd(
                            index, strips: sign == "-", keeps: sign == "+", isOutput: false))
                    skip(to: end)
                    return
                }
            }
            index += 1
        }
        throw .syntax("missing end of raw block", line: start)
    }

    private mutating func readOutput() throws(TemplateError) {
        append(.outputBegin)
        try readInside(closing: "}}", isOutput: true)
        append(.outputEnd)
    }

    private mutating func readStatement() throws(TemplateError) {
        append(.tagBegin)
        try readInside(closing: "%}", isOutput: false)
        append(.tagEnd)
    }

    private mutating func readInside(
        closing: StaticString, isOutput: Bool
    ) throws(TemplateError) {
        openBrackets = []
        while true {
            if openBrackets.isEmpty,
                let end = closingEnd(closing, at: position, isOutput: isOutput)
            {
                skip(to: end)
                return
            }
            guard position < source.count else {
                throw .syntax("the template ends inside a tag", line: line)
            }
            if source[position].isPythonSpace {
                skip(to: position + 1)
            } else {
                try readExpressionToken()
            }
        }
    }
}
