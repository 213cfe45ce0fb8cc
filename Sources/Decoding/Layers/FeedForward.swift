// SPDX-License-Identifier: Apache-2.0

/// A part of a layer that adds to the residual stream from the normalised one.
protocol FeedForward {
    /// Asks for the scratch that `apply` writes.
    func reserve(in shape: inout WorkspaceShape)

    /// hidden += f(normed).
    func apply(_ step: Step)
}

extension GatedFeedForward: FeedForward {}
extension MixtureOfExperts: FeedForward {}
extension SharedExpert: FeedForward {}
