// SPDX-License-Identifier: Apache-2.0

/// Qwen3-30B-A3B and 235B-A22B: per-head norms, chosen experts' weights sum to 1 (Yang et al. 2025).
struct Qwen3MoE: PreNormFamily {
    static let architecture = "qwen3moe"
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
        let routing = try RoutingParameters(parameters, scoring: .softmax, normalizes: true)
        return [try loader.mixtureOfExperts(layer, parameters, routing)]
    }
}
