// SPDX-License-Identifier: Apache-2.0

internal import ModelFile

/// A model architecture: hyper-parameters read, tensors named, the forward pass written out.
///
/// Adding one takes its file and a line in `families`.
protocol ModelFamily {
    /// GGUF `general.architecture`.
    static var architecture: String { get }

    /// Reads and packs the weights.
    init(_ parameters: HyperParameters, _ loader: WeightLoader) throws(ModelError)

    var embedding: TokenEmbedding { get }
    /// The norm before the output matrix.
    var outputNorm: RMSNorm { get }
    /// [V, H]
    var output: Matrix { get }

    /// What the layers keep of each position.
    var kvShape: KVShape { get }

    /// Asks for the scratch that the layers need.
    func reserve(in shape: inout WorkspaceShape)

    /// Runs the step's tokens through all layers; leaves the residual stream in `step.hidden`.
    func forward(_ step: Step)
}

/// Every family that can be loaded.
var families: [any ModelFamily.Type] {
    [Llama.self, OLMoE.self, Qwen2.self, Qwen2MoE.self, Qwen3.self, Qwen3MoE.self]
}

/// The family that reads files of this architecture.
func family(of architecture: String) throws(ModelError) -> any ModelFamily.Type {
    guard let family = families.first(where: { $0.architecture == architecture }) else {
        throw .unknownArchitecture(architecture, known: families.map { $0.architecture })
    }
    return family
}

extension ModelFamily {
    /// The output matrix, or the embedding's where the file ties them.
    static func output(
        _ loader: WeightLoader, vocabularySize: Int, hiddenSize: Int
    ) throws(ModelError) -> Matrix {
        let name = loader.contains("output.weight") ? "output.weight" : "token_embd.weight"
        return try loader.matrix(name, rows: vocabularySize, width: hiddenSize)
    }
}
