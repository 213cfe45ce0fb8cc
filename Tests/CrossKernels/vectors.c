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
/// BF16 weights are off by up to 2⁻⁹ each, and so is their sum: together as much as 2⁻⁸ of the values'
/// distance, which is 4 at most.
static const double bf16_attention_tolerance = 0x1p-7;

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

typedef enum { KV_F16, KV_BF16, KV_F32, KV_Q8, KV_TYPES } kv_type;

static const apus_kv_operations *operations_of(const apus_vector_operations *all, kv_type type) {
    switch (type) {
    case KV_F16: return &all->f16;
    case KV_BF16: return &all->bf16;
    case KV_Q8: return &all->q8;
    default: return &all->f32;
    }
}

/// Whether products are of BF16.
static bool computes_in_bf16(kv_type type) { return type == KV_BF16 || type == KV_Q8; }

static double tolerance_of(kv_type type) {
    return computes_in_bf16(type) ? bf16_attention_tolerance : attention_tolerance;
}

/// The nearest value of the type, ties to even.
static float rounded(float value, kv_type type) {
    if (type == KV_F16) {
        return (float)(_Float16)value;
    }
    if (computes_in_bf16(type) && value != 0) {
        int exponent;
        const double fraction = frexp(value, &exponent); // 8 significant bits
        return (float)ldexp(nearbyint(ldexp(fraction, 8)), exponent - 8);
    }
    return value;
}

/// What becomes of one position's values in a page. Q8 has 8 bits, and an f16 scale for each 32.
static void keep_row(const float *values, size_t count, kv_type type, float *kept) {
    for (size_t start = 0; start < count; start += 32) {
        const size_t end = start + 32 < count ? start + 32 : count;
        float largest = 0;
        for (size_t i = start; i < end; i++) {
            largest = fmaxf(largest, fabsf(values[i]));
        }
        const float scale = type == KV_Q8 ? (float)(_Float16)(largest / 127) : 1;
        for (size_t i = start; i < end; i++) {
            const float q = nearbyintf(fminf(127, fmaxf(-127, values[i] * (1 / scale)))) + 0.0f;
            kept[i] = rounded(type == KV_Q8 ? q * scale : values[i], type);
        }
    }
}

/// Keys, values and queries of one head; what is given to be kept is `raw_keys` and `raw_values`.
typedef struct {
    float queries[QUERIES][LATENT_DIMENSION];
    float raw_keys[POSITIONS][LATENT_DIMENSION], raw_values[POSITIONS][VALUE_DIMENSION];
    float keys[POSITIONS][LATENT_DIMENSION], values[POSITIONS][VALUE_DIMENSION];
    int32_t block_table[BLOCKS];
    apus_kv_view view;
    uint8_t *pages;
} sequence;

