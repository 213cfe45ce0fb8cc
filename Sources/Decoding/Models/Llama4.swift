// SPDX-License-Identifier: Apache-2.0

/// Llama 4 Scout and Maverick, text: three chunked layers that turn to one that sees everything and does
/// not, one expert of many and a shared one (Meta 2025).
struct Llama4: PreNormFamily {
    static let architecture = "llama4"
    static let pairing = RotaryEmbedding.Pairing.interleaved
    static let honoredKeys: Set = ["interleave_moe_layer_step", "attention.temperature_length"]

    let decoder: PreNormDecoder

    /// `attention.chunk_size`, which no converter writes, else 8,192; a sliding window of 0 means that every
    /// layer turns and sees everything.
    static func spans(_ parameters: HyperParameters) throws(ModelError) -> [AttentionSpan] {
        if try parameters.intIfPresent("attention.sliding_window", in: 0...Int(Int32.max)) == 0 {
            return Array(repeating: .full, count: try parameters.layerCount())
        }
        let length = try parameters.intIfPresent("attention.chunk_size", in: 1...Int(Int32.max))
        return try parameters.spans(.chunked(length ?? 8192), period: 4)
    }

    static func attention(
        _ layer: Int, _ parameters: HyperParameters, _ kvShape: KVShape,
        _ rotaries: [RotaryEmbedding], _ loader: WeightLoader
    ) throws(ModelError) -> any Attention {
        let shape = try AttentionShape(parameters)
        let turns =
            kvShape.span(ofLayer: layer) != .full || kvShape.spans.allSatisfy { $0 == .full }
        return try loader.groupedQueryAttention(
            layer, shape, kvShape, turns ? rotaries[0] : nil,
            hiddenSize: try parameters.hiddenSize(),
            normalization: turns ? try normalization(layer, shape, loader, parameters) : .none,
            temperature: turns ? nil : try temperature(parameters))
    }

    /// Queries and keys are normalised, without weights, in Scout; Maverick, which is known by its 128 experts
    /// since files do not say it, does without.
    private static func normalization(
        _ layer: Int, _ shape: AttentionShape, _ loader: WeightLoader,
        _ parameters: HyperParameters
    ) throws(ModelError) -> GroupedQueryAttention.Normalization {
        if try parameters.experts().count == 128 { return .none }
        let norm = try loader.unweightedNorm(
            width: shape.headDimension, epsilon: shape.epsilon)
        return .perHeadAfterRotation(query: norm, key: norm)
    }

    private static func temperature(
        _ parameters: HyperParameters
    ) throws(ModelError) -> QueryTemperature {
        QueryTemperature(
            length: try parameters.intIfPresent(
                "attention.temperature_length", in: 1...Int(Int32.max)) ?? 8192,
            scale: Double(
                try parameters.positive("attention.temperature_scale", default: 0.1)))
    }

    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward] {
        try loader.denseOr(layer, parameters) { () throws(ModelError) in
            let routing = try RoutingParameters(
                parameters, scoring: .sigmoidOfChosen, normalizes: false)
            return [
                try loader.mixtureOfExperts(layer, parameters, routing, weighsInput: true)
            ] + (try loader.sharedExperts(layer, parameters))
        }
    }
}
