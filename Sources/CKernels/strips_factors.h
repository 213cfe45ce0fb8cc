// SPDX-License-Identifier: Apache-2.0

/// Dot products of a tile's columns: for instruction sets whose dot products are int32 from the start.
/// Integer scales are floats.
///
/// Included by the strips_*.c of each of them, after strips_dots.h. Nothing is lost: a sum of products
/// has at most 32 · 127 · 127, and times its scale less than 2^24.
typedef floats factors;
typedef floats scaled_sums;

#define SUMS_LATER false

INLINE factors factors_from_unsigned(bytes x, const int bias) {
    return floats_from_unsigned(x, bias);
}

INLINE factors factors_from_signed(bytes x) { return floats_from_signed(x); }

INLINE floats floats_from_scaled(scaled_sums x) { return x; }

/// Σ (weight − offset)·q over a group.
INLINE ints group_dot(const apus_value_rule rule, const line *quads,
                      const apus_activation_group *x) {
    // Two chains, since a dot instruction takes several times as long as it keeps its unit busy.
    const ints low = offset_dot(rule, broadcast_int(&x->negated_sum), quads, x->values);
    const ints high = dot(zero_ints(), quads + 4, x->values + 16, rule.value_bits);
    return add(low, high);
}

/// dots[c] = Σ (weight − offset)·q over group `g` of each of `n` columns.
INLINE void group_dots(const apus_value_rule rule, const size_t n, const line *quads,
                       const apus_activation_group *const *x, size_t g, ints *dots) {
    UNROLL for (size_t c = 0; c < n; c++) {
        dots[c] = group_dot(rule, quads, x[c] + g);
    }
}

/// dots[c] = Σ factor·(weight − offset)·q, rounded once: one factor, or one for each half.
INLINE void scaled_dots(const apus_value_rule rule, const size_t n, const line *quads,
                        const factors *factor, const apus_activation_group *const *x, size_t g,
                        scaled_sums *dots) {
    UNROLL for (size_t c = 0; c < n; c++) {
        if (rule.scale_columns == APUS_GROUP_COLUMNS) {
            dots[c] = multiply(floats_from_ints(group_dot(rule, quads, x[c] + g)), factor[0]);
        } else {
            const half_dots halves = group_half_dots(rule, quads, x[c] + g);
            const floats low = multiply(floats_from_ints(halves.low), factor[0]);
            dots[c] = fused(floats_from_ints(halves.high), factor[1], low);
        }
    }
}
