/* Sends one file to the proxy, follows its run, and stops it. No function here blocks: the
 * answer to a call or the end of a pause starts what comes next. */
#include "base/check.h"
#include "base/clock.h"
#include "run_internal.h"

enum {
    PAUSE_FIRST_MS = 100,
    PAUSE_MAX_MS = 1000,
    POST_TIMEOUT_MS = 60 * 1000,
    ASK_TIMEOUT_MS = 15 * 1000,
    TIMEOUT_GRACE_MS = 5 * 1000, /* the proxy enforces --timeout; we step in this much later */
    STOP_LIMIT_MS = 20 * 1000,
    OBJECT_MAX_NODES = 2 * 1000 * 1000,
    OBJECT_MAX_DEPTH = 24
};

static void pause_then(struct run_item *item, uint64_t ms);

/* ---- ends ---- */

static void end_item(struct run_item *item, enum verdict verdict)
{
    deadline_clear(&item->timer);
    item->state = ITEM_ENDED;
    item->verdict = verdict;
    item->ended_ms = clock_now_ms();
    item->began_ms = item->began_ms > 0 ? item->began_ms : item->ended_ms;
    run_on_item(item);
}

void item_end_unbegun(struct run_item *item, enum verdict verdict)
{
    CHECK(item->state == ITEM_QUEUED);
    item->state = ITEM_ENDED;
    item->verdict = verdict;
}

static void end_stopped(struct run_item *item)
{
    if (item->timed_out) {
        (void)error_set(&item->error, ERR_REQUEST_TIMEOUT, "gave up after %u s (--timeout)",
                        item->run->options.timeout_s);
        end_item(item, VERDICT_TIMED_OUT);
    } else {
        (void)error_set(&item->error, ERR_CANCELLED, "stopped");
        end_item(item, VERDICT_CANCELLED);
    }
}

/* ---- run objects ---- */

static const struct json *parse(struct arena *arena, struct str body)
{
    static const struct json_limits limits = {.max_depth = OBJECT_MAX_DEPTH,
                                              .max_nodes = OBJECT_MAX_NODES,
                                              .allow_duplicate_names = true};
    struct json *root;
    struct error err;

    if (json_parse(arena, body, &limits, &root, &err) != ERR_OK || json_type(root) != JSON_OBJECT) {
        return NULL;
    }
    return root;
}

static struct arena *next_arena(struct run_item *item)
{
    struct arena *arena = &item->arenas[1 - item->current];

    arena_reset(arena);
    return arena;
}

/* False: the answer is no run object; what was known before stays. */
static bool take_object(struct run_item *item, struct str body)
{
    const struct json *object = parse(next_arena(item), body);
    struct str id = json_str(json_get(object, "id"));
    struct buf path;

    /* The id becomes part of a path, so characters that have a meaning in paths are refused. */
    if (!str_is_only(id, "A-Za-z0-9_-") || id.len > RUN_ID_MAX ||
        json_str(json_get(object, "status")).len == 0) {
        return false;
    }
    item->current = 1 - item->current;
    item->object = object;
    item->heard_ms = clock_now_ms();
    buf_init(&path, sizeof(item->path) - 1);
    buf_printf(&path, "/api/v1/tests/runs/%.*s", STR_ARG(id));
    str_copy(item->path, sizeof(item->path), buf_view(&path));
    buf_done(&path);
    return true;
}

/* False: the run goes on. */
static bool end_by_object(struct run_item *item)
{
    struct str status = json_str(json_get(item->object, "status"));
    struct str detail = json_str(json_find(item->object, "/error/detail"));

    if (str_is(status, "running")) {
        return false;
    }
    if (str_is(status, "cancelled") && item->stop_ms > 0) {
        end_stopped(item);
        return true;
    }
    if (detail.len > 0) {
        (void)error_set(&item->error, ERR_INVALID, "%.*s", STR_ARG(detail));
    }
    if (verdict_of_status(status) != VERDICT_ERROR) {
        end_item(item, verdict_of_status(status));
        return true;
    }
    (void)error_set(&item->error, ERR_UPSTREAM_SHAPE,
                    "the proxy gives the run a status that this program does not know: \"%.*s\"",
                    STR_ARG(status));
    end_item(item, VERDICT_CANCELLED);
    return true;
}

/* ---- calls ---- */

static void call_proxy(struct run_item *item, const struct upstream_request *request,
                       upstream_done_fn on_done)
{
    struct cli_run *run = item->run;
    struct error err = {0};

    item->call = (struct upstream_call){.request = *request, .on_done = on_done};
    item->call.request.token = secret_is_set(&run->api_key) ? &run->api_key : NULL;
    if (upstream_start(run->client, &item->call, &err) != ERR_OK) {
        item->error = err;
        end_item(item, VERDICT_ERROR);
    }
}

