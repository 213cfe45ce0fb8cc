// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import ModelFile

/// DeepSeek-V2, V2-Lite, V3 and R1, Kimi-K2, GLM-4.7-Flash: latent attention, leading dense layers, then
/// routed and shared experts (DeepSeek-V2 2024; DeepSeek-V3 2024).
struct DeepSeek2: PreNormFamily {
    static let architecture = "deepseek2"
    static let pairing = RotaryEmbedding.Pairing.interleaved
    static let honoredKeys: Set = [
        "attention.kv_lora_rank", "attention.q_lora_rank", "leading_dense_block_count",
        "nextn_predict_layers", "rope.scaling.yarn_log_multiplier",
    ]

    /// Of the norms of queries and latents, whatever the other norms have: the authors' code states it
    /// apart, and files do not.
    private static let latentEpsilon: Float = 1e-6
    private static let temperatureKey = "rope.scaling.yarn_log_multiplier"

    let decoder: PreNormDecoder

    static func kvShape(_ parameters: HyperParameters) throws(ModelError) -> KVShape {
        let shape = try LatentShape(parameters)
        return KVShape(
            .latent(dimension: shape.dimension, valueDimension: shape.rank),
            spans: try spans(parameters))
    }

    static func rotaries(
        _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [RotaryEmbedding] {
        let pairCount = try LatentShape(parameters).rotaryDimension / 2
        let base = try parameters.positive("rope.freq_base", default: 10000)
        let scaling = try RotaryScaling(parameters, pairCount: pairCount, base: base)
        // Where the temperature is in the scale of attention, the angles have none.
        let isInScale = try (parameters.floatIfPresent(temperatureKey) ?? 0) != 0
        if isInScale, try parameters.positive("rope.scaling.yarn_attn_factor", default: 1) != 1 {
            throw .unsupported("both \(temperatureKey) and another factor of YaRN's")
        }
        return [
            RotaryEmbedding(
                pairing: pairing, base: base, divisors: scaling.divisors,
                amplitude: isInScale ? 1 : scaling.amplitude)
        ]
    }

    static func attention(
        _ layer: Int, _ parameters: HyperParameters, _ kvShape: KVShape,
        _ rotaries: [RotaryEmbedding], _ loader: WeightLoader
    ) throws(ModelError) -> any Attention {
        let shape = try LatentShape(parameters)
        let hiddenSize = try parameters.hiddenSize()
        let name = "blk.\(layer).attn_"
        let queryWidth = shape.headCount * shape.queryDimension
        let query: LatentAttention.Query
        if loader.contains(name + "q_a.weight") {
            let rank = try parameters.int(
                "attention.q_lora_rank", in: 1...HyperParameters.maxWidth)
            query = .lowRank(
                down: try loader.linear(name + "q_a", rows: rank, width: hiddenSize),
                norm: try loader.norm(
                    name + "q_a_norm.weight", width: rank, epsilon: latentEpsilon),
                up: try loader.linear(name + "q_b", rows: queryWidth, width: rank))
        } else {
            query = .direct(try loader.linear(name + "q", rows: queryWidth, width: hiddenSize))
        }
        return LatentAttention(
            place: kvShape.places[layer], shape: shape,
            scale: try temperature(parameters)
                * parameters.attentionScale(headDimension: shape.queryDimension),
            query: query,
            latent: try loader.linear(
                name + "kv_a_mqa", rows: shape.dimension, width: hiddenSize),
            latentNorm: try loader.norm(
                name + "kv_a_norm.weight", width: shape.rank, epsilon: latentEpsilon),
            heads: try loader.latentHeads(name, shape), rotary: rotaries[0],
            output: try loader.linear(
                name + "output", rows: hiddenSize,
                width: shape.headCount * shape.valueDimension))
    }

    /// YaRN's temperature as DeepSeek has it, on query · key: (1 + 0.1 · mscale · ln(factor))²;
    /// `yarn_log_multiplier` is 0.1 · mscale.
    private static func temperature(_ parameters: HyperParameters) throws(ModelError) -> Float {
        guard try parameters.stringIfPresent("rope.scaling.type") == "yarn",
            let multiplier = try parameters.floatIfPresent(temperatureKey)
        else { return 1 }
        let factor = max(1, try parameters.positive("rope.scaling.factor", default: 1))
        let temperature = 1 + multiplier * log(factor)
        guard (temperature * temperature).isFinite else {
            throw .badHyperParameter(
                key: parameters.name(temperatureKey), wanted: "a small number",
                found: "\(multiplier)")
        }
        return temperature * temperature
    }

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        try loader.denseOrExperts(
            layer, parameters,
            try RoutingParameters(parameters, scoring: try scoring(parameters), normalizes: false))
    }

