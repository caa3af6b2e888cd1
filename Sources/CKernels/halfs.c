// Conversion between IEEE 754 binary16 and binary32, in plain integers and by F16C.
#include "CKernels.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

float kernels_widen_one(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 0x1Fu;
    uint32_t fraction = half & 0x3FFu, bits;
    if (exponent == 0x1F) {
        bits = sign | 0x7F800000u | fraction << 13;
        if (fraction) bits |= 0x00400000u;
    } else if (exponent) {
        bits = sign | (exponent + 112) << 23 | fraction << 13;
    } else {
        // fraction * 2^-24 is exact: ten bits times a power of two.
        float magnitude = (float)fraction * 0x1p-24f;
        memcpy(&bits, &magnitude, sizeof bits);
        bits |= sign;
    }
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t kernels_narrow_one(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) return (uint16_t)(sign | 0x7E00u | (magnitude >> 13 & 0x3FFu));
    // 65520 lies half way between the largest number and what would follow it.
    if (magnitude >= 0x477FF000u) return (uint16_t)(sign | 0x7C00u);
    uint32_t kept, rest, tie;
    if (magnitude >= 0x38800000u) {  // 2^-14: normal in binary16
        magnitude -= 112u << 23;
        kept = magnitude >> 13, rest = magnitude & 0x1FFFu, tie = 0x1000u;
    } else if (magnitude >= 0x33000000u) {  // 2^-25: half of the smallest
        uint32_t shift = 126 - (magnitude >> 23);
        uint32_t whole = (magnitude & 0x7FFFFFu) | 0x800000u;
        kept = whole >> shift, rest = whole & ((1u << shift) - 1), tie = 1u << (shift - 1);
    } else {
        return (uint16_t)sign;
    }
    return (uint16_t)(sign | (kept + (rest > tie || (rest == tie && (kept & 1)))));
}

#if defined(__x86_64__)
#include <immintrin.h>

#define F16C __attribute__((target("avx2,fma,f16c")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,f16c")))

F16C static size_t widen_avx2(const uint16_t *halfs, float *values, size_t count) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m128i half = _mm_loadu_si128((const __m128i *)(halfs + i));
        _mm256_storeu_ps(values + i, _mm256_cvtph_ps(half));
    }
    return i;
}

F16C static size_t narrow_avx2(const float *values, uint16_t *halfs, size_t count) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m128i half = _mm256_cvtps_ph(_mm256_loadu_ps(values + i), _MM_FROUND_TO_NEAREST_INT);
        _mm_storeu_si128((__m128i *)(halfs + i), half);
    }
    return i;
}

AVX512 static size_t widen_avx512(const uint16_t *halfs, float *values, size_t count) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m256i half = _mm256_loadu_si256((const __m256i *)(halfs + i));
        _mm512_storeu_ps(values + i, _mm512_cvtph_ps(half));
    }
    return i;
}

AVX512 static size_t narrow_avx512(const float *values, uint16_t *halfs, size_t count) {
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m256i half = _mm512_cvtps_ph(_mm512_loadu_ps(values + i), _MM_FROUND_TO_NEAREST_INT);
        _mm256_storeu_si256((__m256i *)(halfs + i), half);
    }
    return i;
}
#endif

void kernels_widen(int level, const uint16_t *halfs, float *values, size_t count) {
    size_t i = 0;
#if defined(__x86_64__)
    if (level == kernels_avx512) i = widen_avx512(halfs, values, count);
    if (level == kernels_avx2) i = widen_avx2(halfs, values, count);
#else
    (void)level;
#endif
    for (; i < count; i++) values[i] = kernels_widen_one(halfs[i]);
}

void kernels_narrow(int level, const float *values, uint16_t *halfs, size_t count) {
    size_t i = 0;
#if defined(__x86_64__)
    if (level == kernels_avx512) i = narrow_avx512(values, halfs, count);
    if (level == kernels_avx2) i = narrow_avx2(values, halfs, count);
#else
    (void)level;
#endif
    for (; i < count; i++) halfs[i] = kernels_narrow_one(values[i]);
}
