// SPDX-License-Identifier: Apache-2.0

internal import ModelFile

/// Phi-3.5-MoE: layer norms and biases, experts chosen by SparseMixer, rotary factors for long contexts
/// (Abdin et al. 2024).
struct PhiMoE: PreNormFamily {
    static let architecture = "phimoe"
    static let pairing = RotaryEmbedding.Pairing.halves
    static let honoredKeys: Set = ["rope.scaling.attn_factor"]

    let decoder: PreNormDecoder

    /// The factors for contexts of up to `rope.scaling.original_context_length`. Those for longer ones are
    /// others from the first position on, so that a sequence would have to be computed again where it
    /// outgrows that length; contexts end there instead.
    static func rotaries(
        _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [RotaryEmbedding] {
        let amplitude = try parameters.positive("rope.scaling.attn_factor", default: 1)
        guard loader.contains(shortFactors) else {
            guard amplitude == 1 else { throw .missingTensor(shortFactors) }
            return [try AttentionShape(parameters).rotary(parameters, loader, pairing: pairing)]
        }
        let type = try parameters.stringIfPresent("rope.scaling.type") ?? "longrope"
        guard type == "longrope" || type == "none" else {
            throw .unsupported("rotary scaling \(type.quoted) beside \(shortFactors)")
        }
        let pairCount = try AttentionShape(parameters).rotaryDimension(parameters) / 2
        _ = try loader.keep("rope_factors_long.weight", shape: [pairCount])
        return [
            RotaryEmbedding(
                pairing: pairing, base: try parameters.positive("rope.freq_base", default: 10000),
                divisors: try loader.rotaryFactors(shortFactors, count: pairCount),
                amplitude: Double(amplitude))
        ]
    }

    static func contextLength(
        _ parameters: HyperParameters, heedsWindow: Bool
    ) throws(ModelError) -> Int {
        let length = try parameters.contextLength(heedsWindow: heedsWindow)
        guard parameters.file.tensor(shortFactors) != nil else { return length }
        return min(
            length,
            try parameters.int(
                "rope.scaling.original_context_length", in: 1...HyperParameters.maxContextLength))
    }

    private static let shortFactors = "rope_factors_short.weight"

    static func norm(
        _ name: String, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> any Norm {
        try loader.layerNorm(
            name, width: try parameters.hiddenSize(),
            epsilon: try parameters.positive("attention.layer_norm_rms_epsilon"))
    }

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        guard try parameters.experts().activeCount == 2 else {
            throw .unsupported("SparseMixer for another number of experts than two")
        }
        // No file states the width within which SparseMixer weighs; 0.01 is that of the published model.
        let routing = try RoutingParameters(
            parameters, scoring: .sparseMixer(jitter: 0.01), normalizes: false)
        return [try loader.mixtureOfExperts(layer, parameters, routing)]
    }
}
