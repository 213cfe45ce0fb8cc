// SPDX-License-Identifier: Apache-2.0

/// OLMoE-1B-7B: queries and keys normalised across heads (Muennighoff et al. 2024).
struct OLMoE: ModelFamily {
    static let architecture = "olmoe"

    struct Layer {
        let attentionNorm: RMSNorm
        let attention: GroupedQueryAttention
        let feedForwardNorm: RMSNorm
        let experts: MixtureOfExperts
    }

    let embedding: TokenEmbedding
    let layers: [Layer]
    let outputNorm: RMSNorm
    let output: Matrix
    let kvShape: KVShape
    private let rotary: RotaryEmbedding

    init(_ parameters: HyperParameters, _ loader: WeightLoader) throws(ModelError) {
        let hiddenSize = try parameters.hiddenSize()
        let shape = try AttentionShape(parameters)
        rotary = try shape.rotary(parameters, loader, pairing: .halves)
        let layerCount = try parameters.layerCount()

        embedding = try loader.embedding("token_embd.weight", hiddenSize: hiddenSize)
        var layers: [Layer] = []
        for index in 0..<layerCount {
            let name = "blk.\(index)."
            layers.append(
                Layer(
                    attentionNorm: try loader.norm(
                        name + "attn_norm.weight", width: hiddenSize, epsilon: shape.epsilon),
                    attention: try loader.groupedQueryAttention(
                        index, shape, rotary, hiddenSize: hiddenSize,
                        normalization: try loader.acrossHeadsNorms(index, shape)),
                    feedForwardNorm: try loader.norm(
                        name + "ffn_norm.weight", width: hiddenSize, epsilon: shape.epsilon),
                    experts: try loader.mixtureOfExperts(
                        index, parameters, hiddenSize: hiddenSize,
                        width: try parameters.expertWidth(), normalizes: false)))
        }
        self.layers = layers
        outputNorm = try loader.norm(
            "output_norm.weight", width: hiddenSize, epsilon: shape.epsilon)
        output = try Self.output(
            loader, vocabularySize: embedding.vocabularySize, hiddenSize: hiddenSize)
        kvShape = shape.kvShape(layerCount: layerCount)
    }

    func reserve(in shape: inout WorkspaceShape) {
        for layer in layers {
            layer.attention.reserve(in: &shape)
            layer.experts.reserve(in: &shape)
        }
    }

    func forward(_ step: Step) {
        embedding.apply(step)
        rotary.prepare(step)
        for layer in layers {
            layer.attentionNorm.apply(step.hidden, into: step.normed, step)
            layer.attention.apply(step)
            layer.feedForwardNorm.apply(step.hidden, into: step.normed, step)
            layer.experts.apply(step)
        }
    }
}