/* Sets the item's error to the detail of the refusal, else to its HTTP status. */
static void explain_refusal(struct run_item *item, const struct upstream_reply *reply)
{
    const struct json *problem = parse(next_arena(item), reply->body);
    struct str detail = json_str(json_get(problem, "detail"));

    if (detail.len == 0) {
        (void)error_set(&item->error, ERR_UPSTREAM_SHAPE,
                        "HTTP %d without a reason: is there a virtuoso-proxy that can run tests "
                        "at this address?",
                        reply->status);
        return;
    }
    (void)error_set(&item->error, ERR_UPSTREAM_REFUSED, "HTTP %d: %.*s%s", reply->status,
                    STR_ARG(detail),
                    reply->status == 401
                        ? "; give the proxy's key with --api-key-file or VIRTUOSO_PROXY_API_KEY"
                        : "");
    if (item->object == NULL) { /* else the current arena must stay that of the run object */
        item->problem = problem;
        item->current = 1 - item->current;
    }
}

/* ---- following ---- */

static void go_on(struct run_item *item)
{
    uint64_t now_ms = clock_now_ms();
    uint64_t limit_ms = (uint64_t)item->run->options.timeout_s * 1000;

    if (item->stop_ms > 0 && now_ms - item->stop_ms > STOP_LIMIT_MS) {
        end_stopped(item);
        return;
    }
    if (limit_ms > 0 && item->stop_ms == 0 &&
        now_ms - item->accepted_ms > limit_ms + TIMEOUT_GRACE_MS) {
        item_stop(item, true);
        return;
    }
    pause_then(item, item->pause_ms);
    item->pause_ms = item->pause_ms * 3 / 2 < PAUSE_MAX_MS ? item->pause_ms * 3 / 2 : PAUSE_MAX_MS;
}

static void go_on_after_trouble(struct run_item *item)
{
    uint64_t silent_ms = clock_now_ms() - item->heard_ms;

    if (silent_ms > (uint64_t)item->run->options.patience_s * 1000) {
        (void)error_set(
            &item->error, ERR_UPSTREAM_CONNECT,
            "the proxy was lost: no answer for %u s. This is what was known by then; the run may go on there",
            (unsigned)(silent_ms / 1000));
        end_item(item, VERDICT_CANCELLED);
    } else {
        go_on(item);
    }
}

static void on_asked(struct upstream_call *call, enum error_code code)
{
    struct run_item *item = CONTAINER_OF(call, struct run_item, call);
    int status = code == ERR_OK ? call->reply.status : 0;

    if (status == 200 && take_object(item, call->reply.body)) {
        run_on_item(item);
        if (!end_by_object(item)) {
            go_on(item);
        }
    } else if (status == 404 || status == 410) {
        (void)error_set(
            &item->error, ERR_NOT_FOUND,
            "the proxy does not know this run any more (was it restarted?). This is what was known by then");
        end_item(item, VERDICT_CANCELLED);
    } else if (status == 401 || status == 403) {
        explain_refusal(item, &call->reply);
        end_item(item, VERDICT_CANCELLED);
    } else {
        go_on_after_trouble(item);
    }
}

static void on_stopped(struct upstream_call *call, enum error_code code)
{
    struct run_item *item = CONTAINER_OF(call, struct run_item, call);

    if (code == ERR_OK && (call->reply.status == 200 || call->reply.status == 202)) {
        item->stop_sent = true;
        item->pause_ms = PAUSE_FIRST_MS;
        go_on(item);
    } else {
        go_on_after_trouble(item); /* the DELETE is sent again: it is idempotent */
    }
}

static void ask_or_stop(struct run_item *item)
{
    bool stop = item->stop_ms > 0 && !item->stop_sent;
    const struct upstream_request request = {
        .method = stop ? STR("DELETE") : STR("GET"),
        .path = str_from(item->path),
        .class = stop ? CALL_CHANGE : CALL_READ,
        .timeout_ms = ASK_TIMEOUT_MS,
        .deadline_ms = ASK_TIMEOUT_MS,
    };

    call_proxy(item, &request, stop ? on_stopped : on_asked);
}

/* ---- beginning ---- */

/* True: the proxy carries out another file of this run. It is busy with our own work, and will have room again. */
static bool is_ours_running(const struct cli_run *run)
{
    for (size_t i = 0; i < run->gather.n; i++) {
        if (run->items[i].state == ITEM_FOLLOWING) {
            return true;
        }
    }
    return false;
}

static bool will_pass(const struct run_item *item, int status)
{
    uint64_t spent_ms = clock_now_ms() - item->began_ms;

    return (status == 429 || status == 503) && item->stop_ms == 0 &&
           (spent_ms < (uint64_t)item->run->options.patience_s * 1000 ||
            is_ours_running(item->run));
}

