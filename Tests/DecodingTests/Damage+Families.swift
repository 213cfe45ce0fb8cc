// SPDX-License-Identifier: Apache-2.0

import ModelFile

/// What sets mixture-of-experts families apart, one thing of it wrong at a time.
extension Damage {
    static let routing = [
        Damage(model: "glm4_moe", what: "the bias on the choice is zero") {
            $0.zero("blk.1.exp_probs_b.bias")
        },
        Damage(model: "glm4_moe", what: "experts are chosen from all groups") {
            $0["expert_group_count"] = nil
            $0["expert_group_used_count"] = nil
        },
        Damage(model: "glm4_moe", what: "experts are chosen from three groups") {
            $0["expert_group_used_count"] = .uint32(3)
        },
        Damage(model: "glm4_moe", what: "expert weights are not scaled") {
            $0["expert_weights_scale"] = nil
        },
        Damage(model: "glm4_moe", what: "scores are a softmax") {
            $0["expert_gating_func"] = .uint32(1)
        },
        Damage(model: "glm4_moe_air", what: "expert weights are normalised") {
            $0["expert_weights_norm"] = .bool(true)
        },
        Damage(model: "bailingmoe2", what: "experts are chosen from half as many groups") {
            $0["expert_group_count"] = .uint32(2)
            $0["expert_group_used_count"] = .uint32(1)
        },
        Damage(model: "bailingmoe2", what: "the shared experts are zero") {
            $0.zero("blk.1.ffn_down_shexp.weight")
        },
        Damage(model: "deepseek_v1", what: "expert weights are normalised") {
            $0["expert_weights_norm"] = .bool(true)
        },
        Damage(model: "deepseek_v1", what: "the shared experts are zero") {
            $0.zero("blk.1.ffn_up_shexp.weight")
        },
        Damage(model: "deepseek_v2", what: "a group is as good as its best two") {
            $0["expert_gating_func"] = .uint32(2)
        },
        Damage(model: "deepseek_v2", what: "expert weights are not scaled") {
            $0["expert_weights_scale"] = .float32(1)
        },
        Damage(model: "deepseek_v3", what: "the bias on the choice is zero") {
            $0.zero("blk.2.exp_probs_b.bias")
        },
        Damage(model: "dots1", what: "the bias on the choice is zero") {
            $0.zero("blk.1.exp_probs_b.bias")
        },
        Damage(model: "dots1", what: "expert weights are not normalised") {
            $0["expert_weights_norm"] = nil
        },
        Damage(model: "ernie4_5_moe", what: "the bias on the choice is zero") {
            $0.zero("blk.1.exp_probs_b.bias")
        },
        Damage(model: "ernie4_5_moe", what: "expert weights are not normalised") {
            $0["expert_weights_norm"] = .bool(false)
        },
        Damage(model: "gpt_oss", what: "the router's bias is zero") {
            $0.zero("blk.1.ffn_gate_inp.bias")
        },
        Damage(model: "gpt_oss", what: "weights are shares of all experts") {
            $0["expert_gating_func"] = .uint32(1)
        },
        Damage(model: "granitemoe", what: "weights are shares of all experts") {
            $0["expert_gating_func"] = .uint32(1)
        },
        Damage(model: "granitemoe", what: "the shared expert is zero") {
            $0.zero("blk.0.ffn_down_shexp.weight")
        },
        Damage(model: "hunyuan_v1_moe", what: "expert weights are not normalised") {
            $0["expert_weights_norm"] = .bool(false)
        },
        Damage(model: "llama4", what: "the weight is a share of all experts") {
            $0["expert_gating_func"] = .uint32(1)
        },
        Damage(model: "minimax_m2", what: "the bias on the choice is zero") {
            $0.zero("blk.0.exp_probs_b.bias")
        },
        Damage(model: "minimax_m2", what: "scores are a softmax") {
            $0["expert_gating_func"] = .uint32(1)
        },
        Damage(model: "phimoe", what: "weights are shares of the chosen experts") {
            $0["expert_gating_func"] = .uint32(3)
        },
    ]

    static let branches = [
        Damage(model: "gpt_oss", what: "an expert's gate bias is zero") {
            $0.zero("blk.0.ffn_gate_exps.bias")
        },
        Damage(model: "gpt_oss", what: "an expert's up bias is zero") {
            $0.zero("blk.1.ffn_up_exps.bias")
        },
        Damage(model: "gpt_oss", what: "an expert's down bias is zero") {
            $0.zero("blk.2.ffn_down_exps.bias")
        },
        Damage(model: "gpt_oss", what: "gate and up matrices are exchanged") {
            $0.exchange("blk.1.ffn_gate_exps.weight", "blk.1.ffn_up_exps.weight")
        },
        Damage(model: "gemma3", what: "the norms behind the branches are exchanged") {
            $0.exchange("blk.1.post_attention_norm.weight", "blk.1.post_ffw_norm.weight")
        },
        Damage(model: "gemma3", what: "norms before and behind a branch are exchanged") {
            $0.exchange("blk.2.ffn_norm.weight", "blk.2.post_ffw_norm.weight")
        },
        Damage(model: "gemma3", what: "gate and up matrices are exchanged") {
            $0.exchange("blk.0.ffn_gate.weight", "blk.0.ffn_up.weight")
        },
        Damage(model: "glm4_moe", what: "two norms of a layer are exchanged") {
            $0.exchange("blk.1.attn_norm.weight", "blk.1.post_attention_norm.weight")
        },
        Damage(model: "glm4_moe", what: "all of each head turns") {
            $0["rope.dimension_count"] = .uint32(12)
        },
        Damage(model: "granitemoe", what: "embeddings are not scaled") {
            $0["embedding_scale"] = nil
        },
        Damage(model: "granitemoe", what: "branches are not scaled") {
            $0["residual_scale"] = nil
        },
        Damage(model: "granitemoe", what: "logits are not scaled") { $0["logit_scale"] = nil },
        Damage(model: "granitemoe", what: "scores have the usual scale") {
            $0["attention.scale"] = nil
        },
        Damage(model: "hunyuan_v1_moe", what: "query norms of two layers are exchanged") {
            $0.exchange("blk.0.attn_q_norm.weight", "blk.1.attn_q_norm.weight")
        },
        Damage(model: "phimoe", what: "a norm's bias is zero") {
            $0.zero("blk.1.ffn_norm.bias")
        },
        Damage(model: "phimoe", what: "the last norm's bias is zero") {
            $0.zero("output_norm.bias")
        },
        Damage(model: "phimoe", what: "the output has no bias") { model in
            model.tensors.removeAll { $0.name == "output.bias" }
        },
        Damage(model: "phimoe", what: "the rotary factors are those for long contexts") {
            $0.exchange("rope_factors_short.weight", "rope_factors_long.weight")
        },
        Damage(model: "phimoe", what: "no temperature") { $0["rope.scaling.attn_factor"] = nil },
    ]
}
