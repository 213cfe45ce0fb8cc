// SPDX-License-Identifier: Apache-2.0

/// The kernels' loops, written once over a vocabulary of lanes.
///
/// Included by the strips_*.c of each instruction set, which define before it the vocabulary
/// (strips_scalar.c says what each word means, as loops; strips_factors.h for integer scales), `LANES`, the
/// rows of a strip that are multiplied at a time, and `MAX_TILE` with its `TILES`, the most columns that
/// weights are loaded, and most of them unpacked, for at a time. Each operation rounds in the same way in
/// all of them, so results are bit-equal; each output goes through the same operations whatever the tile,
/// so they do not depend on the batch.

#include "activations.h"
#include "strips_layout.h"
#include "strips_unpack.h"

/// Asks for the `bytes` of weights that lie `ahead` bytes further on; nowhere when that is 0.
INLINE void prefetch(const uint8_t *weights, size_t bytes, size_t ahead) {
    for (size_t offset = 0; ahead > 0 && offset < bytes; offset += APUS_LINE_BYTES) {
        __builtin_prefetch(weights + offset + ahead);
    }
}

/// How far ahead the first tile of a strip, of `n` columns, asks for memory.
INLINE size_t prefetch_bytes(const size_t n, bool is_first_tile) {
    return is_first_tile ? atomic_load_explicit(&apus_prefetch_bytes[n], memory_order_relaxed) : 0;
}

/// Of the types with integer scales.
#ifndef MAX_BLOCK_TILE
#define MAX_BLOCK_TILE MAX_TILE
#define BLOCK_TILES TILES
#endif

/// Groups in a block of the types that have integer scales.
#define BLOCK_GROUPS (APUS_MAX_BLOCK_LENGTH / APUS_GROUP_COLUMNS)

/// Scales and mins of 32 columns of `LANES` rows: of all of them, or of their halves.
typedef struct {
    floats scale[2];
    floats min[2];
} group_scales;

/// The same where both are integers times numbers that are common to a block: the integers, mins as
/// unsigned bytes.
typedef struct {
    factors factor[2];
    bytes min[2];
} group_factors;

// MARK: - Unpacking

/// Bits `from`…`from + bits − 1` of the values, from a plane of bits narrower than a nibble.
INLINE void join_plane(const uint8_t *plane, const int bits, const int from, line *quads) {
    const int quads_per_line = 8 / bits, mask = ((1 << bits) - 1) << from;
    UNROLL for (int i = 0; i < APUS_GROUP_QUADS; i++) {
        const line packed = load_line(plane + i / quads_per_line * APUS_LINE_BYTES);
        quads[i] = join(quads[i], packed, i % quads_per_line * bits - from, mask);
    }
}

INLINE void unpack_values(const int bits, const uint8_t *planes, line *quads) {
    if (bits == 8) {
        UNROLL for (int i = 0; i < APUS_GROUP_QUADS; i++) {
            quads[i] = load_line(planes + i * APUS_LINE_BYTES);
        }
    } else if (bits >= 4) {
        UNROLL for (int i = 0; i < 4; i++) {
            const line packed = load_line(planes + i * APUS_LINE_BYTES);
            quads[i] = field(packed, 0, 15);
            quads[i + 4] = field(packed, 4, 15);
        }
        if (bits > 4) {
            join_plane(planes + 4 * APUS_LINE_BYTES, bits - 4, 4, quads);
        }
    } else {
        UNROLL for (int i = 0; i < APUS_GROUP_QUADS; i++) {
            quads[i] = field(load_line(planes + i / 4 * APUS_LINE_BYTES), i % 4 * 2, 3);
        }
        if (bits > 2) {
            join_plane(planes + 2 * APUS_LINE_BYTES, bits - 2, 2, quads);
        }
    }
}

