// Products with packed weights of one format at one instruction level (levels.h), which defines
//   WEIGHT  the type of a stored weight     WEIGHT_VECTOR(w)  LANES of them from w on, as binary32
//   WEIGHTS(name)  the name's suffix of format and level
//
// The chains are the same in each format: weights that binary16 holds exactly give the same bytes.

// MARK: GRU

// Adds `width` terms of the chains of r, z and n for ROWS rows and GROUPS groups of columns, both
// constants. Everything is unrolled, or clang keeps the sums in memory.
INLINE void WEIGHTS(gru_terms)(
    const int rows, const int groups, const WEIGHT *const *weights, size_t from, size_t width,
    const float *values, VEC *r, VEC *z, VEC *n) {
    for (size_t k = 0; k < width; k++) {
        UNROLL for (int j = 0; j < groups; j++) {
            const WEIGHT *w = weights[j] + (from + k) * 3 * kernels_lanes;
            VEC wr = WEIGHT_VECTOR(w);
            VEC wz = WEIGHT_VECTOR(w + kernels_lanes);
            VEC wn = WEIGHT_VECTOR(w + 2 * kernels_lanes);
            UNROLL for (int i = 0; i < rows; i++) {
                VEC a = LEVEL(all)(values[(size_t)i * width + k]);
                r[i * groups + j] = FMA(a, wr, r[i * groups + j]);
                z[i * groups + j] = FMA(a, wz, z[i * groups + j]);
                n[i * groups + j] = FMA(a, wn, n[i * groups + j]);
            }
        }
    }
}

INLINE void WEIGHTS(gru_block)(
    const int rows, const int groups, const struct gru *gru, size_t first, const float *inputs,
    const float *hidden, float *result) {
    const size_t terms = gru->input_width + gru->hidden_width, padded = gru->padded_width;
    const WEIGHT *weights[4];
    VEC r[32], z[32], n[32], sums[4][32];
    UNROLL for (int j = 0; j < groups; j++) {
        size_t group = first + (size_t)j;
        weights[j] = (const WEIGHT *)gru->weights
            + group / GROUPS_PER_UNIT * terms * 3 * kernels_lanes + group % GROUPS_PER_UNIT * LANES;
        const float *bias = gru->biases + group * LANES;
        UNROLL for (int i = 0; i < rows; i++) {
            r[i * groups + j] = LEVEL(load)(bias);
            z[i * groups + j] = LEVEL(load)(bias + padded);
            n[i * groups + j] = LEVEL(load)(bias + 2 * padded);
        }
    }
    WEIGHTS(gru_terms)(rows, groups, weights, 0, gru->input_width, inputs, r, z, n);
    UNROLL for (int i = 0; i < rows; i++) {
        UNROLL for (int j = 0; j < groups; j++) {
            sums[2][i * groups + j] = n[i * groups + j];
            n[i * groups + j] =
                LEVEL(load)(gru->biases + 3 * padded + (first + (size_t)j) * LANES);
        }
    }
    WEIGHTS(gru_terms)(
        rows, groups, weights, gru->input_width, gru->hidden_width, hidden, r, z, n);
    UNROLL for (int i = 0; i < rows * groups; i++) {
        sums[0][i] = r[i];
        sums[1][i] = z[i];
        sums[3][i] = n[i];
    }
    LEVEL(gates)(gru, sums, (size_t)rows, (size_t)groups, first, hidden, result);
}

// All columns of a few rows, GROUPS at a time so that enough chains hide the latency of FMA.
#define ALL_COLUMNS(ROWS, GROUPS)                                                                  \
    for (; c + GROUPS <= columns; c += GROUPS)                                                     \
        WEIGHTS(gru_block)(ROWS, GROUPS, gru, c, inputs, hidden, result);                            \
    for (; c < columns; c++) WEIGHTS(gru_block)(ROWS, 1, gru, c, inputs, hidden, result);            \
    break

