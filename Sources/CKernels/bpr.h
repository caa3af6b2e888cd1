// Bayesian personalised ranking at one instruction level: updates, and fold-in of a user.
//
// A dot product is two chains of fused multiply-adds over 16 lanes, even and odd vectors, which
// are then added lane by lane and folded as a tree: the same at every level.

#define LANES kernels_lanes
#include "vectors.h"

// ((l0 + l8) + (l4 + l12)) + ...: halves are added until one number is left.
INLINE float LEVEL(total)(VEC sum) {
    float lanes[LANES];
    LEVEL(store)(lanes, sum);
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    }
    return lanes[0];
}

INLINE float LEVEL(dot)(const float *a, const float *b, size_t width) {
    VEC even = {0}, odd = {0};
    size_t f = 0;
    for (; f + 2 * LANES <= width; f += 2 * LANES) {
        even = FMA(LEVEL(load)(a + f), LEVEL(load)(b + f), even);
        odd = FMA(LEVEL(load)(a + f + LANES), LEVEL(load)(b + f + LANES), odd);
    }
    if (f < width) even = FMA(LEVEL(load)(a + f), LEVEL(load)(b + f), even);
    return LEVEL(total)(even + odd);
}

INLINE float LEVEL(margin)(const float *u, const float *i, const float *j, size_t width) {
    VEC even = {0}, odd = {0};
    size_t f = 0;
    for (; f + 2 * LANES <= width; f += 2 * LANES) {
        even = FMA(LEVEL(load)(u + f), LEVEL(load)(i + f) - LEVEL(load)(j + f), even);
        odd = FMA(
            LEVEL(load)(u + f + LANES), LEVEL(load)(i + f + LANES) - LEVEL(load)(j + f + LANES),
            odd);
    }
    if (f < width) {
        even = FMA(LEVEL(load)(u + f), LEVEL(load)(i + f) - LEVEL(load)(j + f), even);
    }
    return LEVEL(total)(even + odd);
}

TARGET static void LEVEL(bpr_updates)(
    const struct bpr *b, const int32_t *triples, size_t count, int64_t *updated,
    int64_t *ordered) {
    const VEC rate = LEVEL(all)(b->rate), decay = LEVEL(all)(-b->regularization);
    const size_t width = b->width;
    for (size_t k = 0; k < count; k++) {
        bpr_prefetch(b, triples, k, count);
        const int32_t *triple = triples + 3 * k;
        if (bpr_has(b, triple[0], triple[2])) continue;
        float *u = b->users + (size_t)triple[0] * width;
        float *i = b->items + (size_t)triple[1] * width;
        float *j = b->items + (size_t)triple[2] * width;
        float x = LEVEL(margin)(u, i, j, width);
        VEC s = LEVEL(sigmoid)(LEVEL(all)(-x));
        for (size_t f = 0; f < width; f += LANES) {
            VEC w = LEVEL(load)(u + f), liked = LEVEL(load)(i + f), sampled = LEVEL(load)(j + f);
            VEC step = s * w;
            LEVEL(store)(u + f, FMA(rate, FMA(decay, w, s * (liked - sampled)), w));
            LEVEL(store)(i + f, FMA(rate, FMA(decay, liked, step), liked));
            LEVEL(store)(j + f, FMA(rate, FMA(decay, sampled, -step), sampled));
        }
        u[b->constant] = 1;
        *updated += 1;
        *ordered += x > 0;
    }
}

// out[r] <- h_r . w for the rows that `indices` names.
TARGET static void LEVEL(bpr_scores)(
    const float *items, const int32_t *indices, size_t count, size_t width, const float *w,
    float *out) {
    for (size_t r = 0; r < count; r++) {
        out[r] = LEVEL(dot)(items + (size_t)indices[r] * width, w, width);
    }
}

