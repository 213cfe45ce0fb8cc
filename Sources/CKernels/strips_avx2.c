// SPDX-License-Identifier: Apache-2.0
#include "strips_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define MAX_TILE 6
#define TILES TILES_6
#include "strips_256.h"

INLINE ints offset_sum(ints negated_sum, const int offset, const int bits) {
    // `dot` takes 8-bit values as signed ones, which have no offset.
    if (offset == 0 || bits == 8) {
        return zero_ints();
    }
    return _mm256_slli_epi32(negated_sum, __builtin_ctz((unsigned)offset));
}

/// Sums of two products of a quad as int16. `maddubs` saturates, which 8-bit values could reach:
/// those become |w − 128| · ±x, at most 2 · 128 · 127.
INLINE __m256i pair_sums(line weights, __m256i x, const int bits) {
    if (bits == 8) {
        const __m256i w = _mm256_xor_si256(weights, _mm256_set1_epi8((char)128));
        return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    }
    return _mm256_maddubs_epi16(weights, x);
}

INLINE ints dot(ints sum, const line *quads, const int8_t *x, const int bits) {
    // Quads whose pair sums add up in int16: 2 · (2^bits − 1) · 127 each.
    const int run = bits <= 5 ? 4 : bits == 6 ? 2 : 1;
    UNROLL for (int i = 0; i < 4; i += run) {
        __m256i pairs = zero_ints();
        UNROLL for (int j = i; j < i + run; j++) {
            int32_t quad;
            __builtin_memcpy(&quad, x + 4 * j, sizeof quad);
            pairs = _mm256_add_epi16(pairs, pair_sums(quads[j], _mm256_set1_epi32(quad), bits));
        }
        sum = add(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
    return sum;
}

#include "strips_template.h"

apus_multiply_fn *apus_multiply_avx2(uint32_t type) { return kernel_of(type); }

#pragma clang attribute pop
#endif
