// Bayesian personalised ranking (Rendle et al. 2009, arXiv:1205.2618) at every instruction level.
#include "CKernels.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF
// Vectors wider than a level's registers have no calling convention of their own there; every
// function that takes or returns one is inlined.
#pragma GCC diagnostic ignored "-Wpsabi"

struct bpr {
    const int32_t *starts, *pair_items;
    float *users, *items;
    size_t width, constant;
    float rate, regularization;
};

struct bpr_fold {
    const struct kernels_bpr_sample *sample;
    // How often each sampled item was drawn and is not liked, up to its stride; their sum.
    const float *counts;
    float total;
    // [positives, W], and how many: rounded up to whole vectors.
    const float *liked;
    size_t positives, stride;
    size_t width, constant, rounds;
    float penalty;
    // [positives, sample's stride] products with the sampled rows; [positives + sampled, stride] of
    // both with the liked ones; [stride] the liked ones' biases and sums of factors.
    float *across, *own, *biases, *sums;
};

// How many triples ahead their rows are asked for: an update waits for memory, not for arithmetic.
enum { bpr_ahead = 8 };

// Vectors that are summed side by side.
enum { bpr_block = 8 };

static inline void bpr_prefetch(
    const struct bpr *b, const int32_t *triples, size_t k, size_t count) {
    if (k + 2 * bpr_ahead < count) {
        __builtin_prefetch(b->starts + triples[3 * (k + 2 * bpr_ahead)]);
    }
    if (k + bpr_ahead >= count) return;
    const int32_t *next = triples + 3 * (k + bpr_ahead);
    const float *rows[3] = {
        b->users + (size_t)next[0] * b->width, b->items + (size_t)next[1] * b->width,
        b->items + (size_t)next[2] * b->width};
    for (size_t f = 0; f < b->width; f += 16) {
        for (int r = 0; r < 3; r++) __builtin_prefetch(rows[r] + f, 1);
    }
    __builtin_prefetch(b->pair_items + (b->starts[next[0]] + b->starts[next[0] + 1]) / 2);
}

// Whether `user` has a pair with `item`: binary search among the user's ascending items.
static inline int bpr_has(const struct bpr *b, int32_t user, int32_t item) {
    size_t low = (size_t)b->starts[user], high = (size_t)b->starts[user + 1];
    const size_t end = high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (b->pair_items[middle] < item) low = middle + 1;
        else high = middle;
    }
    return low < end && b->pair_items[low] == item;
}

#define KERNELS "bpr.h"
#include "each_level.h"

void kernels_bpr_updates(
    int level, const int32_t *triples, size_t count, const int32_t *starts,
    const int32_t *pair_items, float *users, float *items, size_t width, size_t constant,
    float rate, float regularization, int64_t *updated, int64_t *ordered) {
    const struct bpr b = {starts, pair_items, users,          items, width,
                          constant, rate,     regularization};
    *updated = 0;
    *ordered = 0;
    DISPATCH(bpr_updates, &b, triples, count, updated, ordered);
}

void kernels_bpr_scores(
    int level, const float *items, const int32_t *indices, size_t count, size_t width,
    const float *w, float *scores) {
    DISPATCH(bpr_scores, items, indices, count, width, w, scores);
}

void kernels_bpr_fill_sample(
    int level, const float *rows, size_t count, size_t stride, size_t width, size_t constant,
    float *columns, float *products, float *biases, float *sums) {
    DISPATCH(bpr_sample, rows, count, stride, width, constant, columns, products, biases, sums);
}

static inline size_t bpr_stride(size_t count) { return (count + 15) / 16 * 16; }

size_t kernels_bpr_fold_in_scratch(
    const struct kernels_bpr_sample *sample, size_t positives, size_t constant) {
    const size_t stride = bpr_stride(positives);
    const size_t columns = constant * stride;
    return 3 * (stride + sample->stride) + (columns > sample->stride ? columns : sample->stride)
        + positives * sample->stride + (positives + sample->count) * stride + 2 * stride;
}

void kernels_bpr_fold_in(
    int level, const struct kernels_bpr_sample *sample, const float *counts, const float *liked,
    size_t positives, size_t width, size_t constant, float penalty, size_t rounds, float *scratch,
    float *w) {
    const size_t stride = bpr_stride(positives);
    float total = 0;
    for (size_t j = 0; j < sample->count; j++) total += counts[j];
    float *across = scratch, *own = across + positives * sample->stride;
    float *biases = own + (positives + sample->count) * stride, *sums = biases + stride;
    struct bpr_fold p = {sample, counts, total,    liked,   positives, stride, width,
                         constant, rounds, penalty, across, own,       biases, sums};
    DISPATCH(bpr_fold_in, &p, sums + stride, w);
}
