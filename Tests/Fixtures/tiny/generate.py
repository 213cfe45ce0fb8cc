# SPDX-License-Identifier: Apache-2.0
"""Make tiny random models of each family and the logits transformers computes from them.

    generate.py DIRECTORY [FAMILY …]

Writes, for each family, DIRECTORY/<family>/ (config.json, model.safetensors) for a GGUF converter,
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


def spread_weights(model):
    """Random weights wide enough that routing, norms and biases all show in the logits."""
    generator = torch.Generator().manual_seed(1234)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            values = torch.randn(weight.shape, generator=generator)
            if "embed" in name:
                weight.copy_(values)
            elif weight.ndim >= 2:
                gain = 1.5 if "router" in name or name.endswith("gate.weight") else 1.0
                weight.copy_(values * gain / np.sqrt(weight.shape[-1]))
            elif "norm" in name:
                weight.copy_(1 + 0.2 * values)
            else:
                weight.copy_(0.2 * values)


def generate(family, directory):
    prefix, settings = FAMILIES[family]
    ids = np.random.default_rng(7).integers(5, settings["vocab_size"], size=48).tolist()
    configuration = getattr(transformers, prefix + "Config")(**settings)
    model_class = getattr(transformers, prefix + "ForCausalLM")
    model = model_class(configuration).eval()
    spread_weights(model)
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


def main():
    torch.set_num_threads(1)
    directory = sys.argv[1]
    for family in sys.argv[2:] or FAMILIES:
        generate(family, directory)
        print(family)


if __name__ == "__main__":
    main()
