// SPDX-License-Identifier: Apache-2.0

/// The kernels' loops, written once over a vocabulary of lanes.
///
/// Included by strips_scalar.c, strips_avx2.c and strips_avx512.c, which define before it the
/// vocabulary (strips_scalar.c says what each word means, as loops), `LANES`, the rows of a strip
/// that are multiplied at a time, and `MAX_TILE` with its `TILES`, the most columns that share one
/// unpacking of the weights. Each operation rounds in the same way in all three, so results are
/// bit-equal; each output goes through the same operations whatever the tile, so they do not depend
/// on the batch.

#include "activations.h"
#include "strips_layout.h"

/// How far ahead of the weights being multiplied memory is asked for. Two cores of Zen 5 streamed
/// Q4_K at 58 GB/s for one column and 33 for eight with 8 KB, at 30 and 12 without; 4 and 16 KB
/// were slower.
#define PREFETCH_BYTES 8192

/// Asks for `bytes` of weights that will be multiplied soon.
INLINE void prefetch(const uint8_t *weights, size_t bytes) {
    for (size_t offset = 0; offset < bytes; offset += APUS_LINE_BYTES) {
        __builtin_prefetch(weights + offset + PREFETCH_BYTES);
    }
}

/// 32 columns of `LANES` rows, ready to multiply.
typedef struct {
    line quads[APUS_GROUP_QUADS]; ///< unsigned values
    floats scale[2];              ///< of the group, or of its halves of 16 columns
    floats min[2];
} group_weights;

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

/// Scales and mins of group `g` of a block: d and minimum, times the integers of a K-quant.
INLINE void unpack_scales(const uint32_t type, const uint8_t *scales, size_t g, floats d,
                          floats minimum, group_weights *weights) {
    switch (apus_scale_storage_of(type)) {
    case SCALES_NONE:
        weights->scale[0] = d;
        weights->min[0] = minimum;
        break;
    case SCALES_SIX_BIT_PAIRS: {
        const bytes low = load_bytes(scales + g * 16);
        const bytes high = shift_right(load_bytes(scales + 128 + g / 2 * 16), (int)(g % 2 * 4));
        const bytes a = low_and_high(low, high);
        const bytes b = low_and_high(shift_right(low, 4), shift_right(high, 2));
        if (type == APUS_Q3_K) {
            weights->scale[0] = multiply(floats_from_unsigned(a, -32), d);
            weights->scale[1] = multiply(floats_from_unsigned(b, -32), d);
        } else {
            weights->scale[0] = multiply(floats_from_unsigned(a, 0), d);
            weights->min[0] = multiply(floats_from_unsigned(b, 0), minimum);
        }
        break;
    }
    case SCALES_NIBBLE_PAIRS:
        UNROLL for (size_t h = 0; h < 2; h++) {
            const bytes pair = load_bytes(scales + (2 * g + h) * 16);
            const bytes scale = low_nibbles(pair), min = low_nibbles(shift_right(pair, 4));
            weights->scale[h] = multiply(floats_from_unsigned(scale, 0), d);
            weights->min[h] = multiply(floats_from_unsigned(min, 0), minimum);
        }
        break;
    case SCALES_BYTES:
        UNROLL for (size_t h = 0; h < 2; h++) {
            const bytes scale = load_bytes(scales + (2 * g + h) * 16);
            weights->scale[h] = multiply(floats_from_signed(scale), d);
        }
        break;
    }
}

/// Rows `lane`…`lane + LANES − 1` of a group.
INLINE void unpack_group(const uint32_t type, const uint8_t *strip, size_t group, size_t lane,
                         group_weights *weights) {
    const apus_value_rule rule = apus_value_rule_of(type);
    const size_t block = group / apus_block_groups(type), g = group % apus_block_groups(type);
    const uint8_t *body = strip + apus_body_offset(type, block);
    const uint8_t *planes = body + g * apus_planes_bytes(type);
    const uint8_t *scales = body + apus_block_groups(type) * apus_planes_bytes(type);
    const uint8_t *halves = strip + apus_d_offset(type, block) + lane * sizeof(uint16_t);
    const floats d = floats_from_f16(halves);
    const floats minimum = rule.has_min ? floats_from_f16(halves + APUS_HALVES_BYTES) : zeros();
    unpack_values(rule.value_bits, planes + lane * 4, weights->quads);
    unpack_scales(type, scales + lane, g, d, minimum, weights);
}

// MARK: - Multiplying

/// Σ (weight − offset)·q over four quads, given −Σq.
INLINE ints offset_dot(const uint32_t type, ints negated_sum, const line *quads, const int8_t *x) {
    const apus_value_rule rule = apus_value_rule_of(type);
    return dot(offset_sum(negated_sum, rule.offset, rule.value_bits), quads, x, rule.value_bits);
}

/// sum + weights · activations of one group and one column.
INLINE floats add_group(const uint32_t type, const group_weights *weights,
                        const apus_activation_group *x, floats sum) {
    const apus_value_rule rule = apus_value_rule_of(type);
    // Two chains, since a dot instruction takes several times as long as it keeps its unit busy.
    const ints low = offset_dot(type, broadcast_int(&x->negated_sum), weights->quads, x->values);
    const ints high = dot(zero_ints(), weights->quads + 4, x->values + 16, rule.value_bits);
    const floats scale = multiply(weights->scale[0], broadcast(&x->scale));
    sum = fused(floats_from_ints(add(low, high)), scale, sum);
    return rule.has_min ? fused(weights->min[0], broadcast(&x->scaled_sum), sum) : sum;
}

