// SPDX-License-Identifier: Apache-2.0

import ModelFile
import Testing

/// One thing wrong with a tiny model that a reader of the file would not notice.
struct Damage: Sendable, CustomTestStringConvertible {
    let model: String
    let what: String
    let apply: @Sendable (inout EditableModel) -> Void

    var testDescription: String { "\(model): \(what)" }

    static let all = weights + hyperParameters + routing + branches

    private static let weights = [
        Damage(model: "mixtral", what: "one expert's down matrix is zero") {
            $0.zeroExpert(3, of: "blk.1.ffn_down_exps.weight")
        },
        Damage(model: "olmoe", what: "one expert's up matrix is zero") {
            $0.zeroExpert(0, of: "blk.0.ffn_up_exps.weight")
        },
        Damage(model: "qwen3_moe_odd", what: "the last expert's gate matrix is zero") {
            $0.zeroExpert(4, of: "blk.1.ffn_gate_exps.weight")
        },
        Damage(model: "qwen2_moe", what: "the shared expert's gate is zero") {
            $0.zero("blk.1.ffn_gate_inp_shexp.weight")
        },
        Damage(model: "llama", what: "two norms of a layer are exchanged") {
            $0.exchange("blk.0.attn_norm.weight", "blk.0.ffn_norm.weight")
        },
        Damage(model: "qwen3", what: "query and key norms are exchanged") {
            $0.exchange("blk.1.attn_q_norm.weight", "blk.1.attn_k_norm.weight")
        },
        Damage(model: "olmoe", what: "keys and values are exchanged") {
            $0.exchange("blk.0.attn_k.weight", "blk.0.attn_v.weight")
        },
        Damage(model: "qwen2", what: "a query bias is zero") { $0.zero("blk.0.attn_q.bias") },
        Damage(model: "qwen2", what: "a value bias is zero") { $0.zero("blk.1.attn_v.bias") },
        Damage(model: "llama_odd", what: "an output bias is zero") {
            $0.zero("blk.1.attn_output.bias")
        },
        Damage(model: "llama", what: "one row of the output matrix is zero") {
            $0.zero("output.weight", 64 * 1023..<64 * 1024)
        },
        Damage(model: "llama_odd", what: "the rotary factors are missing") { model in
            model.tensors.removeAll { $0.name == "rope_freqs.weight" }
        },
        Damage(model: "qwen2", what: "all biases of a layer are missing") { model in
            model.tensors.removeAll { $0.name.hasPrefix("blk.0.") && $0.name.hasSuffix(".bias") }
        },
    ]

    private static let hyperParameters = [
        Damage(model: "mixtral", what: "one expert is chosen instead of two") {
            $0["expert_used_count"] = .uint32(1)
        },
        Damage(model: "qwen3_moe", what: "three experts are chosen instead of two") {
            $0["expert_used_count"] = .uint32(3)
        },
        Damage(model: "qwen3_moe", what: "expert weights are not normalised") {
            $0["expert_weights_norm"] = .bool(false)
        },
        Damage(model: "olmoe", what: "expert weights are normalised") {
            $0["expert_weights_norm"] = .bool(true)
        },
        Damage(model: "llama", what: "another rotary base") {
            $0["rope.freq_base"] = .float32(11000)
        },
        Damage(model: "qwen2_moe", what: "positions are scaled") {
            $0["rope.scaling.factor"] = .float32(1.1)
        },
        Damage(model: "qwen2_yarn", what: "another context of training") {
            $0["rope.scaling.original_context_length"] = .uint32(512)
        },
        Damage(model: "qwen2_yarn", what: "no temperature") {
            $0["rope.scaling.yarn_attn_factor"] = .float32(1)
        },
        Damage(model: "qwen2_yarn", what: "linear scaling") {
            $0["rope.scaling.type"] = .string(Array("linear".utf8))
        },
        Damage(model: "qwen3", what: "half of each head turns") {
            $0["rope.dimension_count"] = .uint32(16)
        },
        Damage(model: "qwen2", what: "a large epsilon") {
            $0["attention.layer_norm_rms_epsilon"] = .float32(0.01)
        },
    ]
}

extension EditableModel {
    /// Sets one expert's matrix to 0.
    mutating func zeroExpert(_ expert: Int, of name: String) {
        guard let tensor = tensors.first(where: { $0.name == name }) else { return }
        let count = tensor.shape.dropFirst().reduce(1, *)
        zero(name, expert * count..<(expert + 1) * count)
    }

    mutating func exchange(_ first: String, _ second: String) {
        change(first) { $0.name = "" }
        change(second) { $0.name = first }
        change("") { $0.name = second }
    }
}
