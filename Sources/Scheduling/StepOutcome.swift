// SPDX-License-Identifier: Apache-2.0

/// What became of one entry of a plan once the step had run.
package enum StepOutcome: Equatable, Sendable {
    /// The entry was computed and this many tokens were appended to its sequence: none where the
    /// entry samples nothing, else at least one and at most `maxAcceptedTokenCount`.
    case accepted(tokenCount: Int)
    /// The sequence ends here for a reason of the caller's (stop, failure); its blocks go back.
    case finished
}
