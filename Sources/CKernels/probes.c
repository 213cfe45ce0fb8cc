// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "probes.h"
#include "strips_kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/// Most threads that a probe starts.
#define MAX_THREADS 1024
/// Pages are asked for in this size, so that translation misses do not count as bandwidth.
#define HUGE_PAGE_BYTES ((size_t)2 << 20)
/// Rounds of `PEAK_CHAINS` instructions per thread and repetition: some 15 ms at two per cycle,
/// against the 50 µs that starting a thread takes.
#define PEAK_ROUNDS ((size_t)10 << 20)
/// The same for plain C, which is that many times slower.
#define SCALAR_ROUNDS (PEAK_ROUNDS / 16)
/// Independent sums: more than latency (4 cycles on Zen 5) times instructions per cycle (2).
#define PEAK_CHAINS 12
/// The same for arm64, of whose 32 registers two hold factors: some cores start six in a cycle.
#define NEON_CHAINS 24
/// A measure of the multiply kernels repeats its pass until it takes this long: 400 times what
/// starting a thread does.
#define MULTIPLY_SECONDS 0.02

// MARK: - Timing threads

/// A thread's share of the work; returns a sum of it all so that none can be left out.
typedef uint64_t probe_work(const void *context, size_t index, size_t thread_count);

typedef struct {
    probe_work *work;
    const void *context;
    size_t index, thread_count;
    uint64_t sum;
} probe_thread;

static void *run_probe(void *argument) {
    probe_thread *thread = argument;
    thread->sum = thread->work(thread->context, thread->index, thread->thread_count);
    return NULL;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/// Where the sums end, for all that the compiler knows somebody looks there.
static volatile uint64_t probe_sink;

/// Seconds that the threads take to do `work` once; 0 if they could not all be started.
static double seconds_of(probe_work *work, const void *context, size_t thread_count) {
    static probe_thread threads[MAX_THREADS];
    static pthread_t handles[MAX_THREADS];
    size_t started = 0;
    const double start = seconds_now();
    for (; started < thread_count; started++) {
        threads[started] = (probe_thread){work, context, started, thread_count, 0};
        if (pthread_create(&handles[started], NULL, run_probe, &threads[started]) != 0) {
            break;
        }
    }
    for (size_t i = 0; i < started; i++) {
        pthread_join(handles[i], NULL);
        probe_sink += threads[i].sum;
    }
    return started == thread_count ? seconds_now() - start : 0;
}

/// How often per second the threads do `work`, best of `repetitions`; 0 if they could not start.
static double best_rate(probe_work *work, const void *context, size_t thread_count,
                        size_t repetitions) {
    static pthread_mutex_t one_probe_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    if (thread_count == 0 || thread_count > MAX_THREADS) {
        return 0;
    }
    double best = 0;
    pthread_mutex_lock(&one_probe_at_a_time);
    for (size_t i = 0; i < repetitions; i++) {
        const double seconds = seconds_of(work, context, thread_count);
        const double rate = seconds > 0 ? 1 / seconds : 0;
        best = rate > best ? rate : best;
    }
    pthread_mutex_unlock(&one_probe_at_a_time);
    return best;
}

// MARK: - Read bandwidth

typedef struct {
    const uint64_t *words;
    size_t word_count;
} probe_memory;

/// Sums the thread's share of memory. The loop becomes vector additions, well ahead of any memory.
static uint64_t read_memory(const void *context, size_t index, size_t thread_count) {
    const probe_memory *memory = context;
    const size_t first = memory->word_count / thread_count * index;
    const size_t end = first + memory->word_count / thread_count;
    uint64_t sums[8] = {0};
    for (size_t i = first; i + 8 <= end; i += 8) {
        for (size_t j = 0; j < 8; j++) {
            sums[j] += memory->words[i + j];
        }
    }
    return sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7];
}

double apus_probe_read_bandwidth(size_t thread_count, size_t bytes, size_t repetitions) {
    bytes = bytes / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
    void *memory = bytes == 0 ? NULL : aligned_alloc(HUGE_PAGE_BYTES, bytes);
    if (memory == NULL) {
        return 0;
    }
    madvise(memory, bytes, MADV_HUGEPAGE);
    memset(memory, 1, bytes);
    const probe_memory context = {memory, bytes / sizeof(uint64_t)};
    const double rate = best_rate(read_memory, &context, thread_count, repetitions);
    free(memory);
    return rate * (double)bytes;
}

// MARK: - int8 peak

