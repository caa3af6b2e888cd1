// The GRU step and the linear layer at every instruction level, chosen by the caller.
#include "CKernels.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

struct gru {
    const void *weights;
    const float *biases;
    size_t input_width, hidden_width, padded_width;
};

struct linear {
    const void *weights;
    const float *biases;
    size_t input_width, output_width;
};

#define KERNELS "levels.h"
#include "each_level.h"

void kernels_gru_step(
    int level, int halfs, const void *weights, const float *biases, size_t input_width,
    size_t hidden_width, const float *inputs, float *hidden, float *scratch, size_t rows) {
    const size_t padded = (hidden_width + kernels_lanes - 1) / kernels_lanes * kernels_lanes;
    const struct gru gru = {weights, biases, input_width, hidden_width, padded};
    for (size_t start = 0; start < rows; start += kernels_chunk_rows) {
        size_t some = rows - start < kernels_chunk_rows ? rows - start : kernels_chunk_rows;
        float *states = hidden + start * hidden_width;
        const float *rows_inputs = inputs + start * input_width;
        if (halfs) {
            DISPATCH(gru_chunk_halfs, &gru, rows_inputs, states, scratch, some);
        } else {
            DISPATCH(gru_chunk_floats, &gru, rows_inputs, states, scratch, some);
        }
        for (size_t i = 0; i < some; i++) {
            memcpy(
                states + i * hidden_width, scratch + i * padded, hidden_width * sizeof(float));
        }
    }
}

void kernels_linear(
    int level, int halfs, const void *weights, const float *biases, size_t input_width,
    size_t output_width, const float *inputs, float *outputs, size_t rows) {
    const struct linear linear = {weights, biases, input_width, output_width};
    if (halfs) {
        DISPATCH(linear_rows_halfs, &linear, inputs, outputs, rows);
    } else {
        DISPATCH(linear_rows_floats, &linear, inputs, outputs, rows);
    }
}

void kernels_sigmoid(int level, float *values, size_t count) { DISPATCH(sigmoids, values, count); }

void kernels_tanh(int level, float *values, size_t count) { DISPATCH(tanhs, values, count); }
