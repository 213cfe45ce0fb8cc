// SPDX-License-Identifier: Apache-2.0
#include "strips_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define MAX_TILE 8
#define TILES TILES_8
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

/// Quads whose pair sums add up in int16: 2 · (2^bits − 1) · 127 each.
INLINE int run_quads(const int bits) { return bits <= 4 ? 8 : bits == 5 ? 4 : bits == 6 ? 2 : 1; }

/// sum + Σ factor·quads[i]·x[4i…] over `count` quads, where `factor` is each lane's int16, twice.
INLINE ints add_products(ints sum, ints factor, const line *quads, const int8_t *x,
                         const int count, const int bits) {
    const int run = run_quads(bits) < count ? run_quads(bits) : count;
    UNROLL for (int i = 0; i < count; i += run) {
        ints pairs = zero_ints();
        UNROLL for (int j = i; j < i + run; j++) {
            const __m256i quad = broadcast_quad(x + 4 * j);
            EACH_PART {
                const __m256i products = pair_sums(quads[j].part[part], quad, bits);
                pairs.part[part] = _mm256_add_epi16(pairs.part[part], products);
            }
        }
        EACH_PART pairs.part[part] = _mm256_madd_epi16(pairs.part[part], factor.part[part]);
        sum = add(sum, pairs);
    }
    return sum;
}

INLINE ints dot(ints sum, const line *quads, const int8_t *x, const int bits) {
    return add_products(sum, both(_mm256_set1_epi16(1)), quads, x, 4, bits);
}

#include "strips_dots.h"

// MARK: - Integer scales

/// Each lane's scale as int16, twice: `madd` multiplies with it what it would else multiply with 1.
typedef ints factors;

INLINE factors factors_from_ints(ints x) {
    EACH_PART {
        const __m256i lower = _mm256_and_si256(x.part[part], _mm256_set1_epi32(0xffff));
        x.part[part] = _mm256_or_si256(_mm256_slli_epi32(x.part[part], 16), lower);
    }
    return x;
}

INLINE factors factors_from_unsigned(bytes x, const int bias) {
    return factors_from_ints(ints_from_unsigned(x, bias));
}

INLINE factors factors_from_signed(bytes x) { return factors_from_ints(ints_from_signed(x)); }

/// factor·sum, for sums that fit in int16.
INLINE ints scaled_sum(factors factor, ints sum) {
    EACH_PART {
        const __m256i once = _mm256_and_si256(factor.part[part], _mm256_set1_epi32(0xffff));
        sum.part[part] = _mm256_madd_epi16(sum.part[part], once);
    }
    return sum;
}

/// Σ −offset·factor·q over the halves of a group.
INLINE ints offset_of_halves(const apus_value_rule rule, const factors *factor,
                             const apus_activation_group *x) {
    // low·a + high·b = low·(a − b) + (low + high)·b
    factors difference;
    EACH_PART {
        difference.part[part] = _mm256_sub_epi16(factor[0].part[part], factor[1].part[part]);
    }
    const ints low = scaled_sum(difference, broadcast_int(&x->negated_low_sum));
    const ints whole = scaled_sum(factor[1], broadcast_int(&x->negated_sum));
    return offset_sum(add(low, whole), rule.offset, rule.value_bits);
}

INLINE floats scaled_dot(const apus_value_rule rule, const line *quads, const factors *factor,
                         const apus_activation_group *x) {
    const int bits = rule.value_bits;
    if (rule.scale_columns == APUS_GROUP_COLUMNS) {
        const ints offset = scaled_sum(factor[0], broadcast_int(&x->negated_sum));
        const ints total = offset_sum(offset, rule.offset, bits);
        return floats_from_ints(add_products(total, factor[0], quads, x->values, 8, bits));
    }
    ints total = rule.offset > 0 ? offset_of_halves(rule, factor, x) : zero_ints();
    total = add_products(total, factor[0], quads, x->values, 4, bits);
    total = add_products(total, factor[1], quads + 4, x->values + 16, 4, bits);
    return floats_from_ints(total);
}

#include "strips_template.h"

apus_multiply_fn *apus_multiply_avx2(uint32_t type) { return kernel_of(type); }

#pragma clang attribute pop
#endif
