// SPDX-License-Identifier: Apache-2.0

/// One layer of a pre-norm transformer: x += attention(norm(x)), then x += Σ feedForward(norm(x))
/// (Xiong et al. 2020).
struct PreNormBlock {
    let attentionNorm: any Norm
    let attention: any Attention
    let feedForwardNorm: any Norm
    /// Dense or routed, and what runs beside it on the same input.
    let feedForwards: [any FeedForward]
    /// What happens to attention's and to the feed-forwards' results before they are added.
    let attentionBranch: ResidualBranch
    let feedForwardBranch: ResidualBranch

    func reserve(in shape: inout WorkspaceShape) {
        attention.reserve(in: &shape)
        for feedForward in feedForwards { feedForward.reserve(in: &shape) }
    }

    func apply(_ step: Step) {
        attentionNorm.apply(step.hidden, into: step.normed, step)
        attentionBranch.add(step) { output in attention.add(step, to: output) }
        feedForwardNorm.apply(step.hidden, into: step.normed, step)
        feedForwardBranch.add(step) { output in
            for feedForward in feedForwards { feedForward.add(step, to: output) }
        }
    }
}
