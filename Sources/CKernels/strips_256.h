// SPDX-License-Identifier: Apache-2.0

/// The vocabulary of the kernels in 256-bit registers, but for `offset_sum` and `dot`.
///
/// Included by strips_avx2.c and strips_avx_vnni.c, inside their target attributes and after
/// immintrin.h. Half a strip at a time: the 8 quads of its groups stay in registers.

#define LANES 8
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef __m256i line;
typedef __m256i ints;
typedef __m256 floats;
typedef __m128i bytes;

// MARK: - Lines of unsigned values

INLINE line load_line(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)p); }

INLINE line field(line x, const int shift, const int mask) {
    const line y = shift < 0 ? _mm256_slli_epi16(x, -shift) : _mm256_srli_epi16(x, shift);
    return _mm256_and_si256(y, _mm256_set1_epi8((char)mask));
}

INLINE line join(line base, line x, const int shift, const int mask) {
    return _mm256_or_si256(base, field(x, shift, mask));
}

INLINE line look_up(line x, const uint8_t *table) {
    const __m128i values = _mm_loadu_si128((const __m128i *)table);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(values), x);
}

// MARK: - Integer sums

INLINE ints broadcast_int(const int32_t *p) { return _mm256_set1_epi32(*p); }
INLINE ints zero_ints(void) { return _mm256_setzero_si256(); }
INLINE ints add(ints a, ints b) { return _mm256_add_epi32(a, b); }
INLINE ints subtract(ints a, ints b) { return _mm256_sub_epi32(a, b); }

// MARK: - Floats

INLINE floats zeros(void) { return _mm256_setzero_ps(); }
INLINE floats broadcast(const float *p) { return _mm256_set1_ps(*p); }
INLINE floats floats_from_ints(ints x) { return _mm256_cvtepi32_ps(x); }
INLINE floats multiply(floats a, floats b) { return _mm256_mul_ps(a, b); }
INLINE floats plus(floats a, floats b) { return _mm256_add_ps(a, b); }
INLINE floats fused(floats a, floats b, floats c) { return _mm256_fmadd_ps(a, b, c); }
INLINE floats fused_negated(floats a, floats b, floats c) { return _mm256_fnmadd_ps(a, b, c); }
INLINE void store(float *p, floats x) { _mm256_storeu_ps(p, x); }
INLINE floats load_floats(const float *p) { return _mm256_loadu_ps(p); }

INLINE floats floats_from_f16(const uint8_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}

INLINE floats load_weights(const uint32_t type, const uint8_t *p) {
    switch (type) {
    case APUS_F32: return load_floats((const float *)p);
    case APUS_F16: return floats_from_f16(p);
    default:
        return _mm256_castsi256_ps(
            _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16));
    }
}

// MARK: - Integer scales

INLINE bytes load_bytes(const uint8_t *p) { return _mm_loadl_epi64((const __m128i *)p); }
INLINE bytes shift_right(bytes x, int shift) { return _mm_srl_epi16(x, _mm_cvtsi32_si128(shift)); }
INLINE bytes low_nibbles(bytes x) { return _mm_and_si128(x, _mm_set1_epi8(15)); }

INLINE bytes low_and_high(bytes low, bytes high) {
    const bytes upper = _mm_and_si128(_mm_slli_epi16(high, 4), _mm_set1_epi8(0x30));
    return _mm_or_si128(low_nibbles(low), upper);
}

INLINE floats floats_from_unsigned(bytes x, const int bias) {
    return _mm256_cvtepi32_ps(_mm256_add_epi32(_mm256_cvtepu8_epi32(x), _mm256_set1_epi32(bias)));
}

INLINE floats floats_from_signed(bytes x) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(x)); }

INLINE floats floats_from_e8m0(bytes x) {
    // The bits (e − 1) << 23, but for e < 2, where (e + 1) << 21 are more.
    const __m256i e = _mm256_cvtepu8_epi32(x), one = _mm256_set1_epi32(1);
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, one), 23);
    const __m256i subnormal = _mm256_slli_epi32(_mm256_add_epi32(e, one), 21);
    return _mm256_castsi256_ps(_mm256_max_epi32(normal, subnormal));
}

INLINE floats floats_from_ue4m3(bytes x) {
    const __m128i halves = _mm_slli_epi16(_mm_cvtepu8_epi16(x), 7);
    return _mm256_mul_ps(_mm256_cvtph_ps(halves), _mm256_set1_ps(0x1p7f));
}
