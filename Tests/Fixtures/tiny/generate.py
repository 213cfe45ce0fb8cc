# SPDX-License-Identifier: Apache-2.0
"""Make tiny random models of each family and the logits transformers computes from them.

    generate.py DIRECTORY [FAMILY …]

Writes, for each family, DIRECTORY/<family>/ (config.json, model.safetensors) for convert.py,
DIRECTORY/<family>.ids.json and DIRECTORY/<family>.logits.f32. Needs torch 2.13.0 and
transformers 5.23.0; see README.md for the way from there to GGUF.
"""

import json
import os
import sys

import numpy as np
import torch
import transformers

BASE = dict(
    vocab_size=1024,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=2048,
    bos_token_id=0,
    eos_token_id=1,
    pad_token_id=2,
    tie_word_embeddings=False,
    dtype="float32",
)
EXPERTS = dict(num_experts=8, num_experts_per_tok=2)
QWEN_EXPERTS = dict(EXPERTS, moe_intermediate_size=32, decoder_sparse_step=1)


def rope(theta):
    return dict(rope_parameters=dict(rope_theta=theta, rope_type="default"))


# family: (class prefix in transformers, configuration)
FAMILIES = {
    "llama": ("Llama", BASE | rope(1e4)),
    "mixtral": (
        "Mixtral",
        BASE | rope(1e6) | dict(num_local_experts=8, num_experts_per_tok=2),
    ),
    "olmoe": (
        "Olmoe",
        BASE | rope(1e4) | EXPERTS | dict(num_key_value_heads=4, norm_topk_prob=False),
    ),
    "qwen2": ("Qwen2", BASE | rope(1e6)),
    "qwen2_moe": (
        "Qwen2Moe",
        BASE
        | rope(1e6)
        | QWEN_EXPERTS
        | dict(shared_expert_intermediate_size=64, norm_topk_prob=False),
    ),
    "qwen3": ("Qwen3", BASE | rope(1e6) | dict(head_dim=32)),
    "qwen3_moe": (
        "Qwen3Moe",
        BASE | rope(1e6) | QWEN_EXPERTS | dict(head_dim=32, norm_topk_prob=True),
    ),
}

# Sizes that no strip of 16 rows and no block of 32 values divides.
ODD = dict(vocab_size=1003, hidden_size=72, num_attention_heads=9, num_key_value_heads=3)
FAMILIES |= {
    "llama_odd": (
        "Llama",
        BASE
        | ODD
        | dict(intermediate_size=40, attention_bias=True)
        | dict(
            rope_parameters=dict(
                rope_theta=5e5,
                rope_type="llama3",
                factor=8.0,
                low_freq_factor=1.0,
                high_freq_factor=4.0,
                original_max_position_embeddings=64,
            )
        ),
    ),
    "qwen2_yarn": (
        "Qwen2",
        BASE
        | ODD
        | dict(num_attention_heads=3, num_key_value_heads=1, max_position_embeddings=4096)
        | dict(
            rope_parameters=dict(
                rope_theta=1e4,
                rope_type="yarn",
                factor=4.0,
                original_max_position_embeddings=1024,
            )
        ),
    ),
    "qwen3_moe_odd": (
        "Qwen3Moe",
        BASE
        | ODD
        | rope(1e6)
        | dict(head_dim=10, norm_topk_prob=True, decoder_sparse_step=1)
        | dict(num_experts=5, num_experts_per_tok=3, moe_intermediate_size=24),
    ),
}


# Small vocabularies from here on; no tokenizer is needed.
SMALL = BASE | dict(vocab_size=251)
DEEPSEEK = SMALL | dict(
    moe_intermediate_size=32,
    num_hidden_layers=3,
    n_routed_experts=8,
    n_shared_experts=1,
    num_experts_per_tok=2,
    first_k_dense_replace=1,
    q_lora_rank=24,
    kv_lora_rank=40,
    qk_nope_head_dim=20,
    qk_rope_head_dim=12,
    v_head_dim=18,
    num_key_value_heads=4,
)
V3 = dict(norm_topk_prob=True, routed_scaling_factor=2.5, rope_interleave=True)


