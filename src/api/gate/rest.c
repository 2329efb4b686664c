/* Where the process is stopped between two requests (api.rests: AWS Lambda, Cloud Run), nothing may be left to do after
 * an answer. So the session and the reply of an Idempotency-Key are written, and the leases are let go before it: the
 * next request, to another process, need not wait until a lease expires, and a retry is told what became of the first.
 *
 *   answer ──► session saved, reply written ──► session and leases let go ──► released in the store ──►
 *   the answer leaves */
#include "api/gate/session_seat.h"
#include "api/gate/task.h"
#include "idempotency_share.h"
#include "store/keep.h"

struct resting {
    struct later_item saved; /* a later turn: a session leaves its lease after telling all uses */
    struct claim_end ended;
    struct keeps_rested wait;
    struct task *task;
    bool saves; /* the session is being written */
    void (*then)(struct task *task);
};

/* A request without a session, a plan, a test run or a claim has held no lease. One that is refused before its handler
 * began is answered at once: while it waits, http would give its body to the handler. */
static bool has_worked(const struct task *task, const struct claim *claim)
{
    bool handles = task->stages != NULL && *task->stages == NULL; /* it is the last stage */

    return handles && (claim != NULL || task->session_seat != NULL || task->plan != NULL ||
                       str_is(str_from(task->route->tag), "tests"));
}

static void let_go(struct task *task)
{
    later_remove(&task->resting->saved);
    claim_stop_waiting(&task->resting->ended);
    keeps_stop_waiting(&task->resting->wait);
    if (task->session_seat != NULL) {
        session_use_end(&task->session_seat->use);
    }
}

static void go_on(struct task *task)
{
    task->on_cancel = NULL;
    task->on_deadline = NULL;
    task->must_finish = NULL;
    task->resting->then(task);
}

/* The store does not answer: the caller has waited long enough. */
static void on_deadline(struct task *task)
{
    let_go(task);
    go_on(task);
}

static bool must_finish(struct task *task)
{
    (void)task;
    return true; /* its reply may be kept for its Idempotency-Key */
}

static void on_rested(struct keeps_rested *wait)
{
    go_on(CONTAINER_OF(wait, struct resting, wait)->task);
}

/* False: there is nothing to wait for. */
static bool release(struct task *task)
{
    let_go(task);
    keeps_rest(task->api->rests);
    return !keeps_are_rested(task->api->rests, &task->resting->wait, on_rested);
}

/* Leases last: the claim uses the lease of this process. */
static void release_when_written(struct resting *resting)
{
    if (!resting->saves && resting->ended.claim == NULL && !release(resting->task)) {
        go_on(resting->task);
    }
}

static void on_soon(struct later_item *item)
{
    struct resting *resting = CONTAINER_OF(item, struct resting, saved);

    resting->saves = false;
    release_when_written(resting);
}

static void on_claim_end(struct claim_end *ended)
{
    release_when_written(CONTAINER_OF(ended, struct resting, ended));
}

static void on_saved(struct session_use *use, const struct error *error)
{
    struct task *task = CONTAINER_OF(use, struct session_seat, use)->task;

    (void)error; /* the caller's change is done: a failure must not hold up the answer */
    later_add(task->api->options.later, &task->resting->saved, on_soon);
}

bool task_rests(struct task *task, struct claim *claim, void (*then)(struct task *task))
{
    struct session_seat *seat = task->session_seat;

    if (task->api->rests == NULL || task->resting != NULL || !has_worked(task, claim)) {
        return false;
    }
    task->resting = arena_zalloc(task->arena, sizeof(*task->resting));
    task->resting->task = task;
    task->resting->then = then;
    if (claim != NULL) {
        claim_wait(claim, &task->resting->ended, on_claim_end);
    }
    if (seat != NULL && seat->use.share != NULL) {
        task->resting->saves = true;
        session_use_save(&seat->use, on_saved);
    } else if (claim == NULL && !release(task)) {
        return false;
    }
    task->on_writable = NULL; /* the handler's, whose state goes */
    task->on_cancel = let_go;
    task->on_deadline = on_deadline;
    task->must_finish = must_finish;
    return true;
}
