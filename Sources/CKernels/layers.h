// Elementwise functions, biases, layer norm, means and lookups, at one instruction level.

// y[i] = F(x[i]) for `count` numbers, with x and `from` (y's old value) in scope of F.
#define ELEMENTWISE(X, Y, F)                                                                       \
    for (size_t i = 0; i < count; i += LANES) {                                                    \
        const size_t some = count - i;                                                             \
        VEC x = LEVEL(load_some)(X + i, some), from = LEVEL(load_some)(Y + i, some);               \
        (void)x, (void)from;                                                                       \
        LEVEL(store_some)(Y + i, F, some);                                                         \
    }

TARGET static void LEVEL(add)(const float *xs, float scale, float *ys, size_t count) {
    ELEMENTWISE(xs, ys, FMA(LEVEL(all)(scale), x, from))
}

TARGET static void LEVEL(scale)(float *xs, float scale, size_t count) {
    ELEMENTWISE(xs, xs, x * LEVEL(all)(scale))
}

// Only what is below 0 is replaced, so that a NaN shows.
TARGET static void LEVEL(relu)(float *ys, size_t count) {
    const VEC zero = {0};
    ELEMENTWISE(ys, ys, LEVEL(choose)((BITS)(x <= zero), zero, x))
}

TARGET static void LEVEL(relu_backward)(const float *ys, float *dys, size_t count) {
    ELEMENTWISE(ys, dys, (VEC)((BITS)from & (BITS)(x > (VEC){0})))
}

TARGET static void LEVEL(gelu)(const float *xs, float *ys, size_t count) {
    ELEMENTWISE(xs, ys, x * LEVEL(normal_cdf)(x, LEVEL(bell)(x)))
}

TARGET static void LEVEL(gelu_backward)(const float *xs, float *dys, size_t count) {
    // 1 / sqrt(2 pi)
    const VEC peak = LEVEL(all)(0.398942280f);
    for (size_t i = 0; i < count; i += LANES) {
        VEC x = LEVEL(load_some)(xs + i, count - i), dy = LEVEL(load_some)(dys + i, count - i);
        VEC bell = LEVEL(bell)(x);
        VEC slope = FMA(x * peak, bell, LEVEL(normal_cdf)(x, bell));
        LEVEL(store_some)(dys + i, dy * slope, count - i);
    }
}

TARGET static void LEVEL(normal_cdfs)(float *values, size_t count) {
    ELEMENTWISE(values, values, LEVEL(normal_cdf)(x, LEVEL(bell)(x)))
}

TARGET static void LEVEL(log1ps)(float *values, size_t count) {
    ELEMENTWISE(values, values, LEVEL(log1p)(x))
}

TARGET static void LEVEL(logs)(float *values, size_t count) {
    ELEMENTWISE(values, values, LEVEL(log)(x))
}

TARGET static void LEVEL(add_bias)(const float *bias, float *y, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++) {
        LEVEL(add)(bias, 1.0f, y + i * columns, columns);
    }
}

TARGET static void LEVEL(add_column_sums)(
    const float *dy, float *d_bias, size_t rows, size_t columns) {
    size_t c = 0;
    // Four vectors at a time, so that a cache line of each row is read once and chains overlap.
    for (; c + 4 * LANES <= columns; c += 4 * LANES) {
        VEC sums[4];
        UNROLL for (int j = 0; j < 4; j++) sums[j] = LEVEL(load)(d_bias + c + j * LANES);
        for (size_t i = 0; i < rows; i++) {
            const float *row = dy + i * columns + c;
            UNROLL for (int j = 0; j < 4; j++) sums[j] += LEVEL(load)(row + j * LANES);
        }
        UNROLL for (int j = 0; j < 4; j++) LEVEL(store)(d_bias + c + j * LANES, sums[j]);
    }
    for (; c < columns; c += LANES) {
        VEC sum = LEVEL(load_some)(d_bias + c, columns - c);
        for (size_t i = 0; i < rows; i++) {
            sum += LEVEL(load_some)(dy + i * columns + c, columns - c);
        }
        LEVEL(store_some)(d_bias + c, sum, columns - c);
    }
}

// MARK: Layer norm