def yarn(factor, original, **others):
    return dict(
        rope_parameters=dict(
            rope_type="yarn",
            rope_theta=1e4,
            factor=factor,
            beta_fast=32,
            beta_slow=1,
            original_max_position_embeddings=original,
        )
        | others
    )


def partial_rope(theta, share):
    return dict(
        rope_parameters=dict(
            rope_theta=theta, rope_type="default", partial_rotary_factor=share
        )
    )


def gpt_oss(truncate):
    return (
        "GptOss",
        SMALL
        | yarn(32.0, 64, rope_theta=150000.0, truncate=truncate)
        | dict(
            intermediate_size=48,
            num_hidden_layers=3,
            num_attention_heads=6,
            head_dim=20,
            num_local_experts=5,
            num_experts_per_tok=2,
            sliding_window=9,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        ),
    )


# Experts of sizes and numbers that differ between families, so that no rule fits by chance.
FAMILIES |= {
    "deepseek_v2": (
        "DeepseekV2",
        DEEPSEEK
        | rope(1e4)
        | dict(n_routed_experts=12, num_experts_per_tok=3, n_group=6, topk_group=3)
        | dict(topk_method="group_limited_greedy", norm_topk_prob=False)
        | dict(routed_scaling_factor=16.0),
    ),
    "deepseek_v2_lite": (
        "DeepseekV2",
        DEEPSEEK
        | yarn(40.0, 64, mscale=0.707, mscale_all_dim=0.707)
        | dict(q_lora_rank=None, num_attention_heads=3, num_key_value_heads=3)
        | dict(hidden_size=72, n_routed_experts=7, num_experts_per_tok=3)
        | dict(n_shared_experts=2, n_group=1, topk_group=1, topk_method="greedy")
        | dict(norm_topk_prob=False, routed_scaling_factor=1.0),
    ),
    "deepseek_v3": (
        "DeepseekV3",
        DEEPSEEK | V3 | rope(1e4) | dict(n_group=4, topk_group=2),
    ),
    "deepseek_v3_yarn": (
        "DeepseekV3",
        DEEPSEEK
        | V3
        | yarn(40.0, 32, mscale=1.0, mscale_all_dim=1.0)
        | dict(n_routed_experts=16, num_experts_per_tok=4, n_group=8, topk_group=4),
    ),
    "glm4_moe_lite": (
        "Glm4MoeLite",
        DEEPSEEK
        | rope(1e6)
        | dict(n_routed_experts=9, num_experts_per_tok=4, n_group=1, topk_group=1)
        | dict(norm_topk_prob=True, routed_scaling_factor=1.8),
    ),
    "gpt_oss": gpt_oss(truncate=False),
    "gpt_oss_trunc": gpt_oss(truncate=True),
    "glm4_moe": (
        "Glm4Moe",
        SMALL
        | partial_rope(1e4, 0.5)
        | dict(head_dim=24, moe_intermediate_size=40, num_hidden_layers=3)
        | dict(n_routed_experts=12, n_shared_experts=2, num_experts_per_tok=3)
        | dict(n_group=4, topk_group=2, first_k_dense_replace=1)
        | dict(routed_scaling_factor=1.5, norm_topk_prob=True)
        | dict(use_qk_norm=True, attention_bias=True),
    ),
    "glm4_moe_air": (
        "Glm4Moe",
        SMALL
        | partial_rope(1e5, 0.5)
        | dict(head_dim=16, moe_intermediate_size=24, num_hidden_layers=3)
        | dict(n_routed_experts=6, n_shared_experts=1, num_experts_per_tok=2)
        | dict(n_group=1, topk_group=1, first_k_dense_replace=2)
        | dict(routed_scaling_factor=1.0, norm_topk_prob=False)
        | dict(use_qk_norm=False, attention_bias=False),
    ),
    "granitemoe": (
        "GraniteMoeShared",
        SMALL
        | rope(1e5)
        | dict(num_local_experts=5, num_experts_per_tok=3, shared_intermediate_size=48)
        | dict(embedding_multiplier=6.0, residual_multiplier=0.5)
        | dict(attention_multiplier=0.2, logits_scaling=3.0),
    ),
    "dots1": (
        "Dots1",
        SMALL
        | rope(1e4)
        | dict(num_attention_heads=3, num_key_value_heads=3, head_dim=20)
        | dict(moe_intermediate_size=24, n_routed_experts=10, n_shared_experts=2)
        | dict(num_experts_per_tok=3, n_group=1, topk_group=1, first_k_dense_replace=1)
        | dict(routed_scaling_factor=1.5, norm_topk_prob=True),
    ),
    "ernie4_5_moe": (
        "Ernie4_5_Moe",
        SMALL
        | rope(5e5)
        | dict(num_hidden_layers=4, num_key_value_heads=1, moe_intermediate_size=40)
        | dict(moe_num_experts=6, moe_k=3, moe_num_shared_experts=2)
        | dict(moe_layer_start_index=1, moe_layer_end_index=-1, moe_layer_interval=2)
        | dict(use_bias=False),
    ),
    "hunyuan_v1_moe": (
        "HunYuanMoEV1",
        SMALL
        | rope(1e4)
        | dict(num_attention_heads=6, num_key_value_heads=3, head_dim=16)
        | dict(num_experts=5, moe_topk=3, num_shared_expert=1, use_qk_norm=True),
    ),
    "minimax_m2": (
        "MiniMaxM2",
        SMALL
        | partial_rope(5e6, 0.5)
        | dict(num_attention_heads=6, head_dim=24)
        | dict(num_local_experts=6, num_experts_per_tok=3),
    ),
    "llama4": (
        "Llama4",
        SMALL
        | rope(5e5)
        | dict(num_hidden_layers=4, num_attention_heads=6, num_key_value_heads=3)
        | dict(head_dim=16, intermediate_size=56, intermediate_size_mlp=88)
        | dict(num_local_experts=5, num_experts_per_tok=1, interleave_moe_layer_step=2)
        | dict(use_qk_norm=True, attention_chunk_size=16, no_rope_layers=[1, 1, 1, 0])
        | dict(attn_temperature_tuning=True, floor_scale=8, attn_scale=0.3),
    ),
    "phimoe": (
        "Phimoe",
        SMALL
        | dict(num_attention_heads=8, num_local_experts=6, num_experts_per_tok=2)
        | dict(attention_bias=True, lm_head_bias=True)
        | dict(
            rope_parameters=dict(
                rope_type="longrope",
                rope_theta=1e4,
                original_max_position_embeddings=64,
                factor=32.0,
                long_factor=[2.0, 3.0, 4.0, 5.0],
                short_factor=[1.0, 1.1, 1.3, 1.7],
                # √(1 + ln 32 / ln 64)
                long_mscale=1.3540064007726602,
                short_mscale=1.3540064007726602,
            )
        ),
    ),
    "gemma3": (
        "Gemma3",
        SMALL
        | dict(num_hidden_layers=7, num_attention_heads=4, tie_word_embeddings=True)
        | dict(head_dim=24, query_pre_attn_scalar=24, sliding_window=5)
        | dict(
            layer_types=["sliding_attention"] * 5
            + ["full_attention", "sliding_attention"],
            rope_parameters={
                "full_attention": dict(
                    rope_type="linear", factor=8.0, rope_theta=1e6
                ),
                "sliding_attention": dict(rope_type="default", rope_theta=1e4),
            },
        ),
    ),
    # What transformers has no class for is computed by one that does the same; see derive.py.
    "deepseek_v1_as_qwen2_moe": (
        "Qwen2Moe",
        SMALL
        | rope(1e4)
        | dict(qkv_bias=False)
        | dict(num_experts=7, num_experts_per_tok=3, moe_intermediate_size=24)
        | dict(shared_expert_intermediate_size=48, norm_topk_prob=False)
        | dict(decoder_sparse_step=1),
    ),
    "bailingmoe2_as_glm4_moe": (
        "Glm4Moe",
        SMALL
        | partial_rope(6e5, 0.5)
        | dict(head_dim=16, moe_intermediate_size=24, num_hidden_layers=3)
        | dict(n_routed_experts=8, n_shared_experts=1, num_experts_per_tok=3)
        | dict(n_group=4, topk_group=2, first_k_dense_replace=1)
        | dict(routed_scaling_factor=2.5, norm_topk_prob=True)
        | dict(use_qk_norm=True, attention_bias=False),
    ),
}

