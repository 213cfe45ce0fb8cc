// SPDX-License-Identifier: Apache-2.0

/// GLM-4.5 and 4.6, with Air: DeepSeek-V3's routing over grouped-query attention, of which half of each
/// head turns (Zhipu AI 2025).
struct GLM4MoE: PreNormFamily {
    static let architecture = "glm4moe"
    static let pairing = RotaryEmbedding.Pairing.halves
    static let feedForwardNorm = "post_attention_norm"
    static let honoredKeys: Set = ["leading_dense_block_count", "nextn_predict_layers"]

    let decoder: PreNormDecoder

    /// Air has no norms on queries and keys.
    static func normalization(
        _ layer: Int, _ shape: AttentionShape, _ loader: WeightLoader
    ) throws(ModelError) -> GroupedQueryAttention.Normalization {
        loader.contains("blk.\(layer).attn_q_norm.weight")
            ? try loader.perHeadNorms(layer, shape) : .none
    }

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        try loader.denseOrExperts(
            layer, parameters,
            try RoutingParameters(parameters, scoring: .sigmoid, normalizes: true))
    }
}