TARGET static void LEVEL(layer_norm)(
    const float *xs, const float *weight, const float *bias, float epsilon, float *ys, float *saved,
    size_t rows, size_t columns) {
    const float width = (float)columns;
    for (size_t i = 0; i < rows; i++) {
        const float *x = xs + i * columns;
        float *y = ys + i * columns;
        VEC sums = {0}, squares = {0};
        for (size_t c = 0; c < columns; c += LANES) sums += LEVEL(load_some)(x + c, columns - c);
        const float mean = LEVEL(sum_lanes)(sums) / width;
        for (size_t c = 0; c < columns; c += LANES) {
            VEC d = LEVEL(load_some)(x + c, columns - c) - LEVEL(all)(mean);
            d = LEVEL(first_lanes)(d, columns - c);
            squares = FMA(d, d, squares);
        }
        const float variance = LEVEL(sum_lanes)(squares) / width;
        const float inverse = 1.0f / __builtin_sqrtf(variance + epsilon);
        for (size_t c = 0; c < columns; c += LANES) {
            VEC d = LEVEL(load_some)(x + c, columns - c) - LEVEL(all)(mean);
            VEC gamma = LEVEL(load_some)(weight + c, columns - c);
            VEC beta = LEVEL(load_some)(bias + c, columns - c);
            LEVEL(store_some)(y + c, FMA(d * LEVEL(all)(inverse), gamma, beta), columns - c);
        }
        if (saved) saved[2 * i] = mean, saved[2 * i + 1] = inverse;
    }
}

TARGET static void LEVEL(layer_norm_backward)(
    const float *dys, const float *xs, const float *weight, const float *saved, float *dxs,
    float *d_weight, float *d_bias, size_t rows, size_t columns) {
    const float width = (float)columns;
    for (size_t i = 0; i < rows; i++) {
        const float *dy = dys + i * columns, *x = xs + i * columns;
        float *dx = dxs + i * columns;
        const VEC mean = LEVEL(all)(saved[2 * i]), inverse = LEVEL(all)(saved[2 * i + 1]);
        VEC sums = {0}, products = {0};
        for (size_t c = 0; c < columns; c += LANES) {
            const size_t some = columns - c;
            VEC d = LEVEL(load_some)(dy + c, some);
            VEC normal = (LEVEL(load_some)(x + c, some) - mean) * inverse;
            VEC scaled = d * LEVEL(load_some)(weight + c, some);
            sums += scaled;
            products = FMA(scaled, normal, products);
            VEC old = LEVEL(load_some)(d_weight + c, some);
            LEVEL(store_some)(d_weight + c, FMA(d, normal, old), some);
            LEVEL(store_some)(d_bias + c, LEVEL(load_some)(d_bias + c, some) + d, some);
        }
        const VEC sum = LEVEL(all)(LEVEL(sum_lanes)(sums) / width);
        const VEC product = LEVEL(all)(LEVEL(sum_lanes)(products) / width);
        for (size_t c = 0; c < columns; c += LANES) {
            const size_t some = columns - c;
            VEC scaled = LEVEL(load_some)(dy + c, some) * LEVEL(load_some)(weight + c, some);
            VEC normal = (LEVEL(load_some)(x + c, some) - mean) * inverse;
            LEVEL(store_some)(dx + c, FMA(-normal, product, scaled - sum) * inverse, some);
        }
    }
}

// MARK: Rows

TARGET static void LEVEL(mean_rows)(
    const float *x, const size_t *rows, size_t count, float *mean, size_t columns) {
    for (size_t c = 0; c < columns; c += LANES) {
        VEC sum = {0};
        for (size_t t = 0; t < count; t++) {
            sum += LEVEL(load_some)(x + rows[t] * columns + c, columns - c);
        }
        LEVEL(store_some)(mean + c, sum / LEVEL(all)((float)count), columns - c);
    }
}

TARGET static void LEVEL(mean_rows_backward)(
    const float *d_mean, const size_t *rows, size_t count, float *dx, size_t columns) {
    for (size_t c = 0; c < columns; c += LANES) {
        VEC share = LEVEL(load_some)(d_mean + c, columns - c) / LEVEL(all)((float)count);
        for (size_t t = 0; t < count; t++) {
            LEVEL(store_some)(dx + rows[t] * columns + c, share, columns - c);
        }
    }
}

TARGET static void LEVEL(add_lookup)(
    const float *table, const int32_t *indices, float *y, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++) {
        if (indices[i] < 0) continue;
        LEVEL(add)(table + (size_t)indices[i] * columns, 1.0f, y + i * columns, columns);
    }
}

TARGET static void LEVEL(add_lookup_backward)(
    const float *dy, const int32_t *indices, float *table, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++) {
        if (indices[i] < 0) continue;
        LEVEL(add)(dy + i * columns, 1.0f, table + (size_t)indices[i] * columns, columns);
    }
}

#undef ELEMENTWISE
