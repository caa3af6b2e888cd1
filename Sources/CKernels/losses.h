// Losses, and the optimiser's passes, at one instruction level. Sums are taken in Float32 over a
// row, or over 1024 numbers, in 16 lanes; the lanes and everything above them in Float64.

TARGET static void LEVEL(squared_error)(
    float *predictions, const float *targets, const float *keeps, const float *weights,
    float scale, size_t rows, size_t columns, double *total) {
    for (size_t i = 0; i < rows; i++) {
        float *prediction = predictions + i * columns;
        const float weight = weights ? weights[i] : 1.0f;
        VEC sums = {0};
        for (size_t c = 0; c < columns; c += LANES) {
            const size_t some = columns - c;
            VEC factor = LEVEL(all)(weight);
            if (keeps) factor *= LEVEL(load_some)(keeps + i * columns + c, some);
            VEC target = LEVEL(load_some)(targets + i * columns + c, some);
            VEC difference = LEVEL(load_some)(prediction + c, some) - target;
            VEC share = factor * difference;
            sums = FMA(share, difference, sums);
            LEVEL(store_some)(prediction + c, share * LEVEL(all)(2.0f * scale), some);
        }
        *total += LEVEL(sum_lanes_widely)(sums);
    }
}

TARGET static void LEVEL(binary_cross_entropy)(
    float *logits, const float *labels, float scale, size_t count, double *total) {
    for (size_t start = 0; start < count; start += 1024) {
        const size_t end = count - start < 1024 ? count : start + 1024;
        VEC sums = {0};
        for (size_t i = start; i < end; i += LANES) {
            const size_t some = end - i;
            VEC x = LEVEL(load_some)(logits + i, some), y = LEVEL(load_some)(labels + i, some);
            VEC size = (VEC)((BITS)x & 0x7FFFFFFFu);
            VEC part = LEVEL(log1p)(LEVEL(exp)(-size));
            part += LEVEL(choose)((BITS)(x <= (VEC){0}), (VEC){0}, x);
            sums += LEVEL(first_lanes)(FMA(-x, y, part), some);
            LEVEL(store_some)(logits + i, (LEVEL(sigmoid)(x) - y) * LEVEL(all)(scale), some);
        }
        *total += LEVEL(sum_lanes_widely)(sums);
    }
}

TARGET static void LEVEL(softmax_cross_entropy)(
    float *logits, const int32_t *labels, float scale, size_t rows, size_t columns,
    double *total) {
    for (size_t i = 0; i < rows; i++) {
        float *x = logits + i * columns;
        if (labels[i] < 0) {
            memset(x, 0, columns * sizeof(float));
            continue;
        }
        VEC greatest = LEVEL(all)(x[0]);
        for (size_t c = 0; c < columns; c += LANES) {
            const size_t some = columns - c;
            VEC value = LEVEL(load_some)(x + c, some);
            // Absent lanes repeat the first number.
            VEC present = LEVEL(first_lanes)(LEVEL(all)(1.0f), some);
            value = LEVEL(choose)((BITS)(present > (VEC){0}), value, LEVEL(all)(x[0]));
            greatest = LEVEL(greater)(value, greatest);
        }
        const float most = LEVEL(greatest_lane)(greatest), chosen = x[labels[i]];
        VEC sums = {0};
        for (size_t c = 0; c < columns; c += LANES) {
            const size_t some = columns - c;
            VEC e = LEVEL(exp)(LEVEL(load_some)(x + c, some) - LEVEL(all)(most));
            sums += LEVEL(first_lanes)(e, some);
            LEVEL(store_some)(x + c, e, some);
        }
        const float sum = LEVEL(sum_lanes)(sums);
        LEVEL(scale)(x, scale / sum, columns);
        x[labels[i]] -= scale;
        float logarithm[LANES];
        LEVEL(store)(logarithm, LEVEL(log)(LEVEL(all)(sum)));
        *total += ((double)most - (double)chosen) + (double)logarithm[0];
    }
}

// MARK: Optimiser

#define DOUBLES LEVEL(doubles)
typedef double DOUBLES __attribute__((vector_size(8 * LANES)));

INLINE double LEVEL(total_of_doubles)(DOUBLES sums) {
    double lanes[LANES];
    memcpy(lanes, &sums, sizeof lanes);
    for (size_t half = LANES / 2; half > 0; half /= 2) {
        for (size_t i = 0; i < half; i++) lanes[i] += lanes[i + half];
    }
    return lanes[0];
}

TARGET static void LEVEL(sum_of_squares)(const float *xs, size_t count, double *total) {
    DOUBLES sums = {0};
    for (size_t i = 0; i < count; i += LANES) {
        DOUBLES x = __builtin_convertvector(LEVEL(load_some)(xs + i, count - i), DOUBLES);
        // The product is exact.
        sums += x * x;
    }
    *total = LEVEL(total_of_doubles)(sums);
}

// y <- y + x, and the squares of that, in the order of `sum_of_squares`.
TARGET static void LEVEL(add_and_square)(
    const float *xs, float *ys, size_t count, double *total) {
    DOUBLES sums = {0};
    for (size_t i = 0; i < count; i += LANES) {
        VEC y = LEVEL(load_some)(ys + i, count - i) + LEVEL(load_some)(xs + i, count - i);
        LEVEL(store_some)(ys + i, y, count - i);
        DOUBLES wide = __builtin_convertvector(y, DOUBLES);
        sums += wide * wide;
    }
    *total = LEVEL(total_of_doubles)(sums);
}

// Stores as bfloat16, as kernels_narrow_bfloat16 does.
INLINE void LEVEL(store_narrow)(uint16_t *target, VEC value, size_t count) {
    typedef uint16_t NARROW __attribute__((vector_size(2 * LANES)));
    const BITS bits = (BITS)value, kept = bits >> 16;
    const BITS is_nan = (BITS)((bits & 0x7FFFFFFFu) > 0x7F800000u);
    const BITS rounded = (bits + 0x7FFFu + (kept & 1u)) >> 16;
    NARROW narrow = __builtin_convertvector(
        (is_nan & (kept | 0x40u)) | (~is_nan & rounded), NARROW);
    if (count >= LANES) {
        memcpy(target, &narrow, sizeof narrow);
    } else {
        memcpy(target, &narrow, count * sizeof *target);
    }
}

TARGET static void LEVEL(adam)(
    float *weights, const float *gradients, float *first, float *second, uint16_t *narrowed,
    struct kernels_adam step, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        const size_t some = count - i;
        VEC w = LEVEL(load_some)(weights + i, some);
        VEC g = LEVEL(all)(step.clipping) * LEVEL(load_some)(gradients + i, some);
        g = FMA(LEVEL(all)(step.decay), w, g);
        w = FMA(LEVEL(all)(-step.shrinkage), w, w);
        VEC m = LEVEL(load_some)(first + i, some), v = LEVEL(load_some)(second + i, some);
        m = FMA(LEVEL(all)(step.beta1), m, LEVEL(all)(step.rest1) * g);
        v = FMA(LEVEL(all)(step.beta2), v, LEVEL(all)(step.rest2) * g * g);
        VEC root = __builtin_elementwise_sqrt(v) / LEVEL(all)(step.root);
        VEC change = m / (root + LEVEL(all)(step.epsilon));
        LEVEL(store_some)(first + i, m, some);
        LEVEL(store_some)(second + i, v, some);
        w = FMA(LEVEL(all)(-step.rate), change, w);
        LEVEL(store_some)(weights + i, w, some);
        if (narrowed) LEVEL(store_narrow)(narrowed + i, w, some);
    }
}

#undef DOUBLES
