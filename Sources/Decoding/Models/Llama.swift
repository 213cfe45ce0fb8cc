// SPDX-License-Identifier: Apache-2.0

/// Llama 2 and 3, SmolLM2, Mistral; with experts, Mixtral (Touvron et al. 2023; Jiang et al. 2024).
struct Llama: ModelFamily {
    static let architecture = "llama"

    enum FeedForward {
        case dense(GatedFeedForward)
        case experts(MixtureOfExperts)
    }

    struct Layer {
        let attentionNorm: RMSNorm
        let attention: GroupedQueryAttention
        let feedForwardNorm: RMSNorm
        let feedForward: FeedForward
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
        // The converter permutes Llama's queries and keys so that pairs are adjacent.
        rotary = try shape.rotary(parameters, loader, pairing: .interleaved)
        let isExpert = try parameters.hasExperts()
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
                        index, shape, rotary, hiddenSize: hiddenSize, normalization: .none),
                    feedForwardNorm: try loader.norm(
                        name + "ffn_norm.weight", width: hiddenSize, epsilon: shape.epsilon),
                    feedForward: isExpert
                        ? .experts(
                            try loader.mixtureOfExperts(
                                index, parameters, hiddenSize: hiddenSize,
                                width: try parameters.expertWidth(), normalizes: true))
                        : .dense(
                            try loader.gatedFeedForward(
                                name + "ffn", hiddenSize: hiddenSize,
                                width: try parameters.feedForwardWidth()))))
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
            switch layer.feedForward {
            case .dense(let feedForward): feedForward.reserve(in: &shape)
            case .experts(let experts): experts.reserve(in: &shape)
            }
        }
    }

    func forward(_ step: Step) {
        embedding.apply(step)
        rotary.prepare(step)
        for layer in layers {
            layer.attentionNorm.apply(step.hidden, into: step.normed, step)
            layer.attention.apply(step)
            layer.feedForwardNorm.apply(step.hidden, into: step.normed, step)
            switch layer.feedForward {
            case .dense(let feedForward): feedForward.apply(step)
            case .experts(let experts): experts.apply(step)
            }
        }
    }
}
