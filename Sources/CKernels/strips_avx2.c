// SPDX-License-Identifier: Apache-2.0
#include "strips_kernels.h"
#include "strips_layout.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define MAX_TILE 8
#define TILES TILES_8
#define MAX_BLOCK_TILE 6
#define BLOCK_TILES TILES_6
#include "strips_256.h"

INLINE ints offset_sum(ints negated_sum, const int offset, const int bits) {
    (void)bits; // values of 8 bits do not come here
    if (offset == 0) {
        return zero_ints();
    }
    EACH_PART {
        negated_sum.part[part] =
            _mm256_slli_epi32(negated_sum.part[part], __builtin_ctz((unsigned)offset));
    }
    return negated_sum;
}

/// |w − 128| and w − 128 of 8-bit weights w.
typedef struct {
    ints magnitudes;
    ints values;
} signed_line;

INLINE signed_line signed_from(line x) {
    signed_line y;
    EACH_PART {
        y.values.part[part] = _mm256_xor_si256(x.part[part], _mm256_set1_epi8((char)128));
        y.magnitudes.part[part] = _mm256_abs_epi8(y.values.part[part]);
    }
    return y;
}

/// sum + factor·pairs, where `factor` is each lane's int16, twice.
INLINE ints add_product(ints sum, ints factor, ints pairs) {
    EACH_PART {
        const __m256i product = _mm256_madd_epi16(pairs.part[part], factor.part[part]);
        sum.part[part] = _mm256_add_epi32(sum.part[part], product);
    }
    return sum;
}

/// sum + factor·quad·x. `maddubs` saturates, which 8-bit values could reach: those become
/// |w − 128| · ±x, two of which are at most 2 · 128 · 127.
INLINE ints add_signed_quad(ints sum, ints factor, signed_line quad, const int8_t *x) {
    const __m256i four = broadcast_quad(x);
    ints pairs;
    EACH_PART {
        const __m256i signs = _mm256_sign_epi8(four, quad.values.part[part]);
        pairs.part[part] = _mm256_maddubs_epi16(quad.magnitudes.part[part], signs);
    }
    return add_product(sum, factor, pairs);
}

/// pairs + the products of `count` quads of less than 8 bits, summed by twos, in int16.
INLINE ints add_pairs(ints pairs, const line *quads, const int8_t *x, const int count) {
    UNROLL for (int i = 0; i < count; i++) {
        const __m256i four = broadcast_quad(x + 4 * i);
        EACH_PART {
            const __m256i products = _mm256_maddubs_epi16(quads[i].part[part], four);
            pairs.part[part] = _mm256_add_epi16(pairs.part[part], products);
        }
    }
    return pairs;
}

/// Quads of less than 8 bits whose products add up in int16: 2 · (2^bits − 1) · 127 each.
INLINE int run_quads(const int bits) { return bits <= 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1; }

/// sum + Σ factor·quads[i]·x[4i…] over half a group.
INLINE ints add_half(ints sum, ints factor, const line *quads, const int8_t *x, const int bits) {
    const int half = APUS_GROUP_QUADS / 2, run = run_quads(bits) < half ? run_quads(bits) : half;
    UNROLL for (int i = 0; i < half; i += run) {
        sum = add_product(sum, factor, add_pairs(zero_ints(), quads + i, x + 4 * i, run));
    }
    return sum;
}

INLINE ints dot(ints sum, const line *quads, const int8_t *x, const int bits) {
    return add_half(sum, both(_mm256_set1_epi16(1)), quads, x, bits);
}

#include "strips_dots.h"

// MARK: - A tile's columns

/// Each lane's integer scale, a signed byte.
typedef bytes factors;
typedef ints scaled_sums;

/// Conversions and float sums wait for the units that dot products of int16 keep busy.
#define SUMS_LATER true

INLINE factors factors_from_unsigned(bytes x, const int bias) {
    return _mm_add_epi8(x, _mm_set1_epi8((char)bias));
}

INLINE factors factors_from_signed(bytes x) { return x; }

INLINE floats floats_from_scaled(scaled_sums x) { return floats_from_ints(x); }

/// Each lane's scale as int16, twice: `madd` multiplies with it what it would else multiply with 1.
INLINE ints twice(factors x) {
    // Of each int16, the lower byte is zero (−1 chooses none) until the shift.
    const __m256i first = _mm256_set_epi8(7, -1, 7, -1, 6, -1, 6, -1, 5, -1, 5, -1, 4, -1, 4, -1, //
                                          3, -1, 3, -1, 2, -1, 2, -1, 1, -1, 1, -1, 0, -1, 0, -1);
    const __m256i lanes = _mm256_broadcastsi128_si256(x);
    ints y;
    EACH_PART {
        const __m256i rows = _mm256_add_epi8(first, _mm256_set1_epi16((short)(8 * part * 256)));
        y.part[part] = _mm256_srai_epi16(_mm256_shuffle_epi8(lanes, rows), 8);
    }
    return y;
}

/// Whether sums of int16 begin at −offset·q. However far they wrap around on the way, they are right in the
/// end: an int16 has 8 products (weight − offset)·q of half a group, at most 8 · 32 · 127, or 16 of a whole
/// one, at most 16 · 16 · 127. Sums of 4 bits that have one scale for the group fit without that, and to
/// begin them at zero is cheaper.
INLINE bool is_centred(const apus_value_rule rule) {
    const bool has_halves = rule.scale_columns < APUS_GROUP_COLUMNS;
    return rule.offset > 0 && rule.offset <= (has_halves ? 32 : 16)
        && (has_halves || rule.value_bits > 4);
}

