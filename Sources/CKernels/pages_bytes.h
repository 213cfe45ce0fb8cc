// SPDX-License-Identifier: Apache-2.0

// Pages of 8-bit values with an f16 scale for every 32 of a position, as Q8_0 has them, unpacked into pairs
// before attention_pairs.h reads them. Included by vectors_body.h after that file.
//
// Bytes lie where pages_pairs.h has halves: keys [⌈key_dimension / 2⌉][16 positions][2 dimensions], then
// values [8][value_stride][2 positions]. Behind them are the scales, [⌈key_dimension / 32⌉][16] and
// [⌈value_stride / 32⌉][16]. Latents are rows of bytes, [16][2 ⌈key_dimension / 2⌉], and then rows of scales,
// [16][⌈key_dimension / 32⌉].

#define PREFETCHES 0
#define SCALED_VALUES 32
#define SCALE_COUNT(count) (((count) + SCALED_VALUES - 1) / SCALED_VALUES)

typedef _Float16 KV(f16) __attribute__((may_alias));

/// 8 bits and a scale for up to 32 values, each `step` bytes after the one before. What is not finite becomes
/// what is nearest to it, NaN 0.
INLINE KV(f16) KV(quantize)(const float *values, size_t count, int8_t *bytes, size_t step) {
    float largest = 0;
    for (size_t i = 0; i < count; i++) {
        const float size = fabsf(values[i]);
        largest = size > largest ? size : largest;
    }
    // What an f16 can hold; scales that it cannot tell from 0 are 0.
    const float most = 65504.0f * 127;
    const _Float16 scale = (_Float16)((largest < most ? largest : most) / 127);
    const float inverse = scale > 0 ? 1.0f / (float)scale : 0;
    for (size_t i = 0; i < count; i++) {
        float x = values[i] * inverse;
        x = x > 127 ? 127 : x < -127 ? -127 : x == x ? x : 0;
        bytes[i * step] = (int8_t)lrintf(x);
    }
    return scale;
}

/// The lower (`shift` 24) or upper (16) bytes of 16 lanes times their scales, as BF16 in the upper halves.
INLINE U16 KV(widen)(I16 lanes, int shift, V16 scales) {
    const I16 values = (I16)((U16)lanes << shift) >> 24;
    return KV(round)(__builtin_convertvector(values, V16) * scales);
}

/// Sixteen pairs of bytes as pairs of BF16.
INLINE U16 KV(unpack)(const uint8_t *bytes, V16 lower_scales, V16 upper_scales) {
    ISA(half16) narrow;
    memcpy(&narrow, bytes, sizeof narrow);
    const I16 lanes = __builtin_convertvector(narrow, I16);
    return KV(widen)(lanes, 24, lower_scales) >> 16 | KV(widen)(lanes, 16, upper_scales);
}

INLINE const ELEMENT *KV(page)(const apus_kv_view *kv, size_t position, ELEMENT *room) {
    const uint8_t *bytes = PAGE(kv, kv->pages, position);
    const size_t stride = VALUE_STRIDE(kv), pairs = QUERY_COUNT(kv);
    const uint8_t *values = bytes + 2 * pairs * APUS_PAGE_POSITIONS;
    const _Float16 *key_scales = (const _Float16 *)(values + stride * APUS_PAGE_POSITIONS);
    const _Float16 *value_scales =
        key_scales + SCALE_COUNT(kv->key_dimension) * APUS_PAGE_POSITIONS;
    U16 *unpacked = (U16 *)room;
    for (size_t d = 0; d < pairs; d++, bytes += 2 * APUS_PAGE_POSITIONS) {
        const size_t block = 2 * d / SCALED_VALUES;
        const V16 scales = ISA(load_f16)(key_scales + block * APUS_PAGE_POSITIONS);
        *unpacked++ = KV(unpack)(bytes, scales, scales);
    }
    for (size_t p = 0; p < APUS_PAGE_POSITIONS; p += 2) {
        for (size_t column = 0; column < stride; column += 16, values += 32) {
            const _Float16 *scales = value_scales + column / SCALED_VALUES * APUS_PAGE_POSITIONS + p;
            *unpacked++ = KV(unpack)(values, ISA(splat)((float)scales[0]), ISA(splat)((float)scales[1]));
        }
    }
    return room;
}

