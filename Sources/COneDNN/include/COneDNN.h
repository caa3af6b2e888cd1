// Matrix products by Debian's oneDNN, on the calling thread alone whatever OMP_NUM_THREADS says.
//
// oneDNN's C interface changed between 2.x and 3.x; what differs stays in this target. Every
// function returns 0 or a status: oneDNN's (dnnl_types.h), or 1 when there is no memory. A product
// is a pure function of its shape and numbers: of no thread, no alignment, no earlier product.
#ifndef CONEDNN_H
#define CONEDNN_H

#include <stddef.h>
#include <stdint.h>

// c = op(a) op(b) + beta c, all row-major binary32; op(a) [m, k], op(b) [k, n], c [m, n].
// transpose_a: a is stored [k, m]; transpose_b: b is stored [n, k]. Rows are lda, ldb, ldc apart.
int onednn_sgemm(
    int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
    const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

// How many threads OpenMP may use for the calling thread: 1 after its first product; 0 without
// OpenMP.
int onednn_thread_limit(void);

// 1 when the processor multiplies bfloat16 by itself; without, bfloat16 products may fail.
int onednn_has_bfloat16(void);

// 1 when a packed binary32 operand has a layout of its own, and products by it are the faster.
int onednn_has_packed_float32(void);

// What operands are.
enum { onednn_float32 = 0, onednn_bfloat16 = 1 };

// How b is stored.
enum { onednn_plain = 0, onednn_transposed = 1, onednn_packed = 2 };

// c = op(a) op(b), or c += op(a) op(b) when `adding`: a and b of `type`, sums and c binary32, dense.
// b is as `b_form` says; packed by onednn_pack for this type, k and n, it wants a 64-byte boundary.
// The code made for a shape is kept, up to a bound, for the calling thread's next product of it.
int onednn_product(
    int type, int transpose_a, int b_form, int64_t m, int64_t n, int64_t k, const void *a,
    const void *b, int adding, float *c);

// Bytes of a packed [k, n] operand of `type`, and its packing from b of that type, stored [n, k] when
// transpose_b.
int onednn_packed_size(int type, int64_t n, int64_t k, size_t *byte_count);
int onednn_pack(int type, int transpose_b, int64_t n, int64_t k, const void *b, void *packed);

// The calling thread's memory number `place`, 0 or 1, of at least byte_count bytes from a 64-byte
// boundary; NULL when there is none. Valid until the place is asked for again; freed with the
// thread.
void *onednn_scratch(int place, size_t byte_count);

#endif