/// Scales and mins of rows `lane`…`lane + LANES − 1` of group `g` of block `block`, for types without
/// integer scales.
INLINE void unpack_scales(const uint32_t type, const uint8_t *strip, size_t block, size_t g,
                          size_t lane, group_scales *unpacked) {
    const uint8_t *head = strip + apus_numbers_offset(type, block);
    const uint8_t *halves = head + lane * sizeof(uint16_t);
    switch (apus_scale_storage_of(type)) {
    case SCALES_E8M0: unpacked->scale[0] = floats_from_e8m0(load_bytes(head + lane)); break;
    case SCALES_UE4M3:
        UNROLL for (size_t h = 0; h < 2; h++) {
            const uint8_t *scale = head + (2 * g + h) * APUS_STRIP_ROWS + lane;
            unpacked->scale[h] = floats_from_ue4m3(load_bytes(scale));
        }
        break;
    default:
        unpacked->scale[0] = floats_from_f16(halves);
        if (apus_value_rule_of(type).has_min) {
            unpacked->min[0] = floats_from_f16(halves + APUS_HALVES_BYTES);
        }
    }
}

/// Integer scales and mins of group `g` of a block.
INLINE void unpack_group_factors(const uint32_t type, const uint8_t *head, const uint8_t *scales,
                                 size_t lane, size_t g, group_factors *unpacked) {
    switch (apus_scale_storage_of(type)) {
    case SCALES_SIX_BITS: {
        const uint8_t *upper = head + APUS_HALVES_BYTES + g / 4 * 16 + lane;
        const bytes low = shift_right(load_bytes(scales + g / 2 * 16 + lane), (int)(g % 2 * 4));
        const bytes high = shift_right(load_bytes(upper), (int)(g % 4 * 2));
        unpacked->factor[0] = factors_from_unsigned(low_and_high(low, high), -32);
        break;
    }
    case SCALES_SIX_BIT_PAIRS: {
        const bytes low = load_bytes(scales + g * 16 + lane);
        const uint8_t *upper = scales + 128 + g / 2 * 16 + lane;
        const bytes high = shift_right(load_bytes(upper), (int)(g % 2 * 4));
        const bytes a = low_and_high(low, high);
        const bytes b = low_and_high(shift_right(low, 4), shift_right(high, 2));
        if (type == APUS_Q3_K) {
            unpacked->factor[0] = factors_from_unsigned(a, -32);
            unpacked->factor[1] = factors_from_unsigned(b, -32);
        } else {
            unpacked->factor[0] = factors_from_unsigned(a, 0);
            unpacked->min[0] = b;
        }
        break;
    }
    case SCALES_NIBBLE_PAIRS:
        UNROLL for (size_t h = 0; h < 2; h++) {
            const bytes pair = load_bytes(scales + (2 * g + h) * 16 + lane);
            unpacked->factor[h] = factors_from_unsigned(low_nibbles(pair), 0);
            unpacked->min[h] = low_nibbles(shift_right(pair, 4));
        }
        break;
    case SCALES_BYTES:
        UNROLL for (size_t h = 0; h < 2; h++) {
            unpacked->factor[h] = factors_from_signed(load_bytes(scales + (2 * g + h) * 16 + lane));
        }
        break;
    default: break;
    }
}

/// Integer scales and mins of rows `lane`…`lane + LANES − 1` of block `block`.
INLINE void unpack_factors(const uint32_t type, const uint8_t *strip, size_t block, size_t lane,
                           group_factors *unpacked) {
    const uint8_t *head = strip + apus_numbers_offset(type, block);
    const uint8_t *body = strip + apus_body_offset(type, block);
    const uint8_t *scales = body + BLOCK_GROUPS * apus_planes_bytes(type);
    UNROLL for (size_t g = 0; g < BLOCK_GROUPS; g++) {
        unpack_group_factors(type, head, scales, lane, g, unpacked + g);
    }
}

/// Values of rows `lane`…`lane + LANES − 1` of a group, unsigned.
INLINE void unpack_group(const uint32_t type, const uint8_t *strip, size_t group, size_t lane,
                         line *quads) {
    const size_t block = group / apus_block_groups(type), g = group % apus_block_groups(type);
    const uint8_t *body = strip + apus_body_offset(type, block);
    const uint8_t *planes = body + g * apus_planes_bytes(type);
    const uint8_t *table = apus_table_of(type);
    unpack_values(apus_plane_bits(type), planes + lane * 4, quads);
    UNROLL for (int i = 0; table != NULL && i < APUS_GROUP_QUADS; i++) {
        quads[i] = look_up(quads[i], table);
    }
}

