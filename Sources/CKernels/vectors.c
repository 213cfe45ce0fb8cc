// SPDX-License-Identifier: Apache-2.0
#include "vectors.h"

#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

size_t apus_attention_scratch(size_t key_dimension, size_t value_dimension) {
    size_t stride = (value_dimension + 15) / 16 * 16;
    size_t unpacked_tile = 64 / 2 * (key_dimension + 1 + stride);
    return APUS_ATTENTION_QUERIES * (2 * 64 + key_dimension + stride) + unpacked_tile;
}

size_t apus_latent_scratch(size_t key_dimension, size_t value_dimension) {
    size_t unpacked_tile = 64 / 2 * (key_dimension + 1);
    return 16 * (key_dimension + value_dimension + 2 * 64) + 64 * key_dimension + unpacked_tile;
}

// Functions that take or return vectors are all inlined: no vector crosses a call.
#pragma clang diagnostic ignored "-Wpsabi"

// The same source is compiled once for each instruction set; the compiler splits the 16-lane vectors
// into what the set has.
#define ISA(name) name##_baseline
#if defined(__aarch64__)
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c) // every arm64 has it
#define SCORE_PAGES 4 // 4 × 1 accumulators of four registers each: 16 of 32
#define SCORE_QUERIES 1
#define MIX_CHUNK 4        // 1 × 4 likewise
#define LATENT_POSITIONS 4 // likewise
#define LATENT_DIMENSIONS 4
#else
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c)) // without FMA units a fused one is a library call
#define SCORE_PAGES 1
#define SCORE_QUERIES 1
#define MIX_CHUNK 2
#define LATENT_POSITIONS 2
#define LATENT_DIMENSIONS 2
#endif
#include "vectors_body.h"
#undef ISA
#undef MULTIPLY_ADD
#undef SCORE_PAGES
#undef SCORE_QUERIES
#undef MIX_CHUNK
#undef LATENT_POSITIONS
#undef LATENT_DIMENSIONS

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define ISA(name) name##_avx2
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#define SCORE_PAGES 2 // 2 × 2 accumulators of two registers each: 8 of 16
#define SCORE_QUERIES 2
#define MIX_CHUNK 2        // likewise, queries × lines of values
#define LATENT_POSITIONS 4 // accumulators of two registers each: 8 of 16
#define LATENT_DIMENSIONS 4
#include "vectors_body.h"
#undef ISA
#undef MULTIPLY_ADD
#undef SCORE_PAGES
#undef SCORE_QUERIES
#undef MIX_CHUNK
#undef LATENT_POSITIONS
#undef LATENT_DIMENSIONS
#pragma clang attribute pop

#pragma clang attribute push(                                                                      \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))),                   \
    apply_to = function)
#define ISA(name) name##_avx512
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#define SCORE_PAGES 4 // 4 × 4 accumulators: 16 of 32 registers
#define SCORE_QUERIES 4
#define MIX_CHUNK 4
#define LATENT_POSITIONS 8
#define LATENT_DIMENSIONS 16
#include "vectors_body.h"
#undef ISA
#undef MULTIPLY_ADD
#undef SCORE_PAGES
#undef SCORE_QUERIES
#undef MIX_CHUNK
#undef LATENT_POSITIONS
#undef LATENT_DIMENSIONS
#pragma clang attribute pop

#pragma clang attribute push(                                                                      \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c"))),        \
    apply_to = function)
#define ISA(name) name##_avx512_bf16
#define HAS_BF16 1
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#define SCORE_PAGES 4
#define SCORE_QUERIES 4
#define MIX_CHUNK 4
#define LATENT_POSITIONS 8
#define LATENT_DIMENSIONS 16
#include "vectors_body.h"
#undef ISA
#undef HAS_BF16
#undef MULTIPLY_ADD
#undef SCORE_PAGES
#undef SCORE_QUERIES
#undef MIX_CHUNK
#undef LATENT_POSITIONS
#undef LATENT_DIMENSIONS
#pragma clang attribute pop

#endif

const apus_vector_operations *apus_vectors(apus_isa isa) {
#if defined(__x86_64__)
    if (isa == APUS_ISA_AVX512_BF16)
        return &operations_avx512_bf16;
    if (isa == APUS_ISA_AVX512_VNNI)
        return &operations_avx512;
    if (isa == APUS_ISA_AVX2 || isa == APUS_ISA_AVX_VNNI)
        return &operations_avx2;
#endif
    (void)isa;
    return &operations_baseline;
}
