// SPDX-License-Identifier: Apache-2.0
#include "strips_unpack.h"

typedef uint32_t four __attribute__((vector_size(16)));

static inline four load_four(const uint8_t *values) {
    four x;
    memcpy(&x, values, sizeof x);
    return x;
}

/// Stores four quads of four rows, a row in each of `a`…`d`, to four lines from `line` on.
static inline void store_turned(four a, four b, four c, four d, uint8_t *line) {
    const four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const four cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const four upper_ab = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const four upper_cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    const four quads[4] = {
        __builtin_shufflevector(ab, cd, 0, 1, 4, 5),
        __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
        __builtin_shufflevector(upper_ab, upper_cd, 0, 1, 4, 5),
        __builtin_shufflevector(upper_ab, upper_cd, 2, 3, 6, 7),
    };
    for (int i = 0; i < 4; i++) {
        memcpy(line + i * APUS_LINE_BYTES, &quads[i], sizeof quads[i]);
    }
}

/// d·scale of 16 runs.
static inline void unpack_scales(uint32_t type, const apus_block_parts *parts, float *scales) {
    const float d = apus_float_from_f16(parts->d) * apus_scale_unit(type);
    for (size_t run = 0; run < APUS_MAX_BLOCK_LENGTH / 16; run++) {
        scales[run] = d * (float)parts->scales[run];
    }
}

/// Turns 16 rows of `count` quads, `row_bytes` apart, into lines.
static inline void turn(const uint8_t *rows, size_t row_bytes, size_t count, uint8_t *lines) {
    for (size_t r = 0; r < APUS_STRIP_ROWS; r += 4) {
        const uint8_t *row = rows + r * row_bytes;
        for (size_t k = 0; k < count * 4; k += 16) {
            store_turned(load_four(row + k), load_four(row + row_bytes + k),
                         load_four(row + 2 * row_bytes + k), load_four(row + 3 * row_bytes + k),
                         lines + k / 4 * APUS_LINE_BYTES + 4 * r);
        }
    }
}

void apus_unpack_block(uint32_t type, const uint8_t *blocks, apus_unpacked_block *unpacked) {
    const size_t block_bytes = apus_traits(type)->block_bytes;
    apus_block_parts rows[APUS_STRIP_ROWS];
    float scales[APUS_STRIP_ROWS][16];
    for (size_t r = 0; r < APUS_STRIP_ROWS; r++) {
        apus_take_apart_codebook(type, blocks + r * block_bytes, &rows[r]);
        unpack_scales(type, &rows[r], scales[r]);
    }
    turn(rows[0].values, sizeof rows[0], 64, unpacked->lines[0]);
    turn((const uint8_t *)scales, sizeof scales[0], 16, (uint8_t *)unpacked->scales);
}
