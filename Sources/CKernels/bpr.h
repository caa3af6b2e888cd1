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

// sums[i] <- sum_j s(b_j - a_i), columns[j] <- sum_i of the same, for vectors of j; padding is told
// by its b_j and counts nothing.
INLINE void LEVEL(pair_sums)(
    const float *a, size_t positives, const float *b, float *sums, float *columns, size_t padded) {
    for (size_t j = 0; j < padded; j += LANES) LEVEL(store)(columns + j, (VEC){0});
    for (size_t i = 0; i < positives; i++) {
        VEC own = LEVEL(all)(a[i]), sum = {0};
        for (size_t j = 0; j < padded; j += LANES) {
            VEC other = LEVEL(load)(b + j);
            VEC s = LEVEL(sigmoid)(other - own);
            s = LEVEL(choose)((BITS)(other > LEVEL(all)(bpr_padding)), s, (VEC){0});
            sum += s;
            LEVEL(store)(columns + j, LEVEL(load)(columns + j) + s);
        }
        sums[i] = LEVEL(total)(sum);
    }
}

// g += scale * weights[r] * rows[r], rows ascending.
INLINE void LEVEL(weighted_rows)(
    const float *rows, const float *weights, size_t count, float scale, float *g, size_t width) {
    for (size_t r = 0; r < count; r++) {
        VEC weight = LEVEL(all)(scale * weights[r]);
        for (size_t f = 0; f < width; f += LANES) {
            LEVEL(store)(
                g + f, FMA(weight, LEVEL(load)(rows + r * width + f), LEVEL(load)(g + f)));
        }
    }
}

// The largest eigenvalue of mean h h^T over positives plus that over negatives, by power
// iterations on the factor columns.
INLINE float LEVEL(curvature)(
    const struct bpr_fold *p, float *v, float *g, float *a, float *b) {
    const size_t width = p->width;
    float value = 0;
    for (size_t f = 0; f < width; f++) v[f] = f < p->constant ? 1.0f : 0.0f;
    for (int round = 0; round < 8; round++) {
        float norm = LEVEL(dot)(v, v, width);
        if (!(norm > 0)) return 0;
        float scale = 1.0f / __builtin_sqrtf(norm);
        for (size_t f = 0; f < width; f++) v[f] *= scale, g[f] = 0;
        for (size_t r = 0; r < p->positives; r++) {
            a[r] = LEVEL(dot)(p->liked + r * width, v, width);
        }
        LEVEL(weighted_rows)(p->liked, a, p->positives, 1.0f / (float)p->positives, g, width);
        for (size_t r = 0; r < p->negatives; r++) {
            b[r] = LEVEL(dot)(p->sampled + r * width, v, width);
        }
        LEVEL(weighted_rows)(p->sampled, b, p->negatives, 1.0f / (float)p->negatives, g, width);
        for (size_t f = p->constant; f < width; f++) g[f] = 0;
        value = LEVEL(dot)(v, g, width);
        memcpy(v, g, width * sizeof(float));
    }
    return value;
}

TARGET static void LEVEL(bpr_fold_in)(const struct bpr_fold *p, float *w) {
    const size_t width = p->width, n = p->positives, m = p->negatives;
    const size_t padded = (m + LANES - 1) / LANES * LANES;
    // [W] v, [W] g, [n] margins and sums of positives, [padded] those of negatives.
    float *v = p->scratch, *g = v + width, *a = g + width, *sums = a + n, *b = sums + n;
    float *columns = b + padded;
    const float share = 1.0f / ((float)n * (float)m);
    // Half the curvature bounds the logistic loss's (its second derivative is at most 1/4, and a
    // square of a difference at most twice the squares), a tenth more for the iterations' error.
    const float bound = 0.55f * LEVEL(curvature)(p, v, g, a, b) + p->penalty;
    for (size_t f = 0; f < width; f++) w[f] = v[f] = f == p->constant ? 1.0f : 0.0f;
    if (!(bound > 0)) return;
    float momentum = 1;
    for (size_t round = 0; round < p->rounds; round++) {
        for (size_t r = 0; r < n; r++) a[r] = LEVEL(dot)(p->liked + r * width, v, width);
        for (size_t r = 0; r < m; r++) b[r] = LEVEL(dot)(p->sampled + r * width, v, width);
        for (size_t r = m; r < padded; r++) b[r] = bpr_padding;
        LEVEL(pair_sums)(a, n, b, sums, columns, padded);
        for (size_t f = 0; f < width; f++) g[f] = -p->penalty * v[f];
        LEVEL(weighted_rows)(p->liked, sums, n, share, g, width);
        LEVEL(weighted_rows)(p->sampled, columns, m, -share, g, width);
        float next = (1 + __builtin_sqrtf(1 + 4 * momentum * momentum)) / 2;
        float pull = (momentum - 1) / next;
        momentum = next;
        for (size_t f = 0; f < p->constant; f++) {
            float moved = v[f] + g[f] / bound;
            v[f] = moved + pull * (moved - w[f]);
            w[f] = moved;
        }
    }
}
