// SPDX-License-Identifier: Apache-2.0

// Included by vectors.c once for each instruction set, with ISA(name), SCORE_PAGES, SCORE_QUERIES
// and MIX_CHUNK defined. Vectors are 16 lanes of float32.

typedef float ISA(v16) __attribute__((vector_size(64), aligned(4)));
typedef int32_t ISA(i16) __attribute__((vector_size(64), aligned(4)));
typedef uint32_t ISA(u16) __attribute__((vector_size(64), aligned(4)));
typedef uint16_t ISA(half16) __attribute__((vector_size(32), aligned(2)));
/// One of the two values of a 32-bit pair.
typedef uint16_t ISA(half) __attribute__((may_alias));
typedef _Float16 ISA(h16) __attribute__((vector_size(32), aligned(2)));
#define V16 ISA(v16)
#define I16 ISA(i16)
#define U16 ISA(u16)
#define H16 ISA(h16)
#define half ISA(half)
#define INLINE static inline __attribute__((always_inline))

/// x in every lane. Added to zeros it would be added in earnest: −0 + 0 is 0.
INLINE V16 ISA(splat)(float x) {
    return x - (V16){0};
}

INLINE V16 ISA(load)(const float *x) {
    return *(const V16 *)x;
}

INLINE void ISA(store)(float *x, V16 v) {
    *(V16 *)x = v;
}

/// The first `count` < 16 values, the other lanes `rest`.
INLINE V16 ISA(load_part)(const float *x, size_t count, float rest) {
    float lanes[16];
    for (size_t i = 0; i < 16; i++)
        lanes[i] = i < count ? x[i] : rest;
    return ISA(load)(lanes);
}

INLINE V16 ISA(fma)(V16 a, V16 b, V16 c) {
    return MULTIPLY_ADD(a, b, c);
}

INLINE V16 ISA(select)(I16 mask, V16 yes, V16 no) {
    return (V16)((mask & (I16)yes) | (~mask & (I16)no));
}

// The upper lanes are put onto the lower until one is left; what the others then hold does not matter.
#define HALVE_8(v) \
    __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15)
#define HALVE_4(v) __builtin_shufflevector(v, v, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7)
#define HALVE_2(v) __builtin_shufflevector(v, v, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3)
#define HALVE_1(v) __builtin_shufflevector(v, v, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)

INLINE float ISA(sum_lanes)(V16 v) {
    v += HALVE_8(v);
    v += HALVE_4(v);
    v += HALVE_2(v);
    v += HALVE_1(v);
    return v[0];
}

INLINE V16 ISA(larger)(V16 a, V16 b) {
    return ISA(select)(b > a, b, a);
}

INLINE float ISA(max_lanes)(V16 v) {
    v = ISA(larger)(v, HALVE_8(v));
    v = ISA(larger)(v, HALVE_4(v));
    v = ISA(larger)(v, HALVE_2(v));
    v = ISA(larger)(v, HALVE_1(v));
    return v[0];
}

/// eˣ to about 1 ulp: 2ⁿ · p(r) with x = n ln 2 + r, |r| ≤ ½ ln 2, and p the degree-6 polynomial of
/// Cephes' expf. Exactly 0 under −87 and, so that nothing overflows, e⁸⁸ above 88.
INLINE V16 ISA(exp16)(V16 x) {
    const float shifter = 12582912.0f; // 1.5 · 2²³: adding it rounds to an integer
    I16 vanishes = x < -87.0f;
    x = ISA(select)(x > 88.0f, (V16){0} + 88.0f, x);
    x = ISA(select)(vanishes, (V16){0} - 87.0f, x);
    V16 shifted = ISA(fma)(x, (V16){0} + 1.44269504f, (V16){0} + shifter);
    V16 n = shifted - shifter;
    V16 r = ISA(fma)(n, (V16){0} - 0.693359375f, x);
    r = ISA(fma)(n, (V16){0} + 2.12194440e-4f, r);
    V16 p = (V16){0} + 1.9875691500e-4f;
    p = ISA(fma)(p, r, (V16){0} + 1.3981999507e-3f);
    p = ISA(fma)(p, r, (V16){0} + 8.3334519073e-3f);
    p = ISA(fma)(p, r, (V16){0} + 4.1665795894e-2f);
    p = ISA(fma)(p, r, (V16){0} + 1.6666665459e-1f);
    p = ISA(fma)(p, r, (V16){0} + 5.0000001201e-1f);
    p = ISA(fma)(p, r * r, r + 1.0f);
    I16 exponent = ((I16)shifted - (I16)((V16){0} + shifter)) << 23;
    V16 result = (V16)((I16)p + exponent);
    return ISA(select)(vanishes, (V16){0}, result);
}

