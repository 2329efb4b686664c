#include "store/bucket.h"

#include "base/check.h"
#include "base/mem.h"
#include "cells.h"

enum { LIST_KEYS = 100 };

struct store_bucket {
    struct cells cells;
    struct cell_call call;
    char key[BUCKET_KEY_MAX];
    char after[BUCKET_KEY_MAX];
    store_bucket_fn fn;
    void *context;
    void (*on_closed)(void *context);
};

enum error_code store_bucket_open(struct loop *loop, const struct store_cloud *where, void *context,
                                  struct store_bucket **out, struct error *err)
{
    struct store_bucket *bucket = mem_zalloc(sizeof(*bucket));

    *out = bucket;
    bucket->context = context;
    return cells_open(loop, where, &bucket->cells, err);
}

static void on_cells_closed(void *context)
{
    struct store_bucket *bucket = context;
    struct callback on_closed = {bucket->on_closed, bucket->context};

    mem_free(bucket);
    callback_run(on_closed);
}

void store_bucket_close(struct store_bucket *bucket, void (*on_closed)(void *context))
{
    store_bucket_cancel(bucket);
    bucket->on_closed = on_closed;
    cells_close(&bucket->cells, on_cells_closed, bucket);
}

static void on_done(struct cell_call *call)
{
    static const enum store_bucket_end ends[] = {[CELL_OK] = BUCKET_DONE,
                                                 [CELL_NOTHING] = BUCKET_NOTHING,
                                                 [CELL_CONFLICT] = BUCKET_THERE,
                                                 [CELL_DOUBT] = BUCKET_AWAY,
                                                 [CELL_AWAY] = BUCKET_AWAY};
    struct store_bucket *bucket = call->owner;
    const struct error error = call->error; /* the callback may start the next call */
    const struct store_bucket_told told = {.end = ends[call->end],
                                           .error = &error,
                                           .bytes = call->out_bytes,
                                           .keys = call->keys,
                                           .n_keys = call->n_keys,
                                           .has_more = call->has_more};

    bucket->fn(bucket->context, &told);
}

static void start(struct store_bucket *bucket, enum cell_kind kind, struct str key,
                  store_bucket_fn fn)
{
    struct cell_call *call = &bucket->call;

    CHECK(call->cells == NULL && key.len < BUCKET_KEY_MAX);
    str_copy(bucket->key, sizeof(bucket->key), key);
    call->kind = kind;
    call->key = str_from(bucket->key);
    call->owner = bucket;
    call->on_done = on_done;
    bucket->fn = fn;
    cells_start(&bucket->cells, call);
}

void store_bucket_create(struct store_bucket *bucket, struct str key, struct str bytes,
                         store_bucket_fn fn)
{
    bucket->call = (struct cell_call){.bytes = bytes, .expect = CELL_ABSENT};
    start(bucket, CELL_PUT, key, fn);
}

void store_bucket_read(struct store_bucket *bucket, struct str key, store_bucket_fn fn)
{
    bucket->call = (struct cell_call){.expect = CELL_ANY};
    start(bucket, CELL_GET, key, fn);
}

void store_bucket_list(struct store_bucket *bucket, struct str prefix, struct str after,
                       store_bucket_fn fn)
{
    CHECK(after.len < BUCKET_KEY_MAX);
    str_copy(bucket->after, sizeof(bucket->after), after);
    bucket->call = (struct cell_call){
        .expect = CELL_ANY, .after = str_from(bucket->after), .limit = LIST_KEYS};
    start(bucket, CELL_LIST, prefix, fn);
}

void store_bucket_cancel(struct store_bucket *bucket)
{
    cells_cancel(&bucket->call);
}
