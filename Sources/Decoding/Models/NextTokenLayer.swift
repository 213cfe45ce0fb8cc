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
    /// All other tensors of the layer, by name.
    let others: [String: TensorDescription]
}

extension WeightLoader {
    /// The layers behind those that tokens go through; none where the file leaves them out.
    func nextTokenLayers(
        _ parameters: HyperParameters
    ) throws(ModelError) -> [NextTokenLayer] {
        let first = try parameters.layerCount()
        let count = try parameters.nextTokenLayerCount()
        let hiddenSize = try parameters.hiddenSize()
        var layers: [NextTokenLayer] = []
        for layer in first..<first + count {
            let prefix = "blk.\(layer)."
            let names = file.tensors.map(\.name).filter { $0.hasPrefix(prefix) }
            if names.isEmpty { continue }
            var others: [String: TensorDescription] = [:]
            for name in names { others[name] = try keep(name) }
            layers.append(
                NextTokenLayer(
                    join: try keep(
                        prefix + "nextn.eh_proj.weight", shape: [hiddenSize, 2 * hiddenSize]),
                    embeddingNorm: try keep(prefix + "nextn.enorm.weight", shape: [hiddenSize]),
                    hiddenNorm: try keep(prefix + "nextn.hnorm.weight", shape: [hiddenSize]),
                    others: others))
        }
        return layers
    }
}
