// SPDX-License-Identifier: Apache-2.0

internal import ModelFile

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
    /// `attention.scale`, else 1 / √D
    let scale: Float

    init(_ parameters: HyperParameters) throws(ModelError) {
        queryHeadCount = try parameters.int(
            "attention.head_count", in: 1...HyperParameters.maxHeadCount)
        kvHeadCount =
            try parameters.intIfPresent("attention.head_count_kv", in: 1...queryHeadCount)
            ?? queryHeadCount
        guard queryHeadCount.isMultiple(of: kvHeadCount) else {
            throw .unsupported("\(queryHeadCount) query heads over \(kvHeadCount) key-value heads")
        }
        headDimension = try Self.headDimension(parameters, headCount: queryHeadCount)
        let valueLength = try parameters.intIfPresent(
            "attention.value_length", in: 1...HyperParameters.maxHeadDimension)
        guard valueLength ?? headDimension == headDimension else {
            throw .unsupported("value heads of another length than key heads")
        }
        epsilon = try parameters.positive("attention.layer_norm_rms_epsilon")
        scale = try parameters.attentionScale(headDimension: headDimension)
    }

    private static func headDimension(
        _ parameters: HyperParameters, headCount: Int
    ) throws(ModelError) -> Int {
        let range = 1...HyperParameters.maxHeadDimension
        if let length = try parameters.intIfPresent("attention.key_length", in: range) {
            return length
        }
        let hiddenSize = try parameters.hiddenSize()
        guard hiddenSize.isMultiple(of: headCount), range.contains(hiddenSize / headCount) else {
            throw .unsupported(
                "an embedding of \(hiddenSize) values over \(headCount) heads of unstated length")
        }
        return hiddenSize / headCount
    }

    /// The rotary embedding that the hyper-parameters describe; `truncatesRamp` as in `RotaryScaling`.
    func rotary(
        _ parameters: HyperParameters, _ loader: WeightLoader, pairing: RotaryEmbedding.Pairing,
        truncatesRamp: Bool = true
    ) throws(ModelError) -> RotaryEmbedding {
        let dimension = try rotaryDimension(parameters)
        let base = try parameters.positive("rope.freq_base", default: 10000)
        let scaling = try RotaryScaling(
            parameters, pairCount: dimension / 2, base: base, truncatesRamp: truncatesRamp)
        let factors = try loader.rotaryFactors("rope_freqs.weight", count: dimension / 2)
        return RotaryEmbedding(
            pairing: pairing, base: base,
            divisors: zip(scaling.divisors, factors).map { $0 * $1 }, amplitude: scaling.amplitude)
    }

    /// Values of a head that turn: `rope.dimension_count`, else all.
    func rotaryDimension(_ parameters: HyperParameters) throws(ModelError) -> Int {
        let key = "rope.dimension_count"
        let dimension =
            try parameters.intIfPresent(key, in: 0...headDimension) ?? headDimension
        guard dimension >= 2, dimension.isMultiple(of: 2) else {
            throw .badHyperParameter(
                key: parameters.name(key), wanted: "an even number up to \(headDimension)",
                found: "\(dimension)")
        }
        return dimension
    }

    /// What the layers keep of each position, given what the queries of each see.
    func kvShape(spans: [AttentionSpan]) -> KVShape {
        KVShape(
            .heads(
                count: kvHeadCount, keyDimension: headDimension, valueDimension: headDimension),
            spans: spans)
    }
}

extension HyperParameters {
    /// What query · key is multiplied by: `attention.scale`, else 1 / √D.
    func attentionScale(headDimension: Int) throws(ModelError) -> Float {
        let usual = 1 / Float(headDimension).squareRoot()
        let stated = try floatIfPresent("attention.scale") ?? 0
        return stated == 0 ? usual : try positive("attention.scale")
    }
}

extension WeightLoader {
    /// Divisors of frequencies, one per pair, as Llama 3.1's `rope_freqs`; 1 where the file has none.
    func rotaryFactors(_ name: String, count: Int) throws(ModelError) -> [Double] {
        guard contains(name) else { return Array(repeating: 1, count: count) }
        let factors = UnsafeBufferPointer(start: try vector(name, count: count), count: count)
        if let factor = factors.first(where: { !($0.isFinite && $0 > 0) }) {
            throw .badHyperParameter(key: name, wanted: "positive numbers", found: "\(factor)")
        }
        return factors.map { Double($0) }
    }
}
