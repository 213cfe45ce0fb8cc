// SPDX-License-Identifier: Apache-2.0

// Included by vectors_body.h once for each KV element type, with ELEMENT, LARGEST and
// KV(name) defined.

/// Positions between two rescalings of the running softmax.
#define TILE 64
#define TILE_PAGES (TILE / APUS_PAGE_POSITIONS)

INLINE const ELEMENT *KV(page)(const apus_kv_view *kv, size_t page) {
    return (const ELEMENT *)(kv->pages + (size_t)kv->block_table[page] * kv->page_stride);
}

/// scores[q][16p …] = query · keys for `page_count` pages and `query_count` queries, both constants
/// at the call, so that the accumulators stay in registers.
INLINE void KV(score)(const ELEMENT *const *pages, size_t page_count, const float *const *queries,
                      size_t query_count, const apus_kv_view *kv, float (*scores)[TILE]) {
    V16 sums[SCORE_PAGES][SCORE_QUERIES] = {0};
    for (size_t d = 0; d < kv->key_dimension; d++) {
        V16 keys[SCORE_PAGES];
        for (size_t p = 0; p < page_count; p++)
            keys[p] = KV(load)(pages[p] + d * APUS_PAGE_POSITIONS);
        for (size_t q = 0; q < query_count; q++) {
            V16 query = (V16){0} + queries[q][d];
            for (size_t p = 0; p < page_count; p++)
                sums[p][q] = ISA(fma)(query, keys[p], sums[p][q]);
        }
    }
    for (size_t q = 0; q < query_count; q++)
        for (size_t p = 0; p < page_count; p++)
            ISA(store)(scores[q] + p * APUS_PAGE_POSITIONS, sums[p][q] * kv->scale);
}

static void KV(score_tile)(const ELEMENT *const *pages, size_t page_count,
                           const float *const *queries, size_t query_count,
                           const apus_kv_view *kv, float (*scores)[TILE]) {
    size_t p = 0;
    for (; p + SCORE_PAGES <= page_count; p += SCORE_PAGES) {
        size_t q = 0;
        for (; q + SCORE_QUERIES <= query_count; q += SCORE_QUERIES)
            KV(score)(pages + p, SCORE_PAGES, queries + q, SCORE_QUERIES, kv,
                      (float (*)[TILE])(scores[q] + p * APUS_PAGE_POSITIONS));
        for (; q < query_count; q++)
            KV(score)(pages + p, SCORE_PAGES, queries + q, 1, kv,
                      (float (*)[TILE])(scores[q] + p * APUS_PAGE_POSITIONS));
    }
    for (; p < page_count; p++)
        for (size_t q = 0; q < query_count; q++)
            KV(score)(pages + p, 1, queries + q, 1, kv,
                      (float (*)[TILE])(scores[q] + p * APUS_PAGE_POSITIONS));
}

/// Turns scores into weights exp(score − maximum) for positions `from` ..< `to` of the tile, 0 for the
/// rest. Updates the query's maximum and sum; returns the factor for what was accumulated before.
INLINE float KV(weigh)(float *scores, int32_t from, int32_t to, apus_attention_query *query) {
    if (from >= to) {
        memset(scores, 0, TILE * sizeof(float));
        return 1.0f;
    }
    V16 tile[TILE_PAGES];
    V16 best = (V16){0} - INFINITY;
    for (int32_t p = 0; p < TILE_PAGES; p++) {
        I16 lane = (I16){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} + 16 * p;
        I16 seen = (lane >= from) & (lane < to);
        tile[p] = ISA(select)(seen, ISA(load)(scores + 16 * p), (V16){0} - INFINITY);
        best = ISA(select)(tile[p] > best, tile[p], best);
    }
    float next = ISA(max_lanes)(best);
    next = next > query->maximum ? next : query->maximum;
    V16 total = {0};
    for (size_t p = 0; p < TILE_PAGES; p++) {
        tile[p] = ISA(exp16)(tile[p] - next);
        ISA(store)(scores + 16 * p, tile[p]);
        total += tile[p];
    }
    float shrink = query->maximum == next ? 1.0f : expf(query->maximum - next);
    query->sum = query->sum * shrink + ISA(sum_lanes)(total);
    query->maximum = next;
    return shrink;
}

/// outputs[q][c …] = outputs · shrink + weights · values, for one chunk of 16 · `chunk` value columns.
INLINE void KV(mix)(const ELEMENT *const *pages, size_t from, size_t to, size_t stride,
                    size_t column, size_t chunk, float (*weights)[TILE], const float *shrink,
                    size_t query_count, float *outputs, size_t keys) {
    V16 sums[SCORE_QUERIES][4];
    for (size_t q = 0; q < query_count; q++)
        for (size_t c = 0; c < chunk; c++)
            sums[q][c] = ISA(load)(outputs + q * stride + column + 16 * c) * shrink[q];
    for (size_t j = from; j < to; j++) {
        const ELEMENT *row =
            pages[j / APUS_PAGE_POSITIONS] + keys + (j % APUS_PAGE_POSITIONS) * stride + column;
        V16 values[4];
        for (size_t c = 0; c < chunk; c++)
            values[c] = KV(load)(row + 16 * c);
        for (size_t q = 0; q < query_count; q++) {
            V16 weight = (V16){0} + weights[q][j];
            for (size_t c = 0; c < chunk; c++)
                sums[q][c] = ISA(fma)(weight, values[c], sums[q][c]);
        }
    }
    for (size_t q = 0; q < query_count; q++)
        for (size_t c = 0; c < chunk; c++)
            ISA(store)(outputs + q * stride + column + 16 * c, sums[q][c]);
}

