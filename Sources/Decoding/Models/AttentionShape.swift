// SPDX-License-Identifier: Apache-2.0

/// Head counts of grouped-query attention, as the families of GGUF spell them.
struct AttentionShape {
    /// `attention.head_count`
    let queryHeadCount: Int
    /// `attention.head_count_kv`
    let kvHeadCount: Int
    /// `attention.key_length`, else H / heads
    let headDimension: Int
    /// `attention.layer_norm_rms_epsilon`
    let epsilon: Float

    init(_ parameters: HyperParameters) throws(ModelError) {
        let hiddenSize = try parameters.hiddenSize()
        queryHeadCount = try parameters.int("attention.head_count", in: 1...4096)
        kvHeadCount =
            try parameters.intIfPresent("attention.head_count_kv", in: 1...queryHeadCount)
            ?? queryHeadCount
        guard queryHeadCount.isMultiple(of: kvHeadCount) else {
            throw .unsupported("\(queryHeadCount) query heads over \(kvHeadCount) key-value heads")
        }
        headDimension =
            try parameters.intIfPresent("attention.key_length", in: 1...4096)
            ?? hiddenSize / queryHeadCount
        let valueLength = try parameters.intIfPresent("attention.value_length", in: 1...4096)
        guard valueLength ?? headDimension == headDimension else {
            throw .unsupported("value heads of another length than key heads")
        }
        epsilon = try parameters.positive("attention.layer_norm_rms_epsilon")
    }

    /// The rotary embedding that the hyper-parameters describe.
    func rotary(
        _ parameters: HyperParameters, _ loader: WeightLoader, pairing: RotaryEmbedding.Pairing
    ) throws(ModelError) -> RotaryEmbedding {
        let dimension =
            try parameters.intIfPresent("rope.dimension_count", in: 2...headDimension)
            ?? headDimension
        let scale: Float
        switch try parameters.stringIfPresent("rope.scaling.type") ?? "none" {
        case "none": scale = 1
        case "linear": scale = try parameters.positive("rope.scaling.factor")
        case let other: throw .unsupported("rotary scaling '\(other)' in this family")
        }
        // Llama 3.1's frequency factors, one per pair.
        var factors: UnsafeBufferPointer<Float>?
        if loader.contains("rope_freqs.weight") {
            let values = try loader.vector("rope_freqs.weight", count: dimension / 2)
            factors = UnsafeBufferPointer(start: values, count: dimension / 2)
        }
        return RotaryEmbedding(
            pairing: pairing, dimension: dimension,
            base: try parameters.positive("rope.freq_base", default: 10000), scale: scale,
            factors: factors)
    }

    /// What every layer keeps of each position.
    func kvShape(layerCount: Int) -> KVShape {
        KVShape(
            layerCount: layerCount, headCount: kvHeadCount, keyDimension: headDimension,
            valueDimension: headDimension)
    }
}
