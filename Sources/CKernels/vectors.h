// Vectors of LANES floats and their elementary functions, at the instruction level that includes
// this (each_level.h). LANES is the includer's: with more than the level has registers for, the
// compiler splits vectors, which changes no result.

#define VEC LEVEL(vec)
#define BITS LEVEL(bits)
#define INLINE TARGET static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#define FMA __builtin_elementwise_fma

typedef float VEC __attribute__((vector_size(4 * LANES)));
typedef uint32_t BITS __attribute__((vector_size(4 * LANES)));

INLINE VEC LEVEL(load)(const float *source) {
    VEC value;
    memcpy(&value, source, sizeof value);
    return value;
}

// All lanes x; x - 0 keeps the sign of a zero, which x + 0 would not.
INLINE VEC LEVEL(all)(float x) { return x - (VEC){0}; }

// LANES numbers of binary16, exactly; finite ones.
INLINE VEC LEVEL(widen)(const uint16_t *source) {
#if WIDENING
    typedef _Float16 halfs __attribute__((vector_size(2 * LANES)));
    halfs value;
    memcpy(&value, source, sizeof value);
    return __builtin_convertvector(value, VEC);
#else
    typedef uint16_t halfs __attribute__((vector_size(2 * LANES)));
    halfs value;
    memcpy(&value, source, sizeof value);
    BITS bits = __builtin_convertvector(value, BITS);
    // Exponent and fraction in their new places, then the difference of the two biases.
    VEC magnitude = (VEC)((bits & 0x7FFFu) << 13) * LEVEL(all)(0x1p112f);
    return (VEC)((BITS)magnitude | (bits & 0x8000u) << 16);
#endif
}

INLINE void LEVEL(store)(float *target, VEC value) { memcpy(target, &value, sizeof value); }

// where ? a : b, for a mask of all ones or all zeros in each lane.
INLINE VEC LEVEL(choose)(BITS where, VEC a, VEC b) {
    return (VEC)((where & (BITS)a) | (~where & (BITS)b));
}

// e^x for x clamped to [-87, 88]: x = n ln 2 + r, then Cephes' expf polynomial (Moshier) in r.
// A NaN stays one.
INLINE VEC LEVEL(exp)(VEC x) {
    x = LEVEL(choose)((BITS)(x < LEVEL(all)(-87.0f)), LEVEL(all)(-87.0f), x);
    x = LEVEL(choose)((BITS)(x > LEVEL(all)(88.0f)), LEVEL(all)(88.0f), x);
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits of the sum.
    const VEC magic = LEVEL(all)(12582912.0f);
    VEC shifted = FMA(x, LEVEL(all)(1.44269504f), magic);
    VEC n = shifted - magic;
    VEC r = FMA(n, LEVEL(all)(-0.693359375f), x);
    r = FMA(n, LEVEL(all)(2.12194440e-4f), r);
    VEC p = LEVEL(all)(1.9875691500e-4f);
    p = FMA(p, r, LEVEL(all)(1.3981999507e-3f));
    p = FMA(p, r, LEVEL(all)(8.3334519073e-3f));
    p = FMA(p, r, LEVEL(all)(4.1665795894e-2f));
    p = FMA(p, r, LEVEL(all)(1.6666665459e-1f));
    p = FMA(p, r, LEVEL(all)(5.0000001201e-1f));
    p = FMA(p, r * r, r) + LEVEL(all)(1.0f);
    BITS scale = ((BITS)shifted - 0x4B400000u + 127u) << 23;
    return p * (VEC)scale;
}

INLINE VEC LEVEL(sigmoid)(VEC x) {
    const VEC one = LEVEL(all)(1.0f);
    return one / (one + LEVEL(exp)(-x));
}

// Cephes' tanhf: an odd polynomial below 0.625, else 1 - 2 / (e^2|x| + 1) with the sign of x.
INLINE VEC LEVEL(tanh)(VEC x) {
    const VEC one = LEVEL(all)(1.0f);
    BITS sign = (BITS)x & 0x80000000u;
    VEC magnitude = (VEC)((BITS)x & 0x7FFFFFFFu);
    VEC z = x * x;
    VEC p = LEVEL(all)(-5.70498872745e-3f);
    p = FMA(p, z, LEVEL(all)(2.06390887954e-2f));
    p = FMA(p, z, LEVEL(all)(-5.37397155531e-2f));
    p = FMA(p, z, LEVEL(all)(1.33314422036e-1f));
    p = FMA(p, z, LEVEL(all)(-3.33332819422e-1f));
    VEC near = FMA(p * z, x, x);
    VEC far = one - LEVEL(all)(2.0f) / (LEVEL(exp)(magnitude + magnitude) + one);
    far = (VEC)((BITS)far | sign);
    return LEVEL(choose)((BITS)(magnitude < LEVEL(all)(0.625f)), near, far);
}