/// What plain C reaches: int8 products summed in int32, in lines of 16 bytes.
static uint64_t multiply_scalar(const void *context, size_t index, size_t thread_count) {
    (void)context, (void)thread_count;
    int8_t weights[PEAK_CHAINS][16], x[16];
    memset(weights, (int)index + 1, sizeof weights);
    memset(x, 2, sizeof x);
    int32_t sums[16] = {0};
    for (size_t round = 0; round < SCALAR_ROUNDS; round++) {
        for (size_t chain = 0; chain < PEAK_CHAINS; chain++) {
            for (size_t i = 0; i < 16; i++) {
                sums[i] += weights[chain][i] * x[i];
            }
        }
        __asm__ volatile("" : : "r"(weights), "r"(x) : "memory");
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < 16; i++) {
        sum += (uint64_t)sums[i];
    }
    return sum;
}

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)

static uint64_t multiply_avx2(const void *context, size_t index, size_t thread_count) {
    (void)context, (void)thread_count;
    __m256i sums[PEAK_CHAINS] = {0};
    __m256i weights = _mm256_set1_epi8((char)index), x = _mm256_set1_epi8(2);
    for (size_t round = 0; round < PEAK_ROUNDS; round++) {
#pragma clang loop unroll(full)
        for (size_t i = 0; i < PEAK_CHAINS; i++) {
            __asm__ volatile("" : "+x"(weights)); // else the products are one and the same
            sums[i] = _mm256_add_epi16(sums[i], _mm256_maddubs_epi16(weights, x));
        }
    }
    __m256i sum = sums[0];
    for (size_t i = 1; i < PEAK_CHAINS; i++) {
        sum = _mm256_add_epi16(sum, sums[i]);
    }
    return (uint64_t)_mm256_extract_epi64(sum, 0);
}

#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,avxvnni"))), apply_to = function)

static uint64_t multiply_avx_vnni(const void *context, size_t index, size_t thread_count) {
    (void)context, (void)thread_count;
    __m256i sums[PEAK_CHAINS] = {0};
    __m256i weights = _mm256_set1_epi32((int)index), x = _mm256_set1_epi32(2);
    for (size_t round = 0; round < PEAK_ROUNDS; round++) {
#pragma clang loop unroll(full)
        for (size_t i = 0; i < PEAK_CHAINS; i++) {
            sums[i] = _mm256_dpbusd_avx_epi32(sums[i], weights, x);
        }
    }
    __m256i sum = sums[0];
    for (size_t i = 1; i < PEAK_CHAINS; i++) {
        sum = _mm256_add_epi32(sum, sums[i]);
    }
    return (uint64_t)_mm256_extract_epi64(sum, 0);
}

#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512vnni"))), apply_to = function)

static uint64_t multiply_avx512(const void *context, size_t index, size_t thread_count) {
    (void)context, (void)thread_count;
    __m512i sums[PEAK_CHAINS] = {0};
    __m512i weights = _mm512_set1_epi32((int)index), x = _mm512_set1_epi32(2);
    for (size_t round = 0; round < PEAK_ROUNDS; round++) {
#pragma clang loop unroll(full)
        for (size_t i = 0; i < PEAK_CHAINS; i++) {
            sums[i] = _mm512_dpbusd_epi32(sums[i], weights, x);
        }
    }
    __m512i sum = sums[0];
    for (size_t i = 1; i < PEAK_CHAINS; i++) {
        sum = _mm512_add_epi32(sum, sums[i]);
    }
    return (uint64_t)_mm512_reduce_add_epi32(sum);
}

#pragma clang attribute pop
#elif defined(__aarch64__)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

static uint64_t multiply_neon(const void *context, size_t index, size_t thread_count) {
    (void)context, (void)thread_count;
    int32x4_t sums[NEON_CHAINS] = {0};
    int8x16_t weights = vdupq_n_s8((int8_t)index), x = vdupq_n_s8(2);
    for (size_t round = 0; round < PEAK_ROUNDS / 2; round++) {
#pragma clang loop unroll(full)
        for (size_t i = 0; i < NEON_CHAINS; i++) {
            __asm__ volatile("" : "+w"(weights)); // else the products are one and the same
            sums[i] = vdotq_s32(sums[i], weights, x);
        }
    }
    int32x4_t sum = sums[0];
    for (size_t i = 1; i < NEON_CHAINS; i++) {
        sum = vaddq_s32(sum, sums[i]);
    }
    return (uint64_t)vaddvq_s32(sum);
}

#pragma clang attribute pop
#endif

