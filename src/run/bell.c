/* The bell is a stream. A process that puts a run on record, or gives one up, rings it; processes that carry runs out
 * hear it and look at the claims at once. If they miss a ring, they look in their own time. */
#include "share_internal.h"

enum { BELL_MS = 600000, AGAIN_MS = 1000 };

/* --- ringing */
static void on_rung(struct store_op *op, const struct store_result *result)
{
    struct run_share *share = CONTAINER_OF(op, struct run_share, bell);

    (void)result;
    if (share->rings_again) {
        share->rings_again = false;
        runs_ring(share);
    }
}

void runs_ring(struct run_share *share)
{
    struct store_request request = {.kind = STORE_APPEND,
                                    .format = RUN_FORMAT,
                                    .key = STR(RUN_BELL),
                                    .bytes = STR("given"),
                                    .limit = 1,
                                    .ttl_ms = BELL_MS};

    if (share->stopped || share->options.role == RUN_ROLE_DRIVEN) {
        return; /* such a run is free until a request drives it: nobody needs to look */
    }
    if (store_is_running(&share->bell)) { /* its hearers may look too early: ring again */
        share->rings_again = true;
        return;
    }
    store_start(share->options.store, &request, &share->bell, on_rung);
}

/* --- listening */
static void listen(struct deadline *again);

static void on_bell(struct store_op *op, const struct store_result *result)
{
    struct run_ear *ear = CONTAINER_OF(op, struct run_ear, op);

    if (result->error.code != ERR_OK) {
        deadline_set(ear->share->options.deadlines, &ear->again, AGAIN_MS, listen);
        return;
    }
    if (result->n_items > 0) {
        ear->heard = result->items[result->n_items - 1].sequence;
        adopter_look(ear->share->adopter);
    } else if (result->rewound) { /* the stream has expired and begins anew */
        ear->heard = result->sequence;
    }
    listen(&ear->again);
}

static void listen(struct deadline *again)
{
    struct run_ear *ear = CONTAINER_OF(again, struct run_ear, again);
    struct store_request request = {.kind = STORE_READ,
                                    .format = RUN_FORMAT,
                                    .key = STR(RUN_BELL),
                                    .after = ear->heard,
                                    .limit = STORE_LIMIT_MAX,
                                    .wait_ms = STORE_WAIT_MAX_MS};

    store_start(ear->share->options.store, &request, &ear->op, on_bell);
}

void run_ear_open(struct run_ear *ear, struct run_share *share)
{
    ear->share = share;
    listen(&ear->again);
}

void run_ear_close(struct run_ear *ear)
{
    store_cancel(&ear->op);
    deadline_clear(&ear->again);
}
