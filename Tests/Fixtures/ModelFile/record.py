#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes every-type.gguf and a split model with gguf-py, and what gguf-py reads in them and in
../tiny/llama.gguf.

    pip install gguf numpy && python3 record.py
"""
import json
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter

HERE = Path(__file__).parent
NOT_READ = {"Q1_0"}


def fnv1a(data: bytes) -> str:
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return str(value)


def write_every_type(path: Path) -> None:
    writer = GGUFWriter(path, "test")
    scalars = {"uint8": 200, "int8": -100, "uint16": 60_000, "int16": -30_000, "uint32": 2**32 - 1,
               "int32": -2**31, "uint64": 2**64 - 1, "int64": -2**63, "float32": 0.1,
               "float64": 0.1, "bool": True}
    for name, value in scalars.items():
        getattr(writer, f"add_{name}")(f"test.{name}", value)
        writer.add_key_value(f"test.{name}s", [value] * 3, GGUFValueType.ARRAY,
                             GGUFValueType[name.upper()])
    writer.add_string("test.string", "héllo\n\u0000 世界 🚀")
    writer.add_array("test.strings", ["", "a", "世界", "x" * 300])
    writer.add_custom_alignment(64)
    random = np.random.default_rng(1)
    for type, (length, size) in GGML_QUANT_SIZES.items():
        if type.name in NOT_READ:
            continue
        data = random.integers(0, 256, (2, 3, size * 2), dtype=np.uint8)
        writer.add_tensor(f"tensor.{type.name}", data, raw_dtype=type)
    writer.add_tensor("tensor.row", np.arange(5, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_split(path: Path) -> None:
    writer = GGUFWriter(path, "test", split_max_tensors=2)
    writer.add_string("test.string", "in the first file")
    for index in range(5):
        writer.add_tensor(f"tensor.{index}", np.arange(index, index + 40, dtype=np.float32).reshape(2, 20))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def value(field):
    contents = field.contents()
    kind = field.types[-1].name.lower()
    if field.types[0] == GGUFValueType.ARRAY:
        return {"type": f"array of {len(contents)} {kind}",
                "hash": fnv1a("\n".join(map(text, contents)).encode())}
    return {"type": kind, "hash": fnv1a(text(contents).encode())}


def text(scalar) -> str:
    """Floats by their bits, so that no reader's way of printing them matters."""
    return np.float64(scalar).tobytes().hex() if isinstance(scalar, float) else str(scalar).replace("True", "true").replace("False", "false")


def expectations(*paths: Path):
    """Of a split model the keys are those of the first file."""
    readers = [GGUFReader(path) for path in paths]
    reader = readers[0]
    return {
        "alignment": int(reader.alignment),
        "keys": [{"key": name, **value(field)} for name, field in reader.fields.items()
                 if not name.startswith("GGUF.")],
        "tensors": [{"name": t.name, "type": t.tensor_type.name,
                     "shape": t.shape.tolist()[::-1], "part": part, "offset": int(t.data_offset),
                     "byteCount": int(t.n_bytes), "hash": fnv1a(t.data.tobytes())}
                    for part, reader in enumerate(readers) for t in reader.tensors],
    }


def main() -> None:
    write_every_type(HERE / "every-type.gguf")
    write_split(HERE / "split.gguf")
    parts = sorted(HERE.glob("split-*.gguf"))
    types = [{"name": t.name, "number": t.value, "blockLength": length, "blockBytes": size}
             for t, (length, size) in GGML_QUANT_SIZES.items() if t.name not in NOT_READ]
    recorded = {
        "types": types,
        "files": {"tiny/llama.gguf": expectations(HERE.parent / "tiny/llama.gguf"),
                  "ModelFile/every-type.gguf": expectations(HERE / "every-type.gguf"),
                  f"ModelFile/{parts[0].name}": expectations(*parts)},
    }
    (HERE / "gguf-py.json").write_text(json.dumps(recorded, indent=1) + "\n")


main()
