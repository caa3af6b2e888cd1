#define _GNU_SOURCE
#include "worker.h"

#include "COneDNN.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_key_t worker_key;
static int worker_key_status;
static pthread_once_t worker_once = PTHREAD_ONCE_INIT;
static _Thread_local struct worker *worker;

void product_destroy(struct product *product);

static void worker_end(void *value) {
    struct worker *ending = value;
    for (size_t i = 0; i < product_limit; i++) {
        if (ending->products[i].key.used) product_destroy(&ending->products[i]);
    }
    for (int i = 0; i < scratch_places; i++) free(ending->scratch[i]);
    if (ending->stream) dnnl_stream_destroy(ending->stream);
    if (ending->engine) dnnl_engine_destroy(ending->engine);
    free(ending);
}

static void worker_make_key(void) {
    worker_key_status = pthread_key_create(&worker_key, worker_end);
}

// OpenMP keeps the number of threads for each thread. Its development files are not needed for one
// function, which is there because oneDNN is linked to the library; a build without OpenMP has
// none, and no threads to limit.
static void limit_openmp(void) {
    void (*set_threads)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    if (set_threads) set_threads(1);
}

int onednn_thread_limit(void) {
    int (*limit)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    return limit ? limit() : 0;
}

struct worker *worker_here(void) {
    if (worker) return worker;
    pthread_once(&worker_once, worker_make_key);
    if (worker_key_status) return NULL;
    struct worker *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    limit_openmp();
    if (dnnl_engine_create(&made->engine, dnnl_cpu, 0) != dnnl_success
        || dnnl_stream_create(&made->stream, made->engine, dnnl_stream_default_flags)
            != dnnl_success
        || pthread_setspecific(worker_key, made)) {
        worker_end(made);
        return NULL;
    }
    worker = made;
    return worker;
}

void *onednn_scratch(int place, size_t byte_count) {
    struct worker *here = worker_here();
    if (!here || place < 0 || place >= scratch_places) return NULL;
    if (here->scratch_size[place] >= byte_count) return here->scratch[place];
    // A quarter more, since ragged batches differ.
    size_t size = (byte_count + byte_count / 4 + 63) / 64 * 64;
    void *grown = aligned_alloc(64, size);
    if (!grown) return NULL;
    free(here->scratch[place]);
    here->scratch[place] = grown;
    here->scratch_size[place] = size;
    return grown;
}
