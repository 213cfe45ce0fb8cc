// SPDX-License-Identifier: Apache-2.0

internal import ModelFile

/// One layer that predicts a further token from a hidden state and the token after it (multi-token
/// prediction, DeepSeek-V3 §2.2): where its tensors are in the file.
///
/// Nothing of it is packed or computed: a speculative decoder would.
struct NextTokenLayer {
    /// [H, 2H]: joins the normalised embedding and the normalised hidden state (`nextn.eh_proj`).
    let join: TensorDescription
    /// [H] each (`nextn.enorm`, `nextn.hnorm`).
    let embeddingNorm: TensorDescription
    let hiddenNorm: TensorDescription
    /// What it has in place of the model's embedding, output norm and output matrix
    /// (`nextn.embed_tokens`, `nextn.shared_head_norm`, `nextn.shared_head_head`, `layer_output_norm`).
    let own: [TensorDescription]
    /// The block between the two: tensors of the same names and shapes as the layer's before.
    let block: [TensorDescription]
}

extension WeightLoader {
    /// The layers behind those that tokens go through; none where the file leaves them out.
    func nextTokenLayers(
        _ parameters: HyperParameters, vocabularySize: Int
    ) throws(ModelError) -> [NextTokenLayer] {
        let first = try parameters.layerCount()
        let present = Set(file.tensors.compactMap(\.layer))
        var layers: [NextTokenLayer] = []
        for layer in first..<first + (try parameters.nextTokenLayerCount())
        where present.contains(layer) {
            layers.append(
                try nextTokenLayer(
                    layer, like: first - 1, hiddenSize: try parameters.hiddenSize(),
                    vocabularySize: vocabularySize))
        }
        return layers
    }

    private func nextTokenLayer(
        _ layer: Int, like other: Int, hiddenSize: Int, vocabularySize: Int
    ) throws(ModelError) -> NextTokenLayer {
        let prefix = "blk.\(layer)."
        let optional = [
            ("nextn.embed_tokens.weight", [vocabularySize, hiddenSize]),
            ("nextn.shared_head_head.weight", [vocabularySize, hiddenSize]),
            ("nextn.shared_head_norm.weight", [hiddenSize]),
            ("layer_output_norm.weight", [hiddenSize]),
        ]
        var own: [TensorDescription] = []
        for (name, shape) in optional where contains(prefix + name) {
            own.append(try keep(prefix + name, shape: shape))
        }
        var block: [TensorDescription] = []
        let otherPrefix = "blk.\(other)."
        for tensor in file.tensors where tensor.name.hasPrefix(otherPrefix) {
            let name = prefix + tensor.name.dropFirst(otherPrefix.count)
            block.append(try keep(name, shape: tensor.shape))
        }
        return NextTokenLayer(
            join: try keep(prefix + "nextn.eh_proj.weight", shape: [hiddenSize, 2 * hiddenSize]),
            embeddingNorm: try keep(prefix + "nextn.enorm.weight", shape: [hiddenSize]),
            hiddenNorm: try keep(prefix + "nextn.hnorm.weight", shape: [hiddenSize]),
            own: own, block: block)
    }
}
