// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "checks.h"
#include "rows.h"

#define MAX_COLUMNS 17
#define MAX_WIDTH 768
#define END_OF_TYPES 256

/// Packed rows, and what they are multiplied with.
typedef struct {
    uint32_t type;
    size_t width;
    uint8_t *rows, *strip;
    void *columns[MAX_COLUMNS];
} product;

typedef float product_outputs[MAX_COLUMNS][APUS_STRIP_ROWS];

/// Every remainder of the loops over heads, blocks and groups; for floats, odd ones too.
static const size_t widths[] = {1, 7, 33, 32, 64, 96, 256, MAX_WIDTH};

static bool is_width_of(uint32_t type, size_t width) {
    const apus_type_traits *traits = apus_traits(type);
    return width % traits->block_length == 0 && (!traits->is_quantized || width % 32 == 0);
}

static product make_product(uint32_t type) {
    product made = {.type = type};
    made.rows = zeroed(APUS_STRIP_ROWS, row_bytes_of(type, MAX_WIDTH));
    made.strip = zeroed(1, apus_strip_bytes(type, MAX_WIDTH));
    for (size_t c = 0; c < MAX_COLUMNS; c++) {
        made.columns[c] = zeroed(MAX_WIDTH, sizeof(float));
    }
    return made;
}

static void fill_columns(product *p) {
    float values[MAX_WIDTH];
    for (size_t c = 0; c < MAX_COLUMNS; c++) {
        random_floats(values, p->width, 2);
        if (apus_traits(p->type)->is_quantized) {
            apus_quantize(APUS_ISA_SCALAR)(values, p->width, p->columns[c]);
        } else {
            memcpy(p->columns[c], values, p->width * sizeof(float));
        }
    }
}

static void pack(const product *p, size_t row_count) {
    apus_pack_strip(p->type, p->rows, row_bytes_of(p->type, p->width), row_count, p->width,
                    p->strip);
}

static void multiply(apus_multiply_fn *kernel, const product *p, size_t column_count,
                     product_outputs found) {
    const void *columns[MAX_COLUMNS];
    float *outputs[MAX_COLUMNS];
    for (size_t c = 0; c < MAX_COLUMNS; c++) {
        columns[c] = p->columns[c];
        outputs[c] = found[c];
        // What a kernel leaves out, or writes where it should not, is seen.
        memset(found[c], 0x5a, sizeof found[c]);
    }
    kernel(p->strip, p->width, columns, outputs, column_count);
}

/// Whether a kernel gives the wanted bits, and writes no other outputs.
static bool gives(apus_multiply_fn *kernel, const product *p, size_t column_count,
                  product_outputs wanted) {
    product_outputs found;
    multiply(kernel, p, column_count, found);
    for (size_t c = column_count; c < MAX_COLUMNS; c++) {
        for (size_t i = 0; i < sizeof found[c]; i++) {
            if (((uint8_t *)found[c])[i] != 0x5a) {
                return false;
            }
        }
    }
    return have_same_bits(found[0], wanted[0], column_count * APUS_STRIP_ROWS);
}

static void check_columns(apus_isa isa, const product *p, size_t row_count) {
    product_outputs wanted;
    multiply(apus_multiply(p->type, APUS_ISA_SCALAR), p, MAX_COLUMNS, wanted);
    digest_floats(wanted[0], sizeof wanted / sizeof(float));
    for (size_t count = 1; count <= MAX_COLUMNS; count++) {
        require(gives(apus_multiply(p->type, isa), p, count, wanted),
                "%s, %s: width %zu, %zu rows, %zu columns", apus_isa_name(isa),
                apus_traits(p->type)->name, p->width, row_count, count);
    }
}

/// The kernel that `spoiled` spoils.
static apus_multiply_fn *sound_kernel;

/// A kernel whose last output is off by one bit.
static void spoiled(const void *strip, size_t width, const void *const *columns,
                    float *const *outputs, size_t column_count) {
    sound_kernel(strip, width, columns, outputs, column_count);
    uint32_t bits;
    float *last = &outputs[column_count - 1][APUS_STRIP_ROWS - 1];
    memcpy(&bits, last, sizeof bits);
    bits ^= 1;
    memcpy(last, &bits, sizeof bits);
}

/// A kernel, or a weight, that is wrong by one bit must not pass.
static void check_that_errors_show(apus_isa isa, product *p) {
    product_outputs wanted;
    sound_kernel = apus_multiply(p->type, isa);
    multiply(apus_multiply(p->type, APUS_ISA_SCALAR), p, MAX_COLUMNS, wanted);
    for (size_t count = 1; count <= MAX_COLUMNS; count++) {
        require(!gives(spoiled, p, count, wanted), "%s: a wrong bit is not seen",
                apus_traits(p->type)->name);
    }
    // In the middle of a block every type has values.
    p->rows[apus_traits(p->type)->block_bytes / 2] ^= 0x10;
    pack(p, APUS_STRIP_ROWS);
    require(!gives(sound_kernel, p, MAX_COLUMNS, wanted), "%s: a wrong weight is not seen",
            apus_traits(p->type)->name);
}

static void check_type(apus_isa isa, uint32_t type) {
    static const size_t row_counts[] = {APUS_STRIP_ROWS, 13, 1};
    product p = make_product(type);
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        if (!is_width_of(type, widths[i])) {
            continue;
        }
        p.width = widths[i];
        fill_columns(&p);
        for (row_kind kind = 0; kind < ROW_KINDS; kind++) {
            for (size_t j = 0; j < sizeof row_counts / sizeof row_counts[0]; j++) {
                fill_rows(type, kind, APUS_STRIP_ROWS, p.width, p.rows);
                pack(&p, row_counts[j]);
                check_columns(isa, &p, row_counts[j]);
            }
        }
    }
    fill_rows(type, ORDINARY_ROWS, APUS_STRIP_ROWS, p.width, p.rows);
    pack(&p, APUS_STRIP_ROWS);
    check_that_errors_show(isa, &p);
}

void check_products(apus_isa isa) {
    size_t type_count = 0;
    for (uint32_t type = 0; type < END_OF_TYPES; type++) {
        if (apus_traits(type) != NULL) {
            check_type(isa, type);
            type_count++;
        }
    }
    require(type_count > 0, "no type has a kernel");
}
