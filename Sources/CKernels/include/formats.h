// SPDX-License-Identifier: Apache-2.0

/// Tensor types of GGUF, their block sizes, and the dequantiser that defines what each means.
#ifndef APUS_FORMATS_H
#define APUS_FORMATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Numbered as in GGUF (ggml's `ggml_type`).
typedef enum {
    APUS_F32 = 0,
    APUS_F16 = 1,
    APUS_Q4_0 = 2,
    APUS_Q4_1 = 3,
    APUS_Q5_0 = 6,
    APUS_Q5_1 = 7,
    APUS_Q8_0 = 8,
    APUS_Q2_K = 10,
    APUS_Q3_K = 11,
    APUS_Q4_K = 12,
    APUS_Q5_K = 13,
    APUS_Q6_K = 14,
    APUS_IQ2_XXS = 16,
    APUS_IQ2_XS = 17,
    APUS_IQ3_XXS = 18,
    APUS_IQ1_S = 19,
    APUS_IQ4_NL = 20,
    APUS_IQ3_S = 21,
    APUS_IQ2_S = 22,
    APUS_IQ4_XS = 23,
    APUS_IQ1_M = 29,
    APUS_BF16 = 30,
    APUS_TQ1_0 = 34,
    APUS_TQ2_0 = 35,
    APUS_MXFP4 = 39,
    APUS_NVFP4 = 40,
} apus_type;

/// What a type is called and how its values are grouped.
typedef struct {
    const char *name;      ///< public spelling: "Q4_K"
    uint32_t block_length; ///< values per block (1, 32, 64 or 256)
    uint32_t block_bytes;  ///< bytes per block in a GGUF file
    bool is_quantized;     ///< multiplied with int8 activations; otherwise with float32 ones
} apus_type_traits;

/// The traits of GGUF type number `type`, or NULL when there is no kernel for it.
const apus_type_traits *apus_traits(uint32_t type);

/// values[0..count) from consecutive GGUF blocks; `count` is a multiple of the block length.
/// Bit for bit gguf-py's `dequantize`, in float32. Blocks need no alignment; any bytes are safe.
void apus_dequantize(uint32_t type, const void *blocks, float *values, size_t count);

#endif
