// SPDX-License-Identifier: Apache-2.0

/// Qwen2 and Qwen2.5: biases on queries, keys and values (Yang et al. 2024).
struct Qwen2: PreNormFamily {
    static let architecture = "qwen2"
    static let pairing = RotaryEmbedding.Pairing.halves

    let decoder: PreNormDecoder

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        [try loader.dense(layer, parameters)]
    }
}
