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
import safetensors.torch
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


# From here on vocabularies are small, without a tokenizer, and sizes mostly odd or of no power of two:
# they differ between families, so that no rule fits by chance.
SMALL = dict(
    vocab_size=163,
    hidden_size=40,
    intermediate_size=45,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=2048,
    # Large, so that it shows where the one of the file holds and where another does.
    rms_norm_eps=1e-3,
    bos_token_id=0,
    eos_token_id=1,
    pad_token_id=2,
    tie_word_embeddings=False,
    dtype="float32",
)


def partial_rope(theta, share):
    return dict(
        rope_parameters=dict(
            rope_theta=theta, rope_type="default", partial_rotary_factor=share
        )
    )


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


def latent(heads, query_rank, rank, plain, rotated, value):
    """Sizes of DeepSeek's attention."""
    return dict(
        num_attention_heads=heads,
        num_key_value_heads=heads,
        q_lora_rank=query_rank,
        kv_lora_rank=rank,
        qk_nope_head_dim=plain,
        qk_rope_head_dim=rotated,
        v_head_dim=value,
    )


def routed(count, active, width, shared, groups=1, active_groups=1, dense=1):
    """Experts as DeepSeek's configurations and those like them name them."""
    return dict(
        n_routed_experts=count,
        num_experts_per_tok=active,
        moe_intermediate_size=width,
        n_shared_experts=shared,
        n_group=groups,
        topk_group=active_groups,
        first_k_dense_replace=dense,
    )


def weighed(scale, normalized=True):
    return dict(routed_scaling_factor=scale, norm_topk_prob=normalized)


def gpt_oss(experts, active, truncate):
    return (
        "GptOss",
        SMALL
        | yarn(32.0, 64, rope_theta=150000.0, truncate=truncate)
        | dict(num_attention_heads=6, head_dim=14, sliding_window=9)
        | dict(num_local_experts=experts, num_experts_per_tok=active, intermediate_size=21)
        | dict(layer_types=["sliding_attention", "full_attention", "sliding_attention"]),
    )


LLAMA4 = SMALL | dict(
    num_hidden_layers=4,
    num_attention_heads=6,
    num_key_value_heads=3,
    head_dim=10,
    use_qk_norm=True,
    no_rope_layers=[1, 1, 1, 0],
    attn_temperature_tuning=True,
)

