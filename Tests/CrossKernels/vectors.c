// SPDX-License-Identifier: Apache-2.0
#include "vectors.h"

#include <math.h>
#include <string.h>

#include "checks.h"

#define MAX_COUNT 2100

/// A handful of float32 operations, relative to the result or, near 0, to 1.
static const double tolerance = 2e-6;
/// The mean of values around 4 is off by an ulp of those.
static const double mean_tolerance = 1e-5;
/// Two products of up to 64, whose difference may be next to nothing, are off by an ulp of 64 each.
static const double rotation_tolerance = 64 * 0x1p-23;
/// float32 sums of up to 200 terms of order 1, and exponentials to 1 ulp.
static const double attention_tolerance = 2e-5;

/// Lengths with every kind of remainder of 16 lanes and of runs of 1,024.
static const size_t counts[] = {1, 15, 16, 17, 64, 71, 1024, MAX_COUNT};

static apus_isa checked_isa;

static void require_close(const char *name, const float *found, const double *wanted,
                          size_t count, double allowed) {
    require(are_close(found, wanted, count, allowed), "%s: %s of %zu", apus_isa_name(checked_isa),
            name, count);
}

// MARK: - Element by element

typedef struct {
    size_t count;
    float x[MAX_COUNT], y[MAX_COUNT], z[MAX_COUNT];
    float found[MAX_COUNT];
    double wanted[MAX_COUNT];
} vectors;

static void check_rms_norm(const apus_vector_operations *operations, vectors *v) {
    double squares = 0;
    for (size_t i = 0; i < v->count; i++) {
        squares += (double)v->x[i] * v->x[i];
    }
    for (size_t i = 0; i < v->count; i++) {
        v->wanted[i] = v->x[i] / sqrt(squares / (double)v->count + 1e-5) * v->y[i];
    }
    operations->rms_norm(v->x, v->y, 1e-5f, v->count, v->found);
    require_close("rms_norm", v->found, v->wanted, v->count, tolerance);
}

/// Of values around 4, which this leaves in x.
static void check_layer_norm(const apus_vector_operations *operations, vectors *v) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < v->count; i++) {
        v->x[i] = 4 + v->x[i] / 8;
        sum += v->x[i];
    }
    const double mean = sum / (double)v->count;
    for (size_t i = 0; i < v->count; i++) {
        squares += (v->x[i] - mean) * (v->x[i] - mean);
    }
    for (size_t i = 0; i < v->count; i++) {
        v->wanted[i] = (v->x[i] - mean) / sqrt(squares / (double)v->count + 1e-3) * v->y[i]
            + v->z[i];
    }
    operations->layer_norm(v->x, v->y, v->z, 1e-3f, v->count, v->found);
    require_close("layer_norm", v->found, v->wanted, v->count, mean_tolerance);
}

static void check_gates(const apus_vector_operations *operations, vectors *v) {
    for (size_t i = 0; i < v->count; i++) {
        v->wanted[i] = v->x[i] / (1 + exp(-(double)v->x[i])) * v->y[i];
    }
    operations->swiglu(v->x, v->y, v->count, v->found);
    require_close("swiglu", v->found, v->wanted, v->count, tolerance);

    for (size_t i = 0; i < v->count; i++) {
        const double x = v->x[i], inner = sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
        v->wanted[i] = x / 2 * (1 + tanh(inner)) * v->y[i];
    }
    operations->geglu(v->x, v->y, v->count, v->found);
    require_close("geglu", v->found, v->wanted, v->count, tolerance);

    for (size_t i = 0; i < v->count; i++) {
        const double x = fmin(v->x[i], 7), up = fmax(-7, fmin(v->y[i], 7));
        v->wanted[i] = x / (1 + exp(-1.702 * x)) * (up + 1);
    }
    operations->clamped_swiglu(v->x, v->y, 1.702f, 7, v->count, v->found);
    require_close("clamped_swiglu", v->found, v->wanted, v->count, tolerance);
}

static void check_sums(const apus_vector_operations *operations, vectors *v) {
    for (size_t i = 0; i < v->count; i++) {
        v->wanted[i] = v->z[i] + 0.3f * (double)v->x[i];
    }
    memcpy(v->found, v->z, sizeof v->found);
    operations->add_scaled(0.3f, v->x, v->count, v->found);
    require_close("add_scaled", v->found, v->wanted, v->count, tolerance);

    double total = 0;
    size_t best = 0;
    for (size_t i = 0; i < v->count; i++) {
        v->wanted[i] = exp(0.7 * (v->x[i] - 8.0));
        total += v->wanted[i];
        best = v->x[i] > v->x[best] ? i : best;
    }
    const double sum = operations->exp(v->x, v->count, 8, 0.7f, v->found);
    require_close("exp", v->found, v->wanted, v->count, tolerance);
    require(fabs(sum - total) <= tolerance * total, "the sum of exp of %zu", v->count);
    require(operations->exp(v->x, v->count, 8, 0.7f, NULL) == sum, "exp alone of %zu", v->count);
    require(operations->maximum(v->x, v->count) == v->x[best], "maximum of %zu", v->count);
    require(operations->argmax(v->x, v->count) == best, "argmax of %zu", v->count);
}

