// SPDX-License-Identifier: Apache-2.0

/// A GGUF block taken apart into plain numbers: what the dequantiser computes with and what the
/// strip packer rearranges, so that each format's bit fiddling is written once.
#ifndef APUS_FORMATS_BLOCKS_H
#define APUS_FORMATS_BLOCKS_H

#include <string.h>

#include "formats.h"

/// Values in the longest block.
#define APUS_MAX_BLOCK_LENGTH 256

/// How a quantised type turns integers into values: within each run of `scale_columns` columns
///
///     value = d·scale · (q − offset) + minimum·min
///
/// where q, scale and min are integers, and d and minimum are f16 numbers of the block.
typedef struct {
    uint8_t value_bits;    ///< bits of q
    uint8_t offset;        ///< what stands for zero; a power of two, or 0 where there is a min
    uint8_t scale_columns; ///< 32, or 16 for the types with two scales per group of 32
    bool has_min;
} apus_value_rule;

/// One block; the integers are constant 1 in types whose only scale is d (and whose only min is m).
typedef struct {
    uint8_t values[APUS_MAX_BLOCK_LENGTH]; ///< q
    int8_t scales[16];                     ///< one per run of `scale_columns`
    int8_t mins[16];
    uint16_t d;       ///< f16
    uint16_t minimum; ///< f16; the sign of a K-quant's `dmin` is flipped, which there is subtracted
} apus_block_parts;

/// The rule of a quantised type. Inline, so that kernels see constants.
static inline apus_value_rule apus_value_rule_of(uint32_t type) {
    switch (type) {
    case APUS_Q4_0: return (apus_value_rule){4, 8, 32, false};
    case APUS_Q4_1: return (apus_value_rule){4, 0, 32, true};
    case APUS_Q5_0: return (apus_value_rule){5, 16, 32, false};
    case APUS_Q5_1: return (apus_value_rule){5, 0, 32, true};
    case APUS_Q8_0: return (apus_value_rule){8, 128, 32, false};
    case APUS_Q2_K: return (apus_value_rule){2, 0, 16, true};
    case APUS_Q3_K: return (apus_value_rule){3, 4, 16, false};
    case APUS_Q4_K: return (apus_value_rule){4, 0, 32, true};
    case APUS_Q5_K: return (apus_value_rule){5, 0, 32, true};
    case APUS_Q6_K: return (apus_value_rule){6, 32, 16, false};
    default: return (apus_value_rule){0, 0, 0, false};
    }
}

/// Takes one block of a quantised type apart.
void apus_take_apart(uint32_t type, const void *block, apus_block_parts *parts);

/// The float32 equal to an IEEE half.
static inline float apus_float_from_f16(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    const uint32_t magnitude = half & 0x7fff;
    uint32_t bits;
    if (magnitude < 0x0400) {
        const float subnormal = (float)magnitude * 0x1p-24f;
        memcpy(&bits, &subnormal, sizeof bits);
    } else if (magnitude < 0x7c00) {
        bits = (magnitude << 13) + ((127 - 15) << 23);
    } else {
        bits = 0x7f800000 | (magnitude & 0x03ff) << 13;
    }
    bits |= sign;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/// The float32 equal to a bfloat16.
static inline float apus_float_from_bf16(uint16_t bfloat) {
    const uint32_t bits = (uint32_t)bfloat << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
