// SPDX-License-Identifier: Apache-2.0

// Pages of float32 or of f16, one value a lane, for attention.h and attention_latent.h. Included by
// vectors_body.h with ELEMENT, LARGEST and KV(name) defined; `KV(load)` turns 16 values into floats.

/// Pages are read where they are, so the next ones are worth asking for.
#define PREFETCHES 1
/// A query as the kernels read it, [key_dimension].
#define QUERY float
#define QUERY_COUNT(kv) ((kv)->key_dimension)
/// Weights of the positions of a tile, one each.
#define WEIGHT float
#define WEIGHT_POSITIONS 1
/// Values of a position in a page of latents.
#define LATENT_COUNT(kv) ((kv)->key_dimension)

/// The page of `position`, of keys and values or of latents.
INLINE const ELEMENT *KV(page)(const apus_kv_view *kv, size_t position, ELEMENT *room) {
    (void)room;
    return (const ELEMENT *)PAGE(kv, kv->pages, position);
}

INLINE const ELEMENT *KV(latents)(const apus_kv_view *kv, size_t position, ELEMENT *room) {
    return KV(page)(kv, position, room);
}

INLINE void KV(take_query)(const float *vector, size_t count, QUERY *query) {
    memcpy(query, vector, count * sizeof(float));
}

/// Keeps the weights of 16 positions and returns them as they enter the sums.
INLINE V16 KV(keep_weights)(V16 weights, WEIGHT *kept) {
    ISA(store)(kept, weights);
    return weights;
}

/// scores[q][16p …] = scale · query · keys for `page_count` pages and `query_count` queries, both
/// constants at the call, so that the accumulators stay in registers. Asks for the pages in `next`.
INLINE void KV(score)(const ELEMENT *const *pages, const ELEMENT *const *next, size_t page_count,
                      const QUERY *queries, size_t query_count, const apus_kv_view *kv,
                      float (*scores)[TILE]) {
    V16 sums[SCORE_PAGES][SCORE_QUERIES] = {0};
    for (size_t d = 0; d < kv->key_dimension; d++) {
        V16 keys[SCORE_PAGES];
        for (size_t p = 0; p < page_count; p++) {
            keys[p] = KV(load)(pages[p] + d * APUS_PAGE_POSITIONS);
            if (next)
                __builtin_prefetch(next[p] + d * APUS_PAGE_POSITIONS);
        }
        for (size_t q = 0; q < query_count; q++) {
            V16 query = ISA(splat)(queries[q * kv->key_dimension + d]);
            for (size_t p = 0; p < page_count; p++)
                sums[p][q] = ISA(fma)(query, keys[p], sums[p][q]);
        }
    }
    for (size_t q = 0; q < query_count; q++)
        for (size_t p = 0; p < page_count; p++)
            ISA(store)(scores[q] + p * APUS_PAGE_POSITIONS, sums[p][q] * kv->scale);
}

/// outputs[q][column …] = outputs · shrink + weights · values, for 16 · `chunk` value columns and the
/// positions from ..< to. Asks for the pages in `next`.
INLINE void KV(mix)(const ELEMENT *const *pages, const ELEMENT *const *next, size_t from, size_t to,
                    const apus_kv_view *kv, size_t column, size_t chunk,
                    WEIGHT (*weights)[TILE / WEIGHT_POSITIONS], const float *shrink,
                    size_t query_count, float *outputs) {
    const size_t stride = VALUE_STRIDE(kv), keys = kv->key_dimension * APUS_PAGE_POSITIONS;
    V16 sums[SCORE_QUERIES][MIX_CHUNK];
    for (size_t q = 0; q < query_count; q++)
        for (size_t c = 0; c < chunk; c++)
            sums[q][c] = ISA(load)(outputs + q * stride + column + 16 * c) * shrink[q];
    for (size_t j = from; j < to; j++) {
        const size_t page = j / APUS_PAGE_POSITIONS;
        const size_t row = keys + j % APUS_PAGE_POSITIONS * stride + column;
        V16 values[MIX_CHUNK];
        for (size_t c = 0; c < chunk; c++)
            values[c] = KV(load)(pages[page] + row + 16 * c);
        if (next)
            for (size_t c = 0; c < chunk * 16; c += 64 / sizeof(ELEMENT))
                __builtin_prefetch(next[page] + row + c);
        for (size_t q = 0; q < query_count; q++) {
            V16 weight = ISA(splat)(weights[q][j]);
            for (size_t c = 0; c < chunk; c++)
                sums[q][c] = ISA(fma)(weight, values[c], sums[q][c]);
        }
    }
    for (size_t q = 0; q < query_count; q++)
        for (size_t c = 0; c < chunk; c++)
            ISA(store)(outputs + q * stride + column + 16 * c, sums[q][c]);
}

