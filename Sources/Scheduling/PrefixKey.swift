// SPDX-License-Identifier: Apache-2.0

/// What a full KV block holds, named exactly: the block before it and its own tokens.
///
/// By induction equal keys mean equal tokens from position 0 on. Tokens are compared, not only hashed, so no
/// two texts can be taken for each other.
struct PrefixKey: Hashable, Sendable {
    /// What comes before the block.
    enum Parent: Hashable, Sendable {
        /// Nothing: it is the first of a sequence in this namespace.
        case root(CacheNamespace)
        /// This block, which is in the index as long as the key is.
        case block(KVBlockID)
    }

    let parent: Parent
    let tokens: [Int32]
    /// How many of the tokens, the first ones, were computed as a prompt; all, where that makes no difference.
    let promptTokenCount: Int
}
