// SPDX-License-Identifier: Apache-2.0
#include "strips.h"

#include "strips_kernels.h"
#include "strips_layout.h"

static size_t whole_lines(size_t bytes) {
    return (bytes + APUS_LINE_BYTES - 1) / APUS_LINE_BYTES * APUS_LINE_BYTES;
}

size_t apus_strip_bytes(uint32_t type, size_t width) {
    const apus_type_traits *traits = apus_traits(type);
    if (traits == NULL) {
        return 0;
    }
    if (!traits->is_quantized) {
        return whole_lines(width * APUS_STRIP_ROWS * traits->block_bytes);
    }
    const size_t block_count = width / traits->block_length;
    if (apus_is_codebook_type(type)) {
        return whole_lines(block_count * APUS_STRIP_ROWS * traits->block_bytes);
    }
    return block_count == 0 ? 0 : apus_body_offset(type, block_count - 1) + apus_body_bytes(type);
}

#define AHEAD APUS_DEFAULT_PREFETCH_BYTES
atomic_size_t apus_prefetch_bytes[APUS_LARGEST_TILE + 1] = {AHEAD, AHEAD, AHEAD, AHEAD, AHEAD,
                                                            AHEAD, AHEAD, AHEAD, AHEAD};

apus_multiply_fn *apus_multiply(uint32_t type, apus_isa isa) {
    switch (isa) {
#if defined(__x86_64__)
    case APUS_ISA_AVX512_BF16:
    case APUS_ISA_AVX512_VNNI: return apus_multiply_avx512(type);
    case APUS_ISA_AVX_VNNI: return apus_multiply_avx_vnni(type);
    case APUS_ISA_AVX2: return apus_multiply_avx2(type);
#elif defined(__aarch64__)
    case APUS_ISA_NEON_DOTPROD: return apus_multiply_neon(type);
#endif
    default: return apus_multiply_scalar(type);
    }
}
