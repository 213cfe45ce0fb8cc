// SPDX-License-Identifier: Apache-2.0

/// ERNIE 4.5 MoE, text: softmax routing with a bias on the choice, shared experts (Baidu 2025).
struct Ernie45MoE: PreNormFamily {
    static let architecture = "ernie4_5-moe"
    static let pairing = RotaryEmbedding.Pairing.interleaved
    static let honoredKeys: Set = ["leading_dense_block_count", "interleave_moe_layer_step"]

    let decoder: PreNormDecoder

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        try loader.denseOrExperts(
            layer, parameters,
            try RoutingParameters(
                parameters, scoring: .softmax, normalizes: true, smallestSum: 1e-12))
    }
}
