// SPDX-License-Identifier: Apache-2.0

/// Pseudo-random rows of a type.
#ifndef CROSS_KERNELS_ROWS_H
#define CROSS_KERNELS_ROWS_H

#include <stddef.h>
#include <stdint.h>

size_t row_bytes_of(uint32_t type, size_t width);

/// Fills `count` rows with any bytes.
void fill_with_any_bytes(uint32_t type, size_t count, size_t width, uint8_t *rows);

/// Fills `count` rows with any bytes, but for what scales a block's values and for floats: those
/// get ordinary magnitudes, so that no value drowns in another.
void fill_with_numbers(uint32_t type, size_t count, size_t width, uint8_t *rows);

#endif
