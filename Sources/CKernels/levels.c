// Which instruction levels this processor has, and the operating system saves the registers of.
#include "CKernels.h"

#if defined(__x86_64__)
#include <cpuid.h>

static unsigned long long enabled_state(void) {
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (unsigned long long)high << 32 | low;
}

static int has(unsigned value, unsigned bits) { return (value & bits) == bits; }

int kernels_level_supported(int level) {
    unsigned a, b, c, d, b7, c7, d7;
    if (level == kernels_portable) return 1;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    if (!has(c, bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C)) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d7)) return 0;
    unsigned long long state = enabled_state();
    // XCR0: 1 and 2 are the SSE and AVX registers, 5 to 7 those of AVX-512 (Intel SDM, 13.3).
    int avx2 = has(b7, bit_AVX2) && (state & 0x6) == 0x6;
    if (level == kernels_avx2) return avx2;
    int avx512 = has(b7, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL);
    if (level == kernels_avx512) return avx2 && avx512 && (state & 0xE6) == 0xE6;
    return 0;
}
#else
int kernels_level_supported(int level) { return level == kernels_portable; }
#endif
