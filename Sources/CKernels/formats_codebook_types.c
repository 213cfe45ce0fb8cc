// SPDX-License-Identifier: Apache-2.0

/// Unpacking of the types whose values are entries of codebooks, or digits.
#include "formats_blocks.h"
#include "formats_codebooks.h"
#include "formats_layouts.h"

// MARK: - Codebooks

#define BYTE(level, i) ((uint64_t)(level) << 8 * (i))
#define EIGHT(LEVEL, code) \
    (BYTE(LEVEL((code) & 3), 0) | BYTE(LEVEL((code) >> 2 & 3), 1) \
     | BYTE(LEVEL((code) >> 4 & 3), 2) | BYTE(LEVEL((code) >> 6 & 3), 3) \
     | BYTE(LEVEL((code) >> 8 & 3), 4) | BYTE(LEVEL((code) >> 10 & 3), 5) \
     | BYTE(LEVEL((code) >> 12 & 3), 6) | BYTE(LEVEL((code) >> 14 & 3), 7))
#define FOUR(LEVEL, code) \
    ((uint32_t)(BYTE(LEVEL((code) & 7), 0) | BYTE(LEVEL((code) >> 4 & 7), 1) \
                | BYTE(LEVEL((code) >> 8 & 7), 2) | BYTE(LEVEL((code) >> 12 & 7), 3)))

/// Eight times −1, 0, 1, as q.
#define IQ1_LEVEL(c) (APUS_CODEBOOK_OFFSET - 8 + 8 * (c))
/// Magnitudes 8, 25, 43.
#define IQ2_LEVEL(c) (8 + 17 * (c) + (c) / 2)
/// Magnitudes 4, 12 … 52, 62.
#define IQ3_XXS_LEVEL(c) (4 + 8 * (c) + (c) / 7 * 2)
/// Magnitudes 1, 3 … 15.
#define IQ3_S_LEVEL(c) (1 + 2 * (c))

#define IQ1_ENTRY(code) EIGHT(IQ1_LEVEL, code),
#define IQ2_ENTRY(code) EIGHT(IQ2_LEVEL, code),
#define IQ3_XXS_ENTRY(code) FOUR(IQ3_XXS_LEVEL, code),
#define IQ3_S_ENTRY(code) FOUR(IQ3_S_LEVEL, code),

static const uint64_t iq1_codebook[2048] = {APUS_IQ1_S_CODEBOOK(IQ1_ENTRY)};
static const uint64_t iq2_xxs_codebook[256] = {APUS_IQ2_XXS_CODEBOOK(IQ2_ENTRY)};
static const uint64_t iq2_xs_codebook[512] = {APUS_IQ2_XS_CODEBOOK(IQ2_ENTRY)};
static const uint64_t iq2_s_codebook[1024] = {APUS_IQ2_S_CODEBOOK(IQ2_ENTRY)};
static const uint32_t iq3_xxs_codebook[256] = {APUS_IQ3_XXS_CODEBOOK(IQ3_XXS_ENTRY)};
static const uint32_t iq3_s_codebook[512] = {APUS_IQ3_S_CODEBOOK(IQ3_S_ENTRY)};

// MARK: - Signs

typedef uint8_t bytes_32 __attribute__((vector_size(32)));

/// values[i] = offset ± magnitude i of 32, minus where bit i of `signs`.
static inline void put_signed(const uint64_t magnitudes[4], uint32_t signs, uint8_t *values) {
    const uint32_t repeated[8] = {signs, signs, signs, signs, signs, signs, signs, signs};
    bytes_32 q, spread;
    memcpy(&q, magnitudes, sizeof q);
    memcpy(&spread, repeated, sizeof spread);
    // Upper bytes come from the upper half, which some instructions do not shuffle with the lower.
    spread = __builtin_shufflevector(
        spread, spread, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 18, 18, 18, 18, 18, 18, 18,
        18, 19, 19, 19, 19, 19, 19, 19, 19);
    const bytes_32 bits = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128,
                           1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const bytes_32 minus = (bytes_32)((spread & bits) == bits);
    q = (q ^ minus) - minus + APUS_CODEBOOK_OFFSET;
    memcpy(values, &q, sizeof q);
}

/// Four bytes of signs of 7 bits, with the eighth that makes each even.
static inline uint32_t with_eighth_sign(uint32_t sevens) {
    uint32_t parity = sevens ^ sevens >> 4;
    parity ^= parity >> 2;
    parity ^= parity >> 1;
    return sevens | (parity & 0x01010101) << 7;
}

