// SPDX-License-Identifier: Apache-2.0

// usage: cross-kernels [list | NAME…]
//
// Compares the instruction sets that the machine has, or those named whatever it has, with the
// scalar kernels. `list` prints the names of those it has.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "probes.h"

static void list_available(void) {
    for (unsigned isa = 0; isa < APUS_ISA_COUNT; isa++) {
        if (apus_isa_is_available((apus_isa)isa)) {
            printf("%s%s", isa == 0 ? "" : " ", apus_isa_name((apus_isa)isa));
        }
    }
    puts("");
}

static bool is_named(apus_isa isa, int count, char **names) {
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], apus_isa_name(isa)) == 0) {
            return true;
        }
    }
    return false;
}

static void check(apus_isa isa) {
    begin_checks();
    check_quantizer(isa);
    check_products(isa);
    check_vectors(isa);
    require(!apus_isa_is_available(isa) || apus_probe_int8_peak(1, isa, 1) > 0, "%s: no peak",
            apus_isa_name(isa));
    printf("%s: %zu comparisons, products' digest %016" PRIx64 "\n", apus_isa_name(isa),
           tally.comparison_count, tally.digest);
}

int main(int argument_count, char **arguments) {
    if (argument_count == 2 && strcmp(arguments[1], "list") == 0) {
        list_available();
        return 0;
    }
    int checked_count = 0;
    for (unsigned i = 0; i < APUS_ISA_COUNT; i++) {
        const apus_isa isa = (apus_isa)i;
        if (argument_count > 1 ? is_named(isa, argument_count - 1, arguments + 1)
                               : apus_isa_is_available(isa)) {
            check(isa);
            checked_count++;
        }
    }
    if (argument_count > 1 && checked_count != argument_count - 1) {
        fail("an instruction set that is named is none");
    }
    return 0;
}
