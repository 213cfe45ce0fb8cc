// SPDX-License-Identifier: Apache-2.0
#include "strips.h"

#if defined(__x86_64__)
#include <cpuid.h>

// `__builtin_cpu_supports` asks CPUID and, for the wider registers, XGETBV whether the operating
// system saves them.

static bool has_avx2(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && __builtin_cpu_supports("f16c");
}

/// Leaf 7, subleaf 1, bit 4 of EAX [Intel SDM, CPUID]; EAX of subleaf 0 is the last subleaf.
static bool has_avx_vnni(void) {
    unsigned eax, ebx, ecx, edx;
    const bool has_subleaf = __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && eax >= 1;
    return has_avx2() && has_subleaf && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)
        && (eax >> 4 & 1);
}

static bool has_avx512_vnni(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512vnni");
}

static bool has_avx512_bf16(void) {
    return has_avx512_vnni() && __builtin_cpu_supports("avx512bf16");
}

#elif defined(__aarch64__)
#include <sys/auxv.h>

static bool has_dotprod(void) { return getauxval(AT_HWCAP) & HWCAP_ASIMDDP; }

#endif

bool apus_isa_is_available(apus_isa isa) {
    switch (isa) {
    case APUS_ISA_SCALAR: return true;
#if defined(__x86_64__)
    case APUS_ISA_AVX2: return has_avx2();
    case APUS_ISA_AVX_VNNI: return has_avx_vnni();
    case APUS_ISA_AVX512_VNNI: return has_avx512_vnni();
    case APUS_ISA_AVX512_BF16: return has_avx512_bf16();
#elif defined(__aarch64__)
    case APUS_ISA_NEON_DOTPROD: return has_dotprod();
#endif
    default: return false;
    }
}

apus_isa apus_best_isa(void) {
    apus_isa best = APUS_ISA_SCALAR;
    for (unsigned isa = 0; isa < APUS_ISA_COUNT; isa++) {
        best = apus_isa_is_available((apus_isa)isa) ? (apus_isa)isa : best;
    }
    return best;
}

const char *apus_isa_name(apus_isa isa) {
    switch (isa) {
    case APUS_ISA_AVX2: return "avx2";
    case APUS_ISA_AVX_VNNI: return "avx-vnni";
    case APUS_ISA_AVX512_VNNI: return "avx512-vnni";
    case APUS_ISA_AVX512_BF16: return "avx512-bf16";
    case APUS_ISA_NEON_DOTPROD: return "neon-dotprod";
    case APUS_ISA_SCALAR: break;
    }
    return "scalar";
}