/// As `add_group`, for types whose halves of a group have their own scales.
INLINE floats add_halves(const uint32_t type, const group_weights *weights,
                         const apus_activation_group *x, floats sum) {
    const ints low_sum = broadcast_int(&x->negated_low_sum);
    const ints high_sum = subtract(broadcast_int(&x->negated_sum), low_sum);
    const ints low = offset_dot(type, low_sum, weights->quads, x->values);
    const ints high = offset_dot(type, high_sum, weights->quads + 4, x->values + 16);
    floats term = multiply(floats_from_ints(low), weights->scale[0]);
    term = fused(floats_from_ints(high), weights->scale[1], term);
    if (apus_value_rule_of(type).has_min) {
        term = fused_negated(weights->min[0], floats_from_ints(low_sum), term);
        term = fused_negated(weights->min[1], floats_from_ints(high_sum), term);
    }
    return fused(term, broadcast(&x->scale), sum);
}

/// outputs[c][lane…] = rows lane… of the strip · columns[c], for a tile of `n` columns.
INLINE void multiply_tile(const uint32_t type, const size_t n, const uint8_t *strip, size_t width,
                          size_t lane, const void *const *columns, float *const *outputs,
                          bool is_first) {
    const bool has_halves = apus_value_rule_of(type).scale_columns < APUS_GROUP_COLUMNS;
    const size_t group_bytes = apus_body_bytes(type) / apus_block_groups(type) + APUS_HALVES_BYTES;
    const apus_activation_group *x[MAX_TILE];
    floats sums[MAX_TILE];
    UNROLL for (size_t c = 0; c < n; c++) {
        x[c] = columns[c];
        sums[c] = zeros();
    }
    for (size_t g = 0; g < width / APUS_GROUP_COLUMNS; g++) {
        if (is_first) {
            prefetch(strip + g * group_bytes, group_bytes);
        }
        group_weights weights;
        unpack_group(type, strip, g, lane, &weights);
        UNROLL for (size_t c = 0; c < n; c++) {
            sums[c] = has_halves ? add_halves(type, &weights, x[c] + g, sums[c])
                                 : add_group(type, &weights, x[c] + g, sums[c]);
        }
    }
    UNROLL for (size_t c = 0; c < n; c++) {
        store(outputs[c] + lane, sums[c]);
    }
}

/// As `multiply_tile` for weights and activations that are floats. Each output is the sum over even
/// columns plus the sum over odd ones: two chains, so that one column need not wait for every sum.
INLINE void multiply_float_tile(const uint32_t type, const size_t n, const uint8_t *strip,
                                size_t width, size_t lane, const void *const *columns,
                                float *const *outputs, bool is_first) {
    const size_t value_bytes = type == APUS_F32 ? sizeof(float) : sizeof(uint16_t);
    const size_t column_bytes = value_bytes * APUS_STRIP_ROWS;
    const uint8_t *weights = strip + lane * value_bytes;
    const float *x[MAX_TILE];
    floats even[MAX_TILE], odd[MAX_TILE];
    UNROLL for (size_t c = 0; c < n; c++) {
        x[c] = columns[c];
        even[c] = odd[c] = zeros();
    }
    size_t k = 0;
    for (; k + 1 < width; k += 2, weights += 2 * column_bytes) {
        if (is_first) {
            prefetch(weights, 2 * column_bytes);
        }
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

INLINE void multiply_any_tile(const uint32_t type, const size_t n, const uint8_t *strip,
                              size_t width, const void *const *columns, float *const *outputs,
                              bool is_first) {
    for (size_t lane = 0; lane < APUS_STRIP_ROWS; lane += LANES, is_first = false) {
        if (type == APUS_F32 || type == APUS_F16 || type == APUS_BF16) {
            multiply_float_tile(type, n, strip, width, lane, columns, outputs, is_first);
        } else {
            multiply_tile(type, n, strip, width, lane, columns, outputs, is_first);
        }
    }
}

/// Columns of the next tile when `column_count` are left: tiles as few and as even as can be.
INLINE size_t tile_columns(size_t column_count) {
    const size_t tile_count = (column_count + MAX_TILE - 1) / MAX_TILE;
    return (column_count + tile_count - 1) / tile_count;
}

#define TILE(TYPE, N) \
    case N: multiply_any_tile(APUS_##TYPE, N, strip, width, columns, outputs, is_first); break;
#define TILES_1(TYPE) TILE(TYPE, 1)
#define TILES_3(TYPE) TILE(TYPE, 1) TILE(TYPE, 2) TILE(TYPE, 3)
#define TILES_6(TYPE) TILES_3(TYPE) TILE(TYPE, 4) TILE(TYPE, 5) TILE(TYPE, 6)
#define TILES_8(TYPE) TILES_6(TYPE) TILE(TYPE, 7) TILE(TYPE, 8)

/// The kernel of a type. The first tile brings the strip into the cache for the others.
#define DEFINE_KERNEL(TYPE) \
    static void multiply_##TYPE(const void *strip, size_t width, const void *const *columns, \
                                float *const *outputs, size_t column_count) { \
        for (bool is_first = true; column_count > 0; is_first = false) { \
            const size_t tile = tile_columns(column_count); \
            switch (tile) { TILES(TYPE) } \
            columns += tile; \
            outputs += tile; \
            column_count -= tile; \
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
DEFINE_KERNEL(Q2_K)
DEFINE_KERNEL(Q3_K)
DEFINE_KERNEL(Q4_K)
DEFINE_KERNEL(Q5_K)
DEFINE_KERNEL(Q6_K)

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
    default: return NULL;
    }
}
