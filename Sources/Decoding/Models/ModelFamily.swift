// SPDX-License-Identifier: Apache-2.0

internal import ModelFile

/// A model architecture: hyper-parameters read, tensors named, the forward pass written out.
///
/// Adding one takes its file and a line in `families`.
protocol ModelFamily {
    /// GGUF `general.architecture`.
    static var architecture: String { get }

    /// Keys beyond those that every family reads, which change what this one computes.
    static var honoredKeys: Set<String> { get }

    /// Positions that can be computed as the model was trained; layers heed a sliding window or do not.
    static func contextLength(
        _ parameters: HyperParameters, heedsWindow: Bool
    ) throws(ModelError) -> Int

    /// Reads and packs the weights.
    init(_ parameters: HyperParameters, _ loader: WeightLoader) throws(ModelError)

    var embedding: TokenEmbedding { get }
    /// The norm before the output matrix.
    var outputNorm: any Norm { get }
    /// [V, H]
    var output: Linear { get }
    /// Multiplies what the output matrix gives.
    var logitScale: Float { get }

    /// What the layers keep of each position.
    var kvShape: KVShape { get }

    /// Asks for the scratch that the layers need.
    func reserve(in shape: inout WorkspaceShape)

    /// Runs the step's tokens through all layers; leaves the residual stream in `step.hidden`.
    func forward(_ step: Step)
}

/// Every family that can be loaded.
var families: [any ModelFamily.Type] {
    [
        BailingMoE2.self, DeepSeek.self, DeepSeek2.self, Dots1.self, Ernie45MoE.self, Gemma3.self,
        GLM4MoE.self, GPTOSS.self, GraniteMoE.self, HunyuanMoE.self, Llama.self, Llama4.self,
        MiniMaxM2.self, OLMoE.self, PhiMoE.self, Qwen2.self, Qwen2MoE.self, Qwen3.self,
        Qwen3MoE.self,
    ]
}

/// The family that reads files of this architecture.
func family(of architecture: String) throws(ModelError) -> any ModelFamily.Type {
    guard let family = families.first(where: { $0.architecture == architecture }) else {
        throw .unknownArchitecture(architecture, known: families.map { $0.architecture })
    }
    return family
}

extension ModelFamily {
    static var honoredKeys: Set<String> { [] }

    static func contextLength(
        _ parameters: HyperParameters, heedsWindow: Bool
    ) throws(ModelError) -> Int {
        try parameters.contextLength(heedsWindow: heedsWindow)
    }

    /// The output matrix, or the embedding's where the file ties them.
    static func output(
        _ loader: WeightLoader, vocabularySize: Int, hiddenSize: Int
    ) throws(ModelError) -> Linear {
        let name = loader.contains("output.weight") ? "output" : "token_embd"
        return try loader.linear(name, rows: vocabularySize, width: hiddenSize)
    }
}
