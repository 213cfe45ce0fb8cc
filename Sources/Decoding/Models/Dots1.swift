// SPDX-License-Identifier: Apache-2.0

/// dots.llm1: DeepSeek-V3's routing over grouped-query attention with per-head norms (rednote-hilab 2025).
struct Dots1: PreNormFamily {
    static let architecture = "dots1"
    static let pairing = RotaryEmbedding.Pairing.halves
    static let honoredKeys: Set = ["leading_dense_block_count"]

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
            try RoutingParameters(parameters, scoring: .sigmoid, normalizes: false))
    }
}
