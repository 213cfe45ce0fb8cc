// SPDX-License-Identifier: Apache-2.0

/// A check of the kernels in plain C, so that it can be built for a machine that Swift is not
/// installed for and run under an emulator. Every comparison that fails ends it.
#ifndef CROSS_KERNELS_CHECKS_H
#define CROSS_KERNELS_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strips.h"

/// Comparisons made, and a digest of the bits that all instruction sets agree on, in the order in
/// which they were made: equal on every machine.
typedef struct {
    size_t comparison_count;
    uint64_t digest;
} check_tally;

extern check_tally tally;

/// Empties the tally, and starts the pseudo-random bits anew.
void begin_checks(void);

/// Prints the message and exits with status 1.
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);
/// Counts a comparison; one that does not hold fails with the message.
__attribute__((format(printf, 2, 3))) void require(bool holds, const char *format, ...);

/// Takes floats into the digest; all NaNs are the same.
void digest_floats(const float *values, size_t count);

/// Whether two runs of floats have the same bits; all NaNs are the same.
bool have_same_bits(const float *a, const float *b, size_t count);

/// Whether |found − wanted| ≤ tolerance · max(1, |wanted|) everywhere.
bool are_close(const float *found, const double *wanted, size_t count, double tolerance);

/// Pseudo-random bits, the same on every machine (an LCG; Knuth, MMIX).
uint32_t random_bits(void);
/// A multiple of 2^−20 in ±`magnitude`, which is a power of two.
float random_float(float magnitude);
void random_floats(float *values, size_t count, float magnitude);

/// `count` elements of zeros, 64-byte aligned; never freed.
void *zeroed(size_t count, size_t element_bytes);

/// Quantisers of `isa` against the scalar one.
void check_quantizer(apus_isa isa);
/// Kernels of `isa` against the scalar ones, for every type.
void check_products(apus_isa isa);
/// Vector operations of `isa` against their formulas in float64.
void check_vectors(apus_isa isa);

#endif