    /// Files without `expert_gating_func` are V2's, or GLM-4.7-Flash's, known by the bias on the choice.
    private static func scoring(
        _ parameters: HyperParameters
    ) throws(ModelError) -> ExpertChoice.Scoring {
        let lastLayer = try parameters.layerCount() - 1
        let hasBias = parameters.file.tensor("blk.\(lastLayer).exp_probs_b.bias") != nil
        return hasBias ? .sigmoid : .softmax
    }
}

extension LatentShape {
    /// Files with `attn_kv_b` in one tensor state the sizes of heads, those with it in two the sizes of what
    /// is kept and the heads' apart.
    init(_ parameters: HyperParameters) throws(ModelError) {
        let heads = 1...HyperParameters.maxHeadDimension
        let isSplit = parameters.contains("attention.key_length_mla")
        let suffix = isSplit ? "_mla" : ""
        headCount = try parameters.int(
            "attention.head_count", in: 1...HyperParameters.maxHeadCount)
        rank = try parameters.int("attention.kv_lora_rank", in: heads)
        rotaryDimension = try parameters.int("rope.dimension_count", in: 2...heads.upperBound - 1)
        guard rotaryDimension.isMultiple(of: 2) else {
            throw .badHyperParameter(
                key: parameters.name("rope.dimension_count"), wanted: "an even number",
                found: "\(rotaryDimension)")
        }
        let keyLength = try parameters.int(
            "attention.key_length" + suffix, in: rotaryDimension + 1...heads.upperBound)
        plainDimension = keyLength - rotaryDimension
        valueDimension = try parameters.int("attention.value_length" + suffix, in: heads)
    }
}

extension WeightLoader {
    /// `attn_k_b` and `attn_v_b`, or `attn_kv_b` that holds each head's rows of both, the keys' transposed.
    ///
    /// They are always packed: half of them are transposes, and prefill multiplies with each once for every
    /// tile of positions.
    fileprivate func latentHeads(
        _ name: String, _ shape: LatentShape
    ) throws(ModelError) -> [LatentAttention.Head] {
        let absorbedKeys: [Matrix]
        let keys: [Matrix]
        let values: [Matrix]
        if contains(name + "k_b.weight") {
            absorbedKeys = try matrices(
                name + "k_b.weight", count: shape.headCount, rows: shape.rank,
                width: shape.plainDimension, storage: .packed)
            keys = try transposedMatrices(
                name + "k_b.weight", count: shape.headCount, period: shape.rank,
                rows: shape.rank, width: shape.plainDimension)
            values = try matrices(
                name + "v_b.weight", count: shape.headCount, rows: shape.valueDimension,
                width: shape.rank, storage: .packed)
        } else {
            let stacks = try stackedMatrices(
                name + "kv_b.weight", count: shape.headCount,
                rows: [shape.plainDimension, shape.valueDimension], width: shape.rank,
                storage: .packed)
            (keys, values) = (stacks[0], stacks[1])
            absorbedKeys = try transposedMatrices(
                name + "kv_b.weight", count: shape.headCount,
                period: shape.plainDimension + shape.valueDimension,
                rows: shape.plainDimension, width: shape.rank)
        }
        return (0..<shape.headCount).map {
            LatentAttention.Head(
                absorbedKey: absorbedKeys[$0], key: keys[$0], value: values[$0])
        }
    }
}
