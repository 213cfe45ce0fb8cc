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
    // `dot` takes 8-bit values as signed ones, which have no offset.
    if (offset == 0 || bits == 8) {
        return zero_ints();
    }
    EACH_PART {
        negated_sum.part[part] =
            _mm256_slli_epi32(negated_sum.part[part], __builtin_ctz((unsigned)offset));
    }
    return negated_sum;
}

/// Sums of two products of a quad as int16. `maddubs` saturates, which 8-bit values could reach:
/// those become |w − 128| · ±x, at most 2 · 128 · 127.
INLINE __m256i pair_sums(__m256i weights, __m256i x, const int bits) {
    if (bits == 8) {
        const __m256i w = _mm256_xor_si256(weights, _mm256_set1_epi8((char)128));
        return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    }
    return _mm256_maddubs_epi16(weights, x);
}

/// pairs + the pair sums of `count` quads, in int16.
INLINE ints add_pairs(ints pairs, const line *quads, const int8_t *x, const int count,
                      const int bits) {
    UNROLL for (int i = 0; i < count; i++) {
        const __m256i quad = broadcast_quad(x + 4 * i);
        EACH_PART {
            const __m256i products = pair_sums(quads[i].part[part], quad, bits);
            pairs.part[part] = _mm256_add_epi16(pairs.part[part], products);
        }
    }
    return pairs;
}

/// sum + factor·pairs, where `factor` is each lane's int16, twice.
INLINE ints add_product(ints sum, ints factor, ints pairs) {
    EACH_PART {
        const __m256i product = _mm256_madd_epi16(pairs.part[part], factor.part[part]);
        sum.part[part] = _mm256_add_epi32(sum.part[part], product);
    }
    return sum;
}

/// Quads whose pair sums add up in int16: 2 · (2^bits − 1) · 127 each.
INLINE int run_quads(const int bits) { return bits <= 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1; }

/// sum + Σ factor·quads[i]·x[4i…] over half a group.
INLINE ints add_half(ints sum, ints factor, const line *quads, const int8_t *x, const int bits) {
    const int half = APUS_GROUP_QUADS / 2, run = run_quads(bits) < half ? run_quads(bits) : half;
    UNROLL for (int i = 0; i < half; i += run) {
        sum = add_product(sum, factor, add_pairs(zero_ints(), quads + i, x + 4 * i, run, bits));
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

/// Σ −offset·factor·q over a group whose halves have the factors `low` and `high`.
INLINE ints offset_products(const apus_value_rule rule, ints low, ints high,
                            const apus_activation_group *x) {
    // `pair_sums` takes 8-bit values as signed ones, which have no offset.
    if (rule.offset == 0 || rule.value_bits == 8) {
        return zero_ints();
    }
    // low·a + high·b = (low − high)·a + high·(a + b), both products by one `madd`.
    _Static_assert(offsetof(apus_activation_group, negated_low_sum)
                       == offsetof(apus_activation_group, negated_sum) + sizeof(int32_t),
                   "both sums are one load");
    int64_t sums;
    __builtin_memcpy(&sums, &x->negated_sum, sizeof sums);
    const __m256i a_and_sum =
        _mm256_shuffle_epi8(_mm256_set1_epi64x(sums), _mm256_set1_epi32(0x01000504));
    EACH_PART {
        const __m256i difference = _mm256_sub_epi16(low.part[part], high.part[part]);
        const __m256i both = _mm256_blend_epi16(difference, high.part[part], 0xaa);
        const __m256i scaled = _mm256_slli_epi16(both, __builtin_ctz((unsigned)rule.offset));
        low.part[part] = _mm256_madd_epi16(scaled, a_and_sum);
    }
    return low;
}

/// dots[c] = Σ factor·(weight − offset)·q over group `g` of each of `n` columns, the halves with their
/// factors `low` and `high`. All columns take the first half before any takes the second: a half's
/// weights fit in the registers.
INLINE void tile_dots(const apus_value_rule rule, const size_t n, const line *quads, ints low,
                      ints high, const apus_activation_group *const *x, size_t g, ints *dots) {
    const int bits = rule.value_bits, half = APUS_GROUP_QUADS / 2;
    const bool has_halves = rule.scale_columns < APUS_GROUP_COLUMNS;
    const bool adds_pairs = run_quads(bits) == APUS_GROUP_QUADS && !has_halves;
    UNROLL for (size_t c = 0; c < n; c++) {
        const int8_t *values = x[c][g].values;
        if (adds_pairs) {
            dots[c] = add_pairs(zero_ints(), quads, values, half, bits);
        } else {
            const ints offset = offset_products(rule, low, high, x[c] + g);
            dots[c] = add_half(offset, low, quads, values, bits);
        }
    }
    UNROLL for (size_t c = 0; c < n; c++) {
        const int8_t *values = x[c][g].values + APUS_GROUP_COLUMNS / 2;
        if (adds_pairs) {
            const ints offset = offset_products(rule, low, high, x[c] + g);
            dots[c] = add_product(offset, low, add_pairs(dots[c], quads + half, values, half, bits));
        } else {
            dots[c] = add_half(dots[c], high, quads + half, values, bits);
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
