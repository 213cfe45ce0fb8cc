// SPDX-License-Identifier: Apache-2.0
#include "formats.h"

#include "formats_blocks.h"

// A multiplication and an addition of the dequantiser are two roundings, as in gguf-py.
#pragma STDC FP_CONTRACT OFF

// MARK: - Blocks as they lie in a file (ggml's `ggml-common.h`)

#define PACKED __attribute__((packed))

/// 32 values d·(q − 8). Nibbles: low of qs[j] is column j, high column 16 + j.
typedef struct PACKED {
    uint16_t d;
    uint8_t qs[16];
} block_q4_0;

/// 32 values d·q + m.
typedef struct PACKED {
    uint16_t d, m;
    uint8_t qs[16];
} block_q4_1;

/// 32 values d·(q − 16). Bit j of qh is the fifth bit of column j.
typedef struct PACKED {
    uint16_t d;
    uint32_t qh;
    uint8_t qs[16];
} block_q5_0;

/// 32 values d·q + m.
typedef struct PACKED {
    uint16_t d, m;
    uint32_t qh;
    uint8_t qs[16];
} block_q5_1;

/// 32 values d·q.
typedef struct PACKED {
    uint16_t d;
    int8_t qs[32];
} block_q8_0;

/// 16 × 16 values d·scale·q − dmin·min; a byte of scales is scale | min << 4.
/// Column 128h + 32s + l is bits 2s and 2s+1 of qs[32h + l].
typedef struct PACKED {
    uint8_t scales[16];
    uint8_t qs[64];
    uint16_t d, dmin;
} block_q2_K;

/// 16 × 16 values d·(scale − 32)·(q − 4). Low two bits in qs as in Q2_K; the third bit of column
/// 32g + l is bit g of hmask[l]. Scales: low nibbles of bytes 0…7 are scales 0…7, high nibbles
/// scales 8…15, and bytes 8…11 hold the upper two bits of scales i, i+4, i+8, i+12.
typedef struct PACKED {
    uint8_t hmask[32];
    uint8_t qs[64];
    uint8_t scales[12];
    uint16_t d;
} block_q3_K;

/// 8 × 32 values d·scale·q − dmin·min. Nibbles: low of qs[32h + l] is column 64h + l, high column
/// 64h + 32 + l.
typedef struct PACKED {
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t qs[128];
} block_q4_K;

/// As Q4_K; bit g of qh[l] is the fifth bit of column 32g + l.
typedef struct PACKED {
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t qh[32];
    uint8_t qs[128];
} block_q5_K;

/// 16 × 16 values d·scale·(q − 32). Within half h of 128 columns: low nibbles of ql[64h …] are
/// columns 0…63, high nibbles 64…127; bits 2s and 2s+1 of qh[32h + l] are the upper two bits of
/// column 32s + l.
typedef struct PACKED {
    uint8_t ql[128];
    uint8_t qh[64];
    int8_t scales[16];
    uint16_t d;
} block_q6_K;

// MARK: - Traits

const apus_type_traits *apus_traits(uint32_t type) {
    static const apus_type_traits traits[] = {
        [APUS_F32] = {"F32", 1, sizeof(float), false},
        [APUS_F16] = {"F16", 1, sizeof(uint16_t), false},
        [APUS_BF16] = {"BF16", 1, sizeof(uint16_t), false},
        [APUS_Q4_0] = {"Q4_0", 32, sizeof(block_q4_0), true},
        [APUS_Q4_1] = {"Q4_1", 32, sizeof(block_q4_1), true},
        [APUS_Q5_0] = {"Q5_0", 32, sizeof(block_q5_0), true},
        [APUS_Q5_1] = {"Q5_1", 32, sizeof(block_q5_1), true},
        [APUS_Q8_0] = {"Q8_0", 32, sizeof(block_q8_0), true},
        [APUS_Q2_K] = {"Q2_K", 256, sizeof(block_q2_K), true},
        [APUS_Q3_K] = {"Q3_K", 256, sizeof(block_q3_K), true},
        [APUS_Q4_K] = {"Q4_K", 256, sizeof(block_q4_K), true},
        [APUS_Q5_K] = {"Q5_K", 256, sizeof(block_q5_K), true},
        [APUS_Q6_K] = {"Q6_K", 256, sizeof(block_q6_K), true},
    };
    if (type >= sizeof traits / sizeof traits[0] || traits[type].name == NULL) {
        return NULL;
    }
    return &traits[type];
}