# What the published config.json files say beyond what transformers' classes write.
PUBLISHED = {
    "deepseek_v2": dict(scoring_func="softmax"),
    "deepseek_v2_lite": dict(scoring_func="softmax"),
    "deepseek_v3": dict(scoring_func="sigmoid", topk_method="noaux_tc"),
    "deepseek_v3_yarn": dict(scoring_func="sigmoid", topk_method="noaux_tc"),
    "glm4_moe_lite": dict(scoring_func="sigmoid"),
    "dots1": dict(scoring_func="sigmoid"),
    "hunyuan_v1_moe": dict(
        moe_intermediate_size=[96, 96],
        moe_topk=[3, 3],
        num_shared_expert=[1, 1],
        use_cla=False,
        use_mixed_mlp_moe=True,
    ),
    "minimax_m2": dict(
        use_qk_norm=True,
        qk_norm_type="per_layer",
        scoring_func="sigmoid",
        use_routing_bias=True,
        rotary_dim=12,
    ),
    "phimoe": dict(architectures=["PhiMoEForCausalLM"]),
}


def spread_weights(model):
    """Random weights wide enough that routing, norms and biases all show in the logits."""
    generator = torch.Generator().manual_seed(1234)
    norm = 0 if "Gemma" in type(model).__name__ else 1
    biases = [
        (name, buffer)
        for name, buffer in model.named_buffers()
        if "correction_bias" in name
    ]
    with torch.no_grad():
        for name, weight in list(model.named_parameters()) + biases:
            values = torch.randn(weight.shape, generator=generator)
            if "embed" in name:
                weight.copy_(values)
            elif weight.ndim >= 2:
                gain = 1.5 if "router" in name or name.endswith("gate.weight") else 1.0
                weight.copy_(values * gain / np.sqrt(weight.shape[-1]))
            elif "norm" in name:
                weight.copy_(norm + 0.2 * values)
            else:
                weight.copy_(0.2 * values)