static void KV(store)(const apus_kv_view *kv, uint8_t *pages, size_t position, const float *key,
                      const float *value) {
    const size_t slot = position % APUS_PAGE_POSITIONS, stride = VALUE_STRIDE(kv);
    uint8_t *bytes = PAGE(kv, pages, position);
    uint8_t *values = bytes + 2 * QUERY_COUNT(kv) * APUS_PAGE_POSITIONS;
    KV(f16) *scales = (KV(f16) *)(values + stride * APUS_PAGE_POSITIONS) + slot;
    for (size_t d = 0; d < kv->key_dimension; d += SCALED_VALUES, scales += APUS_PAGE_POSITIONS) {
        int8_t block[SCALED_VALUES];
        const size_t left = kv->key_dimension - d, count = left < SCALED_VALUES ? left : SCALED_VALUES;
        *scales = KV(quantize)(key + d, count, block, 1);
        for (size_t i = 0; i < count; i++)
            bytes[((d + i) / 2 * APUS_PAGE_POSITIONS + slot) * 2 + i % 2] = (uint8_t)block[i];
    }
    int8_t *row = (int8_t *)values + slot / 2 * stride * 2 + slot % 2;
    for (size_t d = 0; d < kv->value_dimension; d += SCALED_VALUES, scales += APUS_PAGE_POSITIONS) {
        const size_t left = kv->value_dimension - d, count = left < SCALED_VALUES ? left : SCALED_VALUES;
        *scales = KV(quantize)(value + d, count, row + 2 * d, 2);
    }
}

// MARK: - Latents

/// Bytes and scales of one position's latent.
INLINE const int8_t *KV(latent)(const apus_kv_view *kv, size_t position, const KV(f16) **scales) {
    const size_t slot = position % APUS_PAGE_POSITIONS;
    const uint8_t *page = PAGE(kv, kv->pages, position);
    *scales = (const KV(f16) *)(page + 2 * QUERY_COUNT(kv) * APUS_PAGE_POSITIONS)
        + slot * SCALE_COUNT(kv->key_dimension);
    return (const int8_t *)page + slot * 2 * QUERY_COUNT(kv);
}

static void KV(store_latent)(const apus_kv_view *kv, uint8_t *pages, size_t position,
                             const float *latent) {
    const size_t slot = position % APUS_PAGE_POSITIONS, dimension = kv->key_dimension;
    uint8_t *page = PAGE(kv, pages, position);
    KV(f16) *scales = (KV(f16) *)(page + 2 * QUERY_COUNT(kv) * APUS_PAGE_POSITIONS)
        + slot * SCALE_COUNT(dimension);
    int8_t *row = (int8_t *)page + slot * 2 * QUERY_COUNT(kv);
    for (size_t d = 0; d < dimension; d += SCALED_VALUES) {
        const size_t count = dimension - d < SCALED_VALUES ? dimension - d : SCALED_VALUES;
        *scales++ = KV(quantize)(latent + d, count, row + d, 1);
    }
}

/// The latent of one position as floats, each a BF16.
INLINE void KV(load_latent)(const apus_kv_view *kv, size_t position, float *latent) {
    const KV(f16) *scales;
    const int8_t *row = KV(latent)(kv, position, &scales);
    for (size_t d = 0; d < kv->key_dimension; d++) {
        const uint32_t bits =
            (uint32_t)KV(narrow)((float)row[d] * (float)scales[d / SCALED_VALUES]) << 16;
        memcpy(latent + d, &bits, sizeof bits);
    }
}

/// The page's latents as rows of pairs. A row that was never stored is anything.
INLINE const ELEMENT *KV(latents)(const apus_kv_view *kv, size_t position, ELEMENT *room) {
    position -= position % APUS_PAGE_POSITIONS;
    for (size_t p = 0; p < APUS_PAGE_POSITIONS; p++) {
        const KV(f16) *scales;
        const int8_t *row = KV(latent)(kv, position + p, &scales);
        half *unpacked = (half *)(room + p * QUERY_COUNT(kv));
        for (size_t d = 0; d < 2 * QUERY_COUNT(kv); d++)
            unpacked[d] = KV(narrow)((float)row[d] * (float)scales[d / SCALED_VALUES]);
    }
    return room;
}

#undef SCALED_VALUES
#undef SCALE_COUNT
