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
///     value = scale · (q − offset) + minimum·min
///
/// where q is an unsigned integer, from the type's table where it has one. `apus_run_scale` says
/// what scale is; min is an integer, and minimum an f16 number of the block.
typedef struct {
    uint8_t value_bits;    ///< bits of q
    uint8_t offset;        ///< what stands for zero; a power of two, or 0 where there is a min
    uint8_t scale_columns; ///< 32, or 16 for the types with two scales per group of 32
    bool has_min;
} apus_value_rule;

/// One block; the integers are constant 1 in types whose only scale is d (and whose only min is m).
typedef struct {
    uint8_t values[APUS_MAX_BLOCK_LENGTH]; ///< q, or what indexes the type's table
    int8_t scales[16];                     ///< one per run of `scale_columns`
    int8_t mins[16];
    uint16_t d;       ///< f16; the exponent e of MXFP4
    uint16_t minimum; ///< f16; the sign of a K-quant's `dmin` is flipped, which there is subtracted
} apus_block_parts;

/// The types whose values are entries of codebooks or digits of numbers, not bit fields. They have
/// one rule, by which they are unpacked (formats_codebook_types.c).
static inline bool apus_is_codebook_type(uint32_t type) {
    switch (type) {
    case APUS_IQ1_S:
    case APUS_IQ1_M:
    case APUS_IQ2_XXS:
    case APUS_IQ2_XS:
    case APUS_IQ2_S:
    case APUS_IQ3_XXS:
    case APUS_IQ3_S:
    case APUS_TQ1_0: return true;
    default: return false;
    }
}

/// What stands for zero in the codebook types.
#define APUS_CODEBOOK_OFFSET 64

/// The rule of the codebook types.
static inline apus_value_rule apus_codebook_rule(void) {
    return (apus_value_rule){7, APUS_CODEBOOK_OFFSET, 16, false};
}

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
    case APUS_TQ2_0: return (apus_value_rule){2, 1, 32, false};
    case APUS_IQ4_NL:
    case APUS_IQ4_XS: return (apus_value_rule){8, 128, 32, false};
    case APUS_MXFP4: return (apus_value_rule){5, 16, 32, false};
    case APUS_NVFP4: return (apus_value_rule){5, 16, 16, false};
    default: return apus_is_codebook_type(type) ? apus_codebook_rule() : (apus_value_rule){0};
    }
}

/// What 4 bits stand for in IQ4_NL and IQ4_XS, + 128.
extern const uint8_t apus_iq4_table[16];
/// What 4 bits (E2M1) stand for in MXFP4 and NVFP4, doubled, + 16.
extern const uint8_t apus_fp4_table[16];

/// The 16 values of a type whose blocks have indexes of 4 bits, or NULL.
static inline const uint8_t *apus_table_of(uint32_t type) {
    switch (type) {
    case APUS_IQ4_NL:
    case APUS_IQ4_XS: return apus_iq4_table;
    case APUS_MXFP4:
    case APUS_NVFP4: return apus_fp4_table;
    default: return NULL;
    }
}

/// Takes one block of a quantised type apart.
void apus_take_apart(uint32_t type, const void *block, apus_block_parts *parts);
/// As `apus_take_apart`, for codebook types.
void apus_take_apart_codebook(uint32_t type, const void *block, apus_block_parts *parts);

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

/// 2^(e − 128): half of an E8M0, since the values of `apus_fp4_table` are doubled.
static inline float apus_float_from_e8m0(uint8_t e) {
    const uint32_t bits = e < 2 ? (uint32_t)0x00200000 << e : (uint32_t)(e - 1) << 23;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/// Half of an unsigned E4M3 of 7 bits, likewise. 0x7f is 480 here.
static inline float apus_float_from_ue4m3(uint8_t bits) {
    // Moved up to the exponent of an f16, it is 2^8 times too small, subnormals too.
    return apus_float_from_f16((uint16_t)(bits << 7)) * 0x1p7f;
}

/// The power of two that multiplies d·scale.
static inline float apus_scale_unit(uint32_t type) {
    switch (type) {
    case APUS_IQ1_S:
    case APUS_IQ1_M:
    case APUS_IQ2_XXS:
    case APUS_IQ2_XS:
    case APUS_IQ2_S: return 0.125f;
    case APUS_IQ3_XXS: return 0.25f;
    default: return 1.0f;
    }
}

/// The scale of run `run` of a block: d·scale in most types, times `apus_scale_unit`.
static inline float apus_run_scale(uint32_t type, const apus_block_parts *parts, size_t run) {
    switch (type) {
    case APUS_MXFP4: return apus_float_from_e8m0((uint8_t)parts->d);
    case APUS_NVFP4: return apus_float_from_ue4m3((uint8_t)parts->scales[run]);
    default:
        return apus_float_from_f16(parts->d) * apus_scale_unit(type) * (float)parts->scales[run];
    }
}

#endif