static void KV(mix_tile)(const ELEMENT *const *pages, size_t from, size_t to, size_t stride,
                         float (*weights)[TILE], const float *shrink, size_t query_count,
                         float *outputs, size_t keys) {
    for (size_t column = 0; column < stride;) {
        size_t left = stride - column;
        size_t chunk = left >= 64 ? 4 : 1;
        size_t q = 0;
        for (; chunk == 4 && q + SCORE_QUERIES <= query_count; q += SCORE_QUERIES)
            KV(mix)(pages, from, to, stride, column, 4, weights + q, shrink + q, SCORE_QUERIES,
                    outputs + q * stride, keys);
        for (; chunk == 4 && q < query_count; q++)
            KV(mix)(pages, from, to, stride, column, 4, weights + q, shrink + q, 1,
                    outputs + q * stride, keys);
        for (; q < query_count; q++)
            KV(mix)(pages, from, to, stride, column, 1, weights + q, shrink + q, 1,
                    outputs + q * stride, keys);
        column += 16 * chunk;
    }
}

static void KV(attend)(const apus_kv_view *kv, apus_attention_query *queries, size_t query_count,
                       size_t start, size_t end, float *scratch) {
    size_t stride = (kv->value_dimension + 15) / 16 * 16;
    float(*scores)[TILE] = (float(*)[TILE])scratch;
    float *mixed = scratch + APUS_ATTENTION_QUERIES * TILE;
    const float *vectors[APUS_ATTENTION_QUERIES];
    float shrink[APUS_ATTENTION_QUERIES];
    int32_t first = INT32_MAX, last = -1;
    memset(mixed, 0, query_count * stride * sizeof(float));
    for (size_t q = 0; q < query_count; q++) {
        vectors[q] = queries[q].vector;
        first = queries[q].first_position < first ? queries[q].first_position : first;
        last = queries[q].last_position > last ? queries[q].last_position : last;
        if (queries[q].sum > 0)
            memcpy(mixed + q * stride, queries[q].output, kv->value_dimension * sizeof(float));
    }
    size_t seen_from = first > 0 ? (size_t)first : 0, seen_to = (size_t)(last + 1);
    start = seen_from / TILE * TILE > start ? seen_from / TILE * TILE : start;
    end = seen_to < end ? seen_to : end;

    for (; start < end; start += TILE) {
        // Pages before the first position that is seen may belong to others by now.
        size_t from = seen_from > start ? (seen_from - start) / APUS_PAGE_POSITIONS : 0;
        size_t positions = end - start < TILE ? end - start : TILE;
        size_t page_count = (positions + APUS_PAGE_POSITIONS - 1) / APUS_PAGE_POSITIONS;
        const ELEMENT *pages[TILE_PAGES];
        for (size_t p = from; p < page_count; p++)
            pages[p] = KV(page)(kv, start / APUS_PAGE_POSITIONS + p);
        KV(score_tile)(pages + from, page_count - from, vectors, query_count, kv,
                       (float (*)[TILE])(scores[0] + from * APUS_PAGE_POSITIONS));
        for (size_t q = 0; q < query_count; q++) {
            int32_t own_from = queries[q].first_position - (int32_t)start;
            int32_t own_to = queries[q].last_position + 1 - (int32_t)start;
            int32_t tile_end = (int32_t)positions;
            shrink[q] = KV(weigh)(scores[q], own_from, own_to < tile_end ? own_to : tile_end,
                                  &queries[q]);
        }
        KV(mix_tile)(pages, from * APUS_PAGE_POSITIONS, positions, stride, scores, shrink,
                     query_count, mixed, kv->key_dimension * APUS_PAGE_POSITIONS);
    }
    for (size_t q = 0; q < query_count; q++)
        memcpy(queries[q].output, mixed + q * stride, kv->value_dimension * sizeof(float));
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
    size_t block = (size_t)kv->block_table[position / APUS_PAGE_POSITIONS];
    ELEMENT *page = (ELEMENT *)(pages + block * kv->page_stride);
    size_t slot = position % APUS_PAGE_POSITIONS;
    for (size_t d = 0; d < kv->key_dimension; d++)
        page[d * APUS_PAGE_POSITIONS + slot] = KV(saturate)(key[d]);
    size_t stride = (kv->value_dimension + 15) / 16 * 16;
    ELEMENT *row = page + kv->key_dimension * APUS_PAGE_POSITIONS + slot * stride;
    for (size_t d = 0; d < kv->value_dimension; d++)
        row[d] = KV(saturate)(value[d]);
}

