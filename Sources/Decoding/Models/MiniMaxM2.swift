// SPDX-License-Identifier: Apache-2.0

/// MiniMax-M2: sigmoid routing with a bias on the choice, queries and keys normalised across heads, of each
/// of which a part turns (MiniMax 2025).
struct MiniMaxM2: PreNormFamily {
    static let architecture = "minimax-m2"
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
        try loader.require(["exp_probs_b.bias"], inLayer: layer)
        let routing = try RoutingParameters(parameters, scoring: .sigmoid, normalizes: true)
        return [try loader.mixtureOfExperts(layer, parameters, routing)]
    }
}
