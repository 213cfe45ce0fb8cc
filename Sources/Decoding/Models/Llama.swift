// SPDX-License-Identifier: Apache-2.0

/// Llama 2 and 3, SmolLM2, Mistral; with experts, Mixtral (Touvron et al. 2023; Jiang et al. 2024).
struct Llama: PreNormFamily {
    static let architecture = "llama"
    /// The converter permutes Llama's queries and keys so that pairs are adjacent.
    static let pairing = RotaryEmbedding.Pairing.interleaved

    let decoder: PreNormDecoder

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        try loader.denseOr(layer, parameters) { () throws(ModelError) in
            let routing = try RoutingParameters(parameters, scoring: .softmax, normalizes: true)
            return [try loader.mixtureOfExperts(layer, parameters, routing)]
        }
    }
}