// `vectors` vectors of out += weights[r] * rows[r], rows ascending.
INLINE void LEVEL(combine_block)(
    float *out, const float *weights, const float *rows, size_t count, size_t stride,
    const int vectors) {
    VEC sums[bpr_block];
    UNROLL for (int k = 0; k < vectors; k++) sums[k] = LEVEL(load)(out + k * LANES);
    for (size_t r = 0; r < count; r++) {
        VEC weight = LEVEL(all)(weights[r]);
        UNROLL for (int k = 0; k < vectors; k++) {
            sums[k] = FMA(weight, LEVEL(load)(rows + r * stride + k * LANES), sums[k]);
        }
    }
    UNROLL for (int k = 0; k < vectors; k++) LEVEL(store)(out + k * LANES, sums[k]);
}

// out[width] += weights[r] * rows[r], rows ascending and `stride` apart.
TARGET static void LEVEL(combine)(
    float *out, const float *weights, const float *rows, size_t count, size_t stride,
    size_t width) {
    size_t j = 0;
    for (; j + bpr_block * LANES <= width; j += bpr_block * LANES) {
        LEVEL(combine_block)(out + j, weights, rows + j, count, stride, bpr_block);
    }
    switch ((width - j) / LANES) {
    case 7: LEVEL(combine_block)(out + j, weights, rows + j, count, stride, 7); break;
    case 6: LEVEL(combine_block)(out + j, weights, rows + j, count, stride, 6); break;
    case 5: LEVEL(combine_block)(out + j, weights, rows + j, count, stride, 5); break;
    case 4: LEVEL(combine_block)(out + j, weights, rows + j, count, stride, 4); break;
    case 3: LEVEL(combine_block)(out + j, weights, rows + j, count, stride, 3); break;
    case 2: LEVEL(combine_block)(out + j, weights, rows + j, count, stride, 2); break;
    case 1: LEVEL(combine_block)(out + j, weights, rows + j, count, stride, 1); break;
    }
}

// `rows` rows of out <- x . columns, for `vectors` vectors of columns.
INLINE void LEVEL(product_block)(
    const float *x, size_t width, const float *columns, size_t constant, size_t stride, float *out,
    size_t pitch, const int rows, const int vectors) {
    VEC sums[4][4];
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int k = 0; k < vectors; k++) sums[r][k] = (VEC){0};
    }
    for (size_t f = 0; f < constant; f++) {
        UNROLL for (int k = 0; k < vectors; k++) {
            VEC column = LEVEL(load)(columns + f * stride + k * LANES);
            UNROLL for (int r = 0; r < rows; r++) {
                sums[r][k] = FMA(LEVEL(all)(x[r * width + f]), column, sums[r][k]);
            }
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int k = 0; k < vectors; k++) {
            LEVEL(store)(out + r * pitch + k * LANES, sums[r][k]);
        }
    }
}

// `rows` rows of out <- x . columns, for all columns.
INLINE void LEVEL(product_rows)(
    const float *x, size_t width, const float *columns, size_t constant, size_t stride,
    size_t others, float *out, size_t pitch, const int rows) {
    size_t j = 0;
    for (; j + 4 * LANES <= others; j += 4 * LANES) {
        LEVEL(product_block)(x, width, columns + j, constant, stride, out + j, pitch, rows, 4);
    }
    for (; j < others; j += LANES) {
        LEVEL(product_block)(x, width, columns + j, constant, stride, out + j, pitch, rows, 1);
    }
}

// out[i, j] <- sum over f < constant of x[i, f] columns[f, j], f ascending, for i < count and
// j < others, a multiple of 16.
TARGET static void LEVEL(products)(
    const float *x, size_t count, size_t width, const float *columns, size_t constant,
    size_t stride, size_t others, float *out, size_t pitch) {
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        LEVEL(product_rows)(
            x + i * width, width, columns, constant, stride, others, out + i * pitch, pitch, 4);
    }
    for (; i < count; i++) {
        LEVEL(product_rows)(
            x + i * width, width, columns, constant, stride, others, out + i * pitch, pitch, 1);
    }
}

