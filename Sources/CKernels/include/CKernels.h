// The inner loops of Sources/Kernels: pure functions on memory, without allocation or globals.
//
// Every function that takes `level` gives the same bytes at each of them (for finite numbers): all
// levels are one source (levels.h, training.h), compiled for three widths of vector. A level that
// `kernels_level_supported` denies must not be passed.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "training_kernels.h"

enum {
    kernels_portable = 0,  // C with fmaf; any machine
    kernels_avx2 = 1,      // AVX2, FMA, F16C
    kernels_avx512 = 2,    // AVX-512 F, BW, DQ, VL
};

enum {
    // Columns that lie side by side in packed weights; outputs are padded to a multiple of it.
    kernels_lanes = 16,
    // Rows of hidden states that are computed before any of them is written back.
    kernels_chunk_rows = 64,
};

// 1 when this processor and its operating system have `level`, else 0.
int kernels_level_supported(int level);

// One GRU step (PyTorch's nn.GRU, gates r, z, n) of `rows` independent rows, in place.
//
// With P = hidden_width rounded up to kernels_lanes:
// weights: [P / 16, input_width + hidden_width, 3, 16], 64-byte aligned for speed, binary16 (finite)
// where `halfs` is not 0, else binary32; all is computed in binary32;
// biases: [4, P]: r and z (input + recurrent), n of the input, n of the recurrence;
// inputs: [rows, input_width]; hidden: [rows, hidden_width], read and written;
// scratch: [kernels_chunk_rows, P], overwritten.
void kernels_gru_step(
    int level, int halfs, const void *weights, const float *biases, size_t input_width,
    size_t hidden_width, const float *inputs, float *hidden, float *scratch, size_t rows);

// outputs = inputs W^T + b. With P = output_width rounded up to kernels_lanes:
// weights: [P / 16, input_width, 16], of the format that `halfs` tells; biases: [P];
// inputs: [rows, input_width];
// outputs: [rows, output_width].
void kernels_linear(
    int level, int halfs, const void *weights, const float *biases, size_t input_width,
    size_t output_width, const float *inputs, float *outputs, size_t rows);

// Elementwise functions of the gates, for tests: values[i] <- f(values[i]).
void kernels_sigmoid(int level, float *values, size_t count);
void kernels_tanh(int level, float *values, size_t count);

// The gates of one GRU step in training and their backward pass, H = width; the equations and
// shapes stand at ProductKernels. state may be previous, dprevious may be dstate.
void kernels_gru_gates(
    int level, size_t rows, size_t width, const float *x, const float *u, const float *bias_ih,
    const float *bias_hh, const float *previous, float *state, float *gates);
void kernels_gru_gates_backward(
    int level, size_t rows, size_t width, const float *dstate, const float *previous,
    const float *gates, float *dx, float *du, float *dprevious, float *dbias_ih,
    float *dbias_hh);

// binary32 -> bfloat16 (the upper half of a binary32), to nearest even; overflow gives infinity, a
// NaN becomes quiet. The second keeps the rounded numbers as binary32.
void kernels_narrow_bfloat16(int level, const float *values, uint16_t *narrowed, size_t count);
void kernels_round_bfloat16(int level, const float *values, float *rounded, size_t count);

// binary16 -> binary32, exact; a NaN becomes quiet and keeps its payload.
void kernels_widen(int level, const uint16_t *halfs, float *values, size_t count);
// binary32 -> binary16, to nearest even; overflow gives infinity, a NaN becomes quiet.
void kernels_narrow(int level, const float *values, uint16_t *halfs, size_t count);

// The same for one number, in plain integers.
float kernels_widen_one(uint16_t half);
uint16_t kernels_narrow_one(float value);

// Index of the centroid nearest to `point` ([16]) among centroids ([count, 16]), squared Euclidean
// distance in binary32; the lowest index among equals. count > 0.
size_t kernels_nearest_centroid(const uint8_t *point, const float *centroids, size_t count);

// BPR's updates (Rendle et al. 2009) of `count` triples (user, liked item, sampled item), in order.
//
// With W = width, a multiple of 16: triples [count, 3]; starts [users + 1] and pair_items, each
// user's items ascending: a triple whose sampled item the user has is passed over. users, items:
// [., W], updated; column `constant` of a user is 1 and stays so, that of an item is its bias.
// *updated: triples not passed over; *ordered: those of them whose margin was positive.
void kernels_bpr_updates(
    int level, const int32_t *triples, size_t count, const int32_t *starts,
    const int32_t *pair_items, float *users, float *items, size_t width, size_t constant,
    float rate, float regularization, int64_t *updated, int64_t *ordered);

// scores[r] = items[indices[r]] . w, for r < count; items: [., W], w: [W].
void kernels_bpr_scores(
    int level, const float *items, const int32_t *indices, size_t count, size_t width,
    const float *w, float *scores);

// Distinct frozen items that stand for what a user does not like. With W = width, K = constant and
// `stride` count rounded up to 128: rows [count, W]; their factors as columns [K, stride]; products
// with each other [count, stride]; biases and sums of factors [stride]. Zeros behind count.
struct kernels_bpr_sample {
    const float *rows, *columns, *products, *biases, *sums;
    size_t count, stride;
};

// Fills all but the rows.
void kernels_bpr_fill_sample(
    int level, const float *rows, size_t count, size_t stride, size_t width, size_t constant,
    float *columns, float *products, float *biases, float *sums);

// A user's vector against frozen items: `rounds` accelerated gradient steps (Beck and Teboulle 2009)
// from 0 towards the maximum of mean over (i, j) of log s(w h_i - w h_j) - penalty |w|^2 / 2, where
// j is drawn counts[j] times. The steps are taken in the rows' weights, of which w is the sum: the
// same steps as w's own, from products alone.
//
// counts: [sample->stride], some > 0, zeros behind count; liked: [positives, W], positives > 0;
// w: [W], overwritten; scratch: as many floats as below, overwritten.
void kernels_bpr_fold_in(
    int level, const struct kernels_bpr_sample *sample, const float *counts, const float *liked,
    size_t positives, size_t width, size_t constant, float penalty, size_t rounds, float *scratch,
    float *w);

size_t kernels_bpr_fold_in_scratch(
    const struct kernels_bpr_sample *sample, size_t positives, size_t constant);

#endif
