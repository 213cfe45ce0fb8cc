// SPDX-License-Identifier: Apache-2.0

/// OLMoE-1B-7B: queries and keys normalised across heads (Muennighoff et al. 2024).
struct OLMoE: PreNormFamily {
    static let architecture = "olmoe"
    static let pairing = RotaryEmbedding.Pairing.halves

    let decoder: PreNormDecoder

    static func normalization(
        _ layer: Int, _ shape: AttentionShape, _ loader: WeightLoader
    ) throws(ModelError) -> GroupedQueryAttention.Normalization {
        try loader.acrossHeadsNorms(layer, shape)
    }

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        let routing = try RoutingParameters(parameters, scoring: .softmax, normalizes: false)
        return [try loader.mixtureOfExperts(layer, parameters, routing)]
    }
}
