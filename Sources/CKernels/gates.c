// The gates of a GRU in training, and rounding to bfloat16, at every instruction level.
#include "CKernels.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

struct gates {
    size_t width, first, end;
    const float *x, *u, *bias_ih, *bias_hh, *previous;
    float *state, *saved;
};

struct gates_backward {
    size_t width, first, end;
    const float *dstate, *previous, *saved;
    float *dx, *du, *dprevious, *dbias_ih, *dbias_hh;
};

// Rows that are walked before the next columns: few enough that their cache lines, which lie a
// large power of two apart, and their streams are kept apart by the processor.
enum { gate_rows = 4 };

#define KERNELS "gates.h"
#include "each_level.h"

void kernels_gru_gates(
    int level, size_t rows, size_t width, const float *x, const float *u, const float *bias_ih,
    const float *bias_hh, const float *previous, float *state, float *gates) {
    struct gates g = {width, 0, 0, x, u, bias_ih, bias_hh, previous, state, gates};
    for (; g.first < rows; g.first = g.end) {
        g.end = rows - g.first < gate_rows ? rows : g.first + gate_rows;
        DISPATCH(gates_rows, &g);
    }
}

void kernels_gru_gates_backward(
    int level, size_t rows, size_t width, const float *dstate, const float *previous,
    const float *gates, float *dx, float *du, float *dprevious, float *dbias_ih,
    float *dbias_hh) {
    struct gates_backward g = {width, 0,  0,         dstate,   previous, gates,
                               dx,    du, dprevious, dbias_ih, dbias_hh};
    for (; g.first < rows; g.first = g.end) {
        g.end = rows - g.first < gate_rows ? rows : g.first + gate_rows;
        DISPATCH(backward_rows, &g);
    }
}

void kernels_narrow_bfloat16(int level, const float *values, uint16_t *narrowed, size_t count) {
    DISPATCH(narrow, values, narrowed, count);
}

void kernels_round_bfloat16(int level, const float *values, float *rounded, size_t count) {
    DISPATCH(round, values, rounded, count);
}