/// The value as the pool can hold it: one beyond the type's range becomes its largest, since ∞ would
/// turn into NaN in every later position's sum. So would NaN, which becomes 0.
INLINE ELEMENT KV(saturate)(float value) {
    value = value > LARGEST ? LARGEST : value;
    value = value < -LARGEST ? -LARGEST : value;
    return (ELEMENT)(value == value ? value : 0.0f);
}

static void KV(store)(const apus_kv_view *kv, uint8_t *pages, size_t position, const float *key,
                      const float *value) {
    ELEMENT *page = (ELEMENT *)PAGE(kv, pages, position);
    const size_t slot = position % APUS_PAGE_POSITIONS;
    for (size_t d = 0; d < kv->key_dimension; d++)
        page[d * APUS_PAGE_POSITIONS + slot] = KV(saturate)(key[d]);
    ELEMENT *row = page + kv->key_dimension * APUS_PAGE_POSITIONS + slot * VALUE_STRIDE(kv);
    for (size_t d = 0; d < kv->value_dimension; d++)
        row[d] = KV(saturate)(value[d]);
}

// MARK: - Latents

static void KV(store_latent)(const apus_kv_view *kv, uint8_t *pages, size_t position,
                             const float *latent) {
    ELEMENT *row = (ELEMENT *)PAGE(kv, pages, position)
        + position % APUS_PAGE_POSITIONS * LATENT_COUNT(kv);
    for (size_t d = 0; d < kv->key_dimension; d++)
        row[d] = KV(saturate)(latent[d]);
}

INLINE void KV(widen_latent)(const ELEMENT *row, size_t count, float *latent) {
    for (size_t d = 0; d < count; d++)
        latent[d] = (float)row[d];
}

/// The latent of one position as floats.
INLINE void KV(load_latent)(const apus_kv_view *kv, size_t position, float *latent) {
    const ELEMENT *row = KV(page)(kv, position, NULL)
        + position % APUS_PAGE_POSITIONS * LATENT_COUNT(kv);
    KV(widen_latent)(row, kv->key_dimension, latent);
}

/// 16 queries, one per lane, as the scores read them.
#define LATENT_QUERY V16
/// What 16 heads' weights of WEIGHT_POSITIONS positions take.
#define LATENT_WEIGHT V16
/// A tile's latents as both sums read them.
#define LATENT_TILE float

INLINE void KV(take_latent_query)(const float *vector, size_t count, size_t lane,
                                  LATENT_QUERY *query) {
    for (size_t d = 0; d < count; d++)
        query[d][lane] = vector[d];
}

/// Brings the tile's rows into one piece, as floats.
INLINE void KV(take_latents)(const ELEMENT *const *rows, size_t positions, const apus_kv_view *kv,
                             LATENT_TILE *tile) {
    for (size_t p = 0; p < positions; p++)
        KV(widen_latent)(rows[p], kv->key_dimension, tile + p * kv->key_dimension);
}

/// scores[p] = scale · queries · latents, one query per lane, for `count` positions from `first` on.
INLINE void KV(score_latents)(const ELEMENT *const *rows, const LATENT_TILE *tile, size_t first,
                              size_t count, const LATENT_QUERY *queries, const apus_kv_view *kv,
                              V16 *scores) {
    (void)rows;
    V16 sums[LATENT_POSITIONS] = {0};
    const float *latents = tile + first * kv->key_dimension;
    for (size_t d = 0; d < kv->key_dimension; d++)
        for (size_t p = 0; p < count; p++)
            sums[p] = ISA(fma)(queries[d], ISA(splat)(latents[p * kv->key_dimension + d]), sums[p]);
    for (size_t p = 0; p < count; p++)
        scores[first + p] = sums[p] * kv->scale;
}

/// Keeps the weights of a position and returns them as they enter the sums.
INLINE V16 KV(keep_latent_weights)(V16 weights, LATENT_WEIGHT *kept, size_t position) {
    return kept[position] = weights;
}

/// mixed[d …] = mixed · shrink + Σ weights[p] · latents[p], for `count` dimensions from `first` on.
INLINE void KV(mix_latents)(const LATENT_TILE *tile, size_t positions, size_t first, size_t count,
                            const apus_kv_view *kv, const LATENT_WEIGHT *weights, V16 shrink,
                            V16 *mixed) {
    V16 sums[LATENT_DIMENSIONS];
    for (size_t d = 0; d < count; d++)
        sums[d] = mixed[first + d] * shrink;
    for (size_t p = 0; p < positions; p++) {
        const float *latent = tile + p * kv->key_dimension + first;
        for (size_t d = 0; d < count; d++)
            sums[d] = ISA(fma)(weights[p], ISA(splat)(latent[d]), sums[d]);
    }
    for (size_t d = 0; d < count; d++)
        mixed[first + d] = sums[d];
}