// MARK: - Multiplying

/// sum + weights · activations of one group and one column, given their dot product.
INLINE floats add_group(const apus_value_rule rule, ints dot, const group_scales *scales,
                        const apus_activation_group *x, floats sum) {
    const floats scale = multiply(scales->scale[0], broadcast(&x->scale));
    sum = fused(floats_from_ints(dot), scale, sum);
    return rule.has_min ? fused(scales->min[0], broadcast(&x->scaled_sum), sum) : sum;
}

/// sum + weights · activations of one group and one column, whose halves have their own scales.
INLINE floats add_halves(const apus_value_rule rule, const line *quads,
                         const group_scales *scales, const apus_activation_group *x, floats sum) {
    const half_dots dots = group_half_dots(rule, quads, x);
    floats term = multiply(floats_from_ints(dots.low), scales->scale[0]);
    term = fused(floats_from_ints(dots.high), scales->scale[1], term);
    return fused(term, broadcast(&x->scale), sum);
}

/// sum + mins · activations of one group and one column.
INLINE floats add_mins(const apus_value_rule rule, const floats *min, const apus_activation_group *x,
                       floats sum) {
    if (rule.scale_columns == APUS_GROUP_COLUMNS) {
        return fused(min[0], broadcast(&x->scaled_sum), sum);
    }
    const ints low_sum = broadcast_int(&x->negated_low_sum);
    const ints high_sum = subtract(broadcast_int(&x->negated_sum), low_sum);
    const floats term = multiply(min[0], floats_from_ints(low_sum));
    return fused_negated(fused(min[1], floats_from_ints(high_sum), term), broadcast(&x->scale), sum);
}

/// Bytes of a strip of a quantised type for 32 columns, but for what is left of its last head.
INLINE size_t group_bytes(const uint32_t type) {
    return (apus_body_bytes(type) + apus_head_bytes(type)) / apus_block_groups(type);
}

/// outputs[c][lane…] = rows lane… of the strip · columns[c], for a tile of `n` columns and a
/// quantised type without integer scales.
INLINE void multiply_quantized_tile(const uint32_t type, const size_t n, const uint8_t *strip,
                                    size_t width, size_t lane, const void *const *columns,
                                    float *const *outputs, bool is_first_tile) {
    const apus_value_rule rule = apus_value_rule_of(type);
    const bool has_halves = rule.scale_columns < APUS_GROUP_COLUMNS;
    const size_t block_groups = apus_block_groups(type), group_count = width / APUS_GROUP_COLUMNS;
    const size_t run = SUMS_LATER && n > 1 ? BLOCK_GROUPS : 1;
    const size_t ahead = prefetch_bytes(n, is_first_tile);
    const apus_activation_group *x[MAX_TILE];
    floats sums[MAX_TILE];
    group_scales scales[BLOCK_GROUPS];
    ints dots[BLOCK_GROUPS][MAX_TILE];
    UNROLL for (size_t c = 0; c < n; c++) {
        x[c] = columns[c];
        sums[c] = zeros();
    }
    for (size_t first = 0; first < group_count; first += run) {
        const size_t count = group_count - first < run ? group_count - first : run;
        for (size_t i = 0; i < count; i++) {
            const size_t g = first + i;
            prefetch(strip + g * group_bytes(type), group_bytes(type), ahead);
            line quads[APUS_GROUP_QUADS];
            unpack_group(type, strip, g, lane, quads);
            unpack_scales(type, strip, g / block_groups, g % block_groups, lane, scales + i);
            UNROLL for (size_t c = 0; has_halves && c < n; c++) {
                sums[c] = add_halves(rule, quads, scales + i, x[c] + g, sums[c]);
            }
            if (!has_halves) {
                group_dots(rule, n, quads, x, g, dots[i]);
            }
        }
        for (size_t i = 0; !has_halves && i < count; i++) {
            UNROLL for (size_t c = 0; c < n; c++) {
                sums[c] = add_group(rule, dots[i][c], scales + i, x[c] + first + i, sums[c]);
            }
        }
    }
    UNROLL for (size_t c = 0; c < n; c++) {
        store(outputs[c] + lane, sums[c]);
    }
}

