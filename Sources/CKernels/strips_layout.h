// SPDX-License-Identifier: Apache-2.0

/// Where things lie in a strip: shared by the packer and the kernels.
///
/// A strip of most quantised types is a run of *blocks*, one per GGUF block length of columns (32,
/// 64 or 256), each holding that block of all 16 rows:
///
///     head    one line of numbers, for the next 1, 2 or 4 blocks; for each of them
///             types with a min   d[16] and min[16], f16
///             IQ4_XS             d[16], f16, and the upper two bits of its scales
///             MXFP4              e[16], a byte each: a head serves 4 blocks
///             NVFP4              four times d[16], a byte each
///             other types        d[16], f16: a head serves 2 blocks
///     body    for each group of 32 columns: the planes of its values, 64 bytes per bit of a value;
///             then, for K-quants and IQ4_XS, the integer scales of all groups
///
/// A *line* is 64 bytes: byte b of lane r belongs to row r and to column b of a *quad*, 4
/// consecutive columns: the operand of one `vpdpbusd`. Planes of a group (quads 0…7):
///
///     8 bits  line i: quad i
///     4 bits  line i of 4: low nibbles quad i, high nibbles quad 4 + i
///     2 bits  line i of 2: bits 2s and 2s+1 are quad 4i + s
///     1 bit   one line: bit i is quad i
///
/// Q5 is 4 bits and then the fifth, Q6_K 4 and then the upper 2, Q3_K 2 and then the third. Types
/// with a table of 16 values have the indexes in 4 bits.
///
/// Integer scales, 16 rows abreast:
///
///     Q6_K         256 bytes: int8, for each group its two halves
///     Q2_K         256 bytes: scale | min << 4, likewise
///     Q3_K…Q5_K    192 bytes: pairs of 6 bits (a, b): Q4_K and Q5_K (scale, min) of a group,
///                  Q3_K the scales + 32 of its halves. First 128 bytes: low four bits a | b << 4,
///                  for each group. Then 64 bytes: upper two bits a | b << 2, in the low nibbles
///                  for group 2i, in the high ones for group 2i + 1
///     IQ4_XS       64 bytes: low four bits of scale + 32, in the low nibbles for group 2i, in the
///                  high ones for group 2i + 1. In the head: 32 bytes, bits 2s and 2s+1 of byte
///                  16i + r are the upper two bits for group 4i + s
///
/// Everything takes as many bits as in GGUF; only the last head may be filled in part.
///
/// A strip of a codebook type is, for each block, the 16 rows' blocks as they are in GGUF, row
/// after row (strips_unpack.h).
///
/// A strip of a float type is, for each column, the 16 rows' values.
#ifndef APUS_STRIPS_LAYOUT_H
#define APUS_STRIPS_LAYOUT_H

#include "formats_blocks.h"
#include "strips.h"

#define APUS_LINE_BYTES 64
#define APUS_GROUP_QUADS 8
/// f16 numbers of 16 rows.
#define APUS_HALVES_BYTES (APUS_STRIP_ROWS * 2)

/// How the scales of a block are stored, apart from an f16 that is common to the block.
typedef enum {
    SCALES_NONE,
    SCALES_SIX_BIT_PAIRS,
    SCALES_SIX_BITS,
    SCALES_NIBBLE_PAIRS,
    SCALES_BYTES,
    SCALES_E8M0,  ///< no f16 besides
    SCALES_UE4M3, ///< likewise
} apus_scale_storage;

static inline apus_scale_storage apus_scale_storage_of(uint32_t type) {
    switch (type) {
    case APUS_Q2_K: return SCALES_NIBBLE_PAIRS;
    case APUS_Q3_K:
    case APUS_Q4_K:
    case APUS_Q5_K: return SCALES_SIX_BIT_PAIRS;
    case APUS_Q6_K: return SCALES_BYTES;
    case APUS_IQ4_XS: return SCALES_SIX_BITS;
    case APUS_MXFP4: return SCALES_E8M0;
    case APUS_NVFP4: return SCALES_UE4M3;
    default: return SCALES_NONE;
    }
}

/// Bits per value in the planes.
static inline int apus_plane_bits(uint32_t type) {
    return apus_table_of(type) ? 4 : apus_value_rule_of(type).value_bits;
}

/// Bytes of the planes of one group.
static inline size_t apus_planes_bytes(uint32_t type) {
    return (size_t)apus_plane_bits(type) * APUS_LINE_BYTES;
}

/// Groups in a block.
static inline size_t apus_block_groups(uint32_t type) {
    switch (type) {
    case APUS_Q4_0:
    case APUS_Q4_1:
    case APUS_Q5_0:
    case APUS_Q5_1:
    case APUS_Q8_0:
    case APUS_IQ4_NL:
    case APUS_MXFP4: return 1;
    case APUS_NVFP4: return 2;
    default: return APUS_MAX_BLOCK_LENGTH / APUS_GROUP_COLUMNS;
    }
}

/// Bytes of a block's body; a multiple of 64.
static inline size_t apus_body_bytes(uint32_t type) {
    const size_t planes = apus_block_groups(type) * apus_planes_bytes(type);
    switch (apus_scale_storage_of(type)) {
    case SCALES_NONE:
    case SCALES_E8M0:
    case SCALES_UE4M3: return planes;
    case SCALES_SIX_BITS: return planes + 64;
    case SCALES_SIX_BIT_PAIRS: return planes + 192;
    case SCALES_NIBBLE_PAIRS:
    case SCALES_BYTES: return planes + 256;
    }
    return 0;
}

/// Bytes that a block has in a head: 16, 32 or 64.
static inline size_t apus_head_bytes(uint32_t type) {
    switch (apus_scale_storage_of(type)) {
    case SCALES_E8M0: return APUS_STRIP_ROWS;
    case SCALES_UE4M3: return 4 * APUS_STRIP_ROWS;
    case SCALES_SIX_BITS: return APUS_HALVES_BYTES + 32;
    default:
        return apus_value_rule_of(type).has_min ? 2 * APUS_HALVES_BYTES : APUS_HALVES_BYTES;
    }
}

/// Blocks that one head serves.
static inline size_t apus_head_blocks(uint32_t type) {
    return APUS_LINE_BYTES / apus_head_bytes(type);
}

/// Offset in the strip of the head that serves block `index`.
static inline size_t apus_head_offset(uint32_t type, size_t index) {
    const size_t blocks = apus_head_blocks(type);
    return index / blocks * (APUS_LINE_BYTES + blocks * apus_body_bytes(type));
}

/// Offset in the strip of what block `index` has in its head.
static inline size_t apus_numbers_offset(uint32_t type, size_t index) {
    return apus_head_offset(type, index) + index % apus_head_blocks(type) * apus_head_bytes(type);
}

/// Offset in the strip of block `index`'s body.
static inline size_t apus_body_offset(uint32_t type, size_t index) {
    return apus_head_offset(type, index) + APUS_LINE_BYTES
        + index % apus_head_blocks(type) * apus_body_bytes(type);
}

#endif