def generate(family, directory):
    prefix, settings = FAMILIES[family]
    ids = np.random.default_rng(7).integers(5, settings["vocab_size"], size=48).tolist()
    text = "Text" if prefix in ("Llama4", "Gemma3") else ""
    configuration = getattr(transformers, prefix + text + "Config")(**settings)
    model_class = getattr(transformers, prefix + "ForCausalLM")
    model = model_class(configuration).eval()
    spread_weights(model)
    if family == "deepseek_v1_as_qwen2_moe":
        # σ(0) = ½: the shared expert without a gate, halved.
        for layer in model.model.layers:
            layer.mlp.shared_expert_gate.weight.data.zero_()
    checkpoint = os.path.join(directory, family)
    model.save_pretrained(checkpoint)

    # What counts is what transformers computes from the saved file.
    saved = model_class.from_pretrained(
        checkpoint,
        dtype=torch.float32,
        attn_implementation="eager",
        experts_implementation="eager",
    ).eval()
    with torch.no_grad():
        logits = saved(torch.tensor([ids])).logits[0].numpy()
    logits.astype("<f4").tofile(os.path.join(directory, family + ".logits.f32"))
    with open(os.path.join(directory, family + ".ids.json"), "w") as file:
        json.dump(ids, file)
    with open(os.path.join(checkpoint, "config.json")) as file:
        published = json.load(file) | PUBLISHED.get(family, {})
    with open(os.path.join(checkpoint, "config.json"), "w") as file:
        json.dump(published, file)


def main():
    torch.set_num_threads(1)
    directory = sys.argv[1]
    for family in sys.argv[2:] or FAMILIES:
        generate(family, directory)
        print(family)


if __name__ == "__main__":
    main()
