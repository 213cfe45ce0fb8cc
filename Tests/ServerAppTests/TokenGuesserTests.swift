// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ServerApp

@Suite struct TokenGuesserTests {
    private func guesses(_ tokens: [Int32], count: Int = 4) -> [Int32] {
        var lookup = PromptLookup()
        lookup.update(tokens)
        return lookup.guesses(after: tokens, count: count)
    }

    @Test func `what came after the same three tokens comes again`() {
        #expect(guesses([1, 2, 3, 4, 5, 6, 7, 1, 2, 3]) == [4, 5, 6, 7])
    }

    @Test func `the last time counts`() {
        #expect(guesses([1, 2, 3, 4, 9, 1, 2, 3, 5, 9, 1, 2, 3], count: 2) == [5, 9])
    }

    @Test func `a repetition goes on`() {
        #expect(guesses([7, 8, 7, 8, 7, 8], count: 5) == [7, 8, 7, 8, 7])
    }

    @Test(arguments: [[], [1], [1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 9, 1, 2]] as [[Int32]])
    func `an end that is new has no guesses`(tokens: [Int32]) {
        #expect(guesses(tokens).isEmpty)
    }

    @Test func `text that comes piece by piece is found like text that came at once`() {
        let tokens = (0..<200).map { Int32($0 * $0 % 7) }
        var lookup = PromptLookup()

        for end in 1...tokens.count {
            let text = Array(tokens[..<end])
            if end % 3 != 0 { lookup.update(text) } else { continue }
            #expect(lookup.guesses(after: text, count: 4) == guesses(text))
        }
    }

    @Test func `acceptance follows what came of the guesses`() {
        var guesser = TokenGuesser(acceptance: 0.5)
        var tokens: [Int32] = [1, 2, 3, 1, 2, 3]
        guesser.update(tokens, count: 3)
        #expect(guesser.acceptance == 0.5)

        for token in [1, 2, 3, 1, 2, 3] as [Int32] {
            tokens.append(token)
            guesser.update(tokens, count: 3)
        }
        #expect(guesser.acceptance > 0.75)

        // One wrong guess counts once, however much came after it.
        let before = guesser.acceptance
        tokens += [9, 8, 7]
        guesser.update(tokens, count: 3)
        #expect(abs(guesser.acceptance - 0.85 * before) < 1e-12)
    }
}