/// Whether a value is put together from two planes, or looked up: worth doing once for all tiles of a block.
INLINE bool is_put_together(const uint32_t type) {
    const int bits = apus_plane_bits(type);
    return apus_table_of(type) != NULL || !(bits == 2 || bits == 4 || bits == 8);
}

/// Values of rows `lane`…`lane + LANES − 1` of block `block`.
INLINE void unpack_block(const uint32_t type, const uint8_t *strip, size_t block, size_t lane,
                         bool is_first, line (*values)[APUS_GROUP_QUADS]) {
    const size_t first = block * BLOCK_GROUPS, ahead = prefetch_bytes(MAX_BLOCK_TILE, is_first);
    for (size_t g = 0; g < BLOCK_GROUPS; g++) {
        prefetch(strip + (first + g) * group_bytes(type), group_bytes(type), ahead);
        unpack_group(type, strip, first + g, lane, values[g]);
    }
}

INLINE floats add_scaled_dot(scaled_sums dot, const apus_activation_group *x, floats sum) {
    return fused(floats_from_scaled(dot), broadcast(&x->scale), sum);
}

/// outputs[c][lane…] += rows lane… of a block · columns[c], for a tile of `n` columns and a type with
/// integer scales, whose sums of a block are multiplied with its scale at the end. Block 0 finds no
/// sums in the outputs. `values` are the block's, or NULL where they are to be unpacked here.
INLINE void add_block_tile(const uint32_t type, const size_t n, const uint8_t *strip, size_t block,
                           size_t lane, const group_factors *unpacked,
                           const line (*values)[APUS_GROUP_QUADS], const void *const *columns,
                           float *const *outputs, bool is_first_tile) {
    const apus_value_rule rule = apus_value_rule_of(type);
    const uint8_t *head = strip + apus_numbers_offset(type, block);
    const size_t first = block * BLOCK_GROUPS, ahead = prefetch_bytes(n, is_first_tile);
    // One column has no others to wait for.
    const bool sums_later = SUMS_LATER && n > 1;
    const apus_activation_group *x[MAX_BLOCK_TILE];
    floats sums[MAX_BLOCK_TILE];
    scaled_sums dots[BLOCK_GROUPS][MAX_BLOCK_TILE];
    UNROLL for (size_t c = 0; c < n; c++) {
        x[c] = (const apus_activation_group *)columns[c] + first;
        sums[c] = zeros();
    }
    for (size_t g = 0; g < BLOCK_GROUPS; g++) {
        line own[APUS_GROUP_QUADS];
        const line *quads = values ? values[g] : own;
        if (!values) {
            prefetch(strip + (first + g) * group_bytes(type), group_bytes(type), ahead);
            unpack_group(type, strip, first + g, lane, own);
        }
        if (sums_later) {
            scaled_dots(rule, n, quads, unpacked[g].factor, x, g, dots[g]);
        }
        UNROLL for (size_t c = 0; !sums_later && c < n; c++) {
            scaled_sums dot;
            scaled_dots(rule, 1, quads, unpacked[g].factor, x + c, g, &dot);
            sums[c] = add_scaled_dot(dot, x[c] + g, sums[c]);
        }
    }
    for (size_t g = 0; sums_later && g < BLOCK_GROUPS; g++) {
        UNROLL for (size_t c = 0; c < n; c++) {
            sums[c] = add_scaled_dot(dots[g][c], x[c] + g, sums[c]);
        }
    }
    const uint8_t *halves = head + lane * sizeof(uint16_t);
    const floats d = floats_from_f16(halves);
    UNROLL for (size_t c = 0; c < n; c++) {
        sums[c] = fused(sums[c], d, block == 0 ? zeros() : load_floats(outputs[c] + lane));
    }
    const floats minimum = rule.has_min ? floats_from_f16(halves + APUS_HALVES_BYTES) : zeros();
    for (size_t g = 0; rule.has_min && g < BLOCK_GROUPS; g++) {
        floats min[2];
        UNROLL for (size_t h = 0; h < APUS_GROUP_COLUMNS / rule.scale_columns; h++) {
            min[h] = multiply(floats_from_unsigned(unpacked[g].min[h], 0), minimum);
        }
        UNROLL for (size_t c = 0; c < n; c++) {
            sums[c] = add_mins(rule, min, x[c] + g, sums[c]);
        }
    }
    UNROLL for (size_t c = 0; c < n; c++) {
        store(outputs[c] + lane, sums[c]);
    }
}

