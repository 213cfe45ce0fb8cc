// SPDX-License-Identifier: Apache-2.0

/// Dot products of a group's weights and one column's activations, before scales.
///
/// Included by the strips_*.c of each instruction set, after its `dot`.
#include "activations.h"
#include "formats_blocks.h"

/// Sums over a group's halves of 16 columns.
typedef struct {
    ints low;
    ints high;
} half_dots;

/// Σ (weight − offset)·q over four quads, given −Σq.
INLINE ints offset_dot(const apus_value_rule rule, ints negated_sum, const line *quads,
                       const int8_t *x) {
    return dot(offset_sum(negated_sum, rule.offset, rule.value_bits), quads, x, rule.value_bits);
}

/// Σ (weight − offset)·q over the halves of a group.
INLINE half_dots group_half_dots(const apus_value_rule rule, const line *quads,
                                 const apus_activation_group *x) {
    const ints low_sum = broadcast_int(&x->negated_low_sum);
    const ints high_sum = subtract(broadcast_int(&x->negated_sum), low_sum);
    return (half_dots){offset_dot(rule, low_sum, quads, x->values),
                       offset_dot(rule, high_sum, quads + 4, x->values + 16)};
}
