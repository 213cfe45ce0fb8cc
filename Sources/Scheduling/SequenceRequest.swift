// SPDX-License-Identifier: Apache-2.0

/// What is asked of the scheduler: one prompt and the sequences that continue it.
package struct SequenceRequest: Sendable {
    /// The sequence that computes the prompt; no live one may have its name.
    package var id: SequenceID
    /// Others that continue the same prompt, from the same computed positions.
    package var forks: [SequenceID] = []
    /// Token ids; at least one.
    package var prompt: [Int32]
    /// Tokens that each sequence may get. Zero makes sense with `scoresPrompt`.
    package var maxNewTokenCount: Int
    /// Whether the logits of every prompt position are needed.
    package var scoresPrompt = false
    /// With whom computed prefixes are shared; its owner is who the work is counted for.
    package var namespace = CacheNamespace()
    /// The owner's share of the work in proportion to those of others, at least 1.
    package var weight = 1
    /// Among the owner's requests, lower values are seated first.
    package var priority = 0

    /// A request for one sequence.
    package init(_ id: SequenceID, prompt: [Int32], maxNewTokenCount: Int) {
        self.id = id
        self.prompt = prompt
        self.maxNewTokenCount = maxNewTokenCount
    }

    /// How many sequences there are.
    var sequenceCount: Int { 1 + forks.count }
}
