// Matrix products by Debian's oneDNN, on the calling thread alone.
//
// oneDNN's C interface changed between 2.x and 3.x; what differs stays in this target.
#ifndef CONEDNN_H
#define CONEDNN_H

#include <stdint.h>

// c = op(a) op(b) + beta c, all row-major binary32; op(a) [m, k], op(b) [k, n], c [m, n].
// transpose_a: a is stored [k, m]; transpose_b: b is stored [n, k]. Rows are lda, ldb, ldc apart.
// Returns 0, or oneDNN's status.
int onednn_sgemm(
    int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
    const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

#endif
