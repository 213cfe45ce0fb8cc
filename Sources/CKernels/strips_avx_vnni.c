// SPDX-License-Identifier: Apache-2.0
#include "strips_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avxvnni,avx2,fma,f16c"))), apply_to = function)

#define MAX_TILE 6
#define TILES TILES_6
#include "strips_256.h"

INLINE ints offset_sum(ints negated_sum, const int offset, const int bits) {
    (void)bits;
    if (offset == 0) {
        return zero_ints();
    }
    EACH_PART {
        negated_sum.part[part] =
            _mm256_slli_epi32(negated_sum.part[part], __builtin_ctz((unsigned)offset));
    }
    return negated_sum;
}

INLINE ints dot(ints sum, const line *quads, const int8_t *x, const int bits) {
    (void)bits;
    UNROLL for (int i = 0; i < 4; i++) {
        const __m256i quad = broadcast_quad(x + 4 * i);
        EACH_PART {
            sum.part[part] = _mm256_dpbusd_avx_epi32(sum.part[part], quads[i].part[part], quad);
        }
    }
    return sum;
}

#include "strips_dots.h"
#include "strips_factors.h"
#include "strips_template.h"

apus_multiply_fn *apus_multiply_avx_vnni(uint32_t type) { return kernel_of(type); }

#pragma clang attribute pop
#endif
