// SPDX-License-Identifier: Apache-2.0

/// Measures of the machine that speeds are reported against.
#ifndef APUS_PROBES_H
#define APUS_PROBES_H

#include "strips.h"

/// Bytes per second that `thread_count` threads read from `bytes` of memory (rounded down to 2 MB,
/// touched first), best of `repetitions`; 0 when the memory or the threads cannot be had.
double apus_probe_read_bandwidth(size_t thread_count, size_t bytes, size_t repetitions);

/// int8 multiply-accumulate operations per second (each counts as two) that `thread_count` threads
/// reach in registers with the widest dot-product instruction of `isa`, best of `repetitions`; 0
/// when this CPU lacks `isa`. AVX2's `maddubs` is counted with the 16-bit addition that follows it.
double apus_probe_int8_peak(size_t thread_count, apus_isa isa, size_t repetitions);

/// Columns that `apus_probe_multiply` multiplies with at most.
#define APUS_PROBE_COLUMNS 32

/// Bytes of weights per second that `thread_count` threads multiply `column_count` (1 … 32) columns
/// with, by the kernel of `type` for `isa`: strips of `width` columns (a multiple of 256), `bytes` in
/// all but at least one, a share of them for each thread. Best of `repetitions`, each as many passes
/// as take 20 ms; 0 when there is no such kernel, or the memory or the threads cannot be had.
double apus_probe_multiply(uint32_t type, apus_isa isa, size_t width, size_t bytes,
                           size_t column_count, size_t thread_count, size_t repetitions);

/// Finds out on one thread whether kernels of `isa` stream weights from memory for one column faster
/// when they ask for them ahead or when the processor's own prefetchers are left alone, and lets all
/// kernels do the faster from then on. With more columns they always ask. Takes 64 MB for about 0.1 s;
/// changes nothing when they cannot be had. No kernel may run meanwhile.
void apus_tune_prefetch(apus_isa isa);

/// How far ahead a tile of `column_count` columns asks for weights, in bytes; 0 for not at all.
size_t apus_prefetch_distance(size_t column_count);

#endif
