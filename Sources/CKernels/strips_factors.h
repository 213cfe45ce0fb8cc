// SPDX-License-Identifier: Apache-2.0

/// Integer scales as floats: for instruction sets whose dot products are int32 from the start.
///
/// Included by the strips_*.c of each of them, after strips_dots.h. Nothing is lost: a sum of products
/// has at most 32 · 127 · 127, and times its scale less than 2^24.
typedef floats factors;

INLINE factors factors_from_unsigned(bytes x, const int bias) {
    return floats_from_unsigned(x, bias);
}

INLINE factors factors_from_signed(bytes x) { return floats_from_signed(x); }

/// Σ factor·(weight − offset)·q over a group, rounded once: one factor, or one for each half.
INLINE floats scaled_dot(const apus_value_rule rule, const line *quads, const factors *factor,
                         const apus_activation_group *x) {
    if (rule.scale_columns == APUS_GROUP_COLUMNS) {
        return multiply(floats_from_ints(group_dot(rule, quads, x)), factor[0]);
    }
    const half_dots dots = group_half_dots(rule, quads, x);
    const floats low = multiply(floats_from_ints(dots.low), factor[0]);
    return fused(floats_from_ints(dots.high), factor[1], low);
}