/// −offset·q of half `h` of a group, summed as `add_pairs` does.
INLINE __m256i offset_pairs(const apus_value_rule rule, const apus_activation_group *x, size_t h) {
    int32_t sums;
    __builtin_memcpy(&sums, x->negated_pair_sums[h], sizeof sums);
    return _mm256_slli_epi16(_mm256_set1_epi32(sums), __builtin_ctz((unsigned)rule.offset));
}

/// What a whole group's sum of pairs begins with.
INLINE ints start_pairs(const apus_value_rule rule, const apus_activation_group *x) {
    if (!is_centred(rule)) {
        return zero_ints();
    }
    return both(_mm256_add_epi16(offset_pairs(rule, x, 0), offset_pairs(rule, x, 1)));
}

/// What is added to it, once it is multiplied: a type with an offset that is not centred has no factor.
INLINE ints start_sum(const apus_value_rule rule, const apus_activation_group *x) {
    if (is_centred(rule)) {
        return zero_ints();
    }
    return offset_sum(broadcast_int(&x->negated_sum), rule.offset, rule.value_bits);
}

/// sum + Σ factor·(weight − offset)·q over half `h` of a group, centred or without an offset.
INLINE ints half_dot(const apus_value_rule rule, ints sum, ints factor, const line *quads,
                     const apus_activation_group *x, size_t h) {
    const int8_t *values = x->values + h * APUS_GROUP_COLUMNS / 2;
    if (!is_centred(rule)) {
        return add_half(sum, factor, quads, values, rule.value_bits);
    }
    const ints start = both(offset_pairs(rule, x, h));
    return add_product(sum, factor, add_pairs(start, quads, values, APUS_GROUP_QUADS / 2));
}

/// Columns of 8-bit weights whose sums stay in registers.
#define SIGNED_TILE 4

/// dots[c] = Σ factor·(weight − 128)·q over group `g` of each of `n` columns, of which SIGNED_TILE take a
/// quad before any of them takes the next.
INLINE void signed_tile_dots(const size_t n, const line *quads, ints low, ints high,
                             const apus_activation_group *const *x, size_t g, ints *dots) {
    UNROLL for (size_t first = 0; first < n; first += SIGNED_TILE) {
        const size_t count = n - first < SIGNED_TILE ? n - first : SIGNED_TILE;
        ints sums[SIGNED_TILE];
        UNROLL for (size_t c = 0; c < count; c++) {
            sums[c] = zero_ints();
        }
        UNROLL for (int i = 0; i < APUS_GROUP_QUADS; i++) {
            const signed_line quad = signed_from(quads[i]);
            const ints factor = i < APUS_GROUP_QUADS / 2 ? low : high;
            UNROLL for (size_t c = 0; c < count; c++) {
                const int8_t *values = x[first + c][g].values + 4 * i;
                sums[c] = add_signed_quad(sums[c], factor, quad, values);
            }
        }
        UNROLL for (size_t c = 0; c < count; c++) {
            dots[first + c] = sums[c];
        }
    }
}

/// dots[c] = Σ factor·(weight − offset)·q over group `g` of each of `n` columns, the halves with their
/// factors `low` and `high`. All columns take the first half before any takes the second: a half's
/// weights fit in the registers.
INLINE void tile_dots(const apus_value_rule rule, const size_t n, const line *quads, ints low,
                      ints high, const apus_activation_group *const *x, size_t g, ints *dots) {
    if (rule.value_bits == 8) {
        signed_tile_dots(n, quads, low, high, x, g, dots);
        return;
    }
    const int half = APUS_GROUP_QUADS / 2;
    const bool has_halves = rule.scale_columns < APUS_GROUP_COLUMNS;
    // Those of a whole group, which then has one factor.
    const bool adds_pairs = !has_halves && (is_centred(rule) || rule.value_bits <= 4);
    UNROLL for (size_t c = 0; c < n; c++) {
        const int8_t *values = x[c][g].values;
        if (adds_pairs) {
            dots[c] = add_pairs(start_pairs(rule, x[c] + g), quads, values, half);
        } else {
            dots[c] = half_dot(rule, zero_ints(), low, quads, x[c] + g, 0);
        }
    }
    UNROLL for (size_t c = 0; c < n; c++) {
        const int8_t *values = x[c][g].values + APUS_GROUP_COLUMNS / 2;
        if (adds_pairs) {
            const ints pairs = add_pairs(dots[c], quads + half, values, half);
            dots[c] = add_product(start_sum(rule, x[c] + g), low, pairs);
        } else {
            dots[c] = half_dot(rule, dots[c], high, quads + half, x[c] + g, 1);
        }
    }
}

/// As in strips_factors.h.
INLINE void group_dots(const apus_value_rule rule, const size_t n, const line *quads,
                       const apus_activation_group *const *x, size_t g, ints *dots) {
    const ints one = both(_mm256_set1_epi16(1));
    tile_dots(rule, n, quads, one, one, x, g, dots);
}

/// As in strips_factors.h, but in integers.
INLINE void scaled_dots(const apus_value_rule rule, const size_t n, const line *quads,
                        const factors *factor, const apus_activation_group *const *x, size_t g,
                        scaled_sums *dots) {
    const ints low = twice(factor[0]);
    const ints high = rule.scale_columns < APUS_GROUP_COLUMNS ? twice(factor[1]) : low;
    tile_dots(rule, n, quads, low, high, x, g, dots);
}

#include "strips_template.h"

apus_multiply_fn *apus_multiply_avx2(uint32_t type) { return kernel_of(type); }

#pragma clang attribute pop
#endif
