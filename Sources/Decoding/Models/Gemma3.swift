// SPDX-License-Identifier: Apache-2.0

/// Gemma 3, text: five local layers to one that sees everything, norms behind each branch, GeGLU
/// (Gemma Team 2025).
struct Gemma3: PreNormFamily {
    static let architecture = "gemma3"
    static let pairing = RotaryEmbedding.Pairing.halves

    let decoder: PreNormDecoder

    static func spans(_ parameters: HyperParameters) throws(ModelError) -> [AttentionSpan] {
        guard let window = try parameters.windowIfPresent() else {
            return Array(repeating: .full, count: try parameters.layerCount())
        }
        return try parameters.spans(.sliding(window), period: 6)
    }

    /// Slot 0 is for layers that see everything, slot 1 for local ones, whose positions are not scaled.
    static func rotaries(
        _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [RotaryEmbedding] {
        let global = try AttentionShape(parameters).rotary(parameters, loader, pairing: pairing)
        let local = RotaryEmbedding(
            pairing: pairing,
            base: try parameters.positive("rope.freq_base_swa", default: 10000),
            divisors: Array(repeating: 1, count: global.pairCount), slot: 1)
        return [global, local]
    }

    static func attention(
        _ layer: Int, _ parameters: HyperParameters, _ kvShape: KVShape,
        _ rotaries: [RotaryEmbedding], _ loader: WeightLoader
    ) throws(ModelError) -> any Attention {
        let shape = try AttentionShape(parameters)
        let isLocal = kvShape.span(ofLayer: layer) != .full
        return try loader.groupedQueryAttention(
            layer, shape, kvShape, rotaries[isLocal ? 1 : 0],
            hiddenSize: try parameters.hiddenSize(),
            normalization: try loader.perHeadNorms(layer, shape),
            scale: try scale(parameters, shape))
    }

    /// 1 / √D but in the 27B model, which has 1 / √(H / heads). Files do not say so; it is known by its 62
    /// layers, as in llama.cpp.
    private static func scale(
        _ parameters: HyperParameters, _ shape: AttentionShape
    ) throws(ModelError) -> Float {
        guard try parameters.layerCount() == 62, !parameters.contains("attention.scale") else {
            return shape.scale
        }
        return (Float(shape.queryHeadCount) / Float(try parameters.hiddenSize())).squareRoot()
    }

    static func embeddingScale(_ parameters: HyperParameters) throws(ModelError) -> Float {
        Float(try parameters.hiddenSize()).squareRoot()
    }

    static func branches(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> (attention: ResidualBranch, feedForward: ResidualBranch) {
        (
            ResidualBranch(
                norm: try norm("blk.\(layer).post_attention_norm", parameters, loader)),
            ResidualBranch(norm: try norm("blk.\(layer).post_ffw_norm", parameters, loader))
        )
    }

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        [try loader.dense(layer, parameters, activation: .gelu)]
    }
}
