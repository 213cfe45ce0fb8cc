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

    /// A norm of the residual stream, of this name without ".weight".
    static func norm(
        _ name: String, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> any Norm

    /// What the norm before the feed-forwards is called.
    static var feedForwardNorm: String { get }

    /// What happens to the results of a layer's attention and feed-forwards before they are added.
    static func branches(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> (attention: ResidualBranch, feedForward: ResidualBranch)

    /// Multiplies embeddings.
    static func embeddingScale(_ parameters: HyperParameters) throws(ModelError) -> Float

    /// Multiplies logits.
    static func logitScale(_ parameters: HyperParameters) throws(ModelError) -> Float

    var decoder: PreNormDecoder { get }
    init(decoder: PreNormDecoder)
}

/// Embedding, pre-norm blocks, output norm and output matrix.
struct PreNormDecoder {
    let embedding: TokenEmbedding
    let rotaries: [RotaryEmbedding]
    let blocks: [PreNormBlock]
    let outputNorm: any Norm
    let output: Linear
    let logitScale: Float
    let kvShape: KVShape
    /// Kept for speculation; not computed.
    let nextTokenLayers: [NextTokenLayer]
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

    static func norm(
        _ name: String, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> any Norm {
        try loader.norm(
            name + ".weight", width: try parameters.hiddenSize(),
            epsilon: try parameters.positive("attention.layer_norm_rms_epsilon"))
    }

    static var feedForwardNorm: String { "ffn_norm" }

    static func branches(
        _ layer: Int, _ parameters: HyperParameters, _ loader: WeightLoader
    ) throws(ModelError) -> (attention: ResidualBranch, feedForward: ResidualBranch) {
        (ResidualBranch(), ResidualBranch())
    }

    static func embeddingScale(_ parameters: HyperParameters) throws(ModelError) -> Float { 1 }
    static func logitScale(_ parameters: HyperParameters) throws(ModelError) -> Float { 1 }

    init(_ parameters: HyperParameters, _ loader: WeightLoader) throws(ModelError) {
        let hiddenSize = try parameters.hiddenSize()
        let kvShape = try Self.kvShape(parameters)
        let rotaries = try Self.rotaries(parameters, loader)
        var embedding = try loader.embedding("token_embd.weight", hiddenSize: hiddenSize)
        embedding.scale *= try Self.embeddingScale(parameters)
        var blocks: [PreNormBlock] = []
        for layer in kvShape.places.indices {
            let branches = try Self.branches(layer, parameters, loader)
            blocks.append(
                PreNormBlock(
                    attentionNorm: try Self.norm("blk.\(layer).attn_norm", parameters, loader),
                    attention: try Self.attention(layer, parameters, kvShape, rotaries, loader),
                    feedForwardNorm: try Self.norm(
                        "blk.\(layer).\(Self.feedForwardNorm)", parameters, loader),
                    feedForwards: try Self.feedForwards(layer, parameters, loader),
                    attentionBranch: branches.attention,
                    feedForwardBranch: branches.feedForward))
        }
        self.init(
            decoder: PreNormDecoder(
                embedding: embedding, rotaries: rotaries, blocks: blocks,
                outputNorm: try Self.norm("output_norm", parameters, loader),
                output: try Self.output(
                    loader, vocabularySize: embedding.vocabularySize, hiddenSize: hiddenSize),
                logitScale: try Self.logitScale(parameters), kvShape: kvShape,
                nextTokenLayers: try loader.nextTokenLayers(
                    parameters, vocabularySize: embedding.vocabularySize)))
    }

    var embedding: TokenEmbedding { decoder.embedding }
    var outputNorm: any Norm { decoder.outputNorm }
    var output: Linear { decoder.output }
    var logitScale: Float { decoder.logitScale }
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