static void ISA(rms_norm)(const float *x, const float *weight, float epsilon, size_t count,
                          float *y) {
    V16 squares = {0};
    size_t whole = count / 16 * 16;
    for (size_t i = 0; i < whole; i += 16) {
        V16 v = ISA(load)(x + i);
        squares = ISA(fma)(v, v, squares);
    }
    if (whole < count) {
        V16 v = ISA(load_part)(x + whole, count - whole, 0);
        squares = ISA(fma)(v, v, squares);
    }
    float factor = 1.0f / sqrtf(ISA(sum_lanes)(squares) / (float)count + epsilon);
    for (size_t i = 0; i < whole; i += 16)
        ISA(store)(y + i, ISA(load)(x + i) * factor * ISA(load)(weight + i));
    for (size_t i = whole; i < count; i++)
        y[i] = x[i] * factor * weight[i];
}

static void ISA(layer_norm)(const float *x, const float *weight, const float *bias, float epsilon,
                            size_t count, float *y) {
    V16 sum = {0}, squares = {0};
    size_t whole = count / 16 * 16;
    for (size_t i = 0; i < whole; i += 16)
        sum += ISA(load)(x + i);
    sum += ISA(load_part)(x + whole, count - whole, 0);
    float mean = ISA(sum_lanes)(sum) / (float)count;
    for (size_t i = 0; i < whole; i += 16) {
        V16 v = ISA(load)(x + i) - mean;
        squares = ISA(fma)(v, v, squares);
    }
    V16 rest = ISA(load_part)(x + whole, count - whole, mean) - mean;
    squares = ISA(fma)(rest, rest, squares);
    float factor = 1.0f / sqrtf(ISA(sum_lanes)(squares) / (float)count + epsilon);
    for (size_t i = 0; i < count; i++)
        y[i] = (x[i] - mean) * factor * weight[i] + bias[i];
}

/// x · σ(x · slope).
INLINE V16 ISA(gate16)(V16 x, V16 slope) {
    return x / (1.0f + ISA(exp16)(-x * slope));
}

INLINE V16 ISA(swiglu16)(V16 gate, V16 up, float alpha, float limit) {
    (void)alpha, (void)limit;
    return ISA(gate16)(gate, (V16){0} + 1.0f) * up;
}

INLINE V16 ISA(geglu16)(V16 gate, V16 up, float alpha, float limit) {
    (void)alpha, (void)limit;
    // 2 √(2/π) and that times 0.044715.
    V16 slope = ISA(fma)(gate * gate, (V16){0} + 0.0713548163f, (V16){0} + 1.59576912f);
    return ISA(gate16)(gate, slope) * up;
}

INLINE V16 ISA(clamped_swiglu16)(V16 gate, V16 up, float alpha, float limit) {
    gate = ISA(select)(gate > limit, ISA(splat)(limit), gate);
    up = ISA(select)(up > limit, ISA(splat)(limit), up);
    up = ISA(select)(up < -limit, (V16){0} - limit, up);
    return ISA(gate16)(gate, ISA(splat)(alpha)) * (up + 1.0f);
}

