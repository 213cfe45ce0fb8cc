# SPDX-License-Identifier: Apache-2.0
"""Rewrite a dense llama GGUF as a mixture of experts that computes the same function.

    split_experts.py dense.gguf experts.gguf EXPERT_COUNT

Every expert is a slice of the dense feed-forward layer: rows of gate and up, columns of down.
All experts are active and the router is zero, so each has weight 1/E; the down slices are
multiplied by E to make up for it. With E a power of two that only moves the exponents of the
float16 block scales, so nothing is quantised again and real weights run through the expert path.
"""

import sys

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter

# Bytes of a block of 32 weights, and how many float16 scales (d, m) lead it.
BLOCKS = {
    GGMLQuantizationType.Q4_0: (18, 1),
    GGMLQuantizationType.Q4_1: (20, 2),
    GGMLQuantizationType.Q5_0: (22, 1),
    GGMLQuantizationType.Q5_1: (24, 2),
    GGMLQuantizationType.Q8_0: (34, 1),
}


def byte_rows(tensor):
    """The tensor's rows as raw bytes: (rows, bytes per row)."""
    rows = int(tensor.shape[1])
    return np.ascontiguousarray(tensor.data).reshape(rows, -1).view(np.uint8)


def row_slices(tensor, expert_count):
    """Gate or up: E slices of consecutive rows, (E, F / E, bytes)."""
    rows = byte_rows(tensor)
    return rows.reshape(expert_count, rows.shape[0] // expert_count, -1)


def column_slices(tensor, expert_count):
    """Down: E slices of consecutive columns with the block scales times E, (E, H, bytes / E)."""
    block_bytes, scale_count = BLOCKS[tensor.tensor_type]
    rows = byte_rows(tensor)
    blocks = rows.reshape(rows.shape[0], -1, block_bytes).copy()
    if blocks.shape[1] % expert_count:
        raise SystemExit(f"{tensor.name}: {blocks.shape[1]} blocks do not split {expert_count} ways")

    scale_bytes = 2 * scale_count
    scales = blocks[:, :, :scale_bytes].copy().view(np.float16).astype(np.float32)
    scaled = (scales * expert_count).astype(np.float16)
    if not np.array_equal(scaled.astype(np.float32), scales * expert_count):
        raise SystemExit(f"{tensor.name}: a scale times {expert_count} is not exact in float16")
    blocks[:, :, :scale_bytes] = scaled.view(np.uint8)

    sliced = blocks.reshape(rows.shape[0], expert_count, -1).transpose(1, 0, 2)
    return np.ascontiguousarray(sliced)


def copy_metadata(reader, writer, expert_count):
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        value = field.contents()
        if key == "llama.feed_forward_length":
            value //= expert_count
        element = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
        writer.add_key_value(key, value, field.types[0], element)
    writer.add_expert_count(expert_count)
    writer.add_expert_used_count(expert_count)


def copy_tensors(reader, writer, expert_count):
    for tensor in reader.tensors:
        name, kind = tensor.name, tensor.tensor_type
        if name.endswith(("ffn_gate.weight", "ffn_up.weight")):
            slices = row_slices(tensor, expert_count)
            writer.add_tensor(name.replace(".weight", "_exps.weight"), slices, raw_dtype=kind)
            if "ffn_gate" in name:
                router = np.zeros((expert_count, int(tensor.shape[0])), np.float32)
                writer.add_tensor(name.replace("ffn_gate", "ffn_gate_inp"), router)
        elif name.endswith("ffn_down.weight"):
            slices = column_slices(tensor, expert_count)
            writer.add_tensor(name.replace(".weight", "_exps.weight"), slices, raw_dtype=kind)
        else:
            writer.add_tensor(name, tensor.data, raw_dtype=kind)


def main():
    source, destination, expert_count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if expert_count < 1 or expert_count & (expert_count - 1):
        raise SystemExit("the number of experts must be a power of two")
    reader = GGUFReader(source)
    architecture = reader.fields["general.architecture"].contents()
    if architecture != "llama":
        raise SystemExit(f"{source}: a llama model is wanted, this is {architecture}")

    writer = GGUFWriter(destination, architecture)
    copy_metadata(reader, writer, expert_count)
    copy_tensors(reader, writer, expert_count)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