// MARK: - Taking blocks apart

/// The f16 number −x.
static uint16_t negated_f16(uint16_t x) { return x ^ 0x8000; }

/// Types of 32 columns: d and m are the scale and the min.
static void take_plain_scales(uint16_t d, uint16_t m, apus_block_parts *parts) {
    parts->d = d;
    parts->minimum = m;
    parts->scales[0] = 1;
    parts->mins[0] = 1;
}

/// values[j] and values[16 + j] from the nibbles of qs[j] and bits j and 16 + j of qh.
static void take_nibbles_32(const uint8_t *qs, uint32_t qh, uint8_t *values) {
    for (int j = 0; j < 16; j++) {
        values[j] = (uint8_t)((qs[j] & 15) | (qh >> j & 1) << 4);
        values[16 + j] = (uint8_t)(qs[j] >> 4 | (qh >> (16 + j) & 1) << 4);
    }
}

/// The 6-bit scales and mins of Q4_K and Q5_K: pairs 0…3 in the low six bits of bytes i and 4 + i,
/// pairs 4…7 in the nibbles of bytes 4 + i and the upper two bits of bytes i − 4 and i.
static void take_six_bit_pairs(const uint8_t *packed, int8_t *scales, int8_t *mins) {
    for (int i = 0; i < 4; i++) {
        scales[i] = packed[i] & 63;
        mins[i] = packed[4 + i] & 63;
        scales[4 + i] = (int8_t)((packed[8 + i] & 15) | packed[i] >> 6 << 4);
        mins[4 + i] = (int8_t)(packed[8 + i] >> 4 | packed[4 + i] >> 6 << 4);
    }
}

/// Columns of a K-quant are taken in runs of 32, whose bits lie in consecutive bytes.
#define EACH_RUN for (int run = 0; run < 8; run++)
#define EACH_COLUMN for (int l = 0; l < 32; l++)

static void take_q2_K(const block_q2_K *block, apus_block_parts *parts) {
    EACH_RUN EACH_COLUMN {
        parts->values[32 * run + l] = block->qs[run / 4 * 32 + l] >> run % 4 * 2 & 3;
    }
    for (int i = 0; i < 16; i++) {
        parts->scales[i] = block->scales[i] & 15;
        parts->mins[i] = (int8_t)(block->scales[i] >> 4);
    }
    parts->d = block->d;
    parts->minimum = negated_f16(block->dmin);
}

static void take_q3_K(const block_q3_K *block, apus_block_parts *parts) {
    EACH_RUN EACH_COLUMN {
        const int low = block->qs[run / 4 * 32 + l] >> run % 4 * 2 & 3;
        parts->values[32 * run + l] = (uint8_t)(low | (block->hmask[l] >> run & 1) << 2);
    }
    for (int i = 0; i < 16; i++) {
        const int low = block->scales[i % 8] >> i / 8 * 4 & 15;
        const int high = block->scales[8 + i % 4] >> i / 4 * 2 & 3;
        parts->scales[i] = (int8_t)((low | high << 4) - 32);
    }
    parts->d = block->d;
}

static void take_q4_K(const block_q4_K *block, apus_block_parts *parts) {
    EACH_RUN EACH_COLUMN {
        parts->values[32 * run + l] = block->qs[run / 2 * 32 + l] >> run % 2 * 4 & 15;
    }
    take_six_bit_pairs(block->scales, parts->scales, parts->mins);
    parts->d = block->d;
    parts->minimum = negated_f16(block->dmin);
}

