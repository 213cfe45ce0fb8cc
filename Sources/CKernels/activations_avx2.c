// SPDX-License-Identifier: Apache-2.0
#include "activations.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

/// Magnitudes compare as integers; infinities and NaNs are the largest ones.
static float largest_magnitude(const __m256 x[4]) {
    const __m256i mask = _mm256_set1_epi32(0x7fffffff);
    __m256i largest = _mm256_setzero_si256();
    for (int i = 0; i < 4; i++) {
        largest = _mm256_max_epi32(largest, _mm256_and_si256(_mm256_castps_si256(x[i]), mask));
    }
    __m128i four = _mm256_castsi256_si128(largest);
    four = _mm_max_epi32(four, _mm256_extracti128_si256(largest, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xb1));
    return _mm_cvtsi128_si32(four) < 0x7f800000 ? _mm_cvtss_f32(_mm_castsi128_ps(four)) : NAN;
}

/// Puts down the negated pair sums of 16 int8; returns their sum.
static int32_t take_pair_sums(__m128i x, int16_t negated[2]) {
    const __m128i eight = _mm_maddubs_epi16(_mm_set1_epi8(1), x);
    const __m128i four = _mm_add_epi16(eight, _mm_srli_si128(eight, 8));
    const __m128i two = _mm_add_epi16(four, _mm_srli_si128(four, 4));
    negated[0] = (int16_t)-_mm_extract_epi16(two, 0);
    negated[1] = (int16_t)-_mm_extract_epi16(two, 1);
    return -(negated[0] + negated[1]);
}

/// 16 int32 of −127…127 to 16 bytes.
static __m128i bytes_of(__m256i low, __m256i high) {
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    return _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

static void quantize_group(const float *values, apus_activation_group *group) {
    __m256 x[4];
    __m256i q[4];
    for (int i = 0; i < 4; i++) {
        x[i] = _mm256_loadu_ps(values + 8 * i);
        q[i] = _mm256_setzero_si256();
    }
    const float largest = largest_magnitude(x);
    if (largest >= APUS_SMALLEST_MAGNITUDE) {
        const __m256 inverse = _mm256_set1_ps(127.0f / largest);
        for (int i = 0; i < 4; i++) {
            q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(x[i], inverse));
        }
        group->scale = largest / 127.0f;
    } else {
        group->scale = isnan(largest) ? NAN : 0.0f;
    }
    const __m128i low = bytes_of(q[0], q[1]), high = bytes_of(q[2], q[3]);
    _mm_storeu_si128((__m128i *)group->values, low);
    _mm_storeu_si128((__m128i *)(group->values + 16), high);
    const int32_t low_sum = take_pair_sums(low, group->negated_pair_sums[0]);
    const int32_t sum = low_sum + take_pair_sums(high, group->negated_pair_sums[1]);
    group->scaled_sum = group->scale * (float)sum;
    group->negated_sum = -sum;
    group->negated_low_sum = -low_sum;
}

void apus_quantize_avx2(const float *values, size_t width, void *activation) {
    apus_activation_group *groups = activation;
    for (size_t g = 0; g < width / APUS_GROUP_COLUMNS; g++) {
        quantize_group(values + g * APUS_GROUP_COLUMNS, &groups[g]);
    }
}

#pragma clang attribute pop
#endif