double apus_probe_int8_peak(size_t thread_count, apus_isa isa, size_t repetitions) {
    if (!apus_isa_is_available(isa)) {
        return 0;
    }
    probe_work *work = multiply_scalar;
    double products = (double)SCALAR_ROUNDS * PEAK_CHAINS * 16;
#if defined(__x86_64__)
    if (isa == APUS_ISA_AVX512_VNNI || isa == APUS_ISA_AVX512_BF16) {
        work = multiply_avx512;
        products = (double)PEAK_ROUNDS * PEAK_CHAINS * 64;
    } else if (isa == APUS_ISA_AVX_VNNI) {
        work = multiply_avx_vnni;
        products = (double)PEAK_ROUNDS * PEAK_CHAINS * 32;
    } else if (isa == APUS_ISA_AVX2) {
        work = multiply_avx2;
        products = (double)PEAK_ROUNDS * PEAK_CHAINS * 32;
    }
#elif defined(__aarch64__)
    if (isa == APUS_ISA_NEON_DOTPROD) {
        work = multiply_neon;
        products = (double)PEAK_ROUNDS / 2 * NEON_CHAINS * 16;
    }
#endif
    return 2 * products * (double)thread_count * best_rate(work, NULL, thread_count, repetitions);
}

// MARK: - Multiply kernels

typedef struct {
    apus_multiply_fn *multiply;
    const uint8_t *strips;
    size_t strip_count, strip_bytes, width;
    const void *columns[APUS_PROBE_COLUMNS];
    size_t column_count, pass_count;
} probe_matrix;

/// Multiplies the thread's share of the strips, pass after pass.
static uint64_t multiply_strips(const void *context, size_t index, size_t thread_count) {
    const probe_matrix *matrix = context;
    const size_t first = matrix->strip_count * index / thread_count;
    const size_t end = matrix->strip_count * (index + 1) / thread_count;
    float values[APUS_PROBE_COLUMNS][APUS_STRIP_ROWS] = {{0}};
    float *outputs[APUS_PROBE_COLUMNS];
    for (size_t i = 0; i < APUS_PROBE_COLUMNS; i++) {
        outputs[i] = values[i];
    }
    for (size_t pass = 0; pass < matrix->pass_count; pass++) {
        for (size_t i = first; i < end; i++) {
            matrix->multiply(matrix->strips + i * matrix->strip_bytes, matrix->width,
                             matrix->columns, outputs, matrix->column_count);
        }
    }
    uint32_t bits;
    memcpy(&bits, values[0], sizeof bits);
    return bits;
}

/// Pseudo-random bytes; of float types the top byte makes magnitudes of 2^−7 … 2, none subnormal.
static void fill_rows(uint8_t *rows, size_t byte_count, const apus_type_traits *traits) {
    uint64_t state = 1;
    for (size_t i = 0; i < byte_count; i++) {
        state = state * 6364136223846793005 + 1442695040888963407;
        rows[i] = (uint8_t)(state >> 56);
        if (!traits->is_quantized && (i + 1) % traits->block_bytes == 0) {
            rows[i] = 0x3c | (rows[i] & 0x83);
        }
    }
}

/// Copies of one strip of pseudo-random rows, `strip_count` in all.
static bool fill_strips(uint8_t *strips, uint32_t type, size_t width, size_t strip_count,
                        size_t strip_bytes) {
    const apus_type_traits *traits = apus_traits(type);
    const size_t row_bytes = width / traits->block_length * traits->block_bytes;
    uint8_t *rows = malloc(row_bytes * APUS_STRIP_ROWS);
    if (rows == NULL) {
        return false;
    }
    fill_rows(rows, row_bytes * APUS_STRIP_ROWS, traits);
    apus_pack_strip(type, rows, row_bytes, APUS_STRIP_ROWS, width, strips);
    free(rows);
    for (size_t i = 1; i < strip_count; i++) {
        memcpy(strips + i * strip_bytes, strips, strip_bytes);
    }
    return true;
}

/// Gives the matrix its columns in `memory`, each of `column_bytes`.
static void fill_columns(probe_matrix *matrix, uint8_t *memory, size_t column_bytes,
                         bool is_quantized, apus_isa isa) {
    float *values = (float *)(memory + matrix->column_count * column_bytes);
    for (size_t i = 0; i < matrix->column_count; i++) {
        for (size_t j = 0; j < matrix->width; j++) {
            values[j] = (float)((int)((i + 1) * (j + 1) * 37 % 255) - 127);
        }
        uint8_t *column = memory + i * column_bytes;
        if (is_quantized) {
            apus_quantize(isa)(values, matrix->width, column);
        } else {
            memcpy(column, values, matrix->width * sizeof(float));
        }
        matrix->columns[i] = column;
    }
}

