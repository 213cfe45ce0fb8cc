// SPDX-License-Identifier: Apache-2.0

// Attention over one kind of pages. Included by vectors_body.h after the files that say how such pages
// are read and kept (attention_floats.h; attention_pairs.h with pages_pairs.h or pages_bytes.h).

/// Elements of a page of keys and values.
#define PAGE_ELEMENTS(kv) \
    (QUERY_COUNT(kv) * APUS_PAGE_POSITIONS \
     + VALUE_STRIDE(kv) * APUS_PAGE_POSITIONS / WEIGHT_POSITIONS)

static void KV(score_tile)(const ELEMENT *const *pages, const ELEMENT *const *next,
                           size_t page_count, const QUERY *queries, size_t query_count,
                           const apus_kv_view *kv, float (*scores)[TILE]) {
    const size_t size = QUERY_COUNT(kv);
    for (size_t p = 0; p < page_count;) {
        const size_t pages_left = page_count - p;
        const size_t count = pages_left >= SCORE_PAGES ? SCORE_PAGES : 1;
        for (size_t q = 0; q < query_count;) {
            float(*place)[TILE] = (float(*)[TILE])(scores[q] + p * APUS_PAGE_POSITIONS);
            // The first queries to come by ask for what all of them will read.
            const ELEMENT *const *wanted = q == 0 && next ? next + p : NULL;
            const bool is_whole = query_count - q >= SCORE_QUERIES;
            // A loop that does not ask has no branch, and all registers for its sums.
            if (count == SCORE_PAGES && is_whole && wanted)
                KV(score)(pages + p, wanted, SCORE_PAGES, queries + q * size, SCORE_QUERIES, kv,
                          place);
            else if (count == SCORE_PAGES && is_whole)
                KV(score)(pages + p, NULL, SCORE_PAGES, queries + q * size, SCORE_QUERIES, kv,
                          place);
            else if (count == SCORE_PAGES)
                KV(score)(pages + p, wanted, SCORE_PAGES, queries + q * size, 1, kv, place);
            else
                KV(score)(pages + p, wanted, 1, queries + q * size, 1, kv, place);
            q += count == SCORE_PAGES && is_whole ? SCORE_QUERIES : 1;
        }
        p += count;
    }
}