TARGET static void WEIGHTS(gru_few)(
    const struct gru *gru, const float *inputs, const float *hidden, float *result, size_t rows) {
    const size_t columns = gru->padded_width / LANES;
    size_t c = 0;
    switch (rows) {
#if WIDE
    case 1: ALL_COLUMNS(1, 4);
    case 2: ALL_COLUMNS(2, 4);
    case 3: ALL_COLUMNS(3, 2);
    case 4: ALL_COLUMNS(4, 2);
    case 5: ALL_COLUMNS(5, 1);
    case 6: ALL_COLUMNS(6, 1);
    case 7: ALL_COLUMNS(7, 1);
#else
    case 1: ALL_COLUMNS(1, 4);
    case 2: ALL_COLUMNS(2, 1);
#endif
    default: break;
    }
}
#undef ALL_COLUMNS

TARGET static void WEIGHTS(gru_chunk)(
    const struct gru *gru, const float *inputs, const float *hidden, float *result, size_t rows) {
    enum { block = WIDE ? 8 : 3 };
    const size_t full = rows / block * block;
    // Columns outermost: the weights of one group stay in the nearest cache for all the rows.
    for (size_t c = 0; c < gru->padded_width / LANES; c++) {
        for (size_t i = 0; i < full; i += block) {
            WEIGHTS(gru_block)(
                block, 1, gru, c, inputs + i * gru->input_width, hidden + i * gru->hidden_width,
                result + i * gru->padded_width);
        }
    }
    WEIGHTS(gru_few)(
        gru, inputs + full * gru->input_width, hidden + full * gru->hidden_width,
        result + full * gru->padded_width, rows - full);
}

// MARK: Linear

INLINE void WEIGHTS(linear_block)(
    const int rows, const int groups, const struct linear *linear, size_t first,
    const float *inputs, float *outputs) {
    const size_t width = linear->input_width;
    const WEIGHT *weights[8];
    VEC sums[16];
    UNROLL for (int j = 0; j < groups; j++) {
        size_t group = first + (size_t)j;
        weights[j] = (const WEIGHT *)linear->weights
            + group / GROUPS_PER_UNIT * width * kernels_lanes + group % GROUPS_PER_UNIT * LANES;
        VEC bias = LEVEL(load)(linear->biases + group * LANES);
        UNROLL for (int i = 0; i < rows; i++) sums[i * groups + j] = bias;
    }
    for (size_t k = 0; k < width; k++) {
        UNROLL for (int j = 0; j < groups; j++) {
            VEC w = WEIGHT_VECTOR(weights[j] + k * kernels_lanes);
            UNROLL for (int i = 0; i < rows; i++) {
                VEC a = LEVEL(all)(inputs[(size_t)i * width + k]);
                sums[i * groups + j] = FMA(a, w, sums[i * groups + j]);
            }
        }
    }
    UNROLL for (int i = 0; i < rows; i++) {
        UNROLL for (int j = 0; j < groups; j++) {
            size_t column = (first + (size_t)j) * LANES;
            if (column >= linear->output_width) continue;
            size_t left = linear->output_width - column;
            memcpy(
                outputs + (size_t)i * linear->output_width + column, &sums[i * groups + j],
                (left < LANES ? left : LANES) * sizeof(float));
        }
    }
}

TARGET static void WEIGHTS(linear_rows)(
    const struct linear *linear, const float *inputs, float *outputs, size_t rows) {
    const size_t columns = (linear->output_width + LANES - 1) / LANES;
    size_t i = 0;
    for (; i + 4 <= rows; i += 4) {
        const float *x = inputs + i * linear->input_width;
        float *y = outputs + i * linear->output_width;
        size_t c = 0;
        for (; c + 2 <= columns; c += 2) WEIGHTS(linear_block)(4, 2, linear, c, x, y);
        if (c < columns) WEIGHTS(linear_block)(4, 1, linear, c, x, y);
    }
    for (; i < rows; i++) {
        const float *x = inputs + i * linear->input_width;
        float *y = outputs + i * linear->output_width;
        size_t c = 0;
        for (; c + 8 <= columns; c += 8) WEIGHTS(linear_block)(1, 8, linear, c, x, y);
        for (; c < columns; c++) WEIGHTS(linear_block)(1, 1, linear, c, x, y);
    }
}

#undef WEIGHTS
#undef WEIGHT
#undef WEIGHT_VECTOR
