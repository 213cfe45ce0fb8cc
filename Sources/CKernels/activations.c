// SPDX-License-Identifier: Apache-2.0
#include "activations.h"

#include <math.h>
#include <string.h>

size_t apus_activation_bytes(size_t width) {
    const size_t bytes = width / APUS_GROUP_COLUMNS * sizeof(apus_activation_group);
    return (bytes + 63) / 64 * 64;
}

apus_quantize_fn *apus_quantize(apus_isa isa) {
    if (isa == APUS_ISA_SCALAR) {
        return apus_quantize_scalar;
    }
#if defined(__x86_64__)
    // Wider registers gain nothing here: a group is short, and half of the work is its one maximum.
    return apus_quantize_avx2;
#elif defined(__aarch64__)
    return apus_quantize_neon;
#else
    return apus_quantize_scalar;
#endif
}

/// The largest magnitude of x, or NaN where x has a NaN or an infinity.
static float largest_magnitude(const float *x) {
    float largest = 0;
    for (int i = 0; i < APUS_GROUP_COLUMNS; i++) {
        const float magnitude = fabsf(x[i]);
        if (!isfinite(magnitude)) {
            return NAN;
        }
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

static void quantize_group(const float *x, apus_activation_group *group) {
    const float largest = largest_magnitude(x);
    const int is_usable = largest >= APUS_SMALLEST_MAGNITUDE;
    const float inverse = is_usable ? 127.0f / largest : 0.0f;
    group->scale = is_usable ? largest / 127.0f : isnan(largest) ? NAN : 0.0f;
    int32_t sums[2] = {0, 0};
    memset(group->negated_pair_sums, 0, sizeof group->negated_pair_sums);
    for (int i = 0; i < APUS_GROUP_COLUMNS; i++) {
        const int32_t q = is_usable ? (int32_t)rintf(x[i] * inverse) : 0;
        group->values[i] = (int8_t)q;
        sums[i / 16] += q;
        group->negated_pair_sums[i / 16][i / 2 % 2] -= (int16_t)q;
    }
    group->scaled_sum = group->scale * (float)(sums[0] + sums[1]);
    group->negated_sum = -(sums[0] + sums[1]);
    group->negated_low_sum = -sums[0];
}

void apus_quantize_scalar(const float *values, size_t width, void *activation) {
    apus_activation_group *groups = activation;
    for (size_t g = 0; g < width / APUS_GROUP_COLUMNS; g++) {
        quantize_group(values + g * APUS_GROUP_COLUMNS, &groups[g]);
    }
}
