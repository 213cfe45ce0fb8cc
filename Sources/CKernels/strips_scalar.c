// SPDX-License-Identifier: Apache-2.0

/// The vocabulary of the kernels as loops over 16 lanes: what each word means, and what runs where
/// there is no better instruction set.
#include <math.h>
#include <string.h>

#include "strips_kernels.h"
#include "strips_layout.h"

#define LANES 16
#define MAX_TILE 1
#define TILES TILES_1
#define INLINE static inline __attribute__((always_inline))
#define UNROLL
#define EACH_LANE for (int lane = 0; lane < APUS_STRIP_ROWS; lane++)
#define EACH_BYTE for (int i = 0; i < APUS_LINE_BYTES; i++)

// `fused` rounds once and everything else after each operation, as the SIMD instructions do.
#pragma STDC FP_CONTRACT OFF

typedef struct { uint8_t byte[APUS_LINE_BYTES]; } line;
typedef struct { int32_t lane[APUS_STRIP_ROWS]; } ints;
typedef struct { float lane[APUS_STRIP_ROWS]; } floats;
typedef struct { uint8_t lane[APUS_STRIP_ROWS]; } bytes;

// MARK: - Lines of unsigned values

INLINE line load_line(const uint8_t *p) {
    line x;
    memcpy(&x, p, sizeof x);
    return x;
}

/// Bits of each byte, shifted right (left if `shift` is negative) and masked.
INLINE line field(line x, const int shift, const int mask) {
    EACH_BYTE x.byte[i] = (uint8_t)((shift < 0 ? x.byte[i] << -shift : x.byte[i] >> shift) & mask);
    return x;
}

/// base | field(x, shift, mask)
INLINE line join(line base, line x, const int shift, const int mask) {
    x = field(x, shift, mask);
    EACH_BYTE base.byte[i] |= x.byte[i];
    return base;
}

/// table[byte], for bytes below 16.
INLINE line look_up(line x, const uint8_t *table) {
    EACH_BYTE x.byte[i] = table[x.byte[i]];
    return x;
}

// MARK: - Integer sums

INLINE ints broadcast_int(const int32_t *p) {
    ints x;
    EACH_LANE x.lane[lane] = *p;
    return x;
}

INLINE ints zero_ints(void) { return broadcast_int(&(int32_t){0}); }

/// −offset·Σq, given −Σq: what sums over unsigned values start with.
INLINE ints offset_sum(ints negated_sum, const int offset, const int bits) {
    (void)bits;
    EACH_LANE negated_sum.lane[lane] *= offset;
    return negated_sum;
}

/// sum + Σ quads[i]·x[4i…] over four quads, whose values have `bits` bits.
INLINE ints dot(ints sum, const line *quads, const int8_t *x, const int bits) {
    (void)bits;
    for (int i = 0; i < 4; i++) {
        EACH_LANE for (int b = 0; b < 4; b++) {
            sum.lane[lane] += quads[i].byte[4 * lane + b] * x[4 * i + b];
        }
    }
    return sum;
}

INLINE ints add(ints a, ints b) {
    EACH_LANE a.lane[lane] += b.lane[lane];
    return a;
}

INLINE ints subtract(ints a, ints b) {
    EACH_LANE a.lane[lane] -= b.lane[lane];
    return a;
}

// MARK: - Floats

INLINE floats broadcast(const float *p) {
    floats x;
    EACH_LANE x.lane[lane] = *p;
    return x;
}

INLINE floats zeros(void) { return broadcast(&(float){0}); }

INLINE floats floats_from_ints(ints x) {
    floats y;
    EACH_LANE y.lane[lane] = (float)x.lane[lane];
    return y;
}

INLINE floats multiply(floats a, floats b) {
    EACH_LANE a.lane[lane] = a.lane[lane] * b.lane[lane];
    return a;
}

INLINE floats plus(floats a, floats b) {
    EACH_LANE a.lane[lane] = a.lane[lane] + b.lane[lane];
    return a;
}

/// a·b + c, rounded once.
INLINE floats fused(floats a, floats b, floats c) {
    EACH_LANE c.lane[lane] = fmaf(a.lane[lane], b.lane[lane], c.lane[lane]);
    return c;
}

/// −a·b + c, rounded once.
INLINE floats fused_negated(floats a, floats b, floats c) {
    EACH_LANE c.lane[lane] = fmaf(-a.lane[lane], b.lane[lane], c.lane[lane]);
    return c;
}

INLINE void store(float *p, floats x) { memcpy(p, &x, sizeof x); }

INLINE floats load_floats(const float *p) {
    floats x;
    memcpy(&x, p, sizeof x);
    return x;
}

INLINE floats floats_from_f16(const uint8_t *p) {
    uint16_t half[APUS_STRIP_ROWS];
    memcpy(half, p, sizeof half);
    floats x;
    EACH_LANE x.lane[lane] = apus_float_from_f16(half[lane]);
    return x;
}

/// 16 rows of a strip of a float type.
INLINE floats load_weights(const uint32_t type, const uint8_t *p) {
    floats x;
    if (type == APUS_F32) {
        x = load_floats((const float *)p);
    } else if (type == APUS_F16) {
        x = floats_from_f16(p);
    } else {
        uint16_t bfloat[APUS_STRIP_ROWS];
        memcpy(bfloat, p, sizeof bfloat);
        EACH_LANE x.lane[lane] = apus_float_from_bf16(bfloat[lane]);
    }
    return x;
}

// MARK: - Integer scales

INLINE bytes load_bytes(const uint8_t *p) {
    bytes x;
    memcpy(&x, p, sizeof x);
    return x;
}

/// Bytes shifted right; what enters from above is unspecified.
INLINE bytes shift_right(bytes x, int shift) {
    EACH_LANE x.lane[lane] = (uint8_t)(x.lane[lane] >> shift);
    return x;
}

INLINE bytes low_nibbles(bytes x) {
    EACH_LANE x.lane[lane] &= 15;
    return x;
}

/// Six bits: the low nibble of `low` and, above it, the low two bits of `high`.
INLINE bytes low_and_high(bytes low, bytes high) {
    EACH_LANE low.lane[lane] = (uint8_t)((low.lane[lane] & 15) | (high.lane[lane] & 3) << 4);
    return low;
}

INLINE floats floats_from_unsigned(bytes x, const int bias) {
    floats y;
    EACH_LANE y.lane[lane] = (float)(x.lane[lane] + bias);
    return y;
}

INLINE floats floats_from_signed(bytes x) {
    floats y;
    EACH_LANE y.lane[lane] = (float)(int8_t)x.lane[lane];
    return y;
}

INLINE floats floats_from_e8m0(bytes x) {
    floats y;
    EACH_LANE y.lane[lane] = apus_float_from_e8m0(x.lane[lane]);
    return y;
}

INLINE floats floats_from_ue4m3(bytes x) {
    floats y;
    EACH_LANE y.lane[lane] = apus_float_from_ue4m3(x.lane[lane]);
    return y;
}

#include "strips_dots.h"
#include "strips_factors.h"
#include "strips_template.h"

apus_multiply_fn *apus_multiply_scalar(uint32_t type) { return kernel_of(type); }