// MARK: - Latents

static void KV(store_latent)(const apus_kv_view *kv, uint8_t *pages, size_t position,
                             const float *latent) {
    size_t block = (size_t)kv->block_table[position / APUS_PAGE_POSITIONS];
    ELEMENT *row = (ELEMENT *)(pages + block * kv->page_stride)
        + position % APUS_PAGE_POSITIONS * kv->key_dimension;
    for (size_t d = 0; d < kv->key_dimension; d++)
        row[d] = KV(saturate)(latent[d]);
}

static void KV(load_latents)(const apus_kv_view *kv, size_t start, size_t count, float *latents) {
    for (size_t i = 0; i < count; i++) {
        size_t position = start + i;
        const ELEMENT *row = KV(page)(kv, position / APUS_PAGE_POSITIONS)
            + position % APUS_PAGE_POSITIONS * kv->key_dimension;
        for (size_t d = 0; d < kv->key_dimension; d++)
            latents[i * kv->key_dimension + d] = (float)row[d];
    }
}

/// scores[p] = scale · queries · latents[p], one query per lane, for `count` positions.
INLINE void KV(score_latents)(const float *latents, size_t count, const V16 *queries,
                              const apus_kv_view *kv, V16 *scores) {
    V16 sums[LATENT_POSITIONS] = {0};
    for (size_t d = 0; d < kv->key_dimension; d++)
        for (size_t p = 0; p < count; p++)
            sums[p] = ISA(fma)(queries[d], (V16){0} + latents[p * kv->key_dimension + d], sums[p]);
    for (size_t p = 0; p < count; p++)
        scores[p] = sums[p] * kv->scale;
}

/// mixed[d] = mixed[d] · shrink + Σ weights[p] · latents[p][d], for `count` dimensions.
INLINE void KV(mix_latents)(const float *latents, size_t positions, size_t count,
                            const apus_kv_view *kv, const V16 *weights, V16 shrink, V16 *mixed) {
    V16 sums[LATENT_DIMENSIONS];
    for (size_t d = 0; d < count; d++)
        sums[d] = mixed[d] * shrink;
    for (size_t p = 0; p < positions; p++)
        for (size_t d = 0; d < count; d++)
            sums[d] = ISA(fma)(weights[p], (V16){0} + latents[p * kv->key_dimension + d], sums[d]);
    for (size_t d = 0; d < count; d++)
        mixed[d] = sums[d];
}

static void KV(attend_latent)(const apus_kv_view *kv, const float *const *queries,
                              size_t query_count, size_t last_position, float *const *outputs,
                              float *scratch) {
    V16 *vectors = (V16 *)scratch;
    V16 *mixed = vectors + kv->key_dimension;
    V16 *scores = mixed + kv->value_dimension;
    float *latents = (float *)(scores + TILE);
    for (size_t d = 0; d < kv->key_dimension; d++)
        for (size_t q = 0; q < 16; q++)
            vectors[d][q] = q < query_count ? queries[q][d] : 0;
    memset(mixed, 0, kv->value_dimension * sizeof(V16));
    V16 maximum = (V16){0} - INFINITY, sum = {0};

    for (size_t start = 0; start <= last_position; start += TILE) {
        size_t positions = last_position + 1 - start < TILE ? last_position + 1 - start : TILE;
        KV(load_latents)(kv, start, positions, latents);
        size_t p = 0;
        for (; p + LATENT_POSITIONS <= positions; p += LATENT_POSITIONS)
            KV(score_latents)(latents + p * kv->key_dimension, LATENT_POSITIONS, vectors, kv,
                              scores + p);
        for (; p < positions; p++)
            KV(score_latents)(latents + p * kv->key_dimension, 1, vectors, kv, scores + p);

        V16 best = maximum, total = {0};
        for (p = 0; p < positions; p++)
            best = ISA(select)(scores[p] > best, scores[p], best);
        for (p = 0; p < positions; p++) {
            scores[p] = ISA(exp16)(scores[p] - best);
            total += scores[p];
        }
        V16 shrink = ISA(exp16)(maximum - best);
        sum = sum * shrink + total;
        maximum = best;

        size_t d = 0;
        for (; d + LATENT_DIMENSIONS <= kv->value_dimension; d += LATENT_DIMENSIONS)
            KV(mix_latents)(latents + d, positions, LATENT_DIMENSIONS, kv, scores, shrink,
                            mixed + d);
        for (; d < kv->value_dimension; d++)
            KV(mix_latents)(latents + d, positions, 1, kv, scores, shrink, mixed + d);
    }
    V16 factor = 1.0f / sum;
    for (size_t d = 0; d < kv->value_dimension; d++) {
        V16 result = mixed[d] * factor;
        for (size_t q = 0; q < query_count; q++)
            outputs[q][d] = result[q];
    }
}

#undef TILE
#undef TILE_PAGES
