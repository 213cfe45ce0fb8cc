// SPDX-License-Identifier: Apache-2.0

/// Matrix products over *strips*: 16 rows of a weight matrix, interleaved so that each SIMD lane
/// owns one row. No output ever needs a horizontal sum, and each output accumulates k-group after
/// k-group in the same order whatever the number of columns: results do not depend on the batch.
/// Nor do they depend on the instruction set: all kernels of a type give the same bits.
#ifndef APUS_STRIPS_H
#define APUS_STRIPS_H

#include "formats.h"

/// Rows in a strip.
#define APUS_STRIP_ROWS 16
/// Columns of a strip that share one activation scale.
#define APUS_GROUP_COLUMNS 32

/// Instruction sets that kernels are written for; those of one architecture in ascending order of
/// speed. A CPU may lack one and have a later one.
typedef enum {
    APUS_ISA_SCALAR = 0,
    APUS_ISA_AVX2 = 1,         ///< x86-64: AVX2, FMA, F16C
    APUS_ISA_AVX_VNNI = 2,     ///< AVX2, FMA, F16C and AVX-VNNI
    APUS_ISA_AVX512_VNNI = 3,  ///< AVX2, FMA, F16C, AVX-512 F/BW/DQ/VL and AVX-512 VNNI
    APUS_ISA_AVX512_BF16 = 4,  ///< the same and AVX-512 BF16
    APUS_ISA_NEON_DOTPROD = 5, ///< arm64: Advanced SIMD with dot products (Armv8.2-A DotProd)
} apus_isa;

#define APUS_ISA_COUNT 6

/// Whether this CPU and operating system have an instruction set. Functions of one that they lack
/// must not be called.
bool apus_isa_is_available(apus_isa isa);
/// The fastest instruction set that is available.
apus_isa apus_best_isa(void);
/// "scalar", "avx2", "avx-vnni", "avx512-vnni", "avx512-bf16", "neon-dotprod".
const char *apus_isa_name(apus_isa isa);

/// Bytes of one strip of `width` columns; a multiple of 64. `width` is a multiple of the type's
/// block length. 0 when the type has no kernel.
///
/// As many as the rows take in a file, but for what fills the last line.
size_t apus_strip_bytes(uint32_t type, size_t width);

/// Interleaves `row_count` (1…16) consecutive GGUF rows, `row_bytes` apart, into `strip` (64-byte
/// aligned). Absent rows are zeros. Rows need no alignment, and any bytes in them are safe.
void apus_pack_strip(uint32_t type, const void *rows, size_t row_bytes, size_t row_count,
                     size_t width, void *strip);

/// Bytes of one quantised activation of `width` values (a multiple of 32); a multiple of 64.
size_t apus_activation_bytes(size_t width);

/// Quantises `values[0..width)` to int8 in groups of 32: q = round(x / scale), ties to even, where
/// scale = max|x| / 127.
///
/// A group with a NaN or an infinity makes every product NaN; one of zeros, or of magnitudes below
/// 127 times the smallest normal float, is zero.
typedef void apus_quantize_fn(const float *values, size_t width, void *activation);
/// The quantiser for an instruction set; all of them give the same bits.
apus_quantize_fn *apus_quantize(apus_isa isa);

/// outputs[c][0..16) = strip · columns[c], for c in 0..<column_count.
///
/// `columns[c]` is a quantised activation when the type is quantised, `const float *` otherwise.
/// Columns may repeat, outputs may not overlap. Strips that lie one after the other are best
/// multiplied in that order: while one is multiplied the next is fetched.
typedef void apus_multiply_fn(const void *strip, size_t width, const void *const *columns,
                              float *const *outputs, size_t column_count);
/// The kernel of a type for an instruction set; NULL when the type has no kernel.
apus_multiply_fn *apus_multiply(uint32_t type, apus_isa isa);

#endif
