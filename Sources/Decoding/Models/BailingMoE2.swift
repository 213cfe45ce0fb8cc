// SPDX-License-Identifier: Apache-2.0

/// Ling 2.0: DeepSeek-V3's routing over grouped-query attention with per-head norms (inclusionAI 2025).
struct BailingMoE2: PreNormFamily {
    static let architecture = "bailingmoe2"
    static let pairing = RotaryEmbedding.Pairing.halves
    static let honoredKeys: Set = ["leading_dense_block_count", "nextn_predict_layers"]

    let decoder: PreNormDecoder

    static func normalization(
        _ layer: Int, _ shape: AttentionShape, _ loader: WeightLoader
    ) throws(ModelError) -> GroupedQueryAttention.Normalization {
        try loader.perHeadNorms(layer, shape)
    }

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        try loader.denseOrExperts(
            layer, parameters,
            try RoutingParameters(parameters, scoring: .sigmoid, normalizes: true))
    }
}
