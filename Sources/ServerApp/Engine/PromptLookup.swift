// SPDX-License-Identifier: Apache-2.0

/// Guesses what comes next in a text from what came after the same tokens the last time: prompt lookup
/// decoding (Saxena 2023), over the prompt and what was generated.
struct PromptLookup {
    private struct Key: Hashable {
        let tokens: SIMD4<Int32>

        /// The `length` tokens before `end`.
        init(_ tokens: [Int32], before end: Int) {
            self.tokens = SIMD4(tokens[end - 3], tokens[end - 2], tokens[end - 1], 0)
        }

        static let length = 3
    }

    /// Where the text went on after a key, the last time.
    private var successors: [Key: Int] = [:]
    /// Tokens that are in `successors`.
    private var knownCount = Key.length

    /// Takes note of tokens that were added to the text.
    mutating func update(_ tokens: [Int32]) {
        while knownCount < tokens.count {
            successors[Key(tokens, before: knownCount)] = knownCount
            knownCount += 1
        }
    }

    /// Up to `count` tokens that may follow the text of the last `update`; none where its end is new. A text
    /// that repeats itself is taken to go on doing so.
    func guesses(after tokens: [Int32], count: Int) -> [Int32] {
        guard tokens.count >= Key.length,
            let start = successors[Key(tokens, before: tokens.count)]
        else { return [] }
        let period = tokens.count - start
        return (0..<count).map { tokens[start + $0 % period] }
    }
}
