// SPDX-License-Identifier: Apache-2.0
#include "checks.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

check_tally tally;
static uint64_t random_state;

void begin_checks(void) {
    tally = (check_tally){0, 0xcbf29ce484222325}; // FNV-1a's offset basis
    random_state = 1;
}

static void print_failure(const char *format, va_list arguments) {
    fputs("cross-kernels: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_failure(format, arguments);
    exit(1);
}

void require(bool holds, const char *format, ...) {
    tally.comparison_count++;
    if (!holds) {
        va_list arguments;
        va_start(arguments, format);
        print_failure(format, arguments);
        exit(1);
    }
}

static uint32_t bits_of(float value) {
    uint32_t bits = 0x7fc00000;
    if (!isnan(value)) {
        memcpy(&bits, &value, sizeof bits);
    }
    return bits;
}

void digest_floats(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        tally.digest = (tally.digest ^ bits_of(values[i])) * 0x100000001b3;
    }
}

bool have_same_bits(const float *a, const float *b, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (bits_of(a[i]) != bits_of(b[i])) {
            return false;
        }
    }
    return true;
}

bool are_close(const float *found, const double *wanted, size_t count, double tolerance) {
    for (size_t i = 0; i < count; i++) {
        if (!(fabs(found[i] - wanted[i]) <= tolerance * fmax(1, fabs(wanted[i])))) {
            return false;
        }
    }
    return true;
}

uint32_t random_bits(void) {
    random_state = random_state * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)(random_state >> 32);
}

float random_float(float magnitude) {
    return ((float)(random_bits() >> 11) * 0x1p-20f - 1) * magnitude;
}

void random_floats(float *values, size_t count, float magnitude) {
    for (size_t i = 0; i < count; i++) {
        values[i] = random_float(magnitude);
    }
}

void *zeroed(size_t count, size_t element_bytes) {
    const size_t bytes = (count * element_bytes + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    if (memory == NULL) {
        fail("no memory");
    }
    return memset(memory, 0, bytes);
}
