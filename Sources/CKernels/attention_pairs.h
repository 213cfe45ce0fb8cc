// SPDX-License-Identifier: Apache-2.0

// Attention over pages of BF16 for attention.h: two values to a 32-bit *pair*, whose lower half comes
// first, so that one instruction multiplies and adds both. Included by vectors_body.h with KV(name)
// defined, and before the file that says how such pages are kept (pages_pairs.h, pages_bytes.h).
//
// Keys are pairs of dimensions, [⌈key_dimension / 2⌉][16 positions]; values are pairs of positions,
// [8][value_stride]; a latent is a row of pairs of dimensions, [16][⌈key_dimension / 2⌉].

#define ELEMENT uint32_t
#define QUERY uint32_t
#define QUERY_COUNT(kv) (((kv)->key_dimension + 1) / 2)
#define WEIGHT uint32_t
#define WEIGHT_POSITIONS 2
#define LATENT_COUNT(kv) (((kv)->key_dimension + 1) / 2)
/// The largest finite BF16.
#define LARGEST 0x1.fep127f

INLINE U16 KV(load)(const uint32_t *pairs) {
    return *(const U16 *)pairs;
}

INLINE U16 KV(broadcast)(uint32_t pair) {
    return (U16){0} + pair;
}

/// sum + a₁·b₁ + a₀·b₀ of each lane's pair [vdpbf16ps: Intel SDM].
INLINE V16 KV(dot)(V16 sum, U16 a, U16 b) {
#if HAS_BF16
    return (V16)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
    const uint32_t upper = 0xffff0000;
    sum = ISA(fma)((V16)(a & upper), (V16)(b & upper), sum);
    return ISA(fma)((V16)(a << 16), (V16)(b << 16), sum);
#endif
}