static void check_rotations(const apus_vector_operations *operations, vectors *v) {
    const size_t pairs = v->count / 2;
    for (int is_halves = 0; is_halves < 2; is_halves++) {
        for (size_t i = 0; i < pairs; i++) {
            const size_t first = is_halves ? i : 2 * i, second = is_halves ? i + pairs : 2 * i + 1;
            const double a = v->x[first], b = v->x[second];
            v->wanted[first] = a * v->y[i] - b * v->z[i];
            v->wanted[second] = b * v->y[i] + a * v->z[i];
        }
        memcpy(v->found, v->x, sizeof v->found);
        (is_halves ? operations->rotate_halves
                   : operations->rotate_interleaved)(v->found, v->y, v->z, pairs);
        require_close("rotation", v->found, v->wanted, 2 * pairs, rotation_tolerance);
    }
}

static void check_elements(const apus_vector_operations *operations) {
    vectors *v = zeroed(1, sizeof *v);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        v->count = counts[i];
        random_floats(v->x, MAX_COUNT, 8);
        random_floats(v->y, MAX_COUNT, 8);
        random_floats(v->z, MAX_COUNT, 1);
        check_gates(operations, v);
        check_sums(operations, v);
        check_rotations(operations, v);
        check_rms_norm(operations, v);
        check_layer_norm(operations, v);
    }
    // The last result of all, made wrong by more than the tolerance.
    const size_t last = MAX_COUNT - 1;
    v->found[last] += (float)(4 * mean_tolerance * fmax(1, fabs(v->wanted[last])));
    require(!are_close(v->found, v->wanted, v->count, mean_tolerance), "an error is not seen");
}

// MARK: - Attention

#define POSITIONS 150
#define BLOCKS ((POSITIONS + APUS_PAGE_POSITIONS - 1) / APUS_PAGE_POSITIONS)
#define KEY_DIMENSION 24
#define VALUE_DIMENSION 68 // a chunk of 64 columns, and a rest
#define LATENT_DIMENSION 72
#define QUERIES 7

/// Keys, values and queries of one head; what is in pages is `keys` and `values`.
typedef struct {
    float queries[QUERIES][LATENT_DIMENSION];
    float keys[POSITIONS][LATENT_DIMENSION], values[POSITIONS][VALUE_DIMENSION];
    int32_t block_table[BLOCKS];
    apus_kv_view view;
    uint8_t *pages;
} sequence;

/// Blocks lie last first; `element_bytes` are 2 for float16, whose numbers are rounded to that.
static sequence *make_sequence(size_t element_bytes, size_t key_dimension, bool is_latent) {
    sequence *made = zeroed(1, sizeof *made);
    const size_t value_stride = is_latent ? 0 : (VALUE_DIMENSION + 15) / 16 * 16;
    const size_t page_stride =
        APUS_PAGE_POSITIONS * (key_dimension + value_stride) * element_bytes;
    for (size_t i = 0; i < BLOCKS; i++) {
        made->block_table[i] = (int32_t)(BLOCKS - 1 - i);
    }
    random_floats(made->queries[0], sizeof made->queries / sizeof(float), 2);
    random_floats(made->keys[0], sizeof made->keys / sizeof(float), 2);
    random_floats(made->values[0], sizeof made->values / sizeof(float), 2);
    for (size_t p = 0; p < POSITIONS && element_bytes == 2; p++) {
        for (size_t d = 0; d < LATENT_DIMENSION; d++) {
            made->keys[p][d] = (float)(_Float16)made->keys[p][d];
        }
        for (size_t d = 0; d < VALUE_DIMENSION; d++) {
            made->values[p][d] = (float)(_Float16)made->values[p][d];
        }
    }
    made->pages = zeroed(BLOCKS, page_stride);
    made->view = (apus_kv_view){
        .pages = made->pages, .page_stride = page_stride, .block_table = made->block_table,
        .key_dimension = key_dimension, .value_dimension = VALUE_DIMENSION, .scale = 0.3f};
    return made;
}

