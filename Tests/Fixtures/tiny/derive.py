# SPDX-License-Identifier: Apache-2.0
"""Join what the converter splits, as it was before April 2025.

    derive.py DIRECTORY

Makes DIRECTORY/deepseek_v3_unsplit.gguf of deepseek_v3.gguf: each layer's attn_kv_b in one tensor in place
of attn_k_b, transposed, and attn_v_b, and the keys of heads' sizes that went with it. Its ids and logits
are deepseek_v3's. Needs gguf (gguf-py).
"""

import os
import shutil
import sys

import gguf
import numpy as np

PREFIX = "deepseek2.attention."


def join_sizes(values):
    values[PREFIX + "key_length"] = values.pop(PREFIX + "key_length_mla")
    values[PREFIX + "value_length"] = values.pop(PREFIX + "value_length_mla")
    values[PREFIX + "head_count_kv"] = values[PREFIX + "head_count"]


def join_heads(tensors):
    """[heads, R, plain] and [heads, value, R] to [heads · (plain + value), R]."""
    for name in [name for name in tensors if name.endswith("attn_k_b.weight")]:
        keys = tensors.pop(name).swapaxes(1, 2)
        values = tensors.pop(name.replace("attn_k_b", "attn_v_b"))
        joined = np.concatenate([keys, values], axis=1)
        tensors[name.replace("attn_k_b", "attn_kv_b")] = joined.reshape(-1, joined.shape[2])


def main():
    source, result = [
        os.path.join(sys.argv[1], name) for name in ("deepseek_v3", "deepseek_v3_unsplit")
    ]
    reader = gguf.GGUFReader(source + ".gguf")
    fields = {
        name: field
        for name, field in reader.fields.items()
        if not name.startswith(("GGUF.", "general.architecture"))
    }
    values = {name: field.contents() for name, field in fields.items()}
    tensors = {
        tensor.name: tensor.data.reshape(tuple(reversed(tensor.shape.tolist())))
        for tensor in reader.tensors
    }
    join_sizes(values)
    join_heads(tensors)
    writer = gguf.GGUFWriter(result + ".gguf", "deepseek2")
    for name, value in values.items():
        writer.add_key_value(name, value, fields[name].types[0])
    for name, tensor in tensors.items():
        writer.add_tensor(name, np.ascontiguousarray(tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    for ending in (".ids.json", ".logits.f32"):
        shutil.copy(source + ending, result + ending)


if __name__ == "__main__":
    main()
