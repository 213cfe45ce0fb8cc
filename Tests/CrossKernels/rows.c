// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <string.h>

#include "checks.h"
#include "formats_layouts.h"

/// How a number that scales a block's values is stored.
typedef enum { HALF, SPLIT_HALF, E8M0, UE4M3, SINGLE, BRAIN } scale_kind;

typedef struct {
    uint32_t type;
    scale_kind kind;
    size_t offset; ///< in the block
} scale_field;

static const scale_field scale_fields[] = {
    {APUS_F32, SINGLE, 0},
    {APUS_F16, HALF, 0},
    {APUS_BF16, BRAIN, 0},
    {APUS_Q4_0, HALF, offsetof(block_q4_0, d)},
    {APUS_Q4_1, HALF, offsetof(block_q4_1, d)},
    {APUS_Q4_1, HALF, offsetof(block_q4_1, m)},
    {APUS_Q5_0, HALF, offsetof(block_q5_0, d)},
    {APUS_Q5_1, HALF, offsetof(block_q5_1, d)},
    {APUS_Q5_1, HALF, offsetof(block_q5_1, m)},
    {APUS_Q8_0, HALF, offsetof(block_q8_0, d)},
    {APUS_Q2_K, HALF, offsetof(block_q2_K, d)},
    {APUS_Q2_K, HALF, offsetof(block_q2_K, dmin)},
    {APUS_Q3_K, HALF, offsetof(block_q3_K, d)},
    {APUS_Q4_K, HALF, offsetof(block_q4_K, d)},
    {APUS_Q4_K, HALF, offsetof(block_q4_K, dmin)},
    {APUS_Q5_K, HALF, offsetof(block_q5_K, d)},
    {APUS_Q5_K, HALF, offsetof(block_q5_K, dmin)},
    {APUS_Q6_K, HALF, offsetof(block_q6_K, d)},
    {APUS_IQ1_S, HALF, offsetof(block_iq1_s, d)},
    {APUS_IQ1_M, SPLIT_HALF, offsetof(block_iq1_m, scales)},
    {APUS_IQ2_XXS, HALF, offsetof(block_iq2_xxs, d)},
    {APUS_IQ2_XS, HALF, offsetof(block_iq2_xs, d)},
    {APUS_IQ2_S, HALF, offsetof(block_iq2_s, d)},
    {APUS_IQ3_XXS, HALF, offsetof(block_iq3_xxs, d)},
    {APUS_IQ3_S, HALF, offsetof(block_iq3_s, d)},
    {APUS_IQ4_NL, HALF, offsetof(block_iq4_nl, d)},
    {APUS_IQ4_XS, HALF, offsetof(block_iq4_xs, d)},
    {APUS_TQ1_0, HALF, offsetof(block_tq1_0, d)},
    {APUS_TQ2_0, HALF, offsetof(block_tq2_0, d)},
    {APUS_MXFP4, E8M0, offsetof(block_mxfp4, e)},
    {APUS_NVFP4, UE4M3, offsetof(block_nvfp4, d)},
};

/// One of four exponents: of 2^−7 … 2^−3, for a format's bias, or of the smallest magnitudes.
static uint32_t random_exponent(row_kind rows, uint32_t bias) {
    return (rows == ORDINARY_ROWS ? bias - 7 : 0) + random_bits() % 4;
}

static void store_half(uint8_t *p, uint16_t bits) { memcpy(p, &bits, sizeof bits); }

/// The two upper bytes of a float32: a bfloat16.
static uint16_t random_upper_half(row_kind rows) {
    return (uint16_t)((random_bits() & 0x807f) | random_exponent(rows, 127) << 7);
}

static void fill_field(row_kind rows, scale_kind kind, uint8_t *field) {
    const uint16_t half = (uint16_t)((random_bits() & 0x83ff) | random_exponent(rows, 15) << 10);
    switch (kind) {
    case HALF: store_half(field, half); break;
    case SPLIT_HALF: // in the upper four bits of four words
        for (int i = 0; i < 4; i++) {
            field[2 * i + 1] = (uint8_t)((field[2 * i + 1] & 15) | (half >> 4 * i & 15) << 4);
        }
        break;
    case E8M0: field[0] = (uint8_t)random_exponent(rows, 127); break;
    case UE4M3:
        for (int i = 0; i < 4; i++) {
            field[i] = (uint8_t)(random_bits() & 0x7f);
        }
        break;
    case SINGLE: store_half(field + 2, random_upper_half(rows)); break;
    case BRAIN: store_half(field, random_upper_half(rows)); break;
    }
}

size_t row_bytes_of(uint32_t type, size_t width) {
    return width / apus_traits(type)->block_length * apus_traits(type)->block_bytes;
}

void fill_rows(uint32_t type, row_kind kind, size_t count, size_t width, uint8_t *rows) {
    for (size_t i = 0; i < count * row_bytes_of(type, width); i++) {
        rows[i] = (uint8_t)random_bits();
    }
    const size_t block_count = count * width / apus_traits(type)->block_length;
    bool is_known = false;
    for (size_t i = 0; i < sizeof scale_fields / sizeof scale_fields[0]; i++) {
        const scale_field field = scale_fields[i];
        is_known |= field.type == type;
        for (size_t b = 0; field.type == type && kind != ANY_ROWS && b < block_count; b++) {
            uint8_t *block = rows + b * apus_traits(type)->block_bytes;
            fill_field(kind, field.kind, block + field.offset);
        }
    }
    if (!is_known) {
        fail("%s: rows.c does not say where its scale is", apus_traits(type)->name);
    }
}
