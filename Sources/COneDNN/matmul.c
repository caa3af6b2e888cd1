#include "COneDNN.h"

#include "worker.h"

#include <string.h>

// What changed between 2.x and 3.x: descriptions became handles, and operations' vanished.
#if DNNL_VERSION_MAJOR >= 3
#define LOOK(description) (description)

static dnnl_status_t description_make(
    dnnl_memory_desc_t *made, const dnnl_dims_t sizes, dnnl_data_type_t type,
    dnnl_format_tag_t tag) {
    return dnnl_memory_desc_create_with_tag(made, 2, sizes, type, tag);
}

static dnnl_status_t description_copy(dnnl_memory_desc_t *copy, const_dnnl_memory_desc_t other) {
    return dnnl_memory_desc_clone(copy, other);
}

static void description_end(dnnl_memory_desc_t description) {
    if (description) dnnl_memory_desc_destroy(description);
}

static dnnl_status_t append_sum(dnnl_post_ops_t after) {
    return dnnl_post_ops_append_sum(after, 1.0f, 0, dnnl_data_type_undef);
}
#else
#define LOOK(description) (&(description))

static dnnl_status_t description_make(
    dnnl_memory_desc_t *made, const dnnl_dims_t sizes, dnnl_data_type_t type,
    dnnl_format_tag_t tag) {
    return dnnl_memory_desc_init_by_tag(made, 2, sizes, type, tag);
}

static dnnl_status_t description_copy(
    dnnl_memory_desc_t *copy, const dnnl_memory_desc_t *other) {
    *copy = *other;
    return dnnl_success;
}

static void description_end(dnnl_memory_desc_t description) { (void)description; }

static dnnl_status_t append_sum(dnnl_post_ops_t after) {
    return dnnl_post_ops_append_sum(after, 1.0f);
}
#endif

struct operands {
    dnnl_memory_desc_t a, b, c;
};

static void operands_end(struct operands *operands) {
    description_end(operands->a);
    description_end(operands->b);
    description_end(operands->c);
}

#define TRY(call)                                                                                  \
    do {                                                                                           \
        dnnl_status_t status = (call);                                                             \
        if (status != dnnl_success) return status;                                                 \
    } while (0)

static dnnl_data_type_t type_of(int type) {
    return type == onednn_bfloat16 ? dnnl_bf16 : dnnl_f32;
}

static dnnl_status_t describe(
    const struct product_key *key, dnnl_format_tag_t b_tag, struct operands *made) {
    const dnnl_dims_t a = {key->m, key->k}, b = {key->k, key->n}, c = {key->m, key->n};
    TRY(description_make(&made->a, a, type_of(key->type), key->transpose_a ? dnnl_ba : dnnl_ab));
    TRY(description_make(&made->b, b, type_of(key->type), b_tag));
    return description_make(&made->c, c, dnnl_f32, dnnl_ab);
}

static dnnl_status_t describe_product(
    struct worker *worker, struct operands *operands, dnnl_primitive_attr_t attributes,
    dnnl_primitive_desc_t *made) {
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_matmul_primitive_desc_create(
        made, worker->engine, operands->a, operands->b, NULL, operands->c, attributes);
#else
    dnnl_matmul_desc_t product;
    TRY(dnnl_matmul_desc_init(&product, &operands->a, &operands->b, NULL, &operands->c));
    return dnnl_primitive_desc_create(made, &product, attributes, worker->engine, NULL);
#endif
}

// The layout oneDNN likes best for a right operand that meets many rows.
static dnnl_status_t describe_packed(
    struct worker *worker, int type, int64_t n, int64_t k, dnnl_memory_desc_t *packed) {
    const struct product_key key = {.m = 256, .n = n, .k = k, .type = type};
    struct operands operands = {0};
    dnnl_primitive_desc_t product = NULL;
    dnnl_status_t status = describe(&key, dnnl_format_tag_any, &operands);
    if (status == dnnl_success) status = describe_product(worker, &operands, NULL, &product);
    if (status == dnnl_success) {
        status = description_copy(
            packed, dnnl_primitive_desc_query_md(product, dnnl_query_weights_md, 0));
    }
    if (product) dnnl_primitive_desc_destroy(product);
    operands_end(&operands);
    return status;
}

