// SPDX-License-Identifier: Apache-2.0

/// The kernels of each instruction set.
#ifndef APUS_STRIPS_KERNELS_H
#define APUS_STRIPS_KERNELS_H

#include <stdatomic.h>

#include "strips.h"

/// Columns of the largest tile of any instruction set.
#define APUS_LARGEST_TILE 8

/// With 8 KB a core of Zen 5 streams Q4_K at 38 GB/s for one column, which is all it can read, and at 23
/// for eight, which is all it can multiply; without, at 12 and 5. 4 and 16 KB are no better.
#define APUS_DEFAULT_PREFETCH_BYTES 8192

/// How many bytes ahead of the weights being multiplied a tile of so many columns asks for memory; 0
/// leaves that to the processor. `apus_tune_prefetch` sets it for one column; results do not depend
/// on it.
extern atomic_size_t apus_prefetch_bytes[APUS_LARGEST_TILE + 1];

apus_multiply_fn *apus_multiply_scalar(uint32_t type);
#if defined(__x86_64__)
apus_multiply_fn *apus_multiply_avx2(uint32_t type);
apus_multiply_fn *apus_multiply_avx_vnni(uint32_t type);
apus_multiply_fn *apus_multiply_avx512(uint32_t type);
#elif defined(__aarch64__)
apus_multiply_fn *apus_multiply_neon(uint32_t type);
#endif

#endif
