// SPDX-License-Identifier: Apache-2.0

// Pages that are kept as attention_pairs.h reads them. Included by vectors_body.h after that file.

/// Pages are read where they are, so the next ones are worth asking for.
#define PREFETCHES 1

/// The page of `position`, of keys and values or of latents.
INLINE const ELEMENT *KV(page)(const apus_kv_view *kv, size_t position, ELEMENT *room) {
    (void)room;
    return (const ELEMENT *)PAGE(kv, kv->pages, position);
}

INLINE const ELEMENT *KV(latents)(const apus_kv_view *kv, size_t position, ELEMENT *room) {
    return KV(page)(kv, position, room);
}

/// As `narrow`, but that NaN becomes 0: like ∞, it would spoil every later position's sum.
INLINE half KV(saturate)(float value) {
    return value == value ? KV(narrow)(value) : 0;
}

static void KV(store)(const apus_kv_view *kv, uint8_t *pages, size_t position, const float *key,
                      const float *value) {
    const size_t slot = position % APUS_PAGE_POSITIONS;
    uint32_t *page = (uint32_t *)PAGE(kv, pages, position);
    half *keys = (half *)(page + slot);
    for (size_t d = 0; d < kv->key_dimension; d++)
        keys[d / 2 * (2 * APUS_PAGE_POSITIONS) + d % 2] = KV(saturate)(key[d]);
    uint32_t *row = page + QUERY_COUNT(kv) * APUS_PAGE_POSITIONS + slot / 2 * VALUE_STRIDE(kv);
    half *values = (half *)row + slot % 2;
    for (size_t d = 0; d < kv->value_dimension; d++)
        values[2 * d] = KV(saturate)(value[d]);
}

static void KV(store_latent)(const apus_kv_view *kv, uint8_t *pages, size_t position,
                             const float *latent) {
    uint32_t *row = (uint32_t *)PAGE(kv, pages, position)
        + position % APUS_PAGE_POSITIONS * LATENT_COUNT(kv);
    half *values = (half *)row;
    for (size_t d = 0; d < kv->key_dimension; d++)
        values[d] = KV(saturate)(latent[d]);
}

/// The latent of one position as floats.
INLINE void KV(load_latent)(const apus_kv_view *kv, size_t position, float *latent) {
    const ELEMENT *row = KV(page)(kv, position, NULL)
        + position % APUS_PAGE_POSITIONS * LATENT_COUNT(kv);
    const half *values = (const half *)row;
    for (size_t d = 0; d < kv->key_dimension; d++) {
        const uint32_t bits = (uint32_t)values[d] << 16;
        memcpy(latent + d, &bits, sizeof bits);
    }
}
