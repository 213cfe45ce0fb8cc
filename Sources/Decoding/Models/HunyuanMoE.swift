// SPDX-License-Identifier: Apache-2.0

/// Hunyuan-A13B: queries and keys normalised after they turn, one shared expert (Tencent 2025).
struct HunyuanMoE: PreNormFamily {
    static let architecture = "hunyuan-moe"
    static let pairing = RotaryEmbedding.Pairing.halves

    let decoder: PreNormDecoder

    static func normalization(
        _ layer: Int, _ shape: AttentionShape, _ loader: WeightLoader
    ) throws(ModelError) -> GroupedQueryAttention.Normalization {
        try loader.perHeadNorms(layer, shape, afterRotation: true)
    }

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        let routing = try RoutingParameters(parameters, scoring: .softmax, normalizes: true)
        // Experts have the dense width, whatever `expert_feed_forward_length` says.
        return [
            try loader.mixtureOfExperts(
                layer, parameters, routing, width: try parameters.feedForwardWidth())
        ] + (try loader.sharedExperts(layer, parameters))
    }
}