/// The floats rounded to BF16, ties to even, in the upper halves of the lanes. NaNs that are not all
/// ones stay NaN.
INLINE U16 KV(round)(V16 v) {
    const U16 bits = (U16)v;
    return (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000;
}

/// The value as BF16, one beyond its range as its largest. NaN stays NaN: a query spoils no other.
INLINE uint16_t KV(narrow)(float value) {
    value = value > LARGEST ? LARGEST : value;
    value = value < -LARGEST ? -LARGEST : value;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return value == value ? (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16) : 0x7fc0;
}

INLINE ISA(half16) KV(narrow16)(V16 v) {
    v = ISA(select)(v > LARGEST, (V16){0} + LARGEST, v);
    v = ISA(select)(v < -LARGEST, (V16){0} - LARGEST, v);
    const U16 bits = KV(round)(v) >> 16;
    const U16 nan = (U16){0} + 0x7fc0;
    const U16 is_number = (U16)(v == v);
    return __builtin_convertvector((bits & is_number) | (nan & ~is_number), ISA(half16));
}

INLINE void KV(take_query)(const float *vector, size_t count, QUERY *query) {
    half *values = (half *)query;
    size_t d = 0;
    for (; d + 16 <= count; d += 16) {
        const ISA(half16) narrow = KV(narrow16)(ISA(load)(vector + d));
        memcpy(values + d, &narrow, sizeof narrow);
    }
    for (; d < count; d++)
        values[d] = KV(narrow)(vector[d]);
    if (count % 2 != 0)
        values[count] = 0;
}

/// Keeps the weights of 16 positions and returns them as they enter the sums.
INLINE V16 KV(keep_weights)(V16 weights, WEIGHT *kept) {
    const U16 bits = KV(round)(weights);
    const ISA(half16) halves = __builtin_convertvector(bits >> 16, ISA(half16));
    memcpy(kept, &halves, sizeof halves);
    return (V16)bits;
}

/// scores[q][16p …] = scale · query · keys for `page_count` pages and `query_count` queries, both
/// constants at the call, so that the accumulators stay in registers. Asks for the pages in `next`.
INLINE void KV(score)(const ELEMENT *const *pages, const ELEMENT *const *next, size_t page_count,
                      const QUERY *queries, size_t query_count, const apus_kv_view *kv,
                      float (*scores)[TILE]) {
    const size_t pairs = QUERY_COUNT(kv);
    V16 sums[SCORE_PAGES][SCORE_QUERIES] = {0};
    for (size_t d = 0; d < pairs; d++) {
        U16 keys[SCORE_PAGES];
        for (size_t p = 0; p < page_count; p++) {
            keys[p] = KV(load)(pages[p] + d * APUS_PAGE_POSITIONS);
            if (next)
                __builtin_prefetch(next[p] + d * APUS_PAGE_POSITIONS);
        }
        for (size_t q = 0; q < query_count; q++) {
            const U16 query = KV(broadcast)(queries[q * pairs + d]);
            for (size_t p = 0; p < page_count; p++)
                sums[p][q] = KV(dot)(sums[p][q], keys[p], query);
        }
    }
    for (size_t q = 0; q < query_count; q++)
        for (size_t p = 0; p < page_count; p++)
            ISA(store)(scores[q] + p * APUS_PAGE_POSITIONS, sums[p][q] * kv->scale);
}

/// outputs[q][column …] = outputs · shrink + weights · values, for 16 · `chunk` value columns and the
/// positions from ..< to; `from` is even, and a weight past `to` is 0. Asks for the pages in `next`.
INLINE void KV(mix)(const ELEMENT *const *pages, const ELEMENT *const *next, size_t from, size_t to,
                    const apus_kv_view *kv, size_t column, size_t chunk,
                    WEIGHT (*weights)[TILE / WEIGHT_POSITIONS], const float *shrink,
                    size_t query_count, float *outputs) {
    const size_t stride = VALUE_STRIDE(kv), keys = QUERY_COUNT(kv) * APUS_PAGE_POSITIONS;
    V16 sums[SCORE_QUERIES][MIX_CHUNK];
    for (size_t q = 0; q < query_count; q++)
        for (size_t c = 0; c < chunk; c++)
            sums[q][c] = ISA(load)(outputs + q * stride + column + 16 * c) * shrink[q];
    for (size_t j = from / 2; j < (to + 1) / 2; j++) {
        const size_t page = 2 * j / APUS_PAGE_POSITIONS;
        const size_t row = keys + 2 * j % APUS_PAGE_POSITIONS / 2 * stride + column;
        U16 values[MIX_CHUNK];
        for (size_t c = 0; c < chunk; c++) {
            values[c] = KV(load)(pages[page] + row + 16 * c);
            if (next)
                __builtin_prefetch(next[page] + row + 16 * c);
        }
        for (size_t q = 0; q < query_count; q++) {
            const U16 weight = KV(broadcast)(weights[q][j]);
            for (size_t c = 0; c < chunk; c++)
                sums[q][c] = KV(dot)(sums[q][c], values[c], weight);
        }
    }
    for (size_t q = 0; q < query_count; q++)
        for (size_t c = 0; c < chunk; c++)
            ISA(store)(outputs + q * stride + column + 16 * c, sums[q][c]);
}

// MARK: - Latents

#define LATENT_QUERY U16
#define LATENT_WEIGHT U16
#define LATENT_TILE uint32_t

INLINE void KV(take_latent_query)(const float *vector, size_t count, size_t lane,
                                  LATENT_QUERY *query) {
    for (size_t d = 0; d < count; d++)
        ((half *)&query[d / 2])[2 * lane + d % 2] = KV(narrow)(vector[d]);
}

/// The tile's values as pairs of positions, [⌈positions / 2⌉][value_dimension].
INLINE void KV(take_latents)(const ELEMENT *const *rows, size_t positions, const apus_kv_view *kv,
                             LATENT_TILE *tile) {
    for (size_t p = 0; p < positions; p += 2, tile += kv->value_dimension) {
        const half *first = (const half *)rows[p];
        const half *second = (const half *)rows[p + 1 < positions ? p + 1 : p];
        for (size_t d = 0; d < kv->value_dimension; d++)
            tile[d] = first[d] | (uint32_t)second[d] << 16;
    }
}

/// scores[p] = scale · queries · latents, one query per lane, for `count` positions from `first` on.
INLINE void KV(score_latents)(const ELEMENT *const *rows, const LATENT_TILE *tile, size_t first,
                              size_t count, const LATENT_QUERY *queries, const apus_kv_view *kv,
                              V16 *scores) {
    (void)tile;
    V16 sums[LATENT_POSITIONS] = {0};
    for (size_t d = 0; d < LATENT_COUNT(kv); d++)
        for (size_t p = 0; p < count; p++)
            sums[p] = KV(dot)(sums[p], queries[d], KV(broadcast)(rows[first + p][d]));
    for (size_t p = 0; p < count; p++)
        scores[first + p] = sums[p] * kv->scale;
}

/// Keeps the weights of a position and returns them as they enter the sums. That of an odd position
/// completes the pair of the one before.
INLINE V16 KV(keep_latent_weights)(V16 weights, LATENT_WEIGHT *kept, size_t position) {
    const U16 bits = KV(round)(weights);
    U16 *pair = kept + position / 2;
    *pair = position % 2 == 0 ? bits >> 16 : *pair | bits;
    return (V16)bits;
}

/// mixed[d …] = mixed · shrink + Σ weights[p] · latents[p], for `count` dimensions from `first` on.
INLINE void KV(mix_latents)(const LATENT_TILE *tile, size_t positions, size_t first, size_t count,
                            const apus_kv_view *kv, const LATENT_WEIGHT *weights, V16 shrink,
                            V16 *mixed) {
    V16 sums[LATENT_DIMENSIONS];
    for (size_t d = 0; d < count; d++)
        sums[d] = mixed[first + d] * shrink;
    for (size_t p = 0; p < (positions + 1) / 2; p++) {
        const uint32_t *latents = tile + p * kv->value_dimension + first;
        for (size_t d = 0; d < count; d++)
            sums[d] = KV(dot)(sums[d], weights[p], KV(broadcast)(latents[d]));
    }
    for (size_t d = 0; d < count; d++)
        mixed[first + d] = sums[d];
}
