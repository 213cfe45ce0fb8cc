# SPDX-License-Identifier: Apache-2.0
"""Writes what gguf-py makes of blocks of every GGUF type that has kernels.

<TYPE>.bin has 1024 values as blocks, then as float32. The blocks are random bytes with scales of
ordinary size. <TYPE>.entries.bin, of the types with codebooks, has blocks that go through the whole
codebook, then their values as int8; the scales are such that all values are integers.

Needs `pip install gguf numpy`; run in this folder. The seed is fixed: the files come out the same.
"""

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize

VALUE_COUNT = 1024
# Byte offsets of the f16 numbers of a block.
HALVES = {
    T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0],
    T.Q2_K: [80, 82], T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208],
    T.IQ1_S: [0], T.IQ1_M: [], T.IQ2_XXS: [0], T.IQ2_XS: [0], T.IQ2_S: [0], T.IQ3_XXS: [0],
    T.IQ3_S: [0], T.IQ4_NL: [0], T.IQ4_XS: [0], T.TQ1_0: [52], T.TQ2_0: [64], T.MXFP4: [],
    T.NVFP4: [],
}
# Byte scales whose decoding has cases: subnormals, the largest, NaNs.
E8M0 = [0, 1, 2, 3, 127, 253, 254, 255]
UE4M3 = [0x00, 0x01, 0x07, 0x08, 0x7E, 0x7F, 0x80, 0xFF]
# Entries of a codebook, and a d that makes their values integers.
CODEBOOKS = {
    T.IQ1_S: (2048, 8), T.IQ1_M: (2048, 8), T.IQ2_XXS: (256, 8), T.IQ2_XS: (512, 8),
    T.IQ2_S: (1024, 8), T.IQ3_XXS: (256, 4), T.IQ3_S: (512, 1),
}


def store_halves(blocks, kind, values):
    """Stores f16 numbers [block, number] where a block has them."""
    for offset, column in zip(HALVES[kind], values.T):
        blocks[:, offset : offset + 2] = column.copy().view(np.uint8).reshape(-1, 2)
    if kind == T.IQ1_M:
        # It lies in the upper four bits of four words.
        words = blocks[:, 48:].view(np.uint16)
        bits = values[:, :1].view(np.uint16) >> np.array([0, 4, 8, 12], dtype=np.uint16)
        words[...] = words & 0x0FFF | bits << 12


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
    number_count = max(len(HALVES[kind]), 1)
    scales = generator.standard_normal((number_count, count)).astype(np.float16).T
    scales[0] = np.float16(3e-6)  # a subnormal
    store_halves(blocks, kind, scales)
    if kind == T.MXFP4:
        blocks[: len(E8M0), 0] = E8M0
    elif kind == T.NVFP4:
        blocks[:2, :4] = np.array(UE4M3, dtype=np.uint8).reshape(2, 4)
    return blocks


def packed(fields, bits):
    """The bytes of rows of `fields`, a field after the other from the lowest bits up."""
    ones = fields[..., None] >> np.arange(bits) & 1
    ones = ones.reshape(len(fields), -1).astype(np.uint8)
    return np.packbits(ones, axis=-1, bitorder="little")


def entry_blocks(kind):
    entry_count, scale = CODEBOOKS[kind]
    is_iq3 = kind in (T.IQ3_XXS, T.IQ3_S)
    entries = np.arange(entry_count).reshape(-1, 64 if is_iq3 else 32)
    count = len(entries)
    blocks = np.zeros((count, GGML_QUANT_SIZES[kind][1]), dtype=np.uint8)
    low, high = entries & 255, entries >> 8
    if kind == T.IQ1_S:
        blocks[:, 2:34] = low
        words = sum(high.reshape(count, 8, 4)[..., s] << 3 * s for s in range(4))
        blocks[:, 34:] = words.astype(np.uint16).view(np.uint8)
    elif kind == T.IQ1_M:
        blocks[:, :32], blocks[:, 32:48] = low, packed(high, 4)
    elif kind == T.IQ2_XXS:
        blocks[:, 2:].reshape(count, 8, 8)[..., :4] = low.reshape(count, 8, 4)
    elif kind == T.IQ2_XS:
        blocks[:, 2:66] = packed(entries, 16)
    elif kind == T.IQ2_S:
        blocks[:, 2:34], blocks[:, 66:74] = low, packed(high, 2)
    elif kind == T.IQ3_XXS:
        blocks[:, 2:66] = low
    else:
        blocks[:, 2:66], blocks[:, 66:74] = low, packed(high, 1)
    store_halves(blocks, kind, np.full((count, 1), scale, dtype=np.float16))
    return blocks


def write(name, blocks, values):
    with open(name, "wb") as file:
        file.write(blocks.tobytes())
        file.write(values.tobytes())


def main():
    generator = np.random.default_rng(20240229)
    for kind in [T.F32, T.F16, T.BF16, *HALVES]:
        blocks = random_blocks(generator, kind).reshape(-1)
        with np.errstate(over="ignore"):  # MXFP4's largest scales
            values = dequantize(blocks, kind).astype(np.float32)
        assert values.size == VALUE_COUNT
        write(f"{kind.name}.bin", blocks, values)
    for kind in CODEBOOKS:
        blocks = entry_blocks(kind)
        values = dequantize(blocks.reshape(-1), kind)
        assert (values == values.astype(np.int8)).all()
        # Every entry of the codebook is another.
        entry_count, width = CODEBOOKS[kind][0], 4 if kind in (T.IQ3_XXS, T.IQ3_S) else 8
        assert len(np.unique(values.reshape(-1, width), axis=0)) == entry_count
        write(f"{kind.name}.entries.bin", blocks, values.astype(np.int8))


if __name__ == "__main__":
    main()
