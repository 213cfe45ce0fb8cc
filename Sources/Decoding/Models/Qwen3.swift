// SPDX-License-Identifier: Apache-2.0

/// Qwen3, dense: queries and keys normalised per head (Yang et al. 2025).
struct Qwen3: PreNormFamily {
    static let architecture = "qwen3"
    static let pairing = RotaryEmbedding.Pairing.halves

    let decoder: PreNormDecoder

    static func normalization(
        _ layer: Int, _ shape: AttentionShape, _ loader: WeightLoader
    ) throws(ModelError) -> GroupedQueryAttention.Normalization {
        try loader.perHeadNorms(layer, shape)
    }

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        [try loader.dense(layer, parameters)]
    }
}
