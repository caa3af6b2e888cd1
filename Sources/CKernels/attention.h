// Attention in one sequence, at one instruction level. One head at a time is gathered into scratch,
// padded with zeros to whole vectors and to whole blocks of four rows, so that every loop is plain.
//
// Each number of a product is one chain of fused multiply-adds, ascending in what is summed.

// Sizes of one head of one sequence, and where its rows are.
struct LEVEL(head) {
    const size_t *rows;
    size_t length, width, depth;          // T, E, E / heads
    size_t padded_length, padded_depth;  // rounded up to whole vectors
};

// [T up to 4 s, padded_depth] <- columns `column`... of `source`, whose rows are `stride` wide.
TARGET static void LEVEL(gather)(
    const struct LEVEL(head) *h, const float *source, size_t stride, size_t column, float *target) {
    const size_t rows = (h->length + 3) / 4 * 4;
    for (size_t t = 0; t < rows; t++) {
        float *row = target + t * h->padded_depth;
        size_t some = t < h->length ? h->depth : 0;
        if (some) memcpy(row, source + h->rows[t] * stride + column, some * sizeof(float));
        memset(row + some, 0, (h->padded_depth - some) * sizeof(float));
    }
}

// The same on its side: [depth, padded_length].
TARGET static void LEVEL(gather_transposed)(
    const struct LEVEL(head) *h, const float *source, size_t stride, size_t column, float *target) {
    memset(target, 0, h->depth * h->padded_length * sizeof(float));
    for (size_t t = 0; t < h->length; t++) {
        const float *row = source + h->rows[t] * stride + column;
        for (size_t d = 0; d < h->depth; d++) target[d * h->padded_length + t] = row[d];
    }
}

TARGET static void LEVEL(scatter)(
    const struct LEVEL(head) *h, const float *source, size_t stride, size_t column, float *target) {
    for (size_t t = 0; t < h->length; t++) {
        memcpy(
            target + h->rows[t] * stride + column, source + t * h->padded_depth,
            h->depth * sizeof(float));
    }
}

// scores [4, padded_length] = a [4, depth] b [depth, padded_length]
TARGET static void LEVEL(score_block)(
    const struct LEVEL(head) *h, const float *a, const float *b, float *scores) {
    for (size_t j = 0; j < h->padded_length; j += LANES) {
        VEC sums[4] = {{0}, {0}, {0}, {0}};
        for (size_t d = 0; d < h->depth; d++) {
            VEC column = LEVEL(load)(b + d * h->padded_length + j);
            UNROLL for (size_t i = 0; i < 4; i++) {
                sums[i] = FMA(LEVEL(all)(a[i * h->padded_depth + d]), column, sums[i]);
            }
        }
        UNROLL for (size_t i = 0; i < 4; i++) {
            LEVEL(store)(scores + i * h->padded_length + j, sums[i]);
        }
    }
}

// out [4, padded_depth] = p [4, T] v [T, padded_depth]
TARGET static void LEVEL(mix_block)(
    const struct LEVEL(head) *h, const float *p, const float *v, float *out) {
    for (size_t d = 0; d < h->padded_depth; d += LANES) {
        VEC sums[4] = {{0}, {0}, {0}, {0}};
        for (size_t j = 0; j < h->length; j++) {
            VEC row = LEVEL(load)(v + j * h->padded_depth + d);
            UNROLL for (size_t i = 0; i < 4; i++) {
                sums[i] = FMA(LEVEL(all)(p[i * h->padded_length + j]), row, sums[i]);
            }
        }
        UNROLL for (size_t i = 0; i < 4; i++) LEVEL(store)(out + i * h->padded_depth + d, sums[i]);
    }
}

// out [T, padded_depth] += the transpose of p [4, T] times a [4, padded_depth]
TARGET static void LEVEL(add_outer_block)(
    const struct LEVEL(head) *h, const float *p, const float *a, float *out) {
    for (size_t d = 0; d < h->padded_depth; d += LANES) {
        VEC rows[4];
        UNROLL for (size_t i = 0; i < 4; i++) rows[i] = LEVEL(load)(a + i * h->padded_depth + d);
        for (size_t j = 0; j < h->length; j++) {
            VEC sum = LEVEL(load)(out + j * h->padded_depth + d);
            UNROLL for (size_t i = 0; i < 4; i++) {
                sum = FMA(LEVEL(all)(p[i * h->padded_length + j]), rows[i], sum);
            }
            LEVEL(store)(out + j * h->padded_depth + d, sum);
        }
    }
}

// Softmax of `length` scores times `scale`, in place; the padding becomes 0.
TARGET static void LEVEL(softmax_row)(float *scores, size_t length, float scale) {
    VEC greatest = LEVEL(all)(scores[0]), sums = {0};
    size_t j = 0;
    for (; j + LANES <= length; j += LANES) {
        greatest = LEVEL(greater)(LEVEL(load)(scores + j), greatest);
    }
    float most = LEVEL(greatest_lane)(greatest);
    for (; j < length; j++) most = scores[j] > most ? scores[j] : most;
    for (j = 0; j < length; j += LANES) {
        VEC e = LEVEL(exp)((LEVEL(load)(scores + j) - LEVEL(all)(most)) * LEVEL(all)(scale));
        e = LEVEL(first_lanes)(e, length - j);
        sums += e;
        LEVEL(store)(scores + j, e);
    }
    const VEC sum = LEVEL(all)(LEVEL(sum_lanes)(sums));
    for (j = 0; j < length; j += LANES) {
        LEVEL(store)(scores + j, LEVEL(load)(scores + j) / sum);
    }
}