static dnnl_status_t adding_attributes(dnnl_primitive_attr_t *made) {
    dnnl_post_ops_t after = NULL;
    TRY(dnnl_primitive_attr_create(made));
    TRY(dnnl_post_ops_create(&after));
    dnnl_status_t status = append_sum(after);
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(*made, after);
    dnnl_post_ops_destroy(after);
    return status;
}

void product_destroy(struct product *product) {
    if (product->primitive) dnnl_primitive_destroy(product->primitive);
    if (product->a) dnnl_memory_destroy(product->a);
    if (product->b) dnnl_memory_destroy(product->b);
    if (product->c) dnnl_memory_destroy(product->c);
    memset(product, 0, sizeof *product);
}

static dnnl_status_t product_fill(
    struct worker *worker, struct product *product, struct operands *operands,
    dnnl_primitive_attr_t *attributes, dnnl_primitive_desc_t *described) {
    const struct product_key *key = &product->key;
    TRY(describe(key, key->b_form == onednn_transposed ? dnnl_ba : dnnl_ab, operands));
    if (key->b_form == onednn_packed) {
        description_end(operands->b);
        memset(&operands->b, 0, sizeof operands->b);
        TRY(describe_packed(worker, key->type, key->n, key->k, &operands->b));
    }
    if (key->adding) TRY(adding_attributes(attributes));
    TRY(describe_product(worker, operands, *attributes, described));
    TRY(dnnl_primitive_create(&product->primitive, *described));
    TRY(dnnl_memory_create(&product->a, LOOK(operands->a), worker->engine, DNNL_MEMORY_NONE));
    TRY(dnnl_memory_create(&product->b, LOOK(operands->b), worker->engine, DNNL_MEMORY_NONE));
    return dnnl_memory_create(
        &product->c, LOOK(operands->c), worker->engine, DNNL_MEMORY_NONE);
}

static dnnl_status_t product_make(struct worker *worker, struct product *product) {
    struct operands operands = {0};
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t described = NULL;
    dnnl_status_t status = product_fill(worker, product, &operands, &attributes, &described);
    if (described) dnnl_primitive_desc_destroy(described);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    operands_end(&operands);
    if (status != dnnl_success) product_destroy(product);
    return status;
}

static int is_same(const struct product_key *a, const struct product_key *b) {
    return a->m == b->m && a->n == b->n && a->k == b->k && a->transpose_a == b->transpose_a
        && a->b_form == b->b_form && a->adding == b->adding && a->type == b->type;
}

// The thread's product of a shape: kept, or made in the place that its key hashes to.
static dnnl_status_t product_find(
    struct worker *worker, struct product_key key, struct product **found) {
    uint64_t hash = (uint64_t)key.m * 0x9E3779B97F4A7C15u ^ (uint64_t)key.n * 0xBF58476D1CE4E5B9u
        ^ (uint64_t)key.k * 0x94D049BB133111EBu
        ^ (uint64_t)(key.transpose_a + 2 * key.adding + 4 * key.b_form + 16 * key.type)
            * 0xD6E8FEB86659FD93u;
    size_t place = (hash ^ hash >> 29) % product_limit;
    while (worker->products[place].key.used) {
        *found = &worker->products[place];
        if (is_same(&(*found)->key, &key)) return dnnl_success;
        place = (place + 1) % product_limit;
    }
    if (worker->product_count >= product_limit / 4 * 3) {
        for (size_t i = 0; i < product_limit; i++) product_destroy(&worker->products[i]);
        worker->product_count = 0;
    }
    *found = &worker->products[place];
    (*found)->key = key;
    (*found)->key.used = 1;
    TRY(product_make(worker, *found));
    worker->product_count++;
    return dnnl_success;
}