FAMILIES |= {
    "deepseek_v2": (
        "DeepseekV2",
        SMALL
        | rope(1e4)
        | latent(4, query_rank=22, rank=28, plain=12, rotated=6, value=9)
        # More experts than groups: else the best experts' groups are the best groups.
        | routed(12, 4, width=13, shared=1, groups=4, active_groups=2)
        | weighed(16.0, normalized=False)
        | dict(topk_method="group_limited_greedy"),
    ),
    "deepseek_v2_lite": (
        "DeepseekV2",
        SMALL
        | yarn(40.0, 64, mscale=0.707, mscale_all_dim=0.707)
        | latent(3, query_rank=None, rank=26, plain=10, rotated=8, value=13)
        | routed(7, 3, width=11, shared=2)
        | weighed(1.0, normalized=False)
        | dict(hidden_size=42, topk_method="greedy"),
    ),
    "deepseek_v3": (
        "DeepseekV3",
        SMALL
        | rope(1e4)
        | latent(5, query_rank=21, rank=30, plain=12, rotated=10, value=14)
        | routed(8, 2, width=18, shared=1, groups=4, active_groups=2)
        | weighed(2.5),
    ),
    "deepseek_v3_yarn": (
        "DeepseekV3",
        SMALL
        | yarn(40.0, 32, mscale=1.0, mscale_all_dim=1.0)
        | latent(3, query_rank=26, rank=35, plain=13, rotated=12, value=11)
        | routed(16, 4, width=10, shared=1, groups=8, active_groups=4)
        | weighed(2.5)
        | dict(hidden_size=36),
    ),
    "glm4_moe_lite": (
        "Glm4MoeLite",
        SMALL
        | rope(1e6)
        | latent(4, query_rank=19, rank=28, plain=9, rotated=14, value=17)
        | routed(9, 4, width=15, shared=1)
        | weighed(1.8)
        | dict(num_hidden_layers=2),
    ),
    "gpt_oss": gpt_oss(5, 2, truncate=False),
    "gpt_oss_trunc": gpt_oss(7, 4, truncate=True),
    "glm4_moe": (
        "Glm4Moe",
        SMALL
        | partial_rope(1e4, 0.5)
        | routed(9, 3, width=14, shared=2, groups=3, active_groups=2)
        | weighed(1.5)
        | dict(hidden_size=44, num_hidden_layers=2, num_attention_heads=6, head_dim=12)
        | dict(use_qk_norm=True, attention_bias=True, num_mtp_layers=0),
    ),
    "glm4_moe_air": (
        "Glm4Moe",
        SMALL
        | partial_rope(1e5, 0.5)
        | routed(6, 2, width=23, shared=1, dense=2)
        | weighed(1.3, normalized=False)
        | dict(num_attention_heads=3, num_key_value_heads=1, head_dim=20)
        | dict(use_qk_norm=False, attention_bias=False),
    ),
    "granitemoe": (
        "GraniteMoeShared",
        SMALL
        | rope(1e5)
        | dict(num_hidden_layers=2, intermediate_size=26, shared_intermediate_size=19)
        | dict(num_local_experts=5, num_experts_per_tok=3, tie_word_embeddings=True)
        | dict(embedding_multiplier=6.0, residual_multiplier=0.5)
        | dict(attention_multiplier=0.2, logits_scaling=3.0),
    ),
    "dots1": (
        "Dots1",
        SMALL
        | rope(1e4)
        | routed(10, 3, width=17, shared=2)
        | weighed(1.5)
        | dict(num_attention_heads=3, num_key_value_heads=3, head_dim=18),
    ),
    "ernie4_5_moe": (
        "Ernie4_5_Moe",
        SMALL
        | rope(5e5)
        | dict(num_hidden_layers=4, num_key_value_heads=1, use_bias=False)
        | dict(moe_num_experts=6, moe_k=3, moe_intermediate_size=19)
        | dict(moe_num_shared_experts=2, moe_layer_interval=2)
        | dict(moe_layer_start_index=1, moe_layer_end_index=-1),
    ),
    "hunyuan_v1_moe": (
        "HunYuanMoEV1",
        SMALL
        | rope(1e4)
        | dict(num_hidden_layers=2, intermediate_size=27, head_dim=14)
        | dict(num_experts=5, moe_topk=3, num_shared_expert=1, use_qk_norm=True),
    ),
    "minimax_m2": (
        "MiniMaxM2",
        SMALL
        | partial_rope(5e6, 0.6)
        | dict(num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=3)
        | dict(head_dim=20, intermediate_size=22)
        | dict(num_local_experts=7, num_experts_per_tok=3),
    ),
    "llama4": (
        "Llama4",
        LLAMA4
        | rope(5e5)
        | dict(intermediate_size=25, intermediate_size_mlp=45)
        | dict(num_local_experts=5, num_experts_per_tok=1, interleave_moe_layer_step=2)
        | dict(attention_chunk_size=16, floor_scale=8, attn_scale=0.3),
    ),
    # Chunks of the usual size, of which 48 tokens see nothing; two experts each; Scout's rotary factors.
    "llama4_temperature": (
        "Llama4",
        LLAMA4
        | dict(
            rope_parameters=dict(
                rope_theta=5e5,
                rope_type="llama3",
                factor=8.0,
                low_freq_factor=1.0,
                high_freq_factor=1.0,
                original_max_position_embeddings=64,
            )
        )
        | dict(intermediate_size=17, intermediate_size_mlp=45)
        | dict(num_local_experts=4, num_experts_per_tok=2, interleave_moe_layer_step=1)
        | dict(attention_chunk_size=8192, floor_scale=5, attn_scale=0.5),
    ),
    "phimoe": (
        "Phimoe",
        SMALL
        | dict(num_hidden_layers=2, intermediate_size=21)
        | dict(num_local_experts=6, num_experts_per_tok=2)
        | dict(attention_bias=True, lm_head_bias=True)
        | dict(
            rope_parameters=dict(
                rope_type="longrope",
                rope_theta=1e4,
                original_max_position_embeddings=64,
                factor=32.0,
                long_factor=[2.0, 3.0, 4.0, 5.0, 6.0],
                short_factor=[1.0, 1.1, 1.3, 1.7, 2.5],
                # √(1 + ln 32 / ln 64)
                long_mscale=1.3540064007726602,
                short_mscale=1.3540064007726602,
            )
        ),
    ),
    "gemma3": (
        "Gemma3",
        SMALL
        | dict(num_hidden_layers=7, intermediate_size=37, tie_word_embeddings=True)
        | dict(head_dim=14, query_pre_attn_scalar=14, sliding_window=11)
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
    # transformers has no class for these two; what computes the same is rewritten below.
    "deepseek_v1": (
        "Qwen2Moe",
        SMALL
        | rope(1e4)
        | dict(num_experts=7, num_experts_per_tok=3, moe_intermediate_size=17)
        | dict(shared_expert_intermediate_size=34, norm_topk_prob=False)
        | dict(qkv_bias=False, decoder_sparse_step=1, mlp_only_layers=[0]),
    ),
    "bailingmoe2": (
        "Glm4Moe",
        SMALL
        | partial_rope(6e5, 0.5)
        | routed(8, 3, width=14, shared=1, groups=4, active_groups=2)
        | weighed(2.5)
        | dict(hidden_size=48, num_hidden_layers=2, head_dim=12)
        | dict(use_qk_norm=True, attention_bias=False),
    ),
}

# The same with a layer that predicts a further token (multi-token prediction), which is not computed.
FAMILIES |= {
    "glm4_moe_mtp": FAMILIES["glm4_moe"],
    "glm4_moe_lite_mtp": FAMILIES["glm4_moe_lite"],
}

# What the published config.json files say beyond what transformers' classes write.
PUBLISHED = {
    "deepseek_v2": dict(scoring_func="softmax"),
    "deepseek_v2_lite": dict(scoring_func="softmax"),
    "deepseek_v3": dict(scoring_func="sigmoid", topk_method="noaux_tc"),
    "deepseek_v3_yarn": dict(scoring_func="sigmoid", topk_method="noaux_tc"),
    "glm4_moe_lite": dict(scoring_func="sigmoid"),
    "glm4_moe_lite_mtp": dict(scoring_func="sigmoid", num_nextn_predict_layers=1),
    "glm4_moe_mtp": dict(num_nextn_predict_layers=1),
    "dots1": dict(scoring_func="sigmoid"),
    "hunyuan_v1_moe": dict(
        moe_intermediate_size=[27, 27],
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
    "deepseek_v1": dict(
        architectures=["DeepseekForCausalLM"],
        n_routed_experts=7,
        n_shared_experts=2,
        first_k_dense_replace=1,
        moe_layer_freq=1,
        scoring_func="softmax",
    ),
    "bailingmoe2": dict(
        architectures=["BailingMoeV2ForCausalLM"],
        num_experts=8,
        num_shared_experts=1,
        score_function="sigmoid",
        partial_rotary_factor=0.5,
        num_nextn_predict_layers=0,
    ),
}

# What a layer that predicts a further token has besides what all layers have: [H] or, not norms, [V, H].
NEXT_TOKEN_PARTS = {
    "glm4_moe_mtp": [
        "embed_tokens", "enorm", "hnorm", "shared_head.norm", "shared_head.head",
    ],
    "glm4_moe_lite_mtp": ["enorm", "hnorm", "shared_head.norm"],
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
            elif "sinks" in name:
                weight.copy_(values)
            elif "GptOss" in type(model).__name__ and name.endswith("gate_up_proj"):
                # Of a variance that its activation clamps some of.
                weight.copy_(values * 3.0 / np.sqrt(weight.shape[-2]))
            elif weight.ndim >= 2:
                gain = 1.5 if "router" in name or name.endswith("gate.weight") else 1.0
                weight.copy_(values * gain / np.sqrt(weight.shape[-1]))
            elif "norm" in name:
                weight.copy_(norm + 0.2 * values)
            else:
                weight.copy_(0.2 * values)


def as_deepseek_v1(name, tensor):
    """Qwen2-MoE to the names of DeepSeek-V1."""
    if "shared_expert_gate" in name:
        return []
    if name.endswith("shared_expert.down_proj.weight"):
        # The gate, of weight 0, gave it σ(0).
        tensor = tensor / 2
    return [(name.replace("shared_expert.", "shared_experts."), tensor)]


def as_bailingmoe2(name, tensor):
    """GLM-4.5 to the names of Ling 2.0, queries, keys and values apart."""
    for old, new in [
        ("embed_tokens", "word_embeddings"),
        ("self_attn.o_proj", "attention.dense"),
        ("self_attn.q_norm", "attention.query_layernorm"),
        ("self_attn.k_norm", "attention.key_layernorm"),
        ("e_score_correction_bias", "expert_bias"),
    ]:
        name = name.replace(old, new)
    return [(name, tensor)]


def join_attention(tensors):
    """Rows of queries, then of keys, then of values, as Ling 2.0 has them."""
    for name in [name for name in tensors if name.endswith("self_attn.q_proj.weight")]:
        parts = [tensors.pop(name.replace("q_proj", f"{part}_proj")) for part in "qkv"]
        joined = name.replace("self_attn.q_proj", "attention.query_key_value")
        tensors[joined] = torch.cat(parts)


def add_next_token_layer(tensors, parts, configuration):
    """A further layer of the last one's shapes, and what joins it to the others; nothing computes it."""
    generator = torch.Generator().manual_seed(4321)
    count = configuration["num_hidden_layers"]
    size, vocabulary = configuration["hidden_size"], configuration["vocab_size"]
    shapes = {
        name.replace(f"layers.{count - 1}.", f"layers.{count}."): tensor.shape
        for name, tensor in tensors.items()
        if f"layers.{count - 1}." in name
    }
    shapes[f"model.layers.{count}.eh_proj.weight"] = (size, 2 * size)
    for part in parts:
        shape = (size,) if "norm" in part else (vocabulary, size)
        shapes[f"model.layers.{count}.{part}.weight"] = shape
    for name, shape in shapes.items():
        tensors[name] = torch.randn(shape, generator=generator) / np.sqrt(shape[-1])


def rewrite(family, checkpoint):
    """Make of what transformers wrote what the family's authors publish."""
    path = os.path.join(checkpoint, "config.json")
    with open(path) as file:
        configuration = json.load(file) | PUBLISHED.get(family, {})
    with open(path, "w") as file:
        json.dump(configuration, file)
    path = os.path.join(checkpoint, "model.safetensors")
    tensors = safetensors.torch.load_file(path)
    renamed = {"deepseek_v1": as_deepseek_v1, "bailingmoe2": as_bailingmoe2}.get(family)
    if renamed:
        tensors = dict(pair for item in tensors.items() for pair in renamed(*item))
    if family == "bailingmoe2":
        join_attention(tensors)
    if family in NEXT_TOKEN_PARTS:
        add_next_token_layer(tensors, NEXT_TOKEN_PARTS[family], configuration)
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})


def generate(family, directory):
    prefix, settings = FAMILIES[family]
    ids = np.random.default_rng(7).integers(5, settings["vocab_size"], size=48).tolist()
    text = "Text" if prefix in ("Llama4", "Gemma3") else ""
    configuration = getattr(transformers, prefix + text + "Config")(**settings)
    model_class = getattr(transformers, prefix + "ForCausalLM")
    model = model_class(configuration).eval()
    spread_weights(model)
    if family == "deepseek_v1":
        for name, weight in model.named_parameters():
            if "shared_expert_gate" in name:
                weight.data.zero_()
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
    rewrite(family, checkpoint)


def main():
    torch.set_num_threads(1)
    directory = sys.argv[1]
    for family in sys.argv[2:] or FAMILIES:
        generate(family, directory)
        print(family)


if __name__ == "__main__":
    main()