static void take_q5_K(const block_q5_K *block, apus_block_parts *parts) {
    EACH_RUN EACH_COLUMN {
        const int low = block->qs[run / 2 * 32 + l] >> run % 2 * 4 & 15;
        parts->values[32 * run + l] = (uint8_t)(low | (block->qh[l] >> run & 1) << 4);
    }
    take_six_bit_pairs(block->scales, parts->scales, parts->mins);
    parts->d = block->d;
    parts->minimum = negated_f16(block->dmin);
}

static void take_q6_K(const block_q6_K *block, apus_block_parts *parts) {
    EACH_RUN EACH_COLUMN {
        const int low = block->ql[run / 4 * 64 + run % 2 * 32 + l] >> run / 2 % 2 * 4 & 15;
        const int high = block->qh[run / 4 * 32 + l] >> run % 4 * 2 & 3;
        parts->values[32 * run + l] = (uint8_t)(low | high << 4);
    }
    memcpy(parts->scales, block->scales, sizeof block->scales);
    parts->d = block->d;
}

void apus_take_apart(uint32_t type, const void *block, apus_block_parts *parts) {
    switch (type) {
    case APUS_Q4_0: {
        const block_q4_0 *b = block;
        take_plain_scales(b->d, 0, parts);
        take_nibbles_32(b->qs, 0, parts->values);
        break;
    }
    case APUS_Q4_1: {
        const block_q4_1 *b = block;
        take_plain_scales(b->d, b->m, parts);
        take_nibbles_32(b->qs, 0, parts->values);
        break;
    }
    case APUS_Q5_0: {
        const block_q5_0 *b = block;
        take_plain_scales(b->d, 0, parts);
        take_nibbles_32(b->qs, b->qh, parts->values);
        break;
    }
    case APUS_Q5_1: {
        const block_q5_1 *b = block;
        take_plain_scales(b->d, b->m, parts);
        take_nibbles_32(b->qs, b->qh, parts->values);
        break;
    }
    case APUS_Q8_0: {
        const block_q8_0 *b = block;
        take_plain_scales(b->d, 0, parts);
        for (int j = 0; j < 32; j++) {
            parts->values[j] = (uint8_t)(b->qs[j] + 128);
        }
        break;
    }
    case APUS_Q2_K: take_q2_K(block, parts); break;
    case APUS_Q3_K: take_q3_K(block, parts); break;
    case APUS_Q4_K: take_q4_K(block, parts); break;
    case APUS_Q5_K: take_q5_K(block, parts); break;
    case APUS_Q6_K: take_q6_K(block, parts); break;
    default: break;
    }
}

// MARK: - Dequantising

static void dequantize_block(uint32_t type, const void *block, float *values) {
    const apus_value_rule rule = apus_value_rule_of(type);
    apus_block_parts parts;
    apus_take_apart(type, block, &parts);
    const float d = apus_float_from_f16(parts.d);
    for (uint32_t i = 0; i < apus_traits(type)->block_length; i++) {
        const uint32_t run = i / rule.scale_columns;
        const float scale = d * (float)parts.scales[run];
        values[i] = scale * (float)((int)parts.values[i] - rule.offset);
        if (rule.has_min) {
            values[i] = values[i] + apus_float_from_f16(parts.minimum) * (float)parts.mins[run];
        }
    }
}

void apus_dequantize(uint32_t type, const void *blocks, float *values, size_t count) {
    const apus_type_traits *traits = apus_traits(type);
    if (traits == NULL) {
        return;
    }
    const uint8_t *bytes = blocks;
    if (traits->is_quantized) {
        for (size_t i = 0; i < count; i += traits->block_length, bytes += traits->block_bytes) {
            dequantize_block(type, bytes, values + i);
        }
    } else if (type == APUS_F32) {
        memcpy(values, bytes, count * sizeof(float));
    } else {
        for (size_t i = 0; i < count; i++) {
            uint16_t bits;
            memcpy(&bits, bytes + 2 * i, sizeof bits);
            values[i] = type == APUS_F16 ? apus_float_from_f16(bits) : apus_float_from_bf16(bits);
        }
    }
}
