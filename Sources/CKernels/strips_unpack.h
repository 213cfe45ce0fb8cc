// SPDX-License-Identifier: Apache-2.0

/// Unpacking of the codebook types' strips, the same for all instruction sets.
#ifndef APUS_STRIPS_UNPACK_H
#define APUS_STRIPS_UNPACK_H

#include "strips_layout.h"

/// Groups in a block of a codebook type.
#define APUS_UNPACKED_GROUPS (APUS_MAX_BLOCK_LENGTH / APUS_GROUP_COLUMNS)

/// 256 columns of 16 rows by the rule of the codebook types, as lines of 8 bits.
typedef struct {
    _Alignas(APUS_LINE_BYTES) uint8_t lines[APUS_MAX_BLOCK_LENGTH / 4][APUS_LINE_BYTES];
    float scales[APUS_MAX_BLOCK_LENGTH / 16][APUS_STRIP_ROWS]; ///< of runs of 16 columns
} apus_unpacked_block;

/// Unpacks 16 rows' blocks, which follow one another.
void apus_unpack_block(uint32_t type, const uint8_t *blocks, apus_unpacked_block *unpacked);

#endif
