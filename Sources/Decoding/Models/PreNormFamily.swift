// SPDX-License-Identifier: Apache-2.0

/// A family whose layers are pre-norm blocks with grouped-query attention; it says what is in them.
protocol PreNormFamily: ModelFamily {
    /// How queries and keys turn.
    static var pairing: RotaryEmbedding.Pairing { get }

    /// Which positions the queries of each layer see.
    static func spans(_ parameters: HyperParameters) throws(ModelError) -> [AttentionSpan]

    /// What attention does to queries and keys before they turn.
    static func normalization(
        _ layer: Int, _ shape: AttentionShape, _ loader: WeightLoader
    ) throws(ModelError) -> GroupedQueryAttention.Normalization

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
    let rotary: RotaryEmbedding
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

    init(_ parameters: HyperParameters, _ loader: WeightLoader) throws(ModelError) {
        let hiddenSize = try parameters.hiddenSize()
        let shape = try AttentionShape(parameters)
        let rotary = try shape.rotary(parameters, loader, pairing: Self.pairing)
        let kvShape = try Self.kvShape(parameters)
        let embedding = try loader.embedding("token_embd.weight", hiddenSize: hiddenSize)
        func norm(_ name: String) throws(ModelError) -> RMSNorm {
            try loader.norm(name + ".weight", width: hiddenSize, epsilon: shape.epsilon)
        }
        var blocks: [PreNormBlock] = []
        for layer in kvShape.places.indices {
            blocks.append(
                PreNormBlock(
                    attentionNorm: try norm("blk.\(layer).attn_norm"),
                    attention: try loader.groupedQueryAttention(
                        layer, shape, kvShape, rotary, hiddenSize: hiddenSize,
                        normalization: try Self.normalization(layer, shape, loader)),
                    feedForwardNorm: try norm("blk.\(layer).ffn_norm"),
                    feedForwards: try Self.feedForwards(layer, parameters, loader)))
        }
        self.init(
            decoder: PreNormDecoder(
                embedding: embedding, rotary: rotary, blocks: blocks,
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
        decoder.rotary.reserve(in: &shape)
        for block in decoder.blocks { block.reserve(in: &shape) }
    }

    func forward(_ step: Step) {
        decoder.embedding.apply(step)
        decoder.rotary.prepare(step)
        for block in decoder.blocks { block.apply(step) }
    }
}
