// SPDX-License-Identifier: Apache-2.0
#include "formats.h"

#include "formats_blocks.h"
#include "formats_layouts.h"

// A multiplication and an addition of the dequantiser are two roundings, as in gguf-py.
#pragma STDC FP_CONTRACT OFF

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
        [APUS_IQ2_XXS] = {"IQ2_XXS", 256, sizeof(block_iq2_xxs), true},
        [APUS_IQ2_XS] = {"IQ2_XS", 256, sizeof(block_iq2_xs), true},
        [APUS_IQ3_XXS] = {"IQ3_XXS", 256, sizeof(block_iq3_xxs), true},
        [APUS_IQ1_S] = {"IQ1_S", 256, sizeof(block_iq1_s), true},
        [APUS_IQ4_NL] = {"IQ4_NL", 32, sizeof(block_iq4_nl), true},
        [APUS_IQ3_S] = {"IQ3_S", 256, sizeof(block_iq3_s), true},
        [APUS_IQ2_S] = {"IQ2_S", 256, sizeof(block_iq2_s), true},
        [APUS_IQ4_XS] = {"IQ4_XS", 256, sizeof(block_iq4_xs), true},
        [APUS_IQ1_M] = {"IQ1_M", 256, sizeof(block_iq1_m), true},
        [APUS_TQ1_0] = {"TQ1_0", 256, sizeof(block_tq1_0), true},
        [APUS_TQ2_0] = {"TQ2_0", 256, sizeof(block_tq2_0), true},
        [APUS_MXFP4] = {"MXFP4", 32, sizeof(block_mxfp4), true},
        [APUS_NVFP4] = {"NVFP4", 64, sizeof(block_nvfp4), true},
    };
    if (type >= sizeof traits / sizeof traits[0] || traits[type].name == NULL) {
        return NULL;
    }
    return &traits[type];
}

// MARK: - Tables

const uint8_t apus_iq4_table[16] = {
    1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241,
};

const uint8_t apus_fp4_table[16] = {
    16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8, 4,
};

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

static void take_tq2_0(const block_tq2_0 *block, apus_block_parts *parts) {
    EACH_RUN EACH_COLUMN {
        parts->values[32 * run + l] = block->qs[run / 4 * 32 + l] >> run % 4 * 2 & 3;
        parts->scales[run] = 1;
    }
    parts->d = block->d;
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

static void take_iq4_xs(const block_iq4_xs *block, apus_block_parts *parts) {
    EACH_RUN {
        take_nibbles_32(block->qs + 16 * run, 0, parts->values + 32 * run);
        const int low = block->scales_l[run / 2] >> run % 2 * 4 & 15;
        const int high = block->scales_h >> run * 2 & 3;
        parts->scales[run] = (int8_t)((low | high << 4) - 32);
    }
    parts->d = block->d;
}

/// The scale as gguf-py reads it: the sign does not count, and of the two NaNs 0x7f is 0 and 0xff
/// the number that its bits would be.
static int8_t plain_ue4m3(uint8_t d) { return d == 0x7f ? 0 : (int8_t)(d & 0x7f); }

static void take_nvfp4(const block_nvfp4 *block, apus_block_parts *parts) {
    for (int run = 0; run < 4; run++) {
        for (int j = 0; j < 8; j++) {
            parts->values[16 * run + j] = block->qs[8 * run + j] & 15;
            parts->values[16 * run + 8 + j] = block->qs[8 * run + j] >> 4;
        }
        parts->scales[run] = plain_ue4m3(block->d[run]);
    }
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
    case APUS_IQ4_NL: {
        const block_iq4_nl *b = block;
        take_plain_scales(b->d, 0, parts);
        take_nibbles_32(b->qs, 0, parts->values);
        break;
    }
    case APUS_MXFP4: {
        const block_mxfp4 *b = block;
        parts->d = b->e;
        take_nibbles_32(b->qs, 0, parts->values);
        break;
    }
    case APUS_NVFP4: take_nvfp4(block, parts); break;
    case APUS_IQ4_XS: take_iq4_xs(block, parts); break;
    case APUS_TQ2_0: take_tq2_0(block, parts); break;
    case APUS_Q2_K: take_q2_K(block, parts); break;
    case APUS_Q3_K: take_q3_K(block, parts); break;
    case APUS_Q4_K: take_q4_K(block, parts); break;
    case APUS_Q5_K: take_q5_K(block, parts); break;
    case APUS_Q6_K: take_q6_K(block, parts); break;
    default: apus_take_apart_codebook(type, block, parts); break;
    }
}

// MARK: - Dequantising

static void dequantize_block(uint32_t type, const void *block, float *values) {
    const apus_value_rule rule = apus_value_rule_of(type);
    const uint8_t *table = apus_table_of(type);
    apus_block_parts parts;
    apus_take_apart(type, block, &parts);
    const uint32_t run_count = apus_traits(type)->block_length / rule.scale_columns;
    for (uint32_t run = 0; run < run_count; run++) {
        const float scale = apus_run_scale(type, &parts, run);
        const uint8_t *codes = parts.values + run * rule.scale_columns;
        float *run_values = values + run * rule.scale_columns;
        for (int i = 0; i < rule.scale_columns; i++) {
            const int q = table != NULL ? table[codes[i]] : codes[i];
            run_values[i] = scale * (float)(q - rule.offset);
        }
        if (rule.has_min) {
            const float min = apus_float_from_f16(parts.minimum) * (float)parts.mins[run];
            for (int i = 0; i < rule.scale_columns; i++) {
                run_values[i] = run_values[i] + min;
            }
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