// Of rows [count, W]: factors as columns [K, stride], and of each its bias and its factors' sum.
INLINE void LEVEL(arrange)(
    const float *rows, size_t count, size_t stride, size_t width, size_t constant, float *columns,
    float *biases, float *sums) {
    memset(columns, 0, constant * stride * sizeof(float));
    memset(biases, 0, stride * sizeof(float));
    memset(sums, 0, stride * sizeof(float));
    for (size_t r = 0; r < count; r++) {
        for (size_t f = 0; f < constant; f++) {
            columns[f * stride + r] = rows[r * width + f];
            sums[r] += rows[r * width + f];
        }
        biases[r] = rows[r * width + constant];
    }
}

TARGET static void LEVEL(bpr_sample)(
    const float *rows, size_t count, size_t stride, size_t width, size_t constant, float *columns,
    float *products, float *biases, float *sums) {
    LEVEL(arrange)(rows, count, stride, width, constant, columns, biases, sums);
    LEVEL(products)(rows, count, width, columns, constant, stride, stride, products, stride);
}

// What a vector that is the sum of the rows, `liked` and `sampled` of each, gives as products with
// them, added to `a` and `b`.
INLINE void LEVEL(margins)(
    const struct bpr_fold *p, const float *liked, const float *sampled, float *a, float *b) {
    const size_t n = p->positives, distinct = p->sample->count;
    const size_t own = p->stride, padded = p->sample->stride;
    LEVEL(combine)(a, liked, p->own, n, own, own);
    LEVEL(combine)(a, sampled, p->own + n * own, distinct, own, own);
    LEVEL(combine)(b, liked, p->across, n, padded, padded);
    LEVEL(combine)(b, sampled, p->sample->products, distinct, padded, padded);
}

// a[i] <- share * sum_j q_j s(b_j - a_i), b[j] <- -share * q_j * sum_i of the same: what each row
// counts for in the gradient. s(b - a) = 1 / (1 + e^a e^-b).
INLINE void LEVEL(pulls)(const struct bpr_fold *p, float *a, float *b, float *columns) {
    const float share = 1.0f / ((float)p->positives * p->total);
    const VEC one = LEVEL(all)(1.0f);
    const size_t sampled = p->sample->stride;
    for (size_t i = 0; i < p->stride; i += LANES) {
        LEVEL(store)(a + i, LEVEL(exp)(LEVEL(load)(a + i)));
    }
    for (size_t j = 0; j < sampled; j += LANES) {
        LEVEL(store)(b + j, LEVEL(exp)(-LEVEL(load)(b + j)));
        LEVEL(store)(columns + j, (VEC){0});
    }
    for (size_t i = 0; i < p->positives; i++) {
        VEC own = LEVEL(all)(a[i]), sum = {0};
        for (size_t j = 0; j < sampled; j += LANES) {
            VEC s = LEVEL(load)(p->counts + j) / FMA(own, LEVEL(load)(b + j), one);
            sum += s;
            LEVEL(store)(columns + j, LEVEL(load)(columns + j) + s);
        }
        a[i] = share * LEVEL(total)(sum);
    }
    for (size_t i = p->positives; i < p->stride; i++) a[i] = 0;
    for (size_t j = 0; j < sampled; j += LANES) {
        LEVEL(store)(b + j, LEVEL(all)(-share) * LEVEL(load)(columns + j));
    }
}

// The largest eigenvalue of mean h h^T over positives plus that over negatives, by eight power
// iterations from a vector of ones; the weights, `a` and `b` are overwritten.
INLINE float LEVEL(curvature)(
    const struct bpr_fold *p, float *liked, float *sampled, float *a, float *b) {
    const float each = 1.0f / (float)p->positives, other = 1.0f / p->total;
    const size_t own = p->stride, padded = p->sample->stride;
    float value = 0, norm = (float)p->constant;
    memcpy(a, p->sums, own * sizeof(float));
    memcpy(b, p->sample->sums, padded * sizeof(float));
    for (int round = 0; round < 8; round++) {
        if (round > 0) {
            memset(a, 0, own * sizeof(float));
            memset(b, 0, padded * sizeof(float));
            LEVEL(margins)(p, liked, sampled, a, b);
            norm = LEVEL(dot)(liked, a, own) + LEVEL(dot)(sampled, b, padded);
        }
        if (!(norm > 0)) return 0;
        float scale = 1.0f / __builtin_sqrtf(norm);
        for (size_t i = 0; i < own; i++) a[i] *= scale, liked[i] = each * a[i];
        for (size_t j = 0; j < padded; j++) {
            b[j] *= scale, sampled[j] = other * p->counts[j] * b[j];
        }
        value = LEVEL(dot)(liked, a, own) + LEVEL(dot)(sampled, b, padded);
    }
    return value;
}

