// SPDX-License-Identifier: Apache-2.0

/// Finds the first stop string in a text that arrives in pieces, and passes on everything that can
/// no longer be part of one.
///
/// The match that ends first wins; of those that end together, the longest. What comes out does not
/// depend on where the pieces were cut. Pieces of whole characters come out as whole characters,
/// because a stop string starts and ends at character boundaries.
package struct StopMatcher: Sendable {
    /// What one piece adds.
    package struct Output: Sendable, Equatable {
        /// The UTF-8 text that is certain to belong to the answer.
        package var text: [UInt8]
        /// The stop string that was found; nil means go on.
        package var stop: String?
    }

    /// The longest end of the text so far that is the start of a stop string.
    private var held: [UInt8] = []
    private var automata: [StopAutomaton]
    private let includesStopString: Bool
    private var hasStopped = false

    /// A matcher for `stops`, none of them empty; `includesStopString` keeps the one found at the end
    /// of the text.
    package init(stops: [String], includesStopString: Bool = false) {
        precondition(stops.allSatisfy { !$0.isEmpty }, "a stop string is empty")
        let automata = stops.map { StopAutomaton($0) }
        // A string with another one inside can never be the first to end.
        self.automata = automata.filter { automaton in
            !automata.contains { $0.endsInside(automaton) }
        }
        self.includesStopString = includesStopString
    }

    /// Takes the next piece; after a stop string was found, later pieces are ignored.
    package mutating func append(_ piece: some Collection<UInt8>) -> Output {
        guard !hasStopped else { return Output(text: [], stop: nil) }
        guard !automata.isEmpty else { return Output(text: Array(piece), stop: nil) }
        held.reserveCapacity(held.count + piece.count)
        for byte in piece {
            held.append(byte)
            if let match = advance(over: byte) { return end(with: match) }
        }
        let longest = automata.map(\.matchedCount).max() ?? 0
        let text = Array(held.dropLast(longest))
        held.removeFirst(text.count)
        return Output(text: text, stop: nil)
    }

    /// Gives up waiting: the text has ended, so what was held back belongs to it.
    package mutating func finish() -> [UInt8] {
        hasStopped = true
        defer { held = [] }
        return held
    }

    /// Moves every automaton by one byte; returns the longest string that is now complete.
    private mutating func advance(over byte: UInt8) -> StopAutomaton? {
        var longest: StopAutomaton?
        for index in automata.indices where automata[index].advance(over: byte) {
            let match = automata[index]
            if match.pattern.count > longest?.pattern.count ?? 0 { longest = match }
        }
        return longest
    }

    private mutating func end(with match: StopAutomaton) -> Output {
        hasStopped = true
        defer { held = [] }
        let text = includesStopString ? held[...] : held.dropLast(match.pattern.count)
        return Output(text: Array(text), stop: match.string)
    }
}

/// One stop string and how much of it the text now ends with (Knuth, Morris and Pratt 1977).
private struct StopAutomaton: Sendable {
    let string: String
    let pattern: [UInt8]
    /// For each matched count, the next shorter start of the pattern that is also its end there.
    private let shorterMatches: [Int]
    private(set) var matchedCount = 0

    init(_ string: String) {
        self.string = string
        pattern = Array(string.utf8)
        shorterMatches = Self.shorterMatches(of: pattern)
    }

    /// Takes the text's next byte; true when it completes the pattern.
    mutating func advance(over byte: UInt8) -> Bool {
        while matchedCount > 0 && pattern[matchedCount] != byte {
            matchedCount = shorterMatches[matchedCount]
        }
        if pattern[matchedCount] == byte { matchedCount += 1 }
        return matchedCount == pattern.count
    }

    /// Whether this pattern occurs in the other one and ends before its end.
    func endsInside(_ other: StopAutomaton) -> Bool {
        var automaton = self
        return other.pattern.dropLast().contains { automaton.advance(over: $0) }
    }

    private static func shorterMatches(of pattern: [UInt8]) -> [Int] {
        var shorter = [0, 0]
        for index in pattern.indices.dropFirst() {
            var count = shorter[index]
            while count > 0 && pattern[count] != pattern[index] { count = shorter[count] }
            shorter.append(pattern[count] == pattern[index] ? count + 1 : 0)
        }
        return shorter
    }
}
