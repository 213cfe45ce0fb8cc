// SPDX-License-Identifier: Apache-2.0

/// The kernels of each instruction set.
#ifndef APUS_STRIPS_KERNELS_H
#define APUS_STRIPS_KERNELS_H

#include "strips.h"

apus_multiply_fn *apus_multiply_scalar(uint32_t type);
#if defined(__x86_64__)
apus_multiply_fn *apus_multiply_avx2(uint32_t type);
apus_multiply_fn *apus_multiply_avx_vnni(uint32_t type);
apus_multiply_fn *apus_multiply_avx512(uint32_t type);
#elif defined(__aarch64__)
apus_multiply_fn *apus_multiply_neon(uint32_t type);
#endif

#endif
