// SPDX-License-Identifier: Apache-2.0

/// What became of one entry of a plan, or of one of its forks, once the step had run.
package enum StepOutcome: Equatable, Sendable {
    /// The entry was computed and these tokens were appended to its sequence: none where the entry samples
    /// nothing, else at least one and at most `maxAcceptedTokenCount`. All but the last were guessed right.
    case accepted([Int32])
    /// The entry was computed and the sequence ends here for a reason of the caller's (stop, failure); its
    /// blocks go back.
    case finished
}

extension StepOutcome {
    /// Guesses that proved right.
    var verifiedTokens: ArraySlice<Int32> {
        switch self {
        case .accepted(let tokens): tokens.dropLast()
        case .finished: []
        }
    }
}
