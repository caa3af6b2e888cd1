// What a thread keeps between products.
#ifndef WORKER_H
#define WORKER_H

#include <oneapi/dnnl/dnnl.h>
#include <stddef.h>
#include <stdint.h>

struct product_key {
    int64_t m, n, k;
    int transpose_a, b_form, adding, type, used;
};

struct product {
    struct product_key key;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, c;
};

// Products kept for a thread. A network has some ten operand shapes, each in forty heights at most;
// when the table is full it is emptied, which costs time alone.
enum { product_limit = 1024, scratch_places = 2 };

struct worker {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    size_t product_count;
    struct product products[product_limit];
    void *scratch[scratch_places];
    size_t scratch_size[scratch_places];
};

// The calling thread's, made at its first call, when OpenMP is limited to one thread for it as
// well; NULL when there is no memory.
struct worker *worker_here(void);

#endif
