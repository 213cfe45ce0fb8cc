// SPDX-License-Identifier: Apache-2.0

/// One layer of a pre-norm transformer: x += attention(norm(x)), then x += Σ feedForward(norm(x))
/// (Xiong et al. 2020).
struct PreNormBlock {
    let attentionNorm: RMSNorm
    let attention: any Attention
    let feedForwardNorm: RMSNorm
    /// Dense or routed, and what runs beside it on the same input.
    let feedForwards: [any FeedForward]

    func reserve(in shape: inout WorkspaceShape) {
        attention.reserve(in: &shape)
        for feedForward in feedForwards { feedForward.reserve(in: &shape) }
    }

    func apply(_ step: Step) {
        attentionNorm.apply(step.hidden, into: step.normed, step)
        attention.add(step, to: step.hidden)
        feedForwardNorm.apply(step.hidden, into: step.normed, step)
        for feedForward in feedForwards { feedForward.apply(step) }
    }
}