/// The same from 4 × 7 bits.
static inline uint32_t signs_from_sevens(uint32_t packed) {
    return with_eighth_sign((packed & 0x7f) | (packed << 1 & 0x7f00) | (packed << 2 & 0x7f0000)
                            | (packed << 3 & 0x7f000000));
}

// MARK: - Types

/// Columns are taken in groups of 32, which are four entries, or eight.
#define EACH_GROUP for (int g = 0; g < 8; g++)

/// 2·scale + 1.
static inline int8_t odd_scale(unsigned scale) { return (int8_t)(2 * scale + 1); }

/// The same scale for both halves of a group.
static inline void put_scale(unsigned scale, int8_t *scales) {
    scales[0] = scales[1] = odd_scale(scale);
}

/// The halves' scales, from two nibbles.
static inline void put_scales(unsigned nibbles, int8_t *scales) {
    scales[0] = odd_scale(nibbles & 15);
    scales[1] = odd_scale(nibbles >> 4);
}

static void take_iq2_xxs(const block_iq2_xxs *block, apus_block_parts *parts) {
    EACH_GROUP {
        const uint32_t entries = block->qs[g][0], rest = block->qs[g][1];
        const uint64_t magnitudes[4] = {
            iq2_xxs_codebook[entries & 255],
            iq2_xxs_codebook[entries >> 8 & 255],
            iq2_xxs_codebook[entries >> 16 & 255],
            iq2_xxs_codebook[entries >> 24],
        };
        put_signed(magnitudes, signs_from_sevens(rest), parts->values + 32 * g);
        put_scale(rest >> 28, parts->scales + 2 * g);
    }
    parts->d = block->d;
}

static void take_iq2_xs(const block_iq2_xs *block, apus_block_parts *parts) {
    EACH_GROUP {
        uint64_t magnitudes[4];
        uint32_t sevens = 0;
        for (int s = 0; s < 4; s++) {
            const uint32_t q = block->qs[4 * g + s];
            magnitudes[s] = iq2_xs_codebook[q & 511];
            sevens |= q >> 9 << 8 * s;
        }
        put_signed(magnitudes, with_eighth_sign(sevens), parts->values + 32 * g);
        put_scales(block->scales[g], parts->scales + 2 * g);
    }
    parts->d = block->d;
}

/// The four bytes of signs of a group.
static inline uint32_t signs_of_group(const uint8_t *signs, int g) {
    uint32_t bits;
    memcpy(&bits, signs + g * sizeof bits, sizeof bits);
    return bits;
}

static void take_iq2_s(const block_iq2_s *block, apus_block_parts *parts) {
    EACH_GROUP {
        uint64_t magnitudes[4];
        for (int s = 0; s < 4; s++) {
            const uint32_t upper = block->qh[g] << (8 - 2 * s) & 0x300;
            magnitudes[s] = iq2_s_codebook[block->qs[4 * g + s] | upper];
        }
        put_signed(magnitudes, signs_of_group(block->signs, g), parts->values + 32 * g);
        put_scales(block->scales[g], parts->scales + 2 * g);
    }
    parts->d = block->d;
}

/// 8 columns that are two entries.
static inline uint64_t two_entries(const uint32_t *codebook, uint32_t first, uint32_t second) {
    return codebook[first] | (uint64_t)codebook[second] << 32;
}

static void take_iq3_xxs(const block_iq3_xxs *block, apus_block_parts *parts) {
    EACH_GROUP {
        const uint8_t *qs = block->qs + 8 * g;
        const uint32_t rest = block->scales_and_signs[g];
        uint64_t magnitudes[4];
        for (int s = 0; s < 4; s++) {
            magnitudes[s] = two_entries(iq3_xxs_codebook, qs[2 * s], qs[2 * s + 1]);
        }
        put_signed(magnitudes, signs_from_sevens(rest), parts->values + 32 * g);
        put_scale(rest >> 28, parts->scales + 2 * g);
    }
    parts->d = block->d;
}