/// The softmax of a query's scores over positions `first` … `last`, times the values, in float64.
static void attend_plainly(const sequence *s, size_t query, size_t first, size_t last, double sink,
                           bool is_latent, double *output) {
    double weights[POSITIONS], largest = sink, total = 0;
    for (size_t p = first; p <= last; p++) {
        weights[p] = 0;
        for (size_t d = 0; d < s->view.key_dimension; d++) {
            weights[p] += (double)s->queries[query][d] * s->keys[p][d] * s->view.scale;
        }
        largest = fmax(largest, weights[p]);
    }
    memset(output, 0, VALUE_DIMENSION * sizeof *output);
    for (size_t p = first; p <= last; p++) {
        const double weight = exp(weights[p] - largest);
        total += weight;
        for (size_t d = 0; d < VALUE_DIMENSION; d++) {
            output[d] += weight * (is_latent ? s->keys[p][d] : s->values[p][d]);
        }
    }
    total += exp(sink - largest);
    for (size_t d = 0; d < VALUE_DIMENSION; d++) {
        output[d] /= total;
    }
}

static void check_attention(const apus_vector_operations *operations, size_t element_bytes,
                            float sink) {
    static const size_t last[QUERIES] = {149, 148, 100, 64, 63, 17, 0};
    sequence *s = make_sequence(element_bytes, KEY_DIMENSION, false);
    for (size_t p = 0; p < POSITIONS; p++) {
        (element_bytes == 2 ? operations->store_f16 : operations->store_f32)(
            &s->view, s->pages, p, s->keys[p], s->values[p]);
    }
    float outputs[QUERIES][VALUE_DIMENSION];
    apus_attention_query queries[QUERIES];
    for (size_t q = 0; q < QUERIES; q++) {
        queries[q] = (apus_attention_query){
            .vector = s->queries[q], .output = outputs[q],
            .first_position = last[q] < 90 ? 0 : (int32_t)last[q] - 69,
            .last_position = (int32_t)last[q], .maximum = -INFINITY, .sum = 0};
    }
    float *scratch = zeroed(apus_attention_scratch(VALUE_DIMENSION), sizeof *scratch);
    apus_attend_fn *attend = element_bytes == 2 ? operations->attend_f16 : operations->attend_f32;
    attend(&s->view, queries, QUERIES, 0, 64, scratch);
    attend(&s->view, queries, QUERIES, 64, POSITIONS, scratch);
    for (size_t q = 0; q < QUERIES; q++) {
        operations->finish_attention(&queries[q], VALUE_DIMENSION, sink);
        double wanted[VALUE_DIMENSION];
        attend_plainly(s, q, (size_t)queries[q].first_position, last[q], sink, false, wanted);
        require_close("attention", outputs[q], wanted, VALUE_DIMENSION, attention_tolerance);
    }
}

static void check_latent_attention(const apus_vector_operations *operations,
                                   size_t element_bytes) {
    sequence *s = make_sequence(element_bytes, LATENT_DIMENSION, true);
    for (size_t p = 0; p < POSITIONS; p++) {
        (element_bytes == 2 ? operations->store_latent_f16 : operations->store_latent_f32)(
            &s->view, s->pages, p, s->keys[p]);
    }
    float latents[9][LATENT_DIMENSION];
    (element_bytes == 2 ? operations->load_latents_f16 : operations->load_latents_f32)(
        &s->view, 13, 9, latents[0]);
    require(have_same_bits(latents[0], s->keys[13], sizeof latents / sizeof(float)),
            "latents are not kept as they are");

    float outputs[QUERIES][VALUE_DIMENSION];
    const float *queries[QUERIES];
    float *results[QUERIES];
    for (size_t q = 0; q < QUERIES; q++) {
        queries[q] = s->queries[q];
        results[q] = outputs[q];
    }
    float *scratch =
        zeroed(apus_latent_scratch(LATENT_DIMENSION, VALUE_DIMENSION), sizeof(float));
    apus_attend_latent_fn *attend =
        element_bytes == 2 ? operations->attend_latent_f16 : operations->attend_latent_f32;
    for (size_t last = 0; last < POSITIONS; last += 149) {
        attend(&s->view, queries, QUERIES, last, results, scratch);
        for (size_t q = 0; q < QUERIES; q++) {
            double wanted[VALUE_DIMENSION];
            attend_plainly(s, q, 0, last, -INFINITY, true, wanted);
            require_close("latent attention", outputs[q], wanted, VALUE_DIMENSION,
                          attention_tolerance);
        }
    }
}

void check_vectors(apus_isa isa) {
    const apus_vector_operations *operations = apus_vectors(isa);
    checked_isa = isa;
    check_elements(operations);
    for (size_t element_bytes = 2; element_bytes <= 4; element_bytes += 2) {
        check_attention(operations, element_bytes, -INFINITY);
        check_attention(operations, element_bytes, 0.5f);
        check_latent_attention(operations, element_bytes);
    }
}
