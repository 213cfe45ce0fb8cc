// SPDX-License-Identifier: Apache-2.0
#include "strips_kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

// Half a strip at a time: two registers of four rows for each of the 8 quads of a group.
#define LANES 8
#define MAX_TILE 4
#define TILES TILES_4
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

// Vectors of `LANES` rows; the compiler splits them into registers of 16 bytes.
#define VECTOR(element, count) __attribute__((vector_size(sizeof(element) * (count)))) element
typedef VECTOR(uint8_t, 4 * LANES) line;
typedef VECTOR(int32_t, LANES) ints;
typedef VECTOR(uint32_t, LANES) words;
typedef VECTOR(float, LANES) floats;
typedef VECTOR(uint8_t, LANES) bytes;
typedef VECTOR(int8_t, LANES) signed_bytes;
typedef VECTOR(uint16_t, LANES) halves;
typedef VECTOR(_Float16, LANES) f16s;

/// Loads a vector from any address.
#define DEFINE_LOAD(type, name) \
    INLINE type name(const void *p) { \
        type x; \
        __builtin_memcpy(&x, p, sizeof x); \
        return x; \
    }

DEFINE_LOAD(halves, load_halves)
DEFINE_LOAD(f16s, load_f16s)

/// The 16 bytes of four rows of a vector.
#define EACH_FOUR UNROLL for (size_t four = 0; four < LANES / 4; four++)

// MARK: - Lines of unsigned values

DEFINE_LOAD(line, load_line)

INLINE line field(line x, const int shift, const int mask) {
    return (shift < 0 ? x << (uint8_t)-shift : x >> (uint8_t)shift) & (uint8_t)mask;
}

INLINE line join(line base, line x, const int shift, const int mask) {
    return base | field(x, shift, mask);
}

INLINE line look_up(line x, const uint8_t *table) {
    const uint8x16_t values = vld1q_u8(table);
    uint8x16_t fours[LANES / 4];
    __builtin_memcpy(fours, &x, sizeof x);
    EACH_FOUR fours[four] = vqtbl1q_u8(values, fours[four]);
    __builtin_memcpy(&x, fours, sizeof x);
    return x;
}

// MARK: - Integer sums

INLINE ints broadcast_int(const int32_t *p) { return (ints){0} + *p; }
INLINE ints zero_ints(void) { return (ints){0}; }
INLINE ints add(ints a, ints b) { return a + b; }
INLINE ints subtract(ints a, ints b) { return a - b; }

INLINE ints offset_sum(ints negated_sum, const int offset, const int bits) {
    // `dot` takes 8-bit values as signed ones, which have no offset.
    return offset == 0 || bits == 8 ? zero_ints() : negated_sum * offset;
}

/// SDOT multiplies signed bytes: values below 128 are what they are, 8-bit ones become w − 128.
INLINE ints dot(ints sum, const line *quads, const int8_t *x, const int bits) {
    const int8x16_t activations = vld1q_s8(x);
    int32x4_t sums[LANES / 4];
    int8x16_t weights[4][LANES / 4];
    __builtin_memcpy(sums, &sum, sizeof sum);
    UNROLL for (int i = 0; i < 4; i++) {
        const line quad = bits == 8 ? quads[i] ^ 128 : quads[i];
        __builtin_memcpy(weights[i], &quad, sizeof quad);
    }
    EACH_FOUR {
        sums[four] = vdotq_laneq_s32(sums[four], weights[0][four], activations, 0);
        sums[four] = vdotq_laneq_s32(sums[four], weights[1][four], activations, 1);
        sums[four] = vdotq_laneq_s32(sums[four], weights[2][four], activations, 2);
        sums[four] = vdotq_laneq_s32(sums[four], weights[3][four], activations, 3);
    }
    __builtin_memcpy(&sum, sums, sizeof sum);
    return sum;
}

// MARK: - Floats

DEFINE_LOAD(floats, load_floats)

INLINE floats zeros(void) { return (floats){0}; }
INLINE floats broadcast(const float *p) { return (floats){0} + *p; }
INLINE floats floats_from_ints(ints x) { return __builtin_convertvector(x, floats); }
INLINE floats multiply(floats a, floats b) { return a * b; }
INLINE floats plus(floats a, floats b) { return a + b; }
INLINE floats fused(floats a, floats b, floats c) { return __builtin_elementwise_fma(a, b, c); }
INLINE floats fused_negated(floats a, floats b, floats c) { return fused(-a, b, c); }
INLINE void store(float *p, floats x) { __builtin_memcpy(p, &x, sizeof x); }

INLINE floats floats_from_f16(const uint8_t *p) {
    return __builtin_convertvector(load_f16s(p), floats);
}

INLINE floats load_weights(const uint32_t type, const uint8_t *p) {
    switch (type) {
    case APUS_F32: return load_floats(p);
    case APUS_F16: return floats_from_f16(p);
    default: return (floats)(__builtin_convertvector(load_halves(p), words) << 16);
    }
}

// MARK: - Integer scales

DEFINE_LOAD(bytes, load_bytes)

INLINE bytes shift_right(bytes x, int shift) { return x >> (uint8_t)shift; }
INLINE bytes low_nibbles(bytes x) { return x & 15; }
INLINE bytes low_and_high(bytes low, bytes high) { return low_nibbles(low) | (high & 3) << 4; }

INLINE floats floats_from_unsigned(bytes x, const int bias) {
    return floats_from_ints(__builtin_convertvector(x, ints) + bias);
}

INLINE floats floats_from_signed(bytes x) {
    return floats_from_ints(__builtin_convertvector((signed_bytes)x, ints));
}

INLINE floats floats_from_e8m0(bytes x) {
    // The bits (e − 1) << 23, but for e < 2, where (e + 1) << 21 are more.
    const ints e = __builtin_convertvector(x, ints);
    return (floats)__builtin_elementwise_max((e - 1) << 23, (e + 1) << 21);
}

INLINE floats floats_from_ue4m3(bytes x) {
    const halves bits = __builtin_convertvector(x, halves) << 7;
    return __builtin_convertvector((f16s)bits, floats) * 0x1p7f;
}

#include "strips_dots.h"
#include "strips_factors.h"
#include "strips_template.h"

apus_multiply_fn *apus_multiply_neon(uint32_t type) { return kernel_of(type); }

#pragma clang attribute pop
#endif