/// Passes per second, best of `repetitions`.
static double best_pass_rate(probe_matrix *matrix, size_t thread_count, size_t repetitions) {
    double rate = best_rate(multiply_strips, matrix, thread_count, 1);
    while (rate * MULTIPLY_SECONDS > 1) {
        matrix->pass_count *= 2;
        rate = best_rate(multiply_strips, matrix, thread_count, 1);
    }
    return best_rate(multiply_strips, matrix, thread_count, repetitions)
        * (double)matrix->pass_count;
}

/// A matrix and its memory.
typedef struct {
    probe_matrix matrix;
    uint8_t *strips, *columns;
} probe_weights;

static void free_weights(probe_weights *weights) {
    free(weights->strips);
    free(weights->columns);
}

/// About `bytes` of weights and `column_count` columns; false when the memory cannot be had.
static bool make_weights(probe_weights *weights, uint32_t type, apus_isa isa, size_t width,
                         size_t bytes, size_t column_count) {
    const size_t strip_bytes = apus_strip_bytes(type, width);
    const bool is_quantized = apus_traits(type)->is_quantized;
    const size_t column_bytes =
        is_quantized ? apus_activation_bytes(width) : width * sizeof(float);
    const size_t strip_count = bytes < strip_bytes ? 1 : bytes / strip_bytes;
    const size_t page_count = (strip_count * strip_bytes + HUGE_PAGE_BYTES - 1) / HUGE_PAGE_BYTES;
    uint8_t *strips = aligned_alloc(HUGE_PAGE_BYTES, page_count * HUGE_PAGE_BYTES);
    // The columns, then a row of float32 values; both are whole lines, as 256 divides the width.
    uint8_t *columns = aligned_alloc(64, column_count * column_bytes + width * sizeof(float));
    *weights = (probe_weights){
        .matrix = {
            .multiply = apus_multiply(type, isa), .strips = strips, .strip_count = strip_count,
            .strip_bytes = strip_bytes, .width = width, .column_count = column_count,
            .pass_count = 1},
        .strips = strips, .columns = columns};
    if (strips == NULL || columns == NULL) {
        free_weights(weights);
        return false;
    }
    madvise(strips, page_count * HUGE_PAGE_BYTES, MADV_HUGEPAGE);
    fill_columns(&weights->matrix, columns, column_bytes, is_quantized, isa);
    if (!fill_strips(strips, type, width, strip_count, strip_bytes)) {
        free_weights(weights);
        return false;
    }
    return true;
}

double apus_probe_multiply(uint32_t type, apus_isa isa, size_t width, size_t bytes,
                           size_t column_count, size_t thread_count, size_t repetitions) {
    if (!apus_isa_is_available(isa) || width % 256 != 0 || apus_strip_bytes(type, width) == 0
        || column_count == 0 || column_count > APUS_PROBE_COLUMNS || repetitions == 0) {
        return 0;
    }
    probe_weights weights;
    if (!make_weights(&weights, type, isa, width, bytes, column_count)) {
        return 0;
    }
    const double rate = best_pass_rate(&weights.matrix, thread_count, repetitions);
    const size_t byte_count = weights.matrix.strip_count * weights.matrix.strip_bytes;
    free_weights(&weights);
    return rate * (double)byte_count;
}

// MARK: - Prefetching

#define TUNING_BYTES ((size_t)64 << 20)
#define TUNING_REPETITIONS 5
/// Asking ahead is kept unless leaving it is faster by as much: it helps where prefetchers are weak by
/// far more than it costs elsewhere.
#define TUNING_MARGIN 1.03

void apus_tune_prefetch(apus_isa isa) {
    probe_weights weights;
    if (!apus_isa_is_available(isa)
        || !make_weights(&weights, APUS_Q4_K, isa, 2048, TUNING_BYTES, 1)) {
        return;
    }
    const size_t ahead[] = {0, APUS_DEFAULT_PREFETCH_BYTES};
    double rates[] = {0, 0};
    for (size_t repetition = 0; repetition < TUNING_REPETITIONS; repetition++) {
        for (size_t i = 0; i < 2; i++) {
            atomic_store_explicit(&apus_prefetch_bytes[1], ahead[i], memory_order_relaxed);
            const double rate = best_rate(multiply_strips, &weights.matrix, 1, 1);
            rates[i] = rate > rates[i] ? rate : rates[i];
        }
    }
    const size_t best = rates[0] > rates[1] * TUNING_MARGIN ? 0 : 1;
    atomic_store_explicit(&apus_prefetch_bytes[1], ahead[best], memory_order_relaxed);
    free_weights(&weights);
}

size_t apus_prefetch_distance(size_t column_count) {
    const size_t n = column_count < APUS_LARGEST_TILE ? column_count : APUS_LARGEST_TILE;
    return atomic_load_explicit(&apus_prefetch_bytes[n], memory_order_relaxed);
}
