#include "COneDNN.h"

#include "worker.h"

int onednn_sgemm(
    int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
    const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
    if (!worker_here()) return dnnl_out_of_memory;
    return (int)dnnl_sgemm(
        transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1.0f, a, lda, b, ldb, beta, c,
        ldc);
}