/// outputs[c][lane…] = rows lane… of the strip · columns[c], for a tile of `n` columns, weights and
/// activations being floats. Each output is the sum over even
/// columns plus the sum over odd ones: two chains, so that one column need not wait for every sum.
INLINE void multiply_float_tile(const uint32_t type, const size_t n, const uint8_t *strip,
                                size_t width, size_t lane, const void *const *columns,
                                float *const *outputs, bool is_first) {
    const size_t value_bytes = type == APUS_F32 ? sizeof(float) : sizeof(uint16_t);
    const size_t column_bytes = value_bytes * APUS_STRIP_ROWS;
    const size_t ahead = prefetch_bytes(n, is_first);
    const uint8_t *weights = strip + lane * value_bytes;
    const float *x[MAX_TILE];
    floats even[MAX_TILE], odd[MAX_TILE];
    UNROLL for (size_t c = 0; c < n; c++) {
        x[c] = columns[c];
        even[c] = odd[c] = zeros();
    }
    size_t k = 0;
    for (; k + 1 < width; k += 2, weights += 2 * column_bytes) {
        prefetch(weights, 2 * column_bytes, ahead);
        const floats first = load_weights(type, weights);
        const floats second = load_weights(type, weights + column_bytes);
        UNROLL for (size_t c = 0; c < n; c++) {
            even[c] = fused(first, broadcast(x[c] + k), even[c]);
            odd[c] = fused(second, broadcast(x[c] + k + 1), odd[c]);
        }
    }
    const bool is_odd = k < width;
    const floats last = is_odd ? load_weights(type, weights) : zeros();
    UNROLL for (size_t c = 0; c < n; c++) {
        if (is_odd) {
            even[c] = fused(last, broadcast(x[c] + k), even[c]);
        }
        store(outputs[c] + lane, plus(even[c], odd[c]));
    }
}

/// outputs[c][lane…] = rows lane… of the strip · columns[c], for a tile of `n` columns and a type
/// without integer scales.
INLINE void multiply_tile(const uint32_t type, const size_t n, const uint8_t *strip, size_t width,
                          size_t lane, const void *const *columns, float *const *outputs,
                          bool is_first_tile) {
    if (type == APUS_F32 || type == APUS_F16 || type == APUS_BF16) {
        multiply_float_tile(type, n, strip, width, lane, columns, outputs, is_first_tile);
    } else {
        multiply_quantized_tile(type, n, strip, width, lane, columns, outputs, is_first_tile);
    }
}

/// outputs[c][lane…] += rows lane… of an unpacked block · columns[c] from group `first_group` on,
/// for a tile of `n` columns.
INLINE void add_unpacked_tile(const size_t n, const apus_unpacked_block *block, size_t first_group,
                              size_t lane, const void *const *columns, float *const *outputs) {
    const apus_activation_group *x[MAX_TILE];
    floats sums[MAX_TILE];
    UNROLL for (size_t c = 0; c < n; c++) {
        x[c] = (const apus_activation_group *)columns[c] + first_group;
        sums[c] = load_floats(outputs[c] + lane);
    }
    for (size_t g = 0; g < APUS_UNPACKED_GROUPS; g++) {
        line quads[APUS_GROUP_QUADS];
        group_scales scales;
        unpack_values(8, block->lines[g * APUS_GROUP_QUADS] + lane * 4, quads);
        scales.scale[0] = load_floats(block->scales[2 * g] + lane);
        scales.scale[1] = load_floats(block->scales[2 * g + 1] + lane);
        UNROLL for (size_t c = 0; c < n; c++) {
            sums[c] = add_halves(apus_codebook_rule(), quads, &scales, x[c] + g, sums[c]);
        }
    }
    UNROLL for (size_t c = 0; c < n; c++) {
        store(outputs[c] + lane, sums[c]);
    }
}

