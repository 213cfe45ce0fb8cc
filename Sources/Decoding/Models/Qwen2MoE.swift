// SPDX-License-Identifier: Apache-2.0

/// Qwen1.5-MoE and Qwen2-57B-A14B: unnormalised expert weights and a gated shared expert.
struct Qwen2MoE: PreNormFamily {
    static let architecture = "qwen2moe"
    static let pairing = RotaryEmbedding.Pairing.halves

    let decoder: PreNormDecoder

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        let routing = try RoutingParameters(parameters, scoring: .softmax, normalizes: false)
        return [
            try loader.mixtureOfExperts(
                layer, parameters, routing, width: try expertWidth(parameters)),
            try loader.gatedSharedExpert(layer, parameters),
        ]
    }

    /// The first files stated only the width of all experts that a token visits.
    private static func expertWidth(_ parameters: HyperParameters) throws(ModelError) -> Int {
        try parameters.width("expert_feed_forward_length") { () throws(ModelError) in
            try parameters.feedForwardWidth() / parameters.experts().activeCount
        }
    }
}
