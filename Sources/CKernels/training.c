// What training computes between the products, at every instruction level, chosen by the caller.
#include "CKernels.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF
// Vectors wider than a level's registers have no calling convention of their own there; every
// function that takes or returns one is inlined.
#pragma GCC diagnostic ignored "-Wpsabi"

#define KERNELS "training.h"
#include "each_level.h"

void kernels_draws(
    int level, uint64_t key, uint64_t first_counter, uint32_t *draws, size_t count) {
    DISPATCH(draws, key, first_counter, draws, count);
}

void kernels_add(int level, const float *x, float scale, float *y, size_t count) {
    DISPATCH(add, x, scale, y, count);
}

void kernels_relu(int level, float *y, size_t count) { DISPATCH(relu, y, count); }

void kernels_relu_backward(int level, const float *y, float *dy, size_t count) {
    DISPATCH(relu_backward, y, dy, count);
}

void kernels_gelu(int level, const float *x, float *y, size_t count) {
    DISPATCH(gelu, x, y, count);
}

void kernels_gelu_backward(int level, const float *x, float *dy, size_t count) {
    DISPATCH(gelu_backward, x, dy, count);
}

void kernels_dropout(int level, float *y, struct kernels_mask mask, size_t count) {
    if (mask.threshold) DISPATCH(dropout, y, mask, count);
}

void kernels_normal_cdf(int level, float *values, size_t count) {
    DISPATCH(normal_cdfs, values, count);
}

void kernels_log1p(int level, float *values, size_t count) { DISPATCH(log1ps, values, count); }

void kernels_log(int level, float *values, size_t count) { DISPATCH(logs, values, count); }

void kernels_add_bias(int level, const float *bias, float *y, size_t rows, size_t columns) {
    DISPATCH(add_bias, bias, y, rows, columns);
}

void kernels_add_column_sums(
    int level, const float *dy, float *d_bias, size_t rows, size_t columns) {
    DISPATCH(add_column_sums, dy, d_bias, rows, columns);
}

void kernels_layer_norm(
    int level, const float *x, const float *weight, const float *bias, float epsilon, float *y,
    float *saved, size_t rows, size_t columns) {
    DISPATCH(layer_norm, x, weight, bias, epsilon, y, saved, rows, columns);
}

void kernels_layer_norm_backward(
    int level, const float *dy, const float *x, const float *weight, const float *saved, float *dx,
    float *d_weight, float *d_bias, size_t rows, size_t columns) {
    DISPATCH(layer_norm_backward, dy, x, weight, saved, dx, d_weight, d_bias, rows, columns);
}

void kernels_mean_rows(
    int level, const float *x, const size_t *rows, size_t count, float *mean, size_t columns) {
    DISPATCH(mean_rows, x, rows, count, mean, columns);
}

void kernels_mean_rows_backward(
    int level, const float *d_mean, const size_t *rows, size_t count, float *dx, size_t columns) {
    DISPATCH(mean_rows_backward, d_mean, rows, count, dx, columns);
}

void kernels_add_lookup(
    int level, const float *table, const int32_t *indices, float *y, size_t rows, size_t columns) {
    DISPATCH(add_lookup, table, indices, y, rows, columns);
}

void kernels_add_lookup_backward(
    int level, const float *dy, const int32_t *indices, float *table, size_t rows,
    size_t columns) {
    DISPATCH(add_lookup_backward, dy, indices, table, rows, columns);
}

size_t kernels_attention_scratch(size_t length, size_t width, size_t heads) {
    const size_t depth = width / heads, lanes = kernels_lanes;
    const size_t padded_length = (length + lanes - 1) / lanes * lanes;
    const size_t padded_depth = (depth + lanes - 1) / lanes * lanes;
    // Six arrays of rows, one on its side, two blocks of four rows: what the backward pass holds.
    return 6 * ((length + 3) / 4 * 4) * padded_depth + (depth + 8) * padded_length;
}

void kernels_attention(
    int level, const float *qkv, const size_t *rows, size_t length, size_t width, size_t heads,
    struct kernels_mask mask, float *out, float *probabilities, float *scratch) {
    DISPATCH(attention, qkv, rows, length, width, heads, mask, out, probabilities, scratch);
}

void kernels_attention_backward(
    int level, const float *d_out, const float *qkv, const size_t *rows, size_t length,
    size_t width, size_t heads, struct kernels_mask mask, const float *probabilities, float *dqkv,
    float *scratch) {
    DISPATCH(
        attention_backward, d_out, qkv, rows, length, width, heads, mask, probabilities, dqkv,
        scratch);
}

double kernels_squared_error(
    int level, float *prediction, const float *target, const float *keep, const float *weights,
    float scale, size_t rows, size_t columns) {
    double total = 0;
    DISPATCH(squared_error, prediction, target, keep, weights, scale, rows, columns, &total);
    return total;
}

double kernels_binary_cross_entropy(
    int level, float *logits, const float *labels, float scale, size_t count) {
    double total = 0;
    DISPATCH(binary_cross_entropy, logits, labels, scale, count, &total);
    return total;
}

double kernels_softmax_cross_entropy(
    int level, float *logits, const int32_t *labels, float scale, size_t rows, size_t columns) {
    double total = 0;
    DISPATCH(softmax_cross_entropy, logits, labels, scale, rows, columns, &total);
    return total;
}

double kernels_sum_of_squares(int level, const float *x, size_t count) {
    double total = 0;
    DISPATCH(sum_of_squares, x, count, &total);
    return total;
}

double kernels_add_and_square(int level, const float *x, float *y, size_t count) {
    double total = 0;
    DISPATCH(add_and_square, x, y, count, &total);
    return total;
}

void kernels_adam(
    int level, float *weights, const float *gradients, float *first, float *second,
    uint16_t *narrowed, struct kernels_adam step, size_t count) {
    DISPATCH(adam, weights, gradients, first, second, narrowed, step, count);
}
