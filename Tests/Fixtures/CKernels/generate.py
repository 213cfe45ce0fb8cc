# SPDX-License-Identifier: Apache-2.0
"""Writes <TYPE>.bin for every GGUF type that has kernels: 1024 values as blocks, then as float32.

The blocks are random bytes with f16 scales of ordinary size; the floats are gguf-py's dequantize of
them. Needs `pip install gguf numpy`; run in this folder. The seed is fixed: the files come out the same.
"""

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize

VALUE_COUNT = 1024
# Byte offsets of the f16 numbers of a block.
HALVES = {
    T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0],
    T.Q2_K: [80, 82], T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208],
}


def random_blocks(generator, kind):
    length, size = GGML_QUANT_SIZES[kind]
    count = VALUE_COUNT // length
    if kind == T.F32:
        return generator.standard_normal(VALUE_COUNT).astype(np.float32).view(np.uint8)
    if kind in (T.F16, T.BF16):
        # Any bit pattern but infinities and NaNs, subnormals too.
        exponent = 0x7C00 if kind == T.F16 else 0x7F80
        bits = generator.integers(0, 1 << 16, 8 * VALUE_COUNT, dtype=np.uint16)
        return bits[(bits & exponent) != exponent][:VALUE_COUNT].view(np.uint8)
    blocks = generator.integers(0, 256, (count, size), dtype=np.uint8)
    for offset in HALVES[kind]:
        scales = generator.standard_normal(count).astype(np.float16)
        scales[0] = np.float16(3e-6)  # a subnormal
        blocks[:, offset : offset + 2] = scales.view(np.uint8).reshape(count, 2)
    return blocks.reshape(-1)


def main():
    generator = np.random.default_rng(20240229)
    for kind in [T.F32, T.F16, T.BF16, *HALVES]:
        blocks = random_blocks(generator, kind)
        values = dequantize(blocks, kind).astype(np.float32)
        assert values.size == VALUE_COUNT
        with open(f"{kind.name}.bin", "wb") as file:
            file.write(blocks.tobytes())
            file.write(values.tobytes())


if __name__ == "__main__":
    main()
