// SPDX-License-Identifier: Apache-2.0

/// The vocabulary of the kernels in pairs of 256-bit registers, but for `offset_sum` and `dot`.
///
/// Included by strips_avx2.c and strips_avx_vnni.c, inside their target attributes and after
/// immintrin.h. The halves of a strip go through the same steps side by side: they share the
/// activations, which have to be broadcast from memory, and the bits of integer scales.

#define LANES 16
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#define EACH_PART UNROLL for (int part = 0; part < 2; part++)

/// Rows 0…7 and 8…15.
typedef struct {
    __m256i part[2];
} ints;
typedef ints line;
typedef struct {
    __m256 part[2];
} floats;
typedef __m128i bytes;

// MARK: - Lines of unsigned values

INLINE line load_line(const uint8_t *p) {
    line x;
    EACH_PART x.part[part] = _mm256_loadu_si256((const __m256i *)p + part);
    return x;
}

INLINE line field(line x, const int shift, const int mask) {
    EACH_PART {
        const __m256i y = shift < 0 ? _mm256_slli_epi16(x.part[part], -shift)
                                    : _mm256_srli_epi16(x.part[part], shift);
        x.part[part] = _mm256_and_si256(y, _mm256_set1_epi8((char)mask));
    }
    return x;
}

INLINE line join(line base, line x, const int shift, const int mask) {
    x = field(x, shift, mask);
    EACH_PART base.part[part] = _mm256_or_si256(base.part[part], x.part[part]);
    return base;
}

INLINE line look_up(line x, const uint8_t *table) {
    const __m128i values = _mm_loadu_si128((const __m128i *)table);
    EACH_PART {
        x.part[part] = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(values), x.part[part]);
    }
    return x;
}

// MARK: - Integer sums

INLINE ints both(__m256i x) { return (ints){{x, x}}; }
INLINE ints broadcast_int(const int32_t *p) { return both(_mm256_set1_epi32(*p)); }
INLINE ints zero_ints(void) { return both(_mm256_setzero_si256()); }

INLINE ints add(ints a, ints b) {
    EACH_PART a.part[part] = _mm256_add_epi32(a.part[part], b.part[part]);
    return a;
}

INLINE ints subtract(ints a, ints b) {
    EACH_PART a.part[part] = _mm256_sub_epi32(a.part[part], b.part[part]);
    return a;
}

/// Four activations in every lane.
INLINE __m256i broadcast_quad(const int8_t *x) {
    int32_t quad;
    __builtin_memcpy(&quad, x, sizeof quad);
    return _mm256_set1_epi32(quad);
}

// MARK: - Floats

INLINE floats broadcast(const float *p) {
    const __m256 x = _mm256_set1_ps(*p);
    return (floats){{x, x}};
}

INLINE floats zeros(void) { return (floats){{_mm256_setzero_ps(), _mm256_setzero_ps()}}; }

INLINE floats floats_from_ints(ints x) {
    floats y;
    EACH_PART y.part[part] = _mm256_cvtepi32_ps(x.part[part]);
    return y;
}

INLINE floats multiply(floats a, floats b) {
    EACH_PART a.part[part] = _mm256_mul_ps(a.part[part], b.part[part]);
    return a;
}

INLINE floats plus(floats a, floats b) {
    EACH_PART a.part[part] = _mm256_add_ps(a.part[part], b.part[part]);
    return a;
}

INLINE floats fused(floats a, floats b, floats c) {
    EACH_PART c.part[part] = _mm256_fmadd_ps(a.part[part], b.part[part], c.part[part]);
    return c;
}

INLINE floats fused_negated(floats a, floats b, floats c) {
    EACH_PART c.part[part] = _mm256_fnmadd_ps(a.part[part], b.part[part], c.part[part]);
    return c;
}

INLINE void store(float *p, floats x) {
    EACH_PART _mm256_storeu_ps(p + 8 * part, x.part[part]);
}

INLINE floats load_floats(const float *p) {
    floats x;
    EACH_PART x.part[part] = _mm256_loadu_ps(p + 8 * part);
    return x;
}

INLINE floats floats_from_f16(const uint8_t *p) {
    floats x;
    EACH_PART x.part[part] = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p + part));
    return x;
}

INLINE floats floats_from_bf16(const uint8_t *p) {
    floats x;
    EACH_PART {
        const __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p + part));
        x.part[part] = _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
    }
    return x;
}

INLINE floats load_weights(const uint32_t type, const uint8_t *p) {
    switch (type) {
    case APUS_F32: return load_floats((const float *)p);
    case APUS_F16: return floats_from_f16(p);
    default: return floats_from_bf16(p);
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

/// The bytes of a part, first in the register.
INLINE bytes bytes_of(bytes x, const int part) { return part == 0 ? x : _mm_srli_si128(x, 8); }

INLINE ints ints_from_unsigned(bytes x, const int bias) {
    ints y;
    EACH_PART {
        const __m256i value = _mm256_cvtepu8_epi32(bytes_of(x, part));
        y.part[part] = _mm256_add_epi32(value, _mm256_set1_epi32(bias));
    }
    return y;
}

INLINE ints ints_from_signed(bytes x) {
    ints y;
    EACH_PART y.part[part] = _mm256_cvtepi8_epi32(bytes_of(x, part));
    return y;
}

INLINE floats floats_from_unsigned(bytes x, const int bias) {
    return floats_from_ints(ints_from_unsigned(x, bias));
}

INLINE floats floats_from_signed(bytes x) { return floats_from_ints(ints_from_signed(x)); }

INLINE floats floats_from_e8m0(bytes x) {
    // The bits (e − 1) << 23, but for e < 2, where (e + 1) << 21 are more.
    floats y;
    EACH_PART {
        const __m256i e = _mm256_cvtepu8_epi32(bytes_of(x, part)), one = _mm256_set1_epi32(1);
        const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, one), 23);
        const __m256i subnormal = _mm256_slli_epi32(_mm256_add_epi32(e, one), 21);
        y.part[part] = _mm256_castsi256_ps(_mm256_max_epi32(normal, subnormal));
    }
    return y;
}

INLINE floats floats_from_ue4m3(bytes x) {
    floats y;
    EACH_PART {
        const __m128i halves = _mm_slli_epi16(_mm_cvtepu8_epi16(bytes_of(x, part)), 7);
        y.part[part] = _mm256_mul_ps(_mm256_cvtph_ps(halves), _mm256_set1_ps(0x1p7f));
    }
    return y;
}
