// SPDX-License-Identifier: Apache-2.0

/// Finds one text in others, in time linear in their bytes (Knuth, Morris and Pratt 1977).
struct TextSearch {
    private let pattern: [UInt8]
    /// For each matched count, the next shorter start of the pattern that is also its end there.
    private let shorterMatches: [Int]

    /// - Precondition: `pattern` is not empty.
    init(_ pattern: [UInt8]) {
        self.pattern = pattern
        var shorter = [0, 0]
        for index in pattern.indices.dropFirst() {
            var count = shorter[index]
            while count > 0 && pattern[count] != pattern[index] { count = shorter[count] }
            shorter.append(pattern[count] == pattern[index] ? count + 1 : 0)
        }
        shorterMatches = shorter
    }

    /// Where the first occurrence at or after `start` begins.
    func first(in text: [UInt8], from start: Int = 0) -> Int? {
        var matched = 0
        var index = start
        while index < text.count {
            if matched == 0, text[index] != pattern[0] {
                index += 1
                continue
            }
            while matched > 0 && pattern[matched] != text[index] {
                matched = shorterMatches[matched]
            }
            if pattern[matched] == text[index] { matched += 1 }
            index += 1
            if matched == pattern.count { return index - matched }
        }
        return nil
    }

    /// Where occurrences that do not overlap begin, from the left, `limit` of them at most.
    func all(in text: [UInt8], limit: Int = .max) -> [Int] {
        var found: [Int] = []
        var start = 0
        while found.count < limit, let next = first(in: text, from: start) {
            found.append(next)
            start = next + pattern.count
        }
        return found
    }

    /// Where occurrences that do not overlap begin, taken from the right, in ascending order.
    static func allFromRight(
        of pattern: [UInt8], in text: [UInt8], limit: Int = .max
    ) -> [Int] {
        let backward = TextSearch(Array(pattern.reversed()))
        let found = backward.all(in: Array(text.reversed()), limit: limit)
        return found.map { text.count - $0 - pattern.count }.reversed()
    }
}

extension String {
    /// The text of some of another text's bytes, cut where characters begin.
    init(utf8 bytes: some Collection<UInt8>) {
        self = String(decoding: bytes, as: UTF8.self)
    }

    /// Whether the other text occurs in this one, code point by code point; in time linear in both.
    package func holds(_ other: String) -> Bool {
        other.isEmpty || TextSearch(Array(other.utf8)).first(in: Array(utf8)) != nil
    }

    /// What comes before and after the last occurrence of another text, found as by `holds`; nil where there is
    /// none.
    ///
    /// - Precondition: `other` is not empty.
    package func cutAtLast(_ other: String) -> (before: String, after: String)? {
        let (bytes, pattern) = (Array(utf8), Array(other.utf8))
        let found = TextSearch.allFromRight(of: pattern, in: bytes, limit: 1)
        guard let start = found.first else { return nil }
        return (String(utf8: bytes[..<start]), String(utf8: bytes[(start + pattern.count)...]))
    }
}
