// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "activations.h"
#include "checks.h"

#define GROUP_COUNT 9
#define WIDTH (GROUP_COUNT * APUS_GROUP_COLUMNS)

static bool are_same_groups(const apus_activation_group *a, const apus_activation_group *b) {
    for (size_t g = 0; g < GROUP_COUNT; g++) {
        if (memcmp(a[g].values, b[g].values, sizeof a[g].values) != 0
            || !have_same_bits(&a[g].scale, &b[g].scale, 2)
            || a[g].negated_sum != b[g].negated_sum
            || a[g].negated_low_sum != b[g].negated_low_sum
            || memcmp(a[g].negated_pair_sums, b[g].negated_pair_sums,
                      sizeof a[g].negated_pair_sums) != 0) {
            return false;
        }
    }
    return true;
}

/// Values of every kind: ordinary ones, ties, zeros, the smallest, and what is not a number.
static void fill(float *values, size_t round) {
    static const float special[] = {0, -0.0f, 0x1p-149f, 0x1.fap-120f, 0x1.fcp-120f,
                                    0x1.fep-120f, INFINITY, -INFINITY, NAN, 0x1.fffffep127f};
    random_floats(values, WIDTH, ldexpf(1, (int)(round * 7 % 64) - 32));
    for (size_t i = 0; i < APUS_GROUP_COLUMNS; i++) {
        values[i] = i == 0 ? 127 : (float)i - 15.5f;
        values[APUS_GROUP_COLUMNS + i] = 0;
    }
    const float value = special[round % (sizeof special / sizeof special[0])];
    values[APUS_GROUP_COLUMNS + round % APUS_GROUP_COLUMNS] = value;
    values[2 * APUS_GROUP_COLUMNS + round % APUS_GROUP_COLUMNS] = value;
}

void check_quantizer(apus_isa isa) {
    float *values = zeroed(WIDTH, sizeof *values);
    apus_activation_group *wanted = zeroed(1, apus_activation_bytes(WIDTH));
    apus_activation_group *found = zeroed(1, apus_activation_bytes(WIDTH));
    for (size_t round = 0; round < 640; round++) {
        fill(values, round);
        apus_quantize_scalar(values, WIDTH, wanted);
        apus_quantize(isa)(values, WIDTH, found);
        require(are_same_groups(wanted, found), "%s: quantiser, round %zu", apus_isa_name(isa),
                round);
    }
    found[GROUP_COUNT - 1].values[31] ^= 1;
    require(!are_same_groups(wanted, found), "a wrong activation is not seen");
}