static void on_refused(struct run_item *item, const struct upstream_reply *reply)
{
    size_t n_errors;

    if (will_pass(item, reply->status)) { /* nothing was begun */
        pause_then(item,
                   reply->retry_after_s > 0 ? (uint64_t)reply->retry_after_s * 1000 : PAUSE_MAX_MS);
        return;
    }
    explain_refusal(item, reply);
    n_errors = json_size(json_get(item->problem, "errors"));
    if (reply->status == 422 && n_errors > 0) {
        item->broken = true;
        (void)error_set(&item->error, ERR_UNPROCESSABLE, "does not compile: %zu %s", n_errors,
                        n_errors == 1 ? "error" : "errors");
    }
    /* The proxy found no test with the tag. Its version may read the file otherwise than this program does. */
    if (reply->status == 400 && item->run->options.n_tags > 0 &&
        str_is(json_str(json_find(item->problem, "/errors/0/pointer")), "tag")) {
        (void)error_set(&item->error, ERR_INVALID, "no test with one of the tags");
        end_item(item, VERDICT_SKIPPED);
        return;
    }
    end_item(item, VERDICT_ERROR);
}

static void on_begun(struct run_item *item, const struct upstream_reply *reply)
{
    if (item->run->options.dry_run) {
        item->dry_run = parse(next_arena(item), reply->body);
        item->current = 1 - item->current;
        if (str_is(json_str(json_get(item->dry_run, "status")), "dry_run")) {
            end_item(item, VERDICT_PLANNED);
            return;
        }
    } else if (take_object(item, reply->body)) {
        item->state = ITEM_FOLLOWING;
        item->accepted_ms = clock_now_ms();
        item->pause_ms = PAUSE_FIRST_MS;
        run_on_item(item);
        if (!end_by_object(item)) {
            pause_then(item, item->stop_ms > 0 ? 0 : item->pause_ms);
        }
        return;
    }
    (void)error_set(&item->error, ERR_UPSTREAM_SHAPE,
                    "the answer is not that of a virtuoso-proxy that can run tests");
    end_item(item, VERDICT_ERROR);
}

static void on_posted(struct upstream_call *call, enum error_code code)
{
    struct run_item *item = CONTAINER_OF(call, struct run_item, call);

    if (code == ERR_OK && call->reply.status >= 200 && call->reply.status < 300) {
        on_begun(item, &call->reply);
    } else if (code == ERR_OK) {
        on_refused(item, &call->reply);
    } else {
        item->error = call->error;
        cli_say_proxy(&item->error);
        end_item(item, call->may_have_left ? VERDICT_CANCELLED : VERDICT_ERROR);
    }
}

static void post(struct run_item *item)
{
    const struct upstream_request request = {
        .method = STR("POST"),
        .path = STR("/api/v1/tests/run"),
        .query = item->query,
        .body = item->source->text,
        .content_type = item->source->is_json ? STR("application/json") : STR("application/yaml"),
        .class = CALL_CREATE,
        .timeout_ms = POST_TIMEOUT_MS,
        .deadline_ms = POST_TIMEOUT_MS,
    };

    call_proxy(item, &request, on_posted);
}

void item_start(struct run_item *item)
{
    CHECK(item->state == ITEM_QUEUED);
    item->state = ITEM_POSTING;
    item->began_ms = clock_now_ms();
    item->heard_ms = item->began_ms;
    run_on_item(item);
    post(item);
}

/* ---- pauses and the way out ---- */

static void on_pause_over(struct deadline *deadline)
{
    struct run_item *item = CONTAINER_OF(deadline, struct run_item, timer);

    if (item->state == ITEM_POSTING && item->stop_ms > 0) {
        item_abandon(item); /* the POST got no answer in STOP_LIMIT_MS */
    } else if (item->state == ITEM_POSTING) {
        post(item);
    } else {
        ask_or_stop(item);
    }
}

static void pause_then(struct run_item *item, uint64_t ms)
{
    deadline_set(&item->run->loop->deadlines, &item->timer, ms, on_pause_over);
}

void item_stop(struct run_item *item, bool timed_out)
{
    if (item->state == ITEM_ENDED || item->stop_ms > 0) {
        return;
    }
    item->stop_ms = clock_now_ms();
    item->timed_out = timed_out;
    if (item->state == ITEM_QUEUED) {
        end_stopped(item);
    } else if (item->state == ITEM_POSTING && !upstream_is_on_wire(&item->call)) {
        upstream_cancel(&item->call); /* safe in a pause too, when no call runs */
        end_stopped(item);
    } else if (item->state == ITEM_FOLLOWING) {
        upstream_cancel(&item->call);
        pause_then(item, 0);
    } else { /* wait for the answer to the POST: only the run id in it can be stopped */
        pause_then(item, STOP_LIMIT_MS);
    }
}

void item_abandon(struct run_item *item)
{
    if (item->state != ITEM_ENDED) {
        bool unknown = item->state == ITEM_POSTING && upstream_is_on_wire(&item->call);

        upstream_cancel(&item->call);
        end_stopped(item);
        if (unknown) {
            (void)error_set(&item->error, ERR_OUTCOME_UNKNOWN,
                            "stopped before the proxy had answered: the run may have begun there");
        }
    }
}