static void take_iq3_s(const block_iq3_s *block, apus_block_parts *parts) {
    EACH_GROUP {
        const uint8_t *qs = block->qs + 8 * g;
        const uint32_t ninths = block->qh[g];
        uint64_t magnitudes[4];
        for (int s = 0; s < 4; s++) {
            const uint32_t first = qs[2 * s] | (ninths << (8 - 2 * s) & 0x100);
            const uint32_t second = qs[2 * s + 1] | (ninths << (7 - 2 * s) & 0x100);
            magnitudes[s] = two_entries(iq3_s_codebook, first, second);
        }
        put_signed(magnitudes, signs_of_group(block->signs, g), parts->values + 32 * g);
        put_scale(block->scales[g / 2] >> g % 2 * 4 & 15, parts->scales + 2 * g);
    }
    parts->d = block->d;
}

/// The 8 columns of an entry of IQ1: eight times the level, plus one or minus one.
static inline void put_shifted(uint32_t entry, bool is_minus, uint8_t *values) {
    const uint64_t ones = 0x0101010101010101;
    const uint64_t q = iq1_codebook[entry] + (is_minus ? 0 - ones : ones);
    memcpy(values, &q, sizeof q);
}

static void take_iq1_s(const block_iq1_s *block, apus_block_parts *parts) {
    EACH_GROUP {
        const uint32_t qh = block->qh[g];
        for (int s = 0; s < 4; s++) {
            const uint32_t entry = block->qs[4 * g + s] | (qh << 8 >> 3 * s & 0x700);
            put_shifted(entry, qh >> 15, parts->values + 32 * g + 8 * s);
        }
        put_scale(qh >> 12 & 7, parts->scales + 2 * g);
    }
    parts->d = block->d;
}

static void take_iq1_m(const block_iq1_m *block, apus_block_parts *parts) {
    EACH_GROUP {
        const uint32_t qh = block->qh[2 * g] | (uint32_t)block->qh[2 * g + 1] << 8;
        for (int s = 0; s < 4; s++) {
            const uint32_t entry = block->qs[4 * g + s] | (qh << 8 >> 4 * s & 0x700);
            put_shifted(entry, qh >> (4 * s + 3) & 1, parts->values + 32 * g + 8 * s);
        }
        const uint32_t scales = block->scales[g / 2] >> g % 2 * 6;
        parts->scales[2 * g] = odd_scale(scales & 7);
        parts->scales[2 * g + 1] = odd_scale(scales >> 3 & 7);
    }
    parts->d = 0;
    for (int i = 0; i < 4; i++) {
        parts->d |= (uint16_t)(block->scales[i] >> 12 << 4 * i);
    }
}

typedef uint8_t bytes_16 __attribute__((vector_size(16)));

/// `digit_count` digits of each of `byte_count` ≤ 16 bytes, a digit `stride` after the one before.
static inline void take_digits(const uint8_t *bytes, size_t byte_count, size_t digit_count,
                               size_t stride, uint8_t *values) {
    bytes_16 rest = {0};
    memcpy(&rest, bytes, byte_count);
    for (size_t n = 0; n < digit_count; n++) {
        // The digit is what carries in a multiplication by 3; comparisons are −1 where they hold.
        const bytes_16 minus_digit = (bytes_16)(rest >= 86) + (bytes_16)(rest >= 171);
        const bytes_16 q = APUS_CODEBOOK_OFFSET - 1 - minus_digit;
        memcpy(values + stride * n, &q, byte_count);
        rest = rest + rest + rest;
    }
}

static void take_tq1_0(const block_tq1_0 *block, apus_block_parts *parts) {
    take_digits(block->qs, 16, 5, 32, parts->values);
    take_digits(block->qs + 16, 16, 5, 32, parts->values + 16);
    take_digits(block->qs + 32, 16, 5, 16, parts->values + 160);
    take_digits(block->qh, 4, 4, 4, parts->values + 240);
    memset(parts->scales, 1, sizeof parts->scales);
    parts->d = block->d;
}

void apus_take_apart_codebook(uint32_t type, const void *block, apus_block_parts *parts) {
    switch (type) {
    case APUS_IQ1_S: take_iq1_s(block, parts); break;
    case APUS_IQ1_M: take_iq1_m(block, parts); break;
    case APUS_IQ2_XXS: take_iq2_xxs(block, parts); break;
    case APUS_IQ2_XS: take_iq2_xs(block, parts); break;
    case APUS_IQ2_S: take_iq2_s(block, parts); break;
    case APUS_IQ3_XXS: take_iq3_xxs(block, parts); break;
    case APUS_IQ3_S: take_iq3_s(block, parts); break;
    case APUS_TQ1_0: take_tq1_0(block, parts); break;
    default: break;
    }
}
