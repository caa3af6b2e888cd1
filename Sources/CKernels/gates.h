// The gates of a GRU in training, at the instruction level that includes this (each_level.h).
//
// Equal bytes at all levels: each number is computed by itself, with one order of operations, and
// FP_CONTRACT is off where this is included; a column's bias gradient is one chain over rows.

#define LANES LEVEL_LANES
#include "vectors.h"

// `some` ≤ LANES numbers; the rest of the vector is 0.
INLINE VEC LEVEL(load_some)(const float *source, size_t some) {
    if (some == LANES) return LEVEL(load)(source);
    float lanes[LANES] = {0};
    memcpy(lanes, source, some * sizeof(float));
    return LEVEL(load)(lanes);
}

INLINE void LEVEL(store_some)(float *target, VEC value, size_t some) {
    if (some == LANES) {
        LEVEL(store)(target, value);
    } else {
        memcpy(target, &value, some * sizeof(float));
    }
}

INLINE void LEVEL(gates_cell)(const struct gates *g, size_t i, size_t j, size_t some) {
    const size_t width = g->width;
    const float *x = g->x + i * 3 * width + j, *u = g->u + i * 3 * width + j;
    const float *bx = g->bias_ih + j, *bu = g->bias_hh + j;
    float *saved = g->saved + i * 4 * width + j;
    VEC br = LEVEL(load_some)(bx, some) + LEVEL(load_some)(bu, some);
    VEC bz = LEVEL(load_some)(bx + width, some) + LEVEL(load_some)(bu + width, some);
    VEC r = LEVEL(sigmoid)(LEVEL(load_some)(x, some) + LEVEL(load_some)(u, some) + br);
    VEC z = LEVEL(sigmoid)(
        LEVEL(load_some)(x + width, some) + LEVEL(load_some)(u + width, some) + bz);
    VEC un = LEVEL(load_some)(u + 2 * width, some) + LEVEL(load_some)(bu + 2 * width, some);
    VEC xn = LEVEL(load_some)(x + 2 * width, some) + LEVEL(load_some)(bx + 2 * width, some);
    VEC n = LEVEL(tanh)(FMA(r, un, xn));
    VEC old = LEVEL(load_some)(g->previous + i * width + j, some);
    LEVEL(store_some)(g->state + i * width + j, FMA(z, old - n, n), some);
    LEVEL(store_some)(saved, r, some);
    LEVEL(store_some)(saved + width, z, some);
    LEVEL(store_some)(saved + 2 * width, n, some);
    LEVEL(store_some)(saved + 3 * width, un, some);
}

// Row by row: a row's numbers lie side by side, a column's on a page of memory each.
TARGET static void LEVEL(gates_rows)(const struct gates *g) {
    const size_t whole = g->width / LANES * LANES;
    for (size_t i = g->first; i < g->end; i++) {
        for (size_t j = 0; j < whole; j += LANES) LEVEL(gates_cell)(g, i, j, LANES);
        if (whole < g->width) LEVEL(gates_cell)(g, i, whole, g->width - whole);
    }
}

INLINE void LEVEL(backward_cell)(
    const struct gates_backward *g, size_t i, size_t j, size_t some, VEC *sums) {
    const size_t width = g->width;
    const VEC one = LEVEL(all)(1.0f);
    const float *saved = g->saved + i * 4 * width + j;
    float *dx = g->dx + i * 3 * width + j, *du = g->du + i * 3 * width + j;
    VEC r = LEVEL(load_some)(saved, some), z = LEVEL(load_some)(saved + width, some);
    VEC n = LEVEL(load_some)(saved + 2 * width, some);
    VEC un = LEVEL(load_some)(saved + 3 * width, some);
    VEC dh = LEVEL(load_some)(g->dstate + i * width + j, some);
    VEC old = LEVEL(load_some)(g->previous + i * width + j, some);
    VEC dn = dh * (one - z) * FMA(-n, n, one);
    VEC dr = dn * un * r * (one - r);
    VEC dz = dh * (old - n) * z * (one - z);
    VEC dun = dn * r;
    LEVEL(store_some)(dx, dr, some);
    LEVEL(store_some)(dx + width, dz, some);
    LEVEL(store_some)(dx + 2 * width, dn, some);
    LEVEL(store_some)(du, dr, some);
    LEVEL(store_some)(du + width, dz, some);
    LEVEL(store_some)(du + 2 * width, dun, some);
    LEVEL(store_some)(g->dprevious + i * width + j, dh * z, some);
    sums[0] += dr;
    sums[1] += dz;
    sums[2] += dn;
    sums[3] += dr;
    sums[4] += dz;
    sums[5] += dun;
}

// The biases' gradients of a vector of columns: read before the rows, stored behind them.
INLINE void LEVEL(bias_sums)(
    const struct gates_backward *g, size_t j, size_t some, VEC *sums, const int stores) {
    UNROLL for (size_t s = 0; s < 6; s++) {
        float *place = (s < 3 ? g->dbias_ih : g->dbias_hh) + s % 3 * g->width + j;
        if (stores) {
            LEVEL(store_some)(place, sums[s], some);
        } else {
            sums[s] = LEVEL(load_some)(place, some);
        }
    }
}

// Columns of the gates that are summed over rows at once: as many as registers hold.
enum { LEVEL(backward_tile) = LEVEL_LANES == 16 ? 2 : 1 };

TARGET static void LEVEL(backward_rows)(const struct gates_backward *g) {
    const int tile = LEVEL(backward_tile);
    size_t j = 0;
    for (; j + (size_t)tile * LANES <= g->width; j += (size_t)tile * LANES) {
        VEC sums[2][6];
        for (int t = 0; t < tile; t++) {
            LEVEL(bias_sums)(g, j + (size_t)t * LANES, LANES, sums[t], 0);
        }
        for (size_t i = g->first; i < g->end; i++) {
            UNROLL for (int t = 0; t < tile; t++) {
                LEVEL(backward_cell)(g, i, j + (size_t)t * LANES, LANES, sums[t]);
            }
        }
        for (int t = 0; t < tile; t++) {
            LEVEL(bias_sums)(g, j + (size_t)t * LANES, LANES, sums[t], 1);
        }
    }
    for (; j < g->width; j += LANES) {
        const size_t some = g->width - j < LANES ? g->width - j : LANES;
        VEC sums[6];
        LEVEL(bias_sums)(g, j, some, sums, 0);
        for (size_t i = g->first; i < g->end; i++) LEVEL(backward_cell)(g, i, j, some, sums);
        LEVEL(bias_sums)(g, j, some, sums, 1);
    }
}

// binary32 -> bfloat16, to nearest even; a NaN becomes quiet.
TARGET static void LEVEL(narrow)(const float *values, uint16_t *narrowed, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
        narrowed[i] =
            (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? (bits >> 16 | 0x40u) : rounded);
    }
}

// The same, kept as binary32.
TARGET static void LEVEL(round)(const float *values, float *rounded, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        uint32_t near = (bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u;
        bits = (bits & 0x7FFFFFFFu) > 0x7F800000u ? (bits & 0xFFFF0000u) | 0x400000u : near;
        memcpy(rounded + i, &bits, sizeof bits);
    }
}