/// Columns of the next tile when `column_count` are left: tiles as few and as even as can be.
INLINE size_t tile_columns(size_t column_count, const size_t max_tile) {
    const size_t tile_count = (column_count + max_tile - 1) / max_tile;
    return (column_count + tile_count - 1) / tile_count;
}

#define TILES_1(TILE) TILE(1)
#define TILES_3(TILE) TILE(1) TILE(2) TILE(3)
#define TILES_4(TILE) TILES_3(TILE) TILE(4)
#define TILES_6(TILE) TILES_4(TILE) TILE(5) TILE(6)
#define TILES_8(TILE) TILES_6(TILE) TILE(7) TILE(8)

#define TILE(N) \
    case N: multiply_tile(type, N, strip, width, lane, columns, outputs, is_first); break;

/// The kernel of a type without integer scales. The first tile brings the strip into the cache for the
/// others.
#define DEFINE_KERNEL(TYPE) \
    static void multiply_##TYPE(const void *strip, size_t width, const void *const *columns, \
                                float *const *outputs, size_t column_count) { \
        const uint32_t type = APUS_##TYPE; \
        for (bool is_first = true; column_count > 0;) { \
            const size_t tile = tile_columns(column_count, MAX_TILE); \
            for (size_t lane = 0; lane < APUS_STRIP_ROWS; lane += LANES, is_first = false) { \
                switch (tile) { TILES(TILE) } \
            } \
            columns += tile; \
            outputs += tile; \
            column_count -= tile; \
        } \
    }

#define ADD_BLOCK_TILE(N, VALUES) \
    case N: \
        add_block_tile(type, N, strip, block, lane, unpacked, VALUES, columns + c, outputs + c, \
                       is_first); \
        break;
#define BLOCK_TILE(N) ADD_BLOCK_TILE(N, NULL)
#define UNPACKED_BLOCK_TILE(N) ADD_BLOCK_TILE(N, values)

#define EACH_BLOCK_TILE(CASE) \
    for (size_t c = 0; c < column_count; is_first = false) { \
        const size_t tile = tile_columns(column_count - c, MAX_BLOCK_TILE); \
        switch (tile) { BLOCK_TILES(CASE) } \
        c += tile; \
    }

/// The kernel of a type with integer scales: block after block, whose scales, and values that are put
/// together, are unpacked once for all columns.
#define DEFINE_BLOCK_KERNEL(TYPE) \
    static void multiply_##TYPE(const void *strip, size_t width, const void *const *columns, \
                                float *const *outputs, size_t column_count) { \
        const uint32_t type = APUS_##TYPE; \
        for (size_t block = 0; block < width / APUS_MAX_BLOCK_LENGTH; block++) { \
            bool is_first = true; \
            for (size_t lane = 0; lane < APUS_STRIP_ROWS; lane += LANES) { \
                group_factors unpacked[BLOCK_GROUPS]; \
                unpack_factors(type, strip, block, lane, unpacked); \
                if (is_put_together(type) && column_count > MAX_BLOCK_TILE) { \
                    line values[BLOCK_GROUPS][APUS_GROUP_QUADS]; \
                    unpack_block(type, strip, block, lane, is_first, values); \
                    EACH_BLOCK_TILE(UNPACKED_BLOCK_TILE) \
                } else { \
                    EACH_BLOCK_TILE(BLOCK_TILE) \
                } \
            } \
        } \
    }

DEFINE_KERNEL(F32)
DEFINE_KERNEL(F16)
DEFINE_KERNEL(BF16)
DEFINE_KERNEL(Q4_0)
DEFINE_KERNEL(Q4_1)
DEFINE_KERNEL(Q5_0)
DEFINE_KERNEL(Q5_1)
DEFINE_KERNEL(Q8_0)
DEFINE_BLOCK_KERNEL(Q2_K)
DEFINE_BLOCK_KERNEL(Q3_K)
DEFINE_BLOCK_KERNEL(Q4_K)
DEFINE_BLOCK_KERNEL(Q5_K)
DEFINE_BLOCK_KERNEL(Q6_K)
DEFINE_KERNEL(IQ4_NL)
DEFINE_BLOCK_KERNEL(IQ4_XS)
DEFINE_KERNEL(TQ2_0)
DEFINE_KERNEL(MXFP4)
DEFINE_KERNEL(NVFP4)