/// Blocks lie last first. What is kept is rounded as the type does, and so are queries where products are of
/// BF16.
static sequence *make_sequence(kv_type type, size_t key_dimension, bool is_latent) {
    sequence *made = zeroed(1, sizeof *made);
    const size_t value_stride = is_latent ? 0 : (VALUE_DIMENSION + 15) / 16 * 16;
    const size_t page_stride =
        APUS_PAGE_POSITIONS * (key_dimension + value_stride) * (type == KV_F32 ? 4 : 2);
    // Q8's half of that, and its scales, fit into it, too.
    for (size_t i = 0; i < BLOCKS; i++) {
        made->block_table[i] = (int32_t)(BLOCKS - 1 - i);
    }
    random_floats(made->queries[0], sizeof made->queries / sizeof(float), 2);
    random_floats(made->raw_keys[0], sizeof made->keys / sizeof(float), 2);
    random_floats(made->raw_values[0], sizeof made->values / sizeof(float), 2);
    for (size_t p = 0; p < POSITIONS; p++) {
        keep_row(made->raw_keys[p], key_dimension, type, made->keys[p]);
        keep_row(made->raw_values[p], VALUE_DIMENSION, type, made->values[p]);
    }
    for (size_t i = 0; computes_in_bf16(type) && i < sizeof made->queries / sizeof(float); i++) {
        made->queries[0][i] = rounded(made->queries[0][i], type);
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

/// Where `in_parts`, each tile of positions is visited for itself, the last first, and merged in order.
static void check_attention(const apus_vector_operations *operations, kv_type type, float sink,
                            bool in_parts) {
    static const size_t last[QUERIES] = {149, 148, 100, 64, 63, 17, 0};
    const apus_kv_operations *kv = operations_of(operations, type);
    sequence *s = make_sequence(type, KEY_DIMENSION, false);
    for (size_t p = 0; p < POSITIONS; p++) {
        kv->store(&s->view, s->pages, p, s->raw_keys[p], s->raw_values[p]);
    }
    float outputs[QUERIES][VALUE_DIMENSION];
    apus_attention_query queries[QUERIES];
    for (size_t q = 0; q < QUERIES; q++) {
        queries[q] = (apus_attention_query){
            .vector = s->queries[q], .output = outputs[q],
            .first_position = last[q] < 90 ? 0 : (int32_t)last[q] - 69,
            .last_position = (int32_t)last[q], .maximum = -INFINITY, .sum = 0};
    }
    float *scratch =
        zeroed(apus_attention_scratch(KEY_DIMENSION, VALUE_DIMENSION), sizeof *scratch);
    static const size_t ends[] = {0, 64, 128, POSITIONS};
    float part_outputs[3][QUERIES][VALUE_DIMENSION];
    apus_attention_query parts[3][QUERIES];
    for (size_t p = 3; in_parts && p-- > 0;) {
        memcpy(parts[p], queries, sizeof queries);
        for (size_t q = 0; q < QUERIES; q++) {
            parts[p][q].output = part_outputs[p][q];
        }
        kv->attend(&s->view, parts[p], QUERIES, ends[p], ends[p + 1], scratch);
    }
    for (size_t p = 0; p < 3; p++) {
        if (!in_parts) {
            kv->attend(&s->view, queries, QUERIES, ends[p], ends[p + 1], scratch);
        }
        for (size_t q = 0; in_parts && q < QUERIES; q++) {
            operations->merge_attention(&queries[q], &parts[p][q], VALUE_DIMENSION);
        }
    }
    for (size_t q = 0; q < QUERIES; q++) {
        operations->finish_attention(&queries[q], VALUE_DIMENSION, sink);
        double wanted[VALUE_DIMENSION];
        attend_plainly(s, q, (size_t)queries[q].first_position, last[q], sink, false, wanted);
        require_close("attention", outputs[q], wanted, VALUE_DIMENSION, tolerance_of(type));
    }
}

static void check_latent_attention(const apus_vector_operations *operations, kv_type type) {
    const apus_kv_operations *kv = operations_of(operations, type);
    sequence *s = make_sequence(type, LATENT_DIMENSION, true);
    for (size_t p = 0; p < POSITIONS; p++) {
        kv->store_latent(&s->view, s->pages, p, s->raw_keys[p]);
    }
    float latents[9][LATENT_DIMENSION];
    kv->load_latents(&s->view, 13, 9, latents[0]);
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
    for (size_t last = 0; last < POSITIONS; last += 149) {
        kv->attend_latent(&s->view, queries, QUERIES, last, results, scratch);
        for (size_t q = 0; q < QUERIES; q++) {
            double wanted[VALUE_DIMENSION];
            attend_plainly(s, q, 0, last, -INFINITY, true, wanted);
            require_close("latent attention", outputs[q], wanted, VALUE_DIMENSION,
                          tolerance_of(type));
        }
    }
}

void check_vectors(apus_isa isa) {
    const apus_vector_operations *operations = apus_vectors(isa);
    checked_isa = isa;
    check_elements(operations);
    for (kv_type type = 0; type < KV_TYPES; type++) {
        check_attention(operations, type, -INFINITY, false);
        check_attention(operations, type, 0.5f, false);
        check_attention(operations, type, 0.5f, true);
        check_latent_attention(operations, type);
    }
}
