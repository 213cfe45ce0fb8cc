// SPDX-License-Identifier: Apache-2.0

/// Tells what a model thinks, between `<think>` and `</think>`, from what it answers, in a text that arrives
/// in pieces.
///
/// Thoughts come first, if at all. White space around them belongs to neither. What comes out does not depend
/// on where the pieces were cut.
package struct ReasoningSplitter: Sendable {
    /// Where the text begins.
    package enum Start: Sendable, Equatable {
        /// It may begin with `<think>`.
        case open
        /// The prompt ends with `<think>`.
        case inside
    }

    /// What one piece adds.
    package struct Text: Sendable, Equatable {
        /// Of the thoughts.
        package var reasoning = ""
        /// Of the answer.
        package var content = ""

        /// Texts as given.
        package init(reasoning: String = "", content: String = "") {
            self.reasoning = reasoning
            self.content = content
        }
    }

    /// What begins thoughts.
    package static let openingTag = "<think>"
    /// What ends them.
    package static let closingTag = "</think>"

    private enum State {
        case before, reasoning, between, content
    }

    private var state: State
    /// Bytes that may yet be part of a tag, or white space at an edge.
    private var held: [UInt8] = []
    /// Whether a thought has begun: white space before it is left out.
    private var hasReasoning = false

    /// A splitter at the beginning of a text.
    package init(_ start: Start) {
        state = start == .inside ? .reasoning : .before
    }

    /// Takes the next piece, of whole characters.
    package mutating func append(_ piece: String) -> Text {
        held += Array(piece.utf8)
        var text = Text()
        if state == .before { leaveBefore() }
        if state == .reasoning { text.reasoning = takeReasoning() }
        if state == .between { leaveBetween() }
        if state == .content { text.content = takeAll() }
        return text
    }

    /// Gives out what was held back: the text has ended.
    package mutating func finish() -> Text {
        defer { held = [] }
        switch state {
        case .before, .content: return Text(content: takeAll())
        case .reasoning:
            let end = held.lastIndex { !Self.isSpace($0) }.map { $0 + 1 } ?? 0
            let start = hasReasoning ? 0 : held.firstIndex { !Self.isSpace($0) } ?? end
            return Text(reasoning: String(decoding: held[min(start, end)..<end], as: UTF8.self))
        case .between: return Text()
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte)
    }

    private mutating func takeAll() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }

    /// Decides whether the text begins with thoughts, once it can be told.
    private mutating func leaveBefore() {
        let tag = Array(Self.openingTag.utf8)
        let start = held.drop(while: Self.isSpace)
        if start.starts(with: tag) {
            held = Array(start.dropFirst(tag.count))
            state = .reasoning
        } else if !tag.starts(with: start) {
            state = .content
        }
    }

    /// The thoughts that cannot be part of the closing tag or of the white space before it.
    private mutating func takeReasoning() -> String {
        if !hasReasoning { held = Array(held.drop(while: Self.isSpace)) }
        let tag = Array(Self.closingTag.utf8)
        var index = 0
        while index < held.count {
            let rest = held[index...]
            if rest.first == tag[0], rest.starts(with: tag) {
                let thoughts = held[..<index].dropLast(while: Self.isSpace)
                held = Array(rest.dropFirst(tag.count))
                state = .between
                return String(decoding: thoughts, as: UTF8.self)
            }
            if rest.first == tag[0], tag.starts(with: rest) { break }
            index += 1
        }
        let end = held[..<index].dropLast(while: Self.isSpace).endIndex
        let thoughts = held[..<end]
        hasReasoning = hasReasoning || !thoughts.isEmpty
        defer { held = Array(held[end...]) }
        return String(decoding: thoughts, as: UTF8.self)
    }

    private mutating func leaveBetween() {
        held = Array(held.drop(while: Self.isSpace))
        if !held.isEmpty { state = .content }
    }
}

extension ArraySlice {
    /// The slice without the elements at its end that pass.
    fileprivate func dropLast(while test: (Element) -> Bool) -> ArraySlice {
        var end = endIndex
        while end > startIndex, test(self[end - 1]) { end -= 1 }
        return self[startIndex..<end]
    }
}
