// SPDX-License-Identifier: Apache-2.0

/// Operations on float32 vectors between the matrix products of a transformer.
///
/// Every sum runs in an order fixed by position, never by how many vectors are processed together.
#ifndef APUS_VECTORS_H
#define APUS_VECTORS_H

#include "strips.h"

#pragma clang assume_nonnull begin

/// Positions in a page of the KV cache.
#define APUS_PAGE_POSITIONS 16
/// Queries that one call of `attend` takes at most.
#define APUS_ATTENTION_QUERIES 32
/// Queries that one call of `attend_latent` takes at most.
#define APUS_LATENT_QUERIES 16

/// Keys and values of one KV head of one sequence, in pages of 16 positions.
///
/// A page of f16 or float32 holds the keys transposed, [key_dimension][16], then the values,
/// [16][value_stride], where value_stride is value_dimension rounded up to 16. One of BF16 holds pairs:
/// keys [⌈key_dimension / 2⌉][16][2 dimensions], then values [8][value_stride][2 positions].
///
/// A page of latents holds them as they are, [16][key_dimension], in BF16 with an even number of values
/// to a row; the first value_dimension of each are its value.
///
/// Pages of Q8 hold 8-bit values in place of BF16, and f16 scales (pages_bytes.h).
typedef struct {
    const uint8_t *pages;        ///< page of block 0
    size_t page_stride;          ///< bytes from one block's page to the next
    const int32_t *block_table;  ///< block of positions 16i … 16i + 15
    size_t key_dimension;
    size_t value_dimension;
    float scale;                 ///< multiplies query · key
} apus_kv_view;

/// One query and what attention has found for it so far: over the positions that were visited, the
/// largest score, Σ exp(score − maximum), and that sum weighted by the values.
typedef struct {
    const float *vector;     ///< [key_dimension]
    float *output;           ///< [value_dimension]; may be uninitialised while sum is 0
    int32_t first_position;  ///< it sees positions first_position … last_position
    int32_t last_position;
    float maximum;           ///< −∞ before the first visit
    float sum;               ///< 0 before the first visit
} apus_attention_query;

/// float32 scratch values that `attend` needs; 64-byte aligned.
size_t apus_attention_scratch(size_t key_dimension, size_t value_dimension);

/// Visits positions start ..< end for up to 32 queries; `start` is a multiple of 64.
/// [FlashAttention, Dao et al. 2022: tiles of 64 positions aligned to position 0, so a query's
/// result depends on nothing but the positions that it sees.] Blocks without a position that one of
/// the queries sees are not touched.
typedef void apus_attend_fn(const apus_kv_view *kv, apus_attention_query *queries,
                            size_t query_count, size_t start, size_t end, float *scratch);

/// Writes the key and the value of one position into its page.
typedef void apus_store_fn(const apus_kv_view *kv, uint8_t *pages, size_t position,
                           const float *key, const float *value);

/// float32 scratch values that `attend_latent` needs; 64-byte aligned.
size_t apus_latent_scratch(size_t key_dimension, size_t value_dimension);

/// softmax(scale · query · latentsᵀ) · values over positions 0 … last_position, for up to 16 queries
/// of one row. [Multi-head latent attention with absorbed projections, DeepSeek-V2 §2.1.2]
typedef void apus_attend_latent_fn(const apus_kv_view *kv, const float *_Nonnull const *_Nonnull queries,
                                   size_t query_count, size_t last_position,
                                   float *_Nonnull const *_Nonnull outputs, float *scratch);

/// Writes the latent of one position into its page.
typedef void apus_store_latent_fn(const apus_kv_view *kv, uint8_t *pages, size_t position,
                                  const float *latent);

/// latents[i] = the latent of position start + i, [count][key_dimension].
typedef void apus_load_latents_fn(const apus_kv_view *kv, size_t start, size_t count,
                                  float *latents);

/// Attention over pages of one element type. With BF16 and Q8 queries and softmax weights are rounded to BF16,
/// too; all sums are float32.
typedef struct {
    apus_attend_fn *attend;
    apus_store_fn *store;
    apus_attend_latent_fn *attend_latent;
    apus_store_latent_fn *store_latent;
    apus_load_latents_fn *load_latents;
} apus_kv_operations;

typedef struct {
    /// y = x / √(mean(x²) + epsilon) · weight [Zhang and Sennrich 2019]. y may be x.
    void (*rms_norm)(const float *x, const float *weight, float epsilon, size_t count, float *y);
    /// y = (x − mean) / √(variance + epsilon) · weight + bias [Ba et al. 2016]. y may be x.
    void (*layer_norm)(const float *x, const float *weight, const float *bias, float epsilon,
                       size_t count, float *y);
    /// y = gate · σ(gate) · up [Shazeer 2020]. y may be gate.
    void (*swiglu)(const float *gate, const float *up, size_t count, float *y);
    /// y = gelu(gate) · up, with gelu(x) = x · σ(2 √(2/π) (x + 0.044715 x³)), its tanh approximation
    /// [Hendrycks and Gimpel 2016]. y may be gate.
    void (*geglu)(const float *gate, const float *up, size_t count, float *y);
    /// y = g · σ(alpha · g) · (u + 1), with g = min(gate, limit) and u = up held to ±limit [gpt-oss].
    /// y may be gate.
    void (*clamped_swiglu)(const float *gate, const float *up, float alpha, float limit,
                           size_t count, float *y);
    /// y += a · x
    void (*add_scaled)(float a, const float *x, size_t count, float *y);
    /// Rotates the pairs (x[2i], x[2i + 1]) by the angles' cosines and sines.
    void (*rotate_interleaved)(float *x, const float *cosines, const float *sines, size_t pairs);
    /// Rotates the pairs (x[i], x[i + pairs]).
    void (*rotate_halves)(float *x, const float *cosines, const float *sines, size_t pairs);
    /// The largest value; -∞ when there is none or all are NaN.
    float (*maximum)(const float *x, size_t count);
    /// Index of the first value equal to the maximum.
    size_t (*argmax)(const float *x, size_t count);
    /// y = exp(scale · (x − shift)); returns Σ y. y may be x, or NULL when only the sum is wanted.
    double (*exp)(const float *x, size_t count, float shift, float scale, float *_Nullable y);
    /// Puts what was found for the query over other positions behind what it has.
    void (*merge_attention)(apus_attention_query *query, const apus_attention_query *part,
                            size_t value_dimension);
    /// output = output / Σ exp, after the last visit. A sink adds exp(sink) to the sum and nothing to the
    /// output [attention sinks, Xiao et al. 2023; gpt-oss]; −∞ is none.
    void (*finish_attention)(apus_attention_query *query, size_t value_dimension, float sink);
    apus_kv_operations f16;
    apus_kv_operations bf16;
    apus_kv_operations f32;
    apus_kv_operations q8;
} apus_vector_operations;

/// The operations compiled for an instruction set.
const apus_vector_operations *apus_vectors(apus_isa isa);

#pragma clang assume_nonnull end

#endif