// One accelerated step of the weights of `count` rows: v the point, w the one before, g the pulls.
INLINE void LEVEL(advance)(
    float *v, float *w, const float *g, size_t count, float penalty, float bound, float pull) {
    for (size_t r = 0; r < count; r += LANES) {
        VEC point = LEVEL(load)(v + r);
        VEC moved = point
            + FMA(LEVEL(all)(-penalty), point, LEVEL(load)(g + r)) / LEVEL(all)(bound);
        LEVEL(store)(v + r, moved + LEVEL(all)(pull) * (moved - LEVEL(load)(w + r)));
        LEVEL(store)(w + r, moved);
    }
}

// Fills what is the user's own: products of the liked rows with the sampled ones and each other.
INLINE void LEVEL(multiply)(struct bpr_fold *p, float *columns) {
    const struct kernels_bpr_sample *sample = p->sample;
    const size_t n = p->positives, own = p->stride, padded = sample->stride;
    LEVEL(arrange)(p->liked, n, own, p->width, p->constant, columns, p->biases, p->sums);
    LEVEL(products)(
        p->liked, n, p->width, sample->columns, p->constant, padded, padded, p->across, padded);
    for (size_t i = 0; i < n; i += LANES) {
        // Their products with the rows before them are known.
        const size_t rows = n - i < LANES ? n - i : LANES;
        LEVEL(products)(
            p->liked + i * p->width, rows, p->width, columns + i, p->constant, own, own - i,
            p->own + i * own + i, own);
        for (size_t r = i; r < i + rows; r++) {
            for (size_t j = 0; j < i; j++) p->own[r * own + j] = p->own[j * own + r];
        }
    }
    for (size_t j = 0; j < sample->count; j++) {
        float *row = p->own + (n + j) * own;
        for (size_t i = 0; i < n; i++) row[i] = p->across[i * padded + j];
        for (size_t i = n; i < own; i++) row[i] = 0;
    }
}

TARGET static void LEVEL(bpr_fold_in)(struct bpr_fold *p, float *scratch, float *w) {
    const size_t stride = p->stride, padded = p->sample->stride, both = stride + padded;
    // Of each row, the liked ones first: the point's weight, the one before, margin and then pull.
    float *v = scratch, *before = v + both, *a = before + both, *b = a + stride;
    float *columns = b + padded;
    LEVEL(multiply)(p, columns);
    // Half the curvature bounds the logistic loss's (its second derivative is at most 1/4, and a
    // square of a difference at most twice the squares), a tenth more for the iterations' error.
    const float bound = 0.55f * LEVEL(curvature)(p, v, v + stride, a, b) + p->penalty;
    memset(v, 0, 2 * both * sizeof(float));
    float momentum = 1;
    for (size_t round = 0; round < p->rounds && bound > 0; round++) {
        memcpy(a, p->biases, stride * sizeof(float));
        memcpy(b, p->sample->biases, padded * sizeof(float));
        LEVEL(margins)(p, v, v + stride, a, b);
        LEVEL(pulls)(p, a, b, columns);
        float next = (1 + __builtin_sqrtf(1 + 4 * momentum * momentum)) / 2;
        LEVEL(advance)(v, before, a, both, p->penalty, bound, (momentum - 1) / next);
        momentum = next;
    }
    memset(w, 0, p->width * sizeof(float));
    LEVEL(combine)(w, before, p->liked, p->positives, p->width, p->width);
    LEVEL(combine)(w, before + stride, p->sample->rows, p->sample->count, p->width, p->width);
    w[p->constant] = 1;
}
