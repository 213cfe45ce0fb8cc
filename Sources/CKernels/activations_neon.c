// SPDX-License-Identifier: Apache-2.0
#include "activations.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#include <math.h>

/// Magnitudes compare as integers; infinities and NaNs are the largest ones.
static float largest_magnitude(const float32x4_t x[8]) {
    uint32x4_t largest = vdupq_n_u32(0);
    for (int i = 0; i < 8; i++) {
        largest = vmaxq_u32(largest, vreinterpretq_u32_f32(vabsq_f32(x[i])));
    }
    const uint32_t bits = vmaxvq_u32(largest);
    return bits < 0x7f800000 ? vget_lane_f32(vcreate_f32(bits), 0) : NAN;
}

/// 16 int32 of −127…127 to 16 bytes.
static int8x16_t bytes_of(const int32x4_t q[4]) {
    const int16x8_t low = vcombine_s16(vmovn_s32(q[0]), vmovn_s32(q[1]));
    const int16x8_t high = vcombine_s16(vmovn_s32(q[2]), vmovn_s32(q[3]));
    return vcombine_s8(vmovn_s16(low), vmovn_s16(high));
}

/// Puts down the negated pair sums of 16 int8; returns their sum.
static int32_t take_pair_sums(int8x16_t x, int16_t negated[2]) {
    const int16x8_t eight = vnegq_s16(vpaddlq_s8(x));
    const int16x4_t four = vadd_s16(vget_low_s16(eight), vget_high_s16(eight));
    negated[0] = (int16_t)(vget_lane_s16(four, 0) + vget_lane_s16(four, 2));
    negated[1] = (int16_t)(vget_lane_s16(four, 1) + vget_lane_s16(four, 3));
    return -(negated[0] + negated[1]);
}

static void quantize_group(const float *values, apus_activation_group *group) {
    float32x4_t x[8];
    int32x4_t q[8];
    for (int i = 0; i < 8; i++) {
        x[i] = vld1q_f32(values + 4 * i);
        q[i] = vdupq_n_s32(0);
    }
    const float largest = largest_magnitude(x);
    if (largest >= APUS_SMALLEST_MAGNITUDE) {
        const float inverse = 127.0f / largest;
        for (int i = 0; i < 8; i++) {
            q[i] = vcvtnq_s32_f32(vmulq_n_f32(x[i], inverse));
        }
        group->scale = largest / 127.0f;
    } else {
        group->scale = isnan(largest) ? NAN : 0.0f;
    }
    const int8x16_t low = bytes_of(q), high = bytes_of(q + 4);
    vst1q_s8(group->values, low);
    vst1q_s8(group->values + 16, high);
    const int32_t low_sum = take_pair_sums(low, group->negated_pair_sums[0]);
    const int32_t sum = low_sum + take_pair_sums(high, group->negated_pair_sums[1]);
    group->scaled_sum = group->scale * (float)sum;
    group->negated_sum = -sum;
    group->negated_low_sum = -low_sum;
}

void apus_quantize_neon(const float *values, size_t width, void *activation) {
    apus_activation_group *groups = activation;
    for (size_t g = 0; g < width / APUS_GROUP_COLUMNS; g++) {
        quantize_group(values + g * APUS_GROUP_COLUMNS, &groups[g]);
    }
}

#endif
