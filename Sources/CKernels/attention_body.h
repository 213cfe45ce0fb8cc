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

/// Turns scores into weights exp(score − maximum) for the `visible` first positions, 0 for the rest.
/// Updates the running maximum and sum; returns the factor for what was accumulated before.
INLINE float KV(weigh)(float *scores, size_t visible, float *maximum, float *sum) {
    V16 tile[TILE_PAGES];
    V16 best = (V16){0} - INFINITY;
    for (size_t p = 0; p < TILE_PAGES; p++) {
        I16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        I16 seen = lane + (int32_t)(16 * p) < (int32_t)visible;
        tile[p] = ISA(select)(seen, ISA(load)(scores + 16 * p), (V16){0} - INFINITY);
        best = ISA(select)(tile[p] > best, tile[p], best);
    }
    float next = ISA(max_lanes)(best);
    next = next > *maximum ? next : *maximum;
    V16 total = {0};
    for (size_t p = 0; p < TILE_PAGES; p++) {
        tile[p] = ISA(exp16)(tile[p] - next);
        ISA(store)(scores + 16 * p, tile[p]);
        total += tile[p];
    }
    float shrink = *maximum == next ? 1.0f : expf(*maximum - next);
    *sum = *sum * shrink + ISA(sum_lanes)(total);
    *maximum = next;
    return shrink;
}

/// outputs[q][c …] = outputs · shrink + weights · values, for one chunk of 16 · `chunk` value columns.
INLINE void KV(mix)(const ELEMENT *const *pages, size_t positions, size_t stride, size_t column,
                    size_t chunk, float (*weights)[TILE], const float *shrink, size_t query_count,
                    float *outputs, size_t keys) {
    V16 sums[SCORE_QUERIES][4];
    for (size_t q = 0; q < query_count; q++)
        for (size_t c = 0; c < chunk; c++)
            sums[q][c] = ISA(load)(outputs + q * stride + column + 16 * c) * shrink[q];
    for (size_t j = 0; j < positions; j++) {
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

static void KV(mix_tile)(const ELEMENT *const *pages, size_t positions, size_t stride,
                         float (*weights)[TILE], const float *shrink, size_t query_count,
                         float *outputs, size_t keys) {
    for (size_t column = 0; column < stride;) {
        size_t left = stride - column;
        size_t chunk = left >= 64 ? 4 : 1;
        size_t q = 0;
        for (; chunk == 4 && q + SCORE_QUERIES <= query_count; q += SCORE_QUERIES)
            KV(mix)(pages, positions, stride, column, 4, weights + q, shrink + q, SCORE_QUERIES,
                    outputs + q * stride, keys);
        for (; chunk == 4 && q < query_count; q++)
            KV(mix)(pages, positions, stride, column, 4, weights + q, shrink + q, 1,
                    outputs + q * stride, keys);
        for (; q < query_count; q++)
            KV(mix)(pages, positions, stride, column, 1, weights + q, shrink + q, 1,
                    outputs + q * stride, keys);
        column += 16 * chunk;
    }
}

static void KV(attend)(const apus_kv_view *kv, const float *const *queries,
                       const int32_t *last_positions, size_t query_count, float *const *outputs,
                       float *scratch) {
    size_t stride = (kv->value_dimension + 15) / 16 * 16;
    float(*scores)[TILE] = (float(*)[TILE])scratch;
    float *mixed = scratch + APUS_ATTENTION_QUERIES * TILE;
    float maximum[APUS_ATTENTION_QUERIES], sum[APUS_ATTENTION_QUERIES];
    float shrink[APUS_ATTENTION_QUERIES];
    size_t end = 0;
    for (size_t q = 0; q < query_count; q++) {
        maximum[q] = -INFINITY;
        sum[q] = 0;
        size_t own_end = (size_t)last_positions[q] + 1;
        end = own_end > end ? own_end : end;
    }
    memset(mixed, 0, query_count * stride * sizeof(float));

    for (size_t start = 0; start < end; start += TILE) {
        size_t positions = end - start < TILE ? end - start : TILE;
        size_t page_count = (positions + APUS_PAGE_POSITIONS - 1) / APUS_PAGE_POSITIONS;
        const ELEMENT *pages[TILE_PAGES];
        for (size_t p = 0; p < page_count; p++)
            pages[p] = KV(page)(kv, start / APUS_PAGE_POSITIONS + p);
        KV(score_tile)(pages, page_count, queries, query_count, kv, scores);
        for (size_t q = 0; q < query_count; q++) {
            size_t own_end = (size_t)last_positions[q] + 1;
            size_t visible = own_end > start ? own_end - start : 0;
            shrink[q] = KV(weigh)(scores[q], visible < TILE ? visible : TILE, &maximum[q], &sum[q]);
        }
        KV(mix_tile)(pages, positions, stride, scores, shrink, query_count, mixed,
                     kv->key_dimension * APUS_PAGE_POSITIONS);
    }
    for (size_t q = 0; q < query_count; q++) {
        float factor = 1.0f / sum[q];
        for (size_t d = 0; d < kv->value_dimension; d++)
            outputs[q][d] = mixed[q * stride + d] * factor;
    }
}

/// The value as the pool can hold it: one beyond the type's range becomes its largest, since ∞ would
/// turn into NaN in every later position's sum.
INLINE ELEMENT KV(saturate)(float value) {
    value = value > LARGEST ? LARGEST : value;
    return (ELEMENT)(value < -LARGEST ? -LARGEST : value);
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

#undef TILE
#undef TILE_PAGES
