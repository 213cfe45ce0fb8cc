// SPDX-License-Identifier: Apache-2.0

/// The part of a layer in which each position is computed for itself.
protocol FeedForward {
    /// Asks for the scratch that `add` writes.
    func reserve(in shape: inout WorkspaceShape)

    /// output += f(normed).
    func add(_ step: Step, to output: Rows)
}

extension GatedFeedForward: FeedForward {}
extension MixtureOfExperts: FeedForward {}
extension SharedExpert: FeedForward {}
