// SPDX-License-Identifier: Apache-2.0

/// What a quantised activation is made of.
#ifndef APUS_ACTIVATIONS_H
#define APUS_ACTIVATIONS_H

#include "strips.h"

/// 32 activations x ≈ scale·q, and the sums by which kernels settle offsets and mins of weights.
///
/// A group with a NaN or an infinity has the scale NaN and q = 0, so that every output it enters is
/// NaN; one whose magnitudes are all below `APUS_SMALLEST_MAGNITUDE` is zero.
typedef struct {
    int8_t values[APUS_GROUP_COLUMNS]; ///< q = round(x / scale), ties to even; −127…127
    float scale;                       ///< max|x| / 127
    float scaled_sum;                  ///< scale · Σq
    int32_t negated_sum;               ///< −Σq
    int32_t negated_low_sum;           ///< −Σq of columns 0…15
    /// −Σ(q[4i + 2p] + q[4i + 2p + 1]) over the four quads i of columns 0…15, p = 0, 1; then of 16…31.
    int16_t negated_pair_sums[2][2];
} apus_activation_group;

_Static_assert(sizeof(apus_activation_group) == 56, "32 values, 4 numbers of 4 bytes, 4 of 2");

/// Smaller magnitudes would need a scale of fewer than 24 significant bits (127 · 2^−126).
#define APUS_SMALLEST_MAGNITUDE 0x1.fcp-120f

void apus_quantize_scalar(const float *values, size_t width, void *activation);
#if defined(__x86_64__)
void apus_quantize_avx2(const float *values, size_t width, void *activation);
#elif defined(__aarch64__)
void apus_quantize_neon(const float *values, size_t width, void *activation);
#endif

#endif
