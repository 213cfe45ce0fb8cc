// SPDX-License-Identifier: Apache-2.0
#include "activations.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)

/// Magnitudes compare as integers; infinities and NaNs are the largest ones.
static float largest_magnitude(__m512 low, __m512 high) {
    const __m512i mask = _mm512_set1_epi32(0x7fffffff);
    const __m512i a = _mm512_and_si512(_mm512_castps_si512(low), mask);
    const __m512i b = _mm512_and_si512(_mm512_castps_si512(high), mask);
    const uint32_t bits = _mm512_reduce_max_epu32(_mm512_max_epu32(a, b));
    return bits < 0x7f800000 ? _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128((int)bits))) : NAN;
}

static void quantize_group(const float *x, apus_activation_group *group) {
    const __m512 low = _mm512_loadu_ps(x), high = _mm512_loadu_ps(x + 16);
    const float largest = largest_magnitude(low, high);
    __m512i q[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    if (largest >= APUS_SMALLEST_MAGNITUDE) {
        const __m512 inverse = _mm512_set1_ps(127.0f / largest);
        q[0] = _mm512_cvtps_epi32(_mm512_mul_ps(low, inverse));
        q[1] = _mm512_cvtps_epi32(_mm512_mul_ps(high, inverse));
        group->scale = largest / 127.0f;
    } else {
        group->scale = isnan(largest) ? NAN : 0.0f;
    }
    const int32_t sums[2] = {_mm512_reduce_add_epi32(q[0]), _mm512_reduce_add_epi32(q[1])};
    _mm_storeu_si128((__m128i *)group->values, _mm512_cvtepi32_epi8(q[0]));
    _mm_storeu_si128((__m128i *)(group->values + 16), _mm512_cvtepi32_epi8(q[1]));
    group->scaled_sum = group->scale * (float)(sums[0] + sums[1]);
    group->negated_sum = -(sums[0] + sums[1]);
    group->negated_low_sum = -sums[0];
}

void apus_quantize_avx512(const float *values, size_t width, void *activation) {
    apus_activation_group *groups = activation;
    for (size_t g = 0; g < width / APUS_GROUP_COLUMNS; g++) {
        quantize_group(values + g * APUS_GROUP_COLUMNS, &groups[g]);
    }
}

#pragma clang attribute pop
#endif