#define GATED(name)                                                                                \
    INLINE void ISA(name##_all)(const float *gate, const float *up, float alpha, float limit,       \
                                size_t count, float *y) {                                          \
        size_t whole = count / 16 * 16;                                                            \
        for (size_t i = 0; i < whole; i += 16)                                                     \
            ISA(store)(y + i, ISA(name##16)(ISA(load)(gate + i), ISA(load)(up + i), alpha, limit)); \
        if (whole < count) {                                                                       \
            V16 v = ISA(name##16)(ISA(load_part)(gate + whole, count - whole, 0),                   \
                                  ISA(load_part)(up + whole, count - whole, 0), alpha, limit);      \
            memcpy(y + whole, &v, (count - whole) * sizeof(float));                                 \
        }                                                                                          \
    }

GATED(swiglu)
GATED(geglu)
GATED(clamped_swiglu)
#undef GATED

static void ISA(swiglu)(const float *gate, const float *up, size_t count, float *y) {
    ISA(swiglu_all)(gate, up, 0, 0, count, y);
}

static void ISA(geglu)(const float *gate, const float *up, size_t count, float *y) {
    ISA(geglu_all)(gate, up, 0, 0, count, y);
}

static void ISA(clamped_swiglu)(const float *gate, const float *up, float alpha, float limit,
                                size_t count, float *y) {
    ISA(clamped_swiglu_all)(gate, up, alpha, limit, count, y);
}

static void ISA(add_scaled)(float a, const float *x, size_t count, float *y) {
    for (size_t i = 0; i < count; i++)
        y[i] = MULTIPLY_ADD(a, x[i], y[i]);
}

static void ISA(rotate_interleaved)(float *x, const float *cosines, const float *sines,
                                    size_t pairs) {
    for (size_t i = 0; i < pairs; i++) {
        float a = x[2 * i], b = x[2 * i + 1];
        x[2 * i] = a * cosines[i] - b * sines[i];
        x[2 * i + 1] = b * cosines[i] + a * sines[i];
    }
}

static void ISA(rotate_halves)(float *x, const float *cosines, const float *sines, size_t pairs) {
    for (size_t i = 0; i < pairs; i++) {
        float a = x[i], b = x[i + pairs];
        x[i] = a * cosines[i] - b * sines[i];
        x[i + pairs] = b * cosines[i] + a * sines[i];
    }
}

static float ISA(maximum)(const float *x, size_t count) {
    V16 best = (V16){0} - INFINITY;
    size_t whole = count / 16 * 16;
    for (size_t i = 0; i < whole; i += 16) {
        V16 v = ISA(load)(x + i);
        best = ISA(select)(v > best, v, best);
    }
    V16 rest = ISA(load_part)(x + whole, count - whole, -INFINITY);
    return ISA(max_lanes)(ISA(select)(rest > best, rest, best));
}

static size_t ISA(argmax)(const float *x, size_t count) {
    float best = ISA(maximum)(x, count);
    for (size_t i = 0; i < count; i++)
        if (x[i] == best)
            return i;
    return 0;
}

static double ISA(exp)(const float *x, size_t count, float shift, float scale, float *y) {
    double total = 0;
    // Runs of 1,024 in float32, their sums in float64: 150,000 terms lose nothing that matters.
    for (size_t start = 0; start < count; start += 1024) {
        size_t end = start + 1024 < count ? start + 1024 : count;
        V16 sum = {0};
        size_t i = start;
        for (; i + 16 <= end; i += 16) {
            V16 v = ISA(exp16)((ISA(load)(x + i) - shift) * scale);
            sum += v;
            if (y)
                ISA(store)(y + i, v);
        }
        if (i < end) {
            V16 v = ISA(exp16)((ISA(load_part)(x + i, end - i, -INFINITY) - shift) * scale);
            sum += v;
            if (y)
                memcpy(y + i, &v, (end - i) * sizeof(float));
        }
        total += (double)ISA(sum_lanes)(sum);
    }
    return total;
}

INLINE V16 ISA(load_f16)(const _Float16 *x) {
    return __builtin_convertvector(*(const H16 *)x, V16);
}

INLINE V16 ISA(load_f32)(const float *x) {
    return ISA(load)(x);
}

/// Positions between two rescalings of the running softmax.
#define TILE 64
#define TILE_PAGES (TILE / APUS_PAGE_POSITIONS)
/// Values of a position in a page, those that fill lines included.
#define VALUE_STRIDE(kv) (((kv)->value_dimension + 15) / 16 * 16)
#define PAGE(kv, pages, position) \
    ((pages) + (size_t)(kv)->block_table[(position) / APUS_PAGE_POSITIONS] * (kv)->page_stride)

#define ELEMENT _Float16
#define LARGEST 65504.0f
#define KV(name) ISA(name##_f16)
#include "attention_floats.h"
#include "attention.h"

#define ELEMENT float
#define LARGEST 3.40282347e38f
#define KV(name) ISA(name##_f32)
#include "attention_floats.h"
#include "attention.h"

#define KV(name) ISA(name##_bf16)
#include "attention_pairs.h"
#include "pages_pairs.h"
#include "attention.h"

#define KV(name) ISA(name##_q8)
#include "attention_pairs.h"
#include "pages_bytes.h"
#include "attention.h"

static void ISA(merge_attention)(apus_attention_query *query, const apus_attention_query *part,
                                 size_t value_dimension) {
    if (part->sum == 0)
        return;
    if (query->sum == 0) {
        memcpy(query->output, part->output, value_dimension * sizeof(float));
        query->maximum = part->maximum;
        query->sum = part->sum;
        return;
    }
    const float next = part->maximum > query->maximum ? part->maximum : query->maximum;
    const float old = expf(query->maximum - next), new = expf(part->maximum - next);
    query->sum = query->sum * old + part->sum * new;
    query->maximum = next;
    for (size_t d = 0; d < value_dimension; d++)
        query->output[d] = query->output[d] * old + part->output[d] * new;
}

static void ISA(finish_attention)(apus_attention_query *query, size_t value_dimension, float sink) {
    float sum = query->sum, shrink = 1.0f;
    if (sink > -INFINITY) {
        float next = sink > query->maximum ? sink : query->maximum;
        shrink = expf(query->maximum - next);
        sum = sum * shrink + expf(sink - next);
    }
    float factor = shrink / sum;
    for (size_t d = 0; d < value_dimension; d++)
        query->output[d] *= factor;
}

#define ATTENTION(type) \
    { \
        .attend = ISA(attend_##type), .store = ISA(store_##type), \
        .attend_latent = ISA(attend_latent_##type), .store_latent = ISA(store_latent_##type), \
        .load_latents = ISA(load_latents_##type), \
    }

static const apus_vector_operations ISA(operations) = {
    .rms_norm = ISA(rms_norm),
    .layer_norm = ISA(layer_norm),
    .swiglu = ISA(swiglu),
    .geglu = ISA(geglu),
    .clamped_swiglu = ISA(clamped_swiglu),
    .add_scaled = ISA(add_scaled),
    .rotate_interleaved = ISA(rotate_interleaved),
    .rotate_halves = ISA(rotate_halves),
    .maximum = ISA(maximum),
    .argmax = ISA(argmax),
    .exp = ISA(exp),
    .merge_attention = ISA(merge_attention),
    .finish_attention = ISA(finish_attention),
    .f16 = ATTENTION(f16),
    .bf16 = ATTENTION(bf16),
    .f32 = ATTENTION(f32),
    .q8 = ATTENTION(q8),
};

#undef ATTENTION
#undef half
#undef V16
#undef I16
#undef U16
#undef H16
#undef HALVE_8
#undef HALVE_4
#undef HALVE_2
#undef HALVE_1
#undef INLINE
#undef TILE
#undef TILE_PAGES
#undef VALUE_STRIDE
#undef PAGE
