// What training computes between the products; Sources/Kernels/Training says what each means.
//
// Matrices are row-major without gaps. Every function gives the same bytes at each level: element i
// of a sum belongs to lane i mod 16, each lane is one chain over ascending i, absent elements count
// as 0, and the lanes are added by one tree (those 8 apart, then 4, 2, 1).
#ifndef CKERNELS_TRAINING_H
#define CKERNELS_TRAINING_H

#include <stddef.h>
#include <stdint.h>

// Which numbers a dropout keeps: number i when its draw (Philox4x32-10, counter first_counter + i)
// is at least `threshold`; it is then multiplied by `scale`. threshold = 0 keeps all.
struct kernels_mask {
    uint64_t key;
    uint64_t first_counter;
    uint32_t threshold;
    float scale;
};

// The draws of `count` consecutive counters.
void kernels_draws(
    int level, uint64_t key, uint64_t first_counter, uint32_t *draws, size_t count);

// Elementwise on `count` numbers; outputs may be inputs.
void kernels_add(int level, const float *x, float scale, float *y, size_t count);
void kernels_relu(int level, float *y, size_t count);
void kernels_relu_backward(int level, const float *y, float *dy, size_t count);
void kernels_gelu(int level, const float *x, float *y, size_t count);
void kernels_gelu_backward(int level, const float *x, float *dy, size_t count);
void kernels_dropout(int level, float *y, struct kernels_mask mask, size_t count);
// The distribution function of the standard normal, and ln(1 + x) for 0 <= x <= 1, ln(x) for normal
// x > 0: in place, for tests.
void kernels_normal_cdf(int level, float *values, size_t count);
void kernels_log1p(int level, float *values, size_t count);
void kernels_log(int level, float *values, size_t count);

// y [rows, columns] + bias [columns]; d_bias + sums over rows of dy, rows ascending.
void kernels_add_bias(int level, const float *bias, float *y, size_t rows, size_t columns);
void kernels_add_column_sums(
    int level, const float *dy, float *d_bias, size_t rows, size_t columns);

// Layer norm of rows of x; saved [rows, 2] (mean, 1 / deviation) may be NULL, y may be x.
void kernels_layer_norm(
    int level, const float *x, const float *weight, const float *bias, float epsilon, float *y,
    float *saved, size_t rows, size_t columns);
void kernels_layer_norm_backward(
    int level, const float *dy, const float *x, const float *weight, const float *saved, float *dx,
    float *d_weight, float *d_bias, size_t rows, size_t columns);

// The mean of `count` rows of x, in the order of `rows`, and its backward pass, which overwrites.
void kernels_mean_rows(
    int level, const float *x, const size_t *rows, size_t count, float *mean, size_t columns);
void kernels_mean_rows_backward(
    int level, const float *d_mean, const size_t *rows, size_t count, float *dx, size_t columns);

// y_i += table[index_i] and table[index_i] += dy_i, for indices that are not negative.
void kernels_add_lookup(
    int level, const float *table, const int32_t *indices, float *y, size_t rows, size_t columns);
void kernels_add_lookup_backward(
    int level, const float *dy, const int32_t *indices, float *table, size_t rows, size_t columns);

// Floats that attention and its backward pass overwrite for a sequence of `length`.
size_t kernels_attention_scratch(size_t length, size_t width, size_t heads);

// Self-attention in one sequence, whose row t is row rows[t] of qkv [., 3 width] and of
// out [., width]. probabilities [heads, length, length] may be NULL; mask.first_counter belongs to
// its first number.
void kernels_attention(
    int level, const float *qkv, const size_t *rows, size_t length, size_t width, size_t heads,
    struct kernels_mask mask, float *out, float *probabilities, float *scratch);
void kernels_attention_backward(
    int level, const float *d_out, const float *qkv, const size_t *rows, size_t length,
    size_t width, size_t heads, struct kernels_mask mask, const float *probabilities, float *dqkv,
    float *scratch);

// Losses: the sum is returned, the gradient of scale * sum overwrites the first argument.
// keep [rows, columns] and weights [rows] may be NULL.
double kernels_squared_error(
    int level, float *prediction, const float *target, const float *keep, const float *weights,
    float scale, size_t rows, size_t columns);
double kernels_binary_cross_entropy(
    int level, float *logits, const float *labels, float scale, size_t count);
double kernels_softmax_cross_entropy(
    int level, float *logits, const int32_t *labels, float scale, size_t rows, size_t columns);

double kernels_sum_of_squares(int level, const float *x, size_t count);

// y <- y + x; the sum of the new y's squares, as above.
double kernels_add_and_square(int level, const float *x, float *y, size_t count);

// The constants of one step of Adam, as PyTorch forms them.
struct kernels_adam {
    float beta1, beta2, rest1, rest2;  // rest = 1 - beta
    float rate;                        // learning rate / (1 - beta1^t)
    float root;                        // sqrt(1 - beta2^t)
    float epsilon;
    float decay;      // added to the gradient, times the weight
    float shrinkage;  // taken from the weight, times the weight
    float clipping;   // the gradient is multiplied by it first
};
// narrowed: the new weights as bfloat16, written in the same pass; may be NULL.
void kernels_adam(
    int level, float *weights, const float *gradients, float *first, float *second,
    uint16_t *narrowed, struct kernels_adam step, size_t count);

#endif