/// Turns scores into weights exp(score − maximum) for positions `from` ..< `to` of the tile, 0 for the
/// rest. Updates the query's maximum and sum; returns the factor for what was accumulated before.
INLINE float KV(weigh)(const float *scores, int32_t from, int32_t to, apus_attention_query *query,
                       WEIGHT *weights) {
    if (from >= to) {
        memset(weights, 0, TILE / WEIGHT_POSITIONS * sizeof(WEIGHT));
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
    for (size_t p = 0; p < TILE_PAGES; p++)
        total += KV(keep_weights)(ISA(exp16)(tile[p] - next), weights + 16 / WEIGHT_POSITIONS * p);
    float shrink = query->maximum == next ? 1.0f : expf(query->maximum - next);
    query->sum = query->sum * shrink + ISA(sum_lanes)(total);
    query->maximum = next;
    return shrink;
}

static void KV(mix_tile)(const ELEMENT *const *pages, const ELEMENT *const *next, size_t from,
                         size_t to, const apus_kv_view *kv,
                         WEIGHT (*weights)[TILE / WEIGHT_POSITIONS], const float *shrink,
                         size_t query_count, float *outputs) {
    const size_t stride = VALUE_STRIDE(kv);
    for (size_t column = 0; column < stride;) {
        const size_t chunk = stride - column >= 16 * MIX_CHUNK ? MIX_CHUNK : 1;
        for (size_t q = 0; q < query_count;) {
            const ELEMENT *const *wanted = q == 0 ? next : NULL;
            const bool is_whole = chunk == MIX_CHUNK && query_count - q >= SCORE_QUERIES;
            if (is_whole && wanted)
                KV(mix)(pages, wanted, from, to, kv, column, MIX_CHUNK, weights + q, shrink + q,
                        SCORE_QUERIES, outputs + q * stride);
            else if (is_whole)
                KV(mix)(pages, NULL, from, to, kv, column, MIX_CHUNK, weights + q, shrink + q,
                        SCORE_QUERIES, outputs + q * stride);
            else if (chunk == MIX_CHUNK)
                KV(mix)(pages, wanted, from, to, kv, column, MIX_CHUNK, weights + q, shrink + q, 1,
                        outputs + q * stride);
            else
                KV(mix)(pages, wanted, from, to, kv, column, 1, weights + q, shrink + q, 1,
                        outputs + q * stride);
            q += is_whole ? SCORE_QUERIES : 1;
        }
        column += 16 * chunk;
    }
}

static void KV(attend)(const apus_kv_view *kv, apus_attention_query *queries, size_t query_count,
                       size_t start, size_t end, float *scratch) {
    const size_t stride = VALUE_STRIDE(kv);
    float(*scores)[TILE] = (float(*)[TILE])scratch;
    scratch += APUS_ATTENTION_QUERIES * TILE;
    WEIGHT(*weights)[TILE / WEIGHT_POSITIONS] = (WEIGHT(*)[TILE / WEIGHT_POSITIONS])scratch;
    scratch += APUS_ATTENTION_QUERIES * TILE;
    QUERY *vectors = (QUERY *)scratch;
    float *mixed = scratch + APUS_ATTENTION_QUERIES * kv->key_dimension;
    ELEMENT *room = (ELEMENT *)(mixed + APUS_ATTENTION_QUERIES * stride);
    float shrink[APUS_ATTENTION_QUERIES];
    int32_t first = INT32_MAX, last = -1;
    memset(mixed, 0, query_count * stride * sizeof(float));
    for (size_t q = 0; q < query_count; q++) {
        KV(take_query)(queries[q].vector, kv->key_dimension, vectors + q * QUERY_COUNT(kv));
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
        const ELEMENT *pages[TILE_PAGES], *following[TILE_PAGES];
        for (size_t p = from; p < page_count; p++) {
            const size_t position = start + p * APUS_PAGE_POSITIONS;
            pages[p] = KV(page)(kv, position, room + p * PAGE_ELEMENTS(kv));
            following[p] = position + TILE < end
                ? (const ELEMENT *)PAGE(kv, kv->pages, position + TILE) : pages[p];
        }
        const ELEMENT *const *next = PREFETCHES && start + TILE < end ? following : NULL;
        KV(score_tile)(pages + from, next ? next + from : NULL, page_count - from, vectors,
                       query_count, kv, (float (*)[TILE])(scores[0] + from * APUS_PAGE_POSITIONS));
        for (size_t q = 0; q < query_count; q++) {
            int32_t own_from = queries[q].first_position - (int32_t)start;
            int32_t own_to = queries[q].last_position + 1 - (int32_t)start;
            int32_t tile_end = (int32_t)positions;
            own_from = own_from > 0 ? own_from : 0; // nothing is seen of a tile that comes too late
            shrink[q] = KV(weigh)(scores[q], own_from, own_to < tile_end ? own_to : tile_end,
                                  &queries[q], weights[q]);
        }
        KV(mix_tile)(pages, next, from * APUS_PAGE_POSITIONS, positions, kv, weights, shrink,
                     query_count, mixed);
    }
    for (size_t q = 0; q < query_count; q++)
        memcpy(queries[q].output, mixed + q * stride, kv->value_dimension * sizeof(float));
}

// MARK: - Latents

static void KV(load_latents)(const apus_kv_view *kv, size_t start, size_t count, float *latents) {
    for (size_t i = 0; i < count; i++)
        KV(load_latent)(kv, start + i, latents + i * kv->key_dimension);
}

static void KV(attend_latent)(const apus_kv_view *kv, const float *const *queries,
                              size_t query_count, size_t last_position, float *const *outputs,
                              float *scratch) {
    LATENT_QUERY *vectors = (LATENT_QUERY *)scratch;
    V16 *mixed = (V16 *)(vectors + kv->key_dimension);
    V16 *scores = mixed + kv->value_dimension;
    LATENT_WEIGHT *weights = (LATENT_WEIGHT *)(scores + TILE);
    LATENT_TILE *tile = (LATENT_TILE *)(weights + TILE);
    ELEMENT *room = (ELEMENT *)(tile + TILE * kv->key_dimension);
    memset(vectors, 0, kv->key_dimension * sizeof *vectors);
    for (size_t q = 0; q < query_count; q++)
        KV(take_latent_query)(queries[q], kv->key_dimension, q, vectors);
    memset(mixed, 0, kv->value_dimension * sizeof(V16));
    V16 maximum = (V16){0} - INFINITY, sum = {0};

    for (size_t start = 0; start <= last_position; start += TILE) {
        const size_t positions =
            last_position + 1 - start < TILE ? last_position + 1 - start : TILE;
        const ELEMENT *rows[TILE];
        for (size_t p = 0; p < positions; p += APUS_PAGE_POSITIONS) {
            const ELEMENT *page = KV(latents)(kv, start + p, room + p * LATENT_COUNT(kv));
            for (size_t i = 0; i < APUS_PAGE_POSITIONS && p + i < positions; i++)
                rows[p + i] = page + i * LATENT_COUNT(kv);
        }
        KV(take_latents)(rows, positions, kv, tile);
        size_t p = 0;
        for (; p + LATENT_POSITIONS <= positions; p += LATENT_POSITIONS)
            KV(score_latents)(rows, tile, p, LATENT_POSITIONS, vectors, kv, scores);
        for (; p < positions; p++)
            KV(score_latents)(rows, tile, p, 1, vectors, kv, scores);

        V16 best = maximum, total = {0};
        for (p = 0; p < positions; p++)
            best = ISA(select)(scores[p] > best, scores[p], best);
        for (p = 0; p < positions; p++)
            total += KV(keep_latent_weights)(ISA(exp16)(scores[p] - best), weights, p);
        V16 shrink = ISA(exp16)(maximum - best);
        sum = sum * shrink + total;
        maximum = best;

        size_t d = 0;
        for (; d + LATENT_DIMENSIONS <= kv->value_dimension; d += LATENT_DIMENSIONS)
            KV(mix_latents)(tile, positions, d, LATENT_DIMENSIONS, kv, weights, shrink, mixed);
        for (; d < kv->value_dimension; d++)
            KV(mix_latents)(tile, positions, d, 1, kv, weights, shrink, mixed);
    }
    V16 factor = 1.0f / sum;
    for (size_t d = 0; d < kv->value_dimension; d++) {
        V16 result = mixed[d] * factor;
        for (size_t q = 0; q < query_count; q++)
            outputs[q][d] = result[q];
    }
}

#undef ELEMENT
#undef PREFETCHES
#undef LARGEST
#undef KV
#undef QUERY
#undef QUERY_COUNT
#undef WEIGHT
#undef WEIGHT_POSITIONS
#undef LATENT_COUNT
#undef LATENT_QUERY
#undef LATENT_WEIGHT
#undef LATENT_TILE
#undef PAGE_ELEMENTS
