// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "strips_layout.h"

/// The 16 rows' parts of one block.
typedef apus_block_parts row_parts[APUS_STRIP_ROWS];

/// Adds bits `from`…`from + bits − 1` of all quads' values to a plane of `bits` bits per value.
static void put_plane(const row_parts rows, size_t group, unsigned from, unsigned bits,
                      uint8_t *plane) {
    const unsigned quads_per_line = 8 / bits;
    const uint32_t mask = ((1u << bits) - 1) * 0x01010101; // in each of a quad's four bytes
    for (unsigned i = 0; i < APUS_GROUP_QUADS; i++) {
        // Nibbles pair quads i and i + 4; other planes take quads in order.
        const unsigned line = bits == 4 ? i % 4 : i / quads_per_line;
        const unsigned shift = (bits == 4 ? i / 4 : i % quads_per_line) * bits;
        for (size_t r = 0; r < APUS_STRIP_ROWS; r++) {
            const uint8_t *values = rows[r].values + group * APUS_GROUP_COLUMNS;
            uint32_t quad, lane;
            memcpy(&quad, values + i * sizeof quad, sizeof quad);
            uint8_t *place = plane + line * APUS_LINE_BYTES + r * sizeof lane;
            memcpy(&lane, place, sizeof lane);
            lane |= (quad >> from & mask) << shift;
            memcpy(place, &lane, sizeof lane);
        }
    }
}

static void put_planes(const row_parts rows, size_t group, int bits, uint8_t *planes) {
    switch (bits) {
    case 2: put_plane(rows, group, 0, 2, planes); break;
    case 3:
        put_plane(rows, group, 0, 2, planes);
        put_plane(rows, group, 2, 1, planes + 2 * APUS_LINE_BYTES);
        break;
    case 4: put_plane(rows, group, 0, 4, planes); break;
    case 5:
        put_plane(rows, group, 0, 4, planes);
        put_plane(rows, group, 4, 1, planes + 4 * APUS_LINE_BYTES);
        break;
    case 6:
        put_plane(rows, group, 0, 4, planes);
        put_plane(rows, group, 4, 2, planes + 4 * APUS_LINE_BYTES);
        break;
    case 8: put_plane(rows, group, 0, 8, planes); break;
    default: break;
    }
}

/// Stores the pair of 6 bits of row `r`, group `group`.
static void put_six_bit_pair(unsigned a, unsigned b, size_t group, size_t r, uint8_t *scales) {
    scales[group * 16 + r] = (uint8_t)((a & 15) | (b & 15) << 4);
    scales[128 + group / 2 * 16 + r] |= (uint8_t)((a >> 4 | b >> 4 << 2) << group % 2 * 4);
}

/// Stores the 6 bits of row `r`, group `group`.
static void put_six_bits(unsigned scale, size_t group, size_t r, uint8_t *low, uint8_t *high) {
    low[group / 2 * 16 + r] |= (uint8_t)((scale & 15) << group % 2 * 4);
    high[group / 4 * 16 + r] |= (uint8_t)(scale >> 4 << group % 4 * 2);
}

/// Stores the integer scales of a block, of which IQ4_XS has bits in the head.
static void put_scales(uint32_t type, const row_parts rows, uint8_t *head, uint8_t *scales) {
    for (size_t r = 0; r < APUS_STRIP_ROWS; r++) {
        const int8_t *row_scales = rows[r].scales, *row_mins = rows[r].mins;
        switch (apus_scale_storage_of(type)) {
        case SCALES_NONE:
        case SCALES_E8M0:
        case SCALES_UE4M3: return;
        case SCALES_SIX_BITS:
            for (size_t g = 0; g < 8; g++) {
                put_six_bits((unsigned)(row_scales[g] + 32), g, r, scales,
                             head + APUS_HALVES_BYTES);
            }
            break;
        case SCALES_SIX_BIT_PAIRS:
            for (size_t g = 0; g < 8; g++) {
                const bool is_q3 = type == APUS_Q3_K;
                const int a = is_q3 ? row_scales[2 * g] + 32 : row_scales[g];
                const int b = is_q3 ? row_scales[2 * g + 1] + 32 : row_mins[g];
                put_six_bit_pair((unsigned)a, (unsigned)b, g, r, scales);
            }
            break;
        case SCALES_NIBBLE_PAIRS:
            for (size_t h = 0; h < 16; h++) {
                scales[h * 16 + r] = (uint8_t)(row_scales[h] | row_mins[h] << 4);
            }
            break;
        case SCALES_BYTES:
            for (size_t h = 0; h < 16; h++) {
                scales[h * 16 + r] = (uint8_t)row_scales[h];
            }
            break;
        }
    }
}

