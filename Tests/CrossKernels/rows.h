// SPDX-License-Identifier: Apache-2.0

/// Pseudo-random rows of a type.
#ifndef CROSS_KERNELS_ROWS_H
#define CROSS_KERNELS_ROWS_H

#include <stddef.h>
#include <stdint.h>

size_t row_bytes_of(uint32_t type, size_t width);

/// What scales a block's values, and floats; everything else is any bytes.
typedef enum {
    ORDINARY_ROWS, ///< magnitudes next to each other, so that no value drowns in another
    SMALLEST_ROWS, ///< the format's smallest, subnormal ones among them
    ANY_ROWS,      ///< any bytes, too
    ROW_KINDS,
} row_kind;

/// Fills `count` rows.
void fill_rows(uint32_t type, row_kind kind, size_t count, size_t width, uint8_t *rows);

#endif
