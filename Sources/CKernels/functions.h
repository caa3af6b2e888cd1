// Loads of part of a vector, sums of lanes, and the functions that training needs beside those of
// vectors.h.

// The first `some` lanes, the others 0; all of them when `some` is at least LANES.
INLINE VEC LEVEL(load_some)(const float *source, size_t some) {
    if (some >= LANES) return LEVEL(load)(source);
    VEC value = {0};
    memcpy(&value, source, some * sizeof(float));
    return value;
}

INLINE void LEVEL(store_some)(float *target, VEC value, size_t some) {
    if (some >= LANES) {
        LEVEL(store)(target, value);
    } else {
        memcpy(target, &value, some * sizeof(float));
    }
}

// `value` with 0 in the lanes from `some` on.
INLINE VEC LEVEL(first_lanes)(VEC value, size_t some) {
    if (some >= LANES) return value;
    const BITS lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return (VEC)((BITS)value & (BITS)(lane < (BITS){0} + (uint32_t)some));
}

INLINE float LEVEL(sum_lanes)(VEC lanes) {
    float sums[LANES];
    LEVEL(store)(sums, lanes);
    UNROLL for (size_t half = LANES / 2; half > 0; half /= 2) {
        UNROLL for (size_t i = 0; i < half; i++) sums[i] += sums[i + half];
    }
    return sums[0];
}

INLINE double LEVEL(sum_lanes_widely)(VEC lanes) {
    float values[LANES];
    double sums[LANES];
    LEVEL(store)(values, lanes);
    UNROLL for (size_t i = 0; i < LANES; i++) sums[i] = (double)values[i];
    UNROLL for (size_t half = LANES / 2; half > 0; half /= 2) {
        UNROLL for (size_t i = 0; i < half; i++) sums[i] += sums[i + half];
    }
    return sums[0];
}

INLINE VEC LEVEL(greater)(VEC a, VEC b) { return LEVEL(choose)((BITS)(a > b), a, b); }

INLINE float LEVEL(greatest_lane)(VEC lanes) {
    float values[LANES], greatest;
    LEVEL(store)(values, lanes);
    greatest = values[0];
    for (size_t i = 1; i < LANES; i++) greatest = values[i] > greatest ? values[i] : greatest;
    return greatest;
}

// atanh(s) / s as a polynomial in s^2 <= 1/9; relative error below 5e-9.
INLINE VEC LEVEL(atanh_ratio)(VEC square) {
    VEC p = LEVEL(all)(1.407888979e-1f);
    p = FMA(p, square, LEVEL(all)(1.398257911e-1f));
    p = FMA(p, square, LEVEL(all)(2.001229823e-1f));
    p = FMA(p, square, LEVEL(all)(3.333316147e-1f));
    return FMA(p, square, LEVEL(all)(1.0f));
}

// ln(1 + x) = 2 atanh(x / (2 + x)) for 0 <= x <= 1.
INLINE VEC LEVEL(log1p)(VEC x) {
    VEC s = x / (LEVEL(all)(2.0f) + x);
    return (s + s) * LEVEL(atanh_ratio)(s * s);
}

// ln(x) = k ln 2 + 2 atanh((m - 1) / (m + 1)), x = 2^k m, m in [sqrt(1/2), sqrt(2)]; x normal.
INLINE VEC LEVEL(log)(VEC x) {
    typedef int32_t signed_bits __attribute__((vector_size(4 * LANES)));
    signed_bits k = ((signed_bits)x - 0x3F3504F3) >> 23;
    VEC m = (VEC)((BITS)x - ((BITS)k << 23));
    VEC n = __builtin_convertvector(k, VEC);
    VEC s = (m - LEVEL(all)(1.0f)) / (m + LEVEL(all)(1.0f));
    VEC rest = FMA(n, LEVEL(all)(-2.12194440e-4f), (s + s) * LEVEL(atanh_ratio)(s * s));
    // The bits of a NaN would give a number.
    return LEVEL(choose)((BITS)(x == x), FMA(n, LEVEL(all)(0.693359375f), rest), x);
}

// e^(-x^2 / 2), 0 where that is below e^-87; the rounding error of x^2 is carried along.
INLINE VEC LEVEL(bell)(VEC x) {
    VEC square = x * x;
    VEC rest = FMA(x, x, -square);
    VEC value = LEVEL(exp)(LEVEL(all)(-0.5f) * square);
    value = FMA(value, LEVEL(all)(-0.5f) * rest, value);
    BITS beyond = (BITS)((VEC)((BITS)x & 0x7FFFFFFFu) > LEVEL(all)(13.19f));
    return LEVEL(choose)(beyond, LEVEL(all)(0.0f), value);
}

// The standard normal's distribution function (1 + erf(x / sqrt(2))) / 2, from bell(x).
//
// Its upper tail is e^(-x^2 / 2) R(x); R(x) (1 + x / 2) is a polynomial in (x - 3.5) / (x + 3.5),
// interpolated at Chebyshev's points for 0 <= x <= 13.2 to 5e-9 relative.
INLINE VEC LEVEL(normal_cdf)(VEC x, VEC bell) {
    const VEC one = LEVEL(all)(1.0f), centre = LEVEL(all)(3.5f);
    VEC size = (VEC)((BITS)x & 0x7FFFFFFFu);
    // Where the bell is 0, only a finite tail matters.
    VEC near = LEVEL(choose)((BITS)(size > LEVEL(all)(14.0f)), LEVEL(all)(14.0f), size);
    VEC t = (near - centre) / (near + centre);
    VEC p = LEVEL(all)(6.974825374e-5f);
    p = FMA(p, t, LEVEL(all)(1.186010486e-4f));
    p = FMA(p, t, LEVEL(all)(-5.160443834e-4f));
    p = FMA(p, t, LEVEL(all)(-5.511912750e-4f));
    p = FMA(p, t, LEVEL(all)(4.409486894e-3f));
    p = FMA(p, t, LEVEL(all)(-5.596540403e-3f));
    p = FMA(p, t, LEVEL(all)(-1.179588493e-2f));
    p = FMA(p, t, LEVEL(all)(6.332112849e-2f));
    p = FMA(p, t, LEVEL(all)(-1.424261332e-1f));
    p = FMA(p, t, LEVEL(all)(2.924491763e-1f));
    VEC tail = bell * (p / FMA(near, LEVEL(all)(0.5f), one));
    return LEVEL(choose)((BITS)(x < LEVEL(all)(0.0f)), tail, one - tail);
}
