// SPDX-License-Identifier: Apache-2.0

/// gpt-oss-20b and 120b: attention sinks, every other layer local, biases everywhere, clamped SwiGLU
/// (OpenAI 2025).
struct GPTOSS: PreNormFamily {
    static let architecture = "gpt-oss"
    static let pairing = RotaryEmbedding.Pairing.halves
    static let feedForwardNorm = "post_attention_norm"

    let decoder: PreNormDecoder

    static func spans(_ parameters: HyperParameters) throws(ModelError) -> [AttentionSpan] {
        try parameters.spans(.sliding(try parameters.slidingWindow()), period: 2)
    }

    /// YaRN's ramp begins and ends between pairs.
    static func rotaries(
        _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [RotaryEmbedding] {
        [
            try AttentionShape(parameters).rotary(
                parameters, loader, pairing: pairing, truncatesRamp: false)
        ]
    }

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        let queryBias =
            loader.contains("blk.\(layer).attn_qkv.weight") ? "attn_qkv.bias" : "attn_q.bias"
        try loader.require(
            [
                "attn_sinks.weight", queryBias, "attn_output.bias", "ffn_gate_inp.bias",
                "ffn_gate_exps.bias", "ffn_up_exps.bias", "ffn_down_exps.bias",
            ], inLayer: layer)
        let routing = try RoutingParameters(
            parameters, scoring: .softmaxOfChosen, normalizes: false)
        return [
            try loader.mixtureOfExperts(
                layer, parameters, routing, activation: .clampedSilu(alpha: 1.702, limit: 7))
        ]
    }
}
