// SPDX-License-Identifier: Apache-2.0

/// Guesses what a sequence goes on with, and tells how often that is right of late. Every guess is held against
/// what came, computed ahead or not, so its worth is known before it costs anything.
struct TokenGuesser {
    /// What may follow the tokens of the last `update`.
    private(set) var guesses: [Int32] = []
    /// The share of guesses that were right, each counting less than the one after it.
    private(set) var acceptance: Double
    private var lookup = PromptLookup()
    /// Tokens that there were when the guesses were made.
    private var tokenCount = 0

    private static let memory = 0.85

    /// Takes guesses to be right at the rate `acceptance` until others are seen.
    init(acceptance: Double) {
        self.acceptance = acceptance
    }

    /// Compares what was added to the sequence with the guesses, and makes up to `count` new ones.
    mutating func update(_ tokens: [Int32], count: Int) {
        for (guess, token) in zip(guesses, tokens[min(tokenCount, tokens.count)...]) {
            acceptance = Self.memory * acceptance + (guess == token ? 1 - Self.memory : 0)
            if guess != token { break }
        }
        lookup.update(tokens)
        guesses = lookup.guesses(after: tokens, count: count)
        tokenCount = tokens.count
    }
}
