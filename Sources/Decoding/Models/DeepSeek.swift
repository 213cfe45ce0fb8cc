// SPDX-License-Identifier: Apache-2.0

/// DeepSeekMoE-16B: fine-grained and shared experts after a leading dense layer (Dai et al. 2024).
struct DeepSeek: PreNormFamily {
    static let architecture = "deepseek"
    /// The converter permutes queries and keys as Llama's.
    static let pairing = RotaryEmbedding.Pairing.interleaved
    static let honoredKeys: Set = ["leading_dense_block_count"]

    let decoder: PreNormDecoder

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        try loader.denseOrExperts(
            layer, parameters,
            try RoutingParameters(parameters, scoring: .softmax, normalizes: false))
    }
}
