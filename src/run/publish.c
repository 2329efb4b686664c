/* A run is published: steps, claim, document, in this order. So a claim without a document is that of a run which
 * never began, and the process that finds it removes it. */
#include "share_internal.h"

void log_published(struct run_log *log, const struct error *error)
{
    run_published_fn on_published = log->on_published;

    log->on_published = NULL;
    if (error == NULL) {
        buf_done(&log->document);
        log->options = NULL;
    }
    on_published(log->context, error);
}

static void on_document_put(struct store_op *op, const struct store_result *result)
{
    struct run_log *log = CONTAINER_OF(op, struct run_log, claim);

    log_published(log, result->error.code == ERR_OK ? NULL : &result->error);
}

static void on_claim_put(struct store_op *op, const struct store_result *result)
{
    struct run_log *log = CONTAINER_OF(op, struct run_log, claim);
    char room[RUN_KEY_MAX];
    struct store_request request = {.kind = STORE_PUT, .bytes = buf_view(&log->document)};

    if (result->error.code != ERR_OK) {
        log_published(log, &result->error);
        return;
    }
    log->fence = result->version;
    request.key = runs_document_key(str_from(log->name), room);
    log_put(log, &request, &log->claim, on_document_put);
}

static void put_part(struct run_log *log);

static void on_part_put(struct store_op *op, const struct store_result *result)
{
    struct run_log *log = CONTAINER_OF(op, struct run_log, claim);

    if (result->error.code != ERR_OK) {
        log_published(log, &result->error);
    } else if (!steps_are_written(log)) {
        put_part(log);
    } else {
        log_put_claim(log, STORE_ABSENT, runs_holder(log->share), on_claim_put);
    }
}

static void put_part(struct run_log *log)
{
    char room[RUN_KEY_MAX];
    struct store_request request = {.kind = STORE_PUT};
    struct buf part;

    buf_init(&part, (size_t)2 * RUN_PART_BYTES);
    request.key = runs_part_key(str_from(log->name), log->at_part, room);
    steps_write_part(log, &part);
    request.bytes = buf_view(&part);
    log_put(log, &request, &log->claim, on_part_put);
    buf_done(&part);
}

static void on_soon_published(struct later_item *item)
{
    log_held(CONTAINER_OF(item, struct run_log, soon));
}

void run_publish(struct run *run, const struct run_publication *what, run_published_fn on_published,
                 void *context)
{
    struct digest keys[RUN_KEYS_MAX] = {0};
    struct run_log *log = log_new(run);

    log->state = LOG_PUBLISHES;
    log->ttl_ms = RUN_KEPT_MS + what->deadline_ms;
    log->options = what->options;
    log->seals = run_keys_of(run->store, keys) > 0;
    log->key = keys[0];
    buf_init(&log->text, RUN_STEPS_MAX);
    log->waits = what->waits;
    log->on_published = on_published;
    log->context = context;
    buf_init(&log->document, RUN_DOCUMENT_MAX);
    run_document_write(&log->document, log, what);
    runs_want(log->share);
    if (log->share->holds) {
        later_add(log->share->options.later, &log->soon, on_soon_published);
    }
}

bool run_is_given(const struct run *run)
{
    return run->log != NULL && log_must_leave(run->log);
}

void run_drive(struct run *run)
{
    const struct run_share *share = run->store->options.share;

    if (share != NULL && share->options.role == RUN_ROLE_DRIVEN) {
        run->n_drivers++;
        if (run->mirror != NULL) {
            adopter_look(share->adopter);
        }
    }
}

void run_undrive(struct run *run)
{
    if (run->n_drivers > 0 && --run->n_drivers == 0 && run->log != NULL) {
        log_leave_soon(run->log);
    }
}

bool run_is_driven(const struct run *run)
{
    return run->n_drivers > 0;
}

void run_unpublish(struct run *run)
{
    if (run->log != NULL) {
        log_free(run->log);
    }
}

void log_publish(struct run_log *log)
{
    struct error err = {0};

    if (buf_ok(&log->document)) {
        put_part(log);
        return;
    }
    (void)error_set(&err, ERR_TOO_BIG,
                    "What this run was asked for is longer than %d KiB, the most that the shared "
                    "store keeps of a run beside its steps: give shorter names",
                    RUN_DOCUMENT_MAX / 1024);
    log_published(log, &err);
}