#define UNPACKED_TILE(N) \
    case N: add_unpacked_tile(N, block, first_group, lane, columns, outputs); break;

/// outputs[c] += block · columns[c] from group `first_group` on, for all columns.
static void add_unpacked_block(const apus_unpacked_block *block, size_t first_group,
                               const void *const *columns, float *const *outputs,
                               size_t column_count) {
    while (column_count > 0) {
        const size_t tile = tile_columns(column_count, MAX_TILE);
        for (size_t lane = 0; lane < APUS_STRIP_ROWS; lane += LANES) {
            switch (tile) { TILES(UNPACKED_TILE) }
        }
        columns += tile;
        outputs += tile;
        column_count -= tile;
    }
}

/// The kernel of the codebook types: each block is unpacked once, on the stack, and multiplied with
/// all columns, whose sums are kept in the outputs from block to block.
static void multiply_codebook(uint32_t type, const uint8_t *strip, size_t width,
                              const void *const *columns, float *const *outputs,
                              size_t column_count) {
    const size_t bytes = apus_traits(type)->block_bytes * APUS_STRIP_ROWS;
    for (size_t c = 0; c < column_count; c++) {
        memset(outputs[c], 0, APUS_STRIP_ROWS * sizeof(float));
    }
    for (size_t group = 0; group < width / APUS_GROUP_COLUMNS; group += APUS_UNPACKED_GROUPS) {
        apus_unpacked_block block;
        apus_unpack_block(type, strip, &block);
        add_unpacked_block(&block, group, columns, outputs, column_count);
        strip += bytes;
    }
}

#define DEFINE_CODEBOOK_KERNEL(TYPE) \
    static void multiply_##TYPE(const void *strip, size_t width, const void *const *columns, \
                                float *const *outputs, size_t column_count) { \
        multiply_codebook(APUS_##TYPE, strip, width, columns, outputs, column_count); \
    }

DEFINE_CODEBOOK_KERNEL(IQ1_S)
DEFINE_CODEBOOK_KERNEL(IQ1_M)
DEFINE_CODEBOOK_KERNEL(IQ2_XXS)
DEFINE_CODEBOOK_KERNEL(IQ2_XS)
DEFINE_CODEBOOK_KERNEL(IQ2_S)
DEFINE_CODEBOOK_KERNEL(IQ3_XXS)
DEFINE_CODEBOOK_KERNEL(IQ3_S)
DEFINE_CODEBOOK_KERNEL(TQ1_0)

static apus_multiply_fn *kernel_of(uint32_t type) {
    switch (type) {
    case APUS_F32: return multiply_F32;
    case APUS_F16: return multiply_F16;
    case APUS_BF16: return multiply_BF16;
    case APUS_Q4_0: return multiply_Q4_0;
    case APUS_Q4_1: return multiply_Q4_1;
    case APUS_Q5_0: return multiply_Q5_0;
    case APUS_Q5_1: return multiply_Q5_1;
    case APUS_Q8_0: return multiply_Q8_0;
    case APUS_Q2_K: return multiply_Q2_K;
    case APUS_Q3_K: return multiply_Q3_K;
    case APUS_Q4_K: return multiply_Q4_K;
    case APUS_Q5_K: return multiply_Q5_K;
    case APUS_Q6_K: return multiply_Q6_K;
    case APUS_IQ1_S: return multiply_IQ1_S;
    case APUS_IQ1_M: return multiply_IQ1_M;
    case APUS_IQ2_XXS: return multiply_IQ2_XXS;
    case APUS_IQ2_XS: return multiply_IQ2_XS;
    case APUS_IQ2_S: return multiply_IQ2_S;
    case APUS_IQ3_XXS: return multiply_IQ3_XXS;
    case APUS_IQ3_S: return multiply_IQ3_S;
    case APUS_IQ4_NL: return multiply_IQ4_NL;
    case APUS_IQ4_XS: return multiply_IQ4_XS;
    case APUS_TQ1_0: return multiply_TQ1_0;
    case APUS_TQ2_0: return multiply_TQ2_0;
    case APUS_MXFP4: return multiply_MXFP4;
    case APUS_NVFP4: return multiply_NVFP4;
    default: return NULL;
    }
}