static int has(dnnl_cpu_isa_t wanted) {
    return ((unsigned)dnnl_get_effective_cpu_isa() & (unsigned)wanted) == (unsigned)wanted;
}

int onednn_has_bfloat16(void) { return has(dnnl_cpu_isa_avx512_core_bf16); }

int onednn_has_packed_float32(void) { return has(dnnl_cpu_isa_avx512_core); }

int onednn_product(
    int type, int transpose_a, int b_form, int64_t m, int64_t n, int64_t k, const void *a,
    const void *b, int adding, float *c) {
    struct worker *worker = worker_here();
    if (!worker) return dnnl_out_of_memory;
    const struct product_key key = {m, n, k, transpose_a != 0, b_form, adding != 0, type, 1};
    struct product *product = NULL;
    TRY(product_find(worker, key, &product));
    TRY(dnnl_memory_set_data_handle(product->a, (void *)a));
    TRY(dnnl_memory_set_data_handle(product->b, (void *)b));
    TRY(dnnl_memory_set_data_handle(product->c, c));
    const dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, product->a}, {DNNL_ARG_WEIGHTS, product->b}, {DNNL_ARG_DST, product->c}};
    TRY(dnnl_primitive_execute(product->primitive, worker->stream, 3, arguments));
    return dnnl_stream_wait(worker->stream);
}

int onednn_packed_size(int type, int64_t n, int64_t k, size_t *byte_count) {
    struct worker *worker = worker_here();
    if (!worker) return dnnl_out_of_memory;
    dnnl_memory_desc_t packed;
    memset(&packed, 0, sizeof packed);
    TRY(describe_packed(worker, type, n, k, &packed));
    *byte_count = dnnl_memory_desc_get_size(LOOK(packed));
    description_end(packed);
    return dnnl_success;
}

struct reordering {
    dnnl_memory_desc_t from, to;
    dnnl_primitive_desc_t described;
    dnnl_primitive_t primitive;
    dnnl_memory_t source, target;
};

static dnnl_status_t reorder(
    struct worker *worker, struct reordering *r, int type, int transpose_b, int64_t n, int64_t k,
    const void *b, void *packed) {
    const dnnl_dims_t sizes = {k, n};
    TRY(description_make(&r->from, sizes, type_of(type), transpose_b ? dnnl_ba : dnnl_ab));
    TRY(describe_packed(worker, type, n, k, &r->to));
    TRY(dnnl_reorder_primitive_desc_create(
        &r->described, LOOK(r->from), worker->engine, LOOK(r->to), worker->engine, NULL));
    TRY(dnnl_primitive_create(&r->primitive, r->described));
    TRY(dnnl_memory_create(&r->source, LOOK(r->from), worker->engine, (void *)b));
    TRY(dnnl_memory_create(&r->target, LOOK(r->to), worker->engine, packed));
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, r->source}, {DNNL_ARG_TO, r->target}};
    TRY(dnnl_primitive_execute(r->primitive, worker->stream, 2, arguments));
    return dnnl_stream_wait(worker->stream);
}

int onednn_pack(
    int type, int transpose_b, int64_t n, int64_t k, const void *b, void *packed) {
    struct worker *worker = worker_here();
    if (!worker) return dnnl_out_of_memory;
    struct reordering r;
    memset(&r, 0, sizeof r);
    dnnl_status_t status = reorder(worker, &r, type, transpose_b, n, k, b, packed);
    if (r.source) dnnl_memory_destroy(r.source);
    if (r.target) dnnl_memory_destroy(r.target);
    if (r.primitive) dnnl_primitive_destroy(r.primitive);
    if (r.described) dnnl_primitive_desc_destroy(r.described);
    description_end(r.from);
    description_end(r.to);
    return status;
}
