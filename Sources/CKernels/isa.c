// SPDX-License-Identifier: Apache-2.0
#include "strips.h"

apus_isa apus_best_isa(void) {
#if defined(__x86_64__)
    // These ask CPUID and, for the wider registers, XGETBV whether the operating system saves them.
    __builtin_cpu_init();
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && __builtin_cpu_supports("f16c");
    const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512vnni");
    if (has_avx2 && has_avx512) {
        return APUS_ISA_AVX512_VNNI;
    }
    if (has_avx2) {
        return APUS_ISA_AVX2;
    }
#endif
    return APUS_ISA_SCALAR;
}

const char *apus_isa_name(apus_isa isa) {
    switch (isa) {
    case APUS_ISA_AVX2: return "avx2";
    case APUS_ISA_AVX512_VNNI: return "avx512-vnni";
    case APUS_ISA_SCALAR: break;
    }
    return "scalar";
}