/// Stores the other numbers of a block's head.
static void put_head(uint32_t type, const row_parts rows, uint8_t *head) {
    for (size_t r = 0; r < APUS_STRIP_ROWS; r++) {
        switch (apus_scale_storage_of(type)) {
        case SCALES_E8M0: head[r] = (uint8_t)rows[r].d; break;
        case SCALES_UE4M3:
            for (size_t h = 0; h < 4; h++) {
                head[h * APUS_STRIP_ROWS + r] = (uint8_t)rows[r].scales[h];
            }
            break;
        default:
            memcpy(head + r * sizeof rows[r].d, &rows[r].d, sizeof rows[r].d);
            if (apus_value_rule_of(type).has_min) {
                memcpy(head + APUS_HALVES_BYTES + r * sizeof rows[r].minimum, &rows[r].minimum,
                       sizeof rows[r].minimum);
            }
        }
    }
}

/// Packs block `index` of all rows into a zeroed strip.
static void put_block(uint32_t type, const row_parts rows, size_t index, uint8_t *strip) {
    uint8_t *head = strip + apus_numbers_offset(type, index);
    uint8_t *body = strip + apus_body_offset(type, index);
    put_head(type, rows, head);
    for (size_t g = 0; g < apus_block_groups(type); g++) {
        put_planes(rows, g, apus_plane_bits(type), body + g * apus_planes_bytes(type));
    }
    put_scales(type, rows, head, body + apus_block_groups(type) * apus_planes_bytes(type));
}

/// Interleaves rows block by block into a zeroed strip.
static void pack_blocks(size_t block_bytes, const uint8_t *rows, size_t row_bytes,
                        size_t row_count, size_t block_count, uint8_t *strip) {
    for (size_t index = 0; index < block_count; index++) {
        for (size_t r = 0; r < row_count; r++) {
            memcpy(strip + (index * APUS_STRIP_ROWS + r) * block_bytes,
                   rows + r * row_bytes + index * block_bytes, block_bytes);
        }
    }
}

static inline void pack_floats(const size_t value_bytes, const uint8_t *rows, size_t row_bytes,
                               size_t row_count, size_t width, uint8_t *strip) {
    for (size_t k = 0; k < width; k++) {
        for (size_t r = 0; r < row_count; r++) {
            memcpy(strip + (k * APUS_STRIP_ROWS + r) * value_bytes,
                   rows + r * row_bytes + k * value_bytes, value_bytes);
        }
    }
}

void apus_pack_strip(uint32_t type, const void *rows, size_t row_bytes, size_t row_count,
                     size_t width, void *strip) {
    const apus_type_traits *traits = apus_traits(type);
    if (traits == NULL) {
        return;
    }
    const uint8_t *bytes = rows;
    memset(strip, 0, apus_strip_bytes(type, width));
    if (type == APUS_F32) {
        pack_floats(sizeof(float), bytes, row_bytes, row_count, width, strip);
        return;
    }
    if (!traits->is_quantized) {
        pack_floats(sizeof(uint16_t), bytes, row_bytes, row_count, width, strip);
        return;
    }
    const size_t block_count = width / traits->block_length;
    if (apus_is_codebook_type(type)) {
        pack_blocks(traits->block_bytes, bytes, row_bytes, row_count, block_count, strip);
        return;
    }
    // Absent rows keep d = minimum = 0 and so are zeros whatever their integers; MXFP4 has no d of
    // 0, but its index 0 is 0.
    row_parts parts;
    memset(parts, 0, sizeof parts);
    for (size_t index = 0; index < block_count; index++) {
        for (size_t r = 0; r < row_count; r++) {
            apus_take_apart(type, bytes + r * row_bytes + index * traits->block_bytes, &parts[r]);
        }
        put_block(type, parts, index, strip);
    }
}