// Dropout of `length` numbers in place, the first of which is number `first` of the mask.
TARGET static void LEVEL(drop_row)(
    float *row, size_t length, struct kernels_mask mask, size_t first) {
    if (!mask.threshold) return;
    mask.first_counter += first;
    LEVEL(dropout)(row, mask, length);
}

INLINE struct LEVEL(head) LEVEL(make_head)(
    const size_t *rows, size_t length, size_t width, size_t heads) {
    const size_t depth = width / heads;
    return (struct LEVEL(head)){
        rows, length, width, depth, (length + LANES - 1) / LANES * LANES,
        (depth + LANES - 1) / LANES * LANES};
}

TARGET static void LEVEL(attention)(
    const float *qkv, const size_t *rows, size_t length, size_t width, size_t heads,
    struct kernels_mask mask, float *out, float *probabilities, float *scratch) {
    const struct LEVEL(head) h = LEVEL(make_head)(rows, length, width, heads);
    const size_t area = (length + 3) / 4 * 4 * h.padded_depth;
    float *q = scratch, *v = q + area, *mixed = v + area, *k = mixed + area;
    float *block = k + h.depth * h.padded_length;
    const float scale = 1.0f / __builtin_sqrtf((float)h.depth);
    for (size_t head = 0; head < heads; head++) {
        const size_t column = head * h.depth, first = head * length * length;
        LEVEL(gather)(&h, qkv, 3 * width, column, q);
        LEVEL(gather_transposed)(&h, qkv, 3 * width, width + column, k);
        LEVEL(gather)(&h, qkv, 3 * width, 2 * width + column, v);
        for (size_t i = 0; i < length; i += 4) {
            LEVEL(score_block)(&h, q + i * h.padded_depth, k, block);
            for (size_t r = 0; r < 4 && i + r < length; r++) {
                float *row = block + r * h.padded_length;
                LEVEL(softmax_row)(row, length, scale);
                const size_t place = first + (i + r) * length;
                if (probabilities) memcpy(probabilities + place, row, length * sizeof(float));
                LEVEL(drop_row)(row, length, mask, place);
            }
            LEVEL(mix_block)(&h, block, v, mixed + i * h.padded_depth);
        }
        LEVEL(scatter)(&h, mixed, width, column, out);
    }
}

// One block of four rows of P and dP becomes dropped P and dS / sqrt(depth), and 0 beyond T:
// dS = P (dP - sum of dP P).
INLINE void LEVEL(score_gradients)(
    const struct LEVEL(head) *h, const float *probabilities, struct kernels_mask mask,
    size_t first, size_t i, float scale, float *dropped, float *d_scores) {
    for (size_t r = 0; r < 4; r++) {
        float *p = dropped + r * h->padded_length, *ds = d_scores + r * h->padded_length;
        if (i + r >= h->length) {
            memset(p, 0, h->padded_length * sizeof(float));
            memset(ds, 0, h->padded_length * sizeof(float));
            continue;
        }
        const size_t place = first + (i + r) * h->length;
        const float *row = probabilities + place;
        LEVEL(drop_row)(ds, h->length, mask, place);
        VEC sums = {0};
        for (size_t j = 0; j < h->length; j += LANES) {
            VEC value = LEVEL(load_some)(row + j, h->length - j);
            LEVEL(store)(p + j, value);
            sums = FMA(LEVEL(load)(ds + j), value, sums);
        }
        const VEC sum = LEVEL(all)(LEVEL(sum_lanes)(sums));
        for (size_t j = 0; j < h->length; j += LANES) {
            VEC change = LEVEL(load)(p + j) * (LEVEL(load)(ds + j) - sum);
            LEVEL(store)(ds + j, change * LEVEL(all)(scale));
        }
        LEVEL(drop_row)(p, h->length, mask, place);
    }
}

TARGET static void LEVEL(attention_backward)(
    const float *d_out, const float *qkv, const size_t *rows, size_t length, size_t width,
    size_t heads, struct kernels_mask mask, const float *probabilities, float *dqkv,
    float *scratch) {
    const struct LEVEL(head) h = LEVEL(make_head)(rows, length, width, heads);
    const size_t area = (length + 3) / 4 * 4 * h.padded_depth;
    float *q = scratch, *k = q + area, *d_mixed = k + area, *dq = d_mixed + area;
    float *dk = dq + area, *dv = dk + area, *v = dv + area;
    float *dropped = v + h.depth * h.padded_length, *ds = dropped + 4 * h.padded_length;
    const float scale = 1.0f / __builtin_sqrtf((float)h.depth);
    for (size_t head = 0; head < heads; head++) {
        const size_t column = head * h.depth, first = head * length * length;
        LEVEL(gather)(&h, qkv, 3 * width, column, q);
        LEVEL(gather)(&h, qkv, 3 * width, width + column, k);
        LEVEL(gather_transposed)(&h, qkv, 3 * width, 2 * width + column, v);
        LEVEL(gather)(&h, d_out, width, column, d_mixed);
        memset(dk, 0, 2 * area * sizeof(float));
        for (size_t i = 0; i < length; i += 4) {
            const float *some_d_mixed = d_mixed + i * h.padded_depth;
            LEVEL(score_block)(&h, some_d_mixed, v, ds);
            LEVEL(score_gradients)(&h, probabilities, mask, first, i, scale, dropped, ds);
            LEVEL(mix_block)(&h, ds, k, dq + i * h.padded_depth);
            LEVEL(add_outer_block)(&h, ds, q + i * h.padded_depth, dk);
            LEVEL(add_outer_block)(&h, dropped, some_d_mixed, dv);
        }
        LEVEL(scatter)(&h, dq, 3 * width, column, dqkv);
        LEVEL(scatter)(&h, dk, 3 * width, width + column, dqkv);
        LEVEL(scatter)(&h, dv, 3 * width, 2 * width + column, dqkv);
    }
}
