// The GRU step and the linear layer at every instruction level, chosen by the caller.
#include "CKernels.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

struct gru {
    const float *weights;
    const float *biases;
    size_t input_width, hidden_width, padded_width;
};

struct linear {
    const float *weights;
    const float *biases;
    size_t input_width, output_width;
};

#define KERNELS "levels.h"
#include "each_level.h"

void kernels_gru_step(
    int level, const float *weights, const float *biases, size_t input_width, size_t hidden_width,
    const float *inputs, float *hidden, float *scratch, size_t rows) {
    const size_t padded = (hidden_width + kernels_lanes - 1) / kernels_lanes * kernels_lanes;
    const struct gru gru = {weights, biases, input_width, hidden_width, padded};
    for (size_t start = 0; start < rows; start += kernels_chunk_rows) {
        size_t some = rows - start < kernels_chunk_rows ? rows - start : kernels_chunk_rows;
        float *states = hidden + start * hidden_width;
        DISPATCH(gru_chunk, &gru, inputs + start * input_width, states, scratch, some);
        for (size_t i = 0; i < some; i++) {
            memcpy(
                states + i * hidden_width, scratch + i * padded, hidden_width * sizeof(float));
        }
    }
}

void kernels_linear(
    int level, const float *weights, const float *biases, size_t input_width, size_t output_width,
    const float *inputs, float *outputs, size_t rows) {
    const struct linear linear = {weights, biases, input_width, output_width};
    DISPATCH(linear_rows, &linear, inputs, outputs, rows);
}

void kernels_sigmoid(int level, float *values, size_t count) { DISPATCH(sigmoids, values, count); }

void kernels_tanh(int level, float *values, size_t count) { DISPATCH(tanhs, values, count); }
