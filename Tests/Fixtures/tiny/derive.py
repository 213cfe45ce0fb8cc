# SPDX-License-Identifier: Apache-2.0
"""Relabel the models of families that transformers has no class for.

    derive.py DIRECTORY

DeepSeek-V1 computes what Qwen2-MoE does with a shared expert whose gate is 0, so that σ(0) = ½ of it is
added: DIRECTORY/deepseek_v1.gguf has half of its down matrix and no gate. Its converter also orders
rotary pairs side by side. Ling 2.0 (bailingmoe2) computes what GLM-4.5 does without biases:
DIRECTORY/bailingmoe2.gguf has queries, keys and values in one tensor and another name for the norm before
the experts. Ids and logits are those of the models that they are made from. Needs gguf (gguf-py).
"""

import os
import shutil
import sys

import gguf
import numpy as np


def interleave_pairs(matrix, head_count):
    """Rows (x[i], x[i + D/2]) of each head to (x[2i], x[2i + 1]), as llama.cpp's converter does."""
    rows, width = matrix.shape
    halves = matrix.reshape(head_count, 2, rows // head_count // 2, width)
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(rows, width))


def deepseek_v1(tensors, fields):
    heads = fields["attention.head_count"], fields["attention.head_count_kv"]
    fields["expert_shared_count"] = 2
    fields["expert_weights_scale"] = 1.0
    fields["leading_dense_block_count"] = 0
    fields["vocab_size"] = 251
    del fields["expert_shared_feed_forward_length"]
    result = {}
    for name, value in tensors.items():
        if name.endswith("ffn_gate_inp_shexp.weight"):
            assert not value.any()
            continue
        if name.endswith("ffn_down_shexp.weight"):
            value = value / 2
        if name.endswith("attn_q.weight"):
            value = interleave_pairs(value, heads[0])
        if name.endswith("attn_k.weight"):
            value = interleave_pairs(value, heads[1])
        result[name] = value
    return "deepseek", result


def bailingmoe2(tensors, fields):
    result = {}
    for name, value in tensors.items():
        block = name.rsplit(".", 2)[0]
        if name.endswith("attn_q.weight"):
            parts = [tensors[f"{block}.attn_{part}.weight"] for part in "qkv"]
            result[f"{block}.attn_qkv.weight"] = np.concatenate(parts)
        elif not name.endswith(("attn_k.weight", "attn_v.weight")):
            result[name.replace("post_attention_norm", "ffn_norm")] = value
    return "bailingmoe2", result


def write_field(writer, key, value):
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    else:
        writer.add_string(key, value)


def derive(directory, source, name, change):
    reader = gguf.GGUFReader(os.path.join(directory, source + ".gguf"))
    architecture = reader.fields["general.architecture"].contents()
    prefix = architecture + "."
    fields = {
        key.removeprefix(prefix): field.contents()
        for key, field in reader.fields.items()
        if key.startswith(prefix)
    }
    tensors = {
        tensor.name: np.array(tensor.data).reshape(tuple(reversed(tensor.shape)))
        for tensor in reader.tensors
    }
    architecture, tensors = change(tensors, fields)
    writer = gguf.GGUFWriter(os.path.join(directory, name + ".gguf"), architecture)
    for key, value in fields.items():
        write_field(writer, f"{architecture}.{key}", value)
    for tensor, value in tensors.items():
        writer.add_tensor(tensor, np.ascontiguousarray(value, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    for ending in (".ids.json", ".logits.f32"):
        path = os.path.join(directory, source + ending)
        shutil.copy(path, os.path.join(directory, name + ending))


def main():
    directory = sys.argv[1]
    derive(directory, "deepseek_v1_as_qwen2_moe", "deepseek_v1", deepseek_v1)
    derive(directory, "bailingmoe2_as_glm4_moe", "bailingmoe2", bailingmoe2)


if __name__ == "__main__":
    main()
