// SPDX-License-Identifier: Apache-2.0
#include "strips_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define LANES 16
#define MAX_TILE 8
#define TILES TILES_8
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

#define FEATURES "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"
#pragma clang attribute push(__attribute__((target(FEATURES))), apply_to = function)

typedef __m512i line;
typedef __m512i ints;
typedef __m512 floats;
typedef __m128i bytes;

// MARK: - Lines of unsigned values

INLINE line load_line(const uint8_t *p) { return _mm512_loadu_si512(p); }

INLINE line shifted(line x, const int shift) {
    const unsigned by = (unsigned)(shift < 0 ? -shift : shift);
    return shift < 0 ? _mm512_slli_epi16(x, by) : _mm512_srli_epi16(x, by);
}

INLINE line field(line x, const int shift, const int mask) {
    return _mm512_and_si512(shifted(x, shift), _mm512_set1_epi8((char)mask));
}

INLINE line join(line base, line x, const int shift, const int mask) {
    // 0xf8: a | (b & c)
    return _mm512_ternarylogic_epi32(base, shifted(x, shift), _mm512_set1_epi8((char)mask), 0xf8);
}

INLINE line look_up(line x, const uint8_t *table) {
    const __m128i values = _mm_loadu_si128((const __m128i *)table);
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(values), x);
}

// MARK: - Integer sums

INLINE ints zero_ints(void) { return _mm512_setzero_si512(); }

INLINE ints broadcast_int(const int32_t *p) {
    __m512i x = _mm512_set1_epi32(*p);
    // Hidden from the optimiser, which would shift first and then need a shuffle to broadcast:
    // 0.63 instead of 0.57 TOPS at eight columns of Q6_K.
    __asm__("" : "+v"(x));
    return x;
}

INLINE ints offset_sum(ints negated_sum, const int offset, const int bits) {
    (void)bits;
    if (offset == 0) {
        return zero_ints();
    }
    return _mm512_slli_epi32(negated_sum, (unsigned)__builtin_ctz((unsigned)offset));
}

INLINE ints dot(ints sum, const line *quads, const int8_t *x, const int bits) {
    (void)bits;
    UNROLL for (int i = 0; i < 4; i++) {
        int32_t quad;
        __builtin_memcpy(&quad, x + 4 * i, sizeof quad);
        sum = _mm512_dpbusd_epi32(sum, quads[i], _mm512_set1_epi32(quad));
    }
    return sum;
}

INLINE ints add(ints a, ints b) { return _mm512_add_epi32(a, b); }
INLINE ints subtract(ints a, ints b) { return _mm512_sub_epi32(a, b); }

// MARK: - Floats

INLINE floats zeros(void) { return _mm512_setzero_ps(); }
INLINE floats broadcast(const float *p) { return _mm512_set1_ps(*p); }
INLINE floats floats_from_ints(ints x) { return _mm512_cvtepi32_ps(x); }
INLINE floats multiply(floats a, floats b) { return _mm512_mul_ps(a, b); }
INLINE floats plus(floats a, floats b) { return _mm512_add_ps(a, b); }
INLINE floats fused(floats a, floats b, floats c) { return _mm512_fmadd_ps(a, b, c); }
INLINE floats fused_negated(floats a, floats b, floats c) { return _mm512_fnmadd_ps(a, b, c); }
INLINE void store(float *p, floats x) { _mm512_storeu_ps(p, x); }
INLINE floats load_floats(const float *p) { return _mm512_loadu_ps(p); }

INLINE floats floats_from_f16(const uint8_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

INLINE floats load_weights(const uint32_t type, const uint8_t *p) {
    switch (type) {
    case APUS_F32: return load_floats((const float *)p);
    case APUS_F16: return floats_from_f16(p);
    default:
        return _mm512_castsi512_ps(
            _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
    }
}

// MARK: - Integer scales

INLINE bytes load_bytes(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)p); }
INLINE bytes shift_right(bytes x, int shift) { return _mm_srl_epi16(x, _mm_cvtsi32_si128(shift)); }
INLINE bytes low_nibbles(bytes x) { return _mm_and_si128(x, _mm_set1_epi8(15)); }
INLINE bytes low_and_high(bytes low, bytes high) {
    const bytes upper = _mm_and_si128(_mm_slli_epi16(high, 4), _mm_set1_epi8(0x30));
    return _mm_or_si128(low_nibbles(low), upper);
}
INLINE floats floats_from_unsigned(bytes x, const int bias) {
    return _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_cvtepu8_epi32(x), _mm512_set1_epi32(bias)));
}
INLINE floats floats_from_signed(bytes x) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(x)); }


INLINE floats floats_from_e8m0(bytes x) {
    // The bits (e − 1) << 23, but for e < 2, where (e + 1) << 21 are more.
    const __m512i e = _mm512_cvtepu8_epi32(x), one = _mm512_set1_epi32(1);
    const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, one), 23);
    const __m512i subnormal = _mm512_slli_epi32(_mm512_add_epi32(e, one), 21);
    return _mm512_castsi512_ps(_mm512_max_epi32(normal, subnormal));
}

INLINE floats floats_from_ue4m3(bytes x) {
    const __m256i halves = _mm256_slli_epi16(_mm256_cvtepu8_epi16(x), 7);
    return _mm512_mul_ps(_mm512_cvtph_ps(halves), _mm512_set1_ps(0x1p7f));
}

#include "strips_dots.h"
#include "strips_factors.h"
#include "strips_template.h"

apus_multiply_fn *apus_multiply_avx512(uint32_t type) { return kernel_of(type); }

#pragma clang attribute pop
#endif
