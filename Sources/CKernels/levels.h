// The kernels of inference at one instruction level (each_level.h), their products in products.h.
//
// Equal bytes at all levels: a vector holds LANES neighbouring outputs, never parts of one. Each
// output is one chain of fused multiply-adds in ascending k, so it depends neither on LANES nor on
// how many rows or columns a block takes at once. There is no a * b + c outside an explicit FMA,
// and FP_CONTRACT is off where this is included.

#define LANES LEVEL_LANES
#include "vectors.h"

#define GROUPS_PER_UNIT (kernels_lanes / LANES)

TARGET static void LEVEL(sigmoids)(float *values, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        float lanes[LANES] = {0};
        size_t some = count - i < LANES ? count - i : LANES;
        memcpy(lanes, values + i, some * sizeof(float));
        LEVEL(store)(lanes, LEVEL(sigmoid)(LEVEL(load)(lanes)));
        memcpy(values + i, lanes, some * sizeof(float));
    }
}

TARGET static void LEVEL(tanhs)(float *values, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        float lanes[LANES] = {0};
        size_t some = count - i < LANES ? count - i : LANES;
        memcpy(lanes, values + i, some * sizeof(float));
        LEVEL(store)(lanes, LEVEL(tanh)(LEVEL(load)(lanes)));
        memcpy(values + i, lanes, some * sizeof(float));
    }
}

// r = s(r), z = s(z), n = tanh(xn + r hn), h' = n + z (h - n), for one group of columns a turn.
// sums: [4, count] vectors: r, z, xn, hn of (row, group), rows outermost.
TARGET static __attribute__((noinline)) void LEVEL(gates)(
    const struct gru *gru, VEC sums[4][32], size_t rows, size_t groups, size_t first,
    const float *hidden, float *result) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < groups; j++) {
            size_t at = i * groups + j, column = (first + j) * LANES;
            const float *source = hidden + i * gru->hidden_width + column;
            float edge[LANES] = {0};
            if (column + LANES > gru->hidden_width) {
                if (column < gru->hidden_width) {
                    memcpy(edge, source, (gru->hidden_width - column) * sizeof(float));
                }
                source = edge;
            }
            VEC r = LEVEL(sigmoid)(sums[0][at]);
            VEC z = LEVEL(sigmoid)(sums[1][at]);
            VEC n = LEVEL(tanh)(FMA(r, sums[3][at], sums[2][at]));
            VEC old = LEVEL(load)(source);
            LEVEL(store)(result + i * gru->padded_width + column, FMA(z, old - n, n));
        }
    }
}

// Weights as binary32.
#define WEIGHTS(name) LEVEL(name##_floats)
#define WEIGHT float
#define WEIGHT_VECTOR LEVEL(load)
#include "products.h"

// Weights as binary16, widened in registers.
#define WEIGHTS(name) LEVEL(name##_halfs)
#define WEIGHT uint16_t
#define WEIGHT_VECTOR LEVEL(widen)
#include "products.h"

#undef GROUPS_PER_UNIT
