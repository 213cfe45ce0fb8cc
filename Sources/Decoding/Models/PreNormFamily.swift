// SPDX-License-Identifier: Apache-2.0

/// A family whose layers are pre-norm blocks; it says what is in them.
///
/// Where it says nothing about attention, that is grouped-query attention over everything.
protocol PreNormFamily: ModelFamily {
    /// How queries and keys turn.
    static var pairing: RotaryEmbedding.Pairing { get }

    /// Which positions the queries of each layer see.
    static func spans(_ parameters: HyperParameters) throws(ModelError) -> [AttentionSpan]

    /// What the layers keep of each position.
    static func kvShape(_ parameters: HyperParameters) throws(ModelError) -> KVShape

    /// What attention does to queries and keys before they turn.
    static func normalization(
        _ layer: Int, _ shape: AttentionShape, _ loader: WeightLoader
    ) throws(ModelError) -> GroupedQueryAttention.Normalization

    /// The ways in which layers turn queries and keys, by slot.
    static func rotaries(
        _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [RotaryEmbedding]

    static func attention(
        _ layer: Int, _ parameters: HyperParameters, _ kvShape: KVShape,
        _ rotaries: [RotaryEmbedding], _ loader: WeightLoader
    ) throws(ModelError) -> any Attention

    /// What follows attention in a layer.
    static func feedForwards(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [any FeedForward]

    var decoder: PreNormDecoder { get }
    init(decoder: PreNormDecoder)
}

/// Embedding, pre-norm blocks, output norm and output matrix.
struct PreNormDecoder {
    let embedding: TokenEmbedding
    let rotaries: [RotaryEmbedding]
    let blocks: [PreNormBlock]
    let outputNorm: RMSNorm
    let output: Matrix
    let kvShape: KVShape
}

extension PreNormFamily {
    static func spans(_ parameters: HyperParameters) throws(ModelError) -> [AttentionSpan] {
        Array(repeating: .full, count: try parameters.layerCount())
    }

    static func kvShape(_ parameters: HyperParameters) throws(ModelError) -> KVShape {
        try AttentionShape(parameters).kvShape(spans: try spans(parameters))
    }

    static func normalization(
        _ layer: Int, _ shape: AttentionShape, _ loader: WeightLoader
    ) throws(ModelError) -> GroupedQueryAttention.Normalization { .none }

    static func rotaries(
        _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> [RotaryEmbedding] {
        [try AttentionShape(parameters).rotary(parameters, loader, pairing: pairing)]
    }

    static func attention(
        _ layer: Int, _ parameters: HyperParameters, _ kvShape: KVShape,
        _ rotaries: [RotaryEmbedding], _ loader: WeightLoader
    ) throws(ModelError) -> any Attention {
        let shape = try AttentionShape(parameters)
        return try loader.groupedQueryAttention(
            layer, shape, kvShape, rotaries[0], hiddenSize: try parameters.hiddenSize(),
            normalization: try normalization(layer, shape, loader))
    }

    init(_ parameters: HyperParameters, _ loader: WeightLoader) throws(ModelError) {
        let hiddenSize = try parameters.hiddenSize()
        let epsilon = try parameters.positive("attention.layer_norm_rms_epsilon")
        let kvShape = try Self.kvShape(parameters)
        let rotaries = try Self.rotaries(parameters, loader)
        let embedding = try loader.embedding("token_embd.weight", hiddenSize: hiddenSize)
        func norm(_ name: String) throws(ModelError) -> RMSNorm {
            try loader.norm(name + ".weight", width: hiddenSize, epsilon: epsilon)
        }
        var blocks: [PreNormBlock] = []
        for layer in kvShape.places.indices {
            blocks.append(
                PreNormBlock(
                    attentionNorm: try norm("blk.\(layer).attn_norm"),
                    attention: try Self.attention(layer, parameters, kvShape, rotaries, loader),
                    feedForwardNorm: try norm("blk.\(layer).ffn_norm"),
                    feedForwards: try Self.feedForwards(layer, parameters, loader)))
        }
        self.init(
            decoder: PreNormDecoder(
                embedding: embedding, rotaries: rotaries, blocks: blocks,
                outputNorm: try norm("output_norm"),
                output: try Self.output(
                    loader, vocabularySize: embedding.vocabularySize, hiddenSize: hiddenSize),
                kvShape: kvShape))
    }

    var embedding: TokenEmbedding { decoder.embedding }
    var outputNorm: RMSNorm { decoder.outputNorm }
    var output: Matrix { decoder.output }
    var kvShape: KVShape { decoder.kvShape }

    func reserve(in shape: inout WorkspaceShape) {
        for rotary in decoder.rotaries { rotary.reserve(in: &shape) }
        for block in decoder.blocks { block.reserve(in: &shape) }
    }

    func forward(_ step: Step) {
        decoder.embedding.apply(step)
        for rotary in decoder.rotaries { rotary.prepare(step) }
        for block in decoder.blocks { block.apply(step) }
    }
}
