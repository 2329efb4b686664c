/* GET /api/v1/events: what happens, live. GET /api/v1/audit: who did what, as far as it is still in
 * memory (the audit file has all of it). */
#include "events/events.h"
#include "api/gate/query.h"
#include "api/gate/sse.h"
#include "api/ops/handlers.h"
#include "base/date.h"
#include "base/json_form.h"
#include "config/permission.h"
#include "events/audit.h"

enum { LIMIT_USUAL = 100 };

struct stream {
    struct sse sse;
    struct fact_consumer consumer;
    uint64_t seen;    /* number of the last fact that was looked at */
    struct str types; /* with commas; empty: all */
    bool sees_all;
};

static bool is_wanted(struct str types, const char *type)
{
    struct str word;

    if (types.len == 0) {
        return true;
    }
    while (str_next(&types, ',', &word)) {
        if (str_is(str_trim(word), type)) {
            return true;
        }
    }
    return false;
}

static void write_event(const struct fact *fact, struct buf *out)
{
    struct json_writer w;
    char id[48];

    cloud_event_id(fact, id);
    buf_printf(out, "id: %s\nevent: %s\ndata: ", id, fact_type(fact->kind));
    jw_init(&w, out);
    cloud_event_write(&w, fact);
    buf_text(out, "\n\n");
}

/* Tells a reader that was too slow how many events it has lost. */
static bool skip_gap(struct stream *stream, struct buf *out)
{
    uint64_t oldest = facts_oldest();
    struct json_writer w;

    if (stream->seen + 1 >= oldest) {
        return false;
    }
    buf_text(out, "event: gap\ndata: ");
    jw_init(&w, out);
    jw_form(&w, "{lost:%i}", oldest - stream->seen - 1);
    buf_text(out, "\n\n");
    stream->seen = oldest - 1;
    return true;
}

static bool next(struct sse *sse, struct buf *out)
{
    struct stream *stream = CONTAINER_OF(sse, struct stream, sse);
    const struct fact *fact;

    if (skip_gap(stream, out)) {
        return true;
    }
    while ((fact = fact_at(stream->seen + 1)) != NULL) {
        stream->seen++;
        struct str owner = {(const char *)fact->owner, FACT_OWNER_BYTES};

        if ((stream->sees_all || str_eq(digest_view(&sse->task->principal.owner), owner)) &&
            is_wanted(stream->types, fact_type(fact->kind))) {
            write_event(fact, out);
            return true;
        }
    }
    return false;
}

static void let_go(struct sse *sse)
{
    facts_leave(&CONTAINER_OF(sse, struct stream, sse)->consumer);
}

static void on_news(struct fact_consumer *consumer)
{
    sse_news(&CONTAINER_OF(consumer, struct stream, consumer)->sse);
}

/* Unknown types are an error: the stream would have no events, and look like one that waits. */
static enum error_code judge_types(struct task *task, struct str types)
{
    struct str word;

    while (str_next(&types, ',', &word)) {
        bool is_known = false;

        for (size_t i = 0; i < FACT_N && !is_known; i++) {
            is_known = str_is(str_trim(word), fact_type((enum fact_kind)i));
        }
        if (!is_known) {
            return error_at(&task->error, ERR_INVALID, "types",
                            "there are no events of the type \"%.*s\"; command.executed and "
                            "run.finished are some that there are",
                            STR_ARG(str_sub(word, 0, 40)));
        }
    }
    return ERR_OK;
}

/* The last event that the caller has seen. If that is not kept any more, all events that are kept are new. */
static enum error_code last_seen(struct task *task, uint64_t *out)
{
    struct str text = exchange_header(task->exchange, "Last-Event-ID");
    struct str process;
    struct str number_text;
    int64_t number;

    text = text.len > 0 ? text : task_query_text(task, "last_event_id");
    *out = facts_newest();
    if (text.len == 0) {
        return ERR_OK;
    }
    if (!str_cut(text, '-', &process, &number_text) ||
        !str_to_i64(number_text, 1, INT64_MAX, &number)) {
        return error_at(&task->error, ERR_INVALID, "Last-Event-ID",
                        "Last-Event-ID must be the id of an event of this service");
    }
    *out = cloud_event_find(text);
    *out = *out > 0 ? *out : facts_oldest() - 1;
    return ERR_OK;
}

enum stage_verdict handle_events(struct task *task)
{
    static const struct sse_source source = {next, NULL, let_go};
    struct str types = task_query_text(task, "types");
    enum stage_verdict verdict;
    struct stream *stream;
    uint64_t seen;

    if (judge_types(task, types) != ERR_OK || last_seen(task, &seen) != ERR_OK) {
        return task_fail(task);
    }
    verdict = sse_admit(task);
    if (verdict != STAGE_CONTINUE) {
        return verdict;
    }
    stream = arena_zalloc(task->arena, sizeof(*stream));
    stream->types = arena_str(task->arena, types);
    stream->sees_all = task_may(task, PERMISSION_ADMIN);
    stream->seen = seen;
    stream->consumer.on_news = on_news;
    facts_listen(&stream->consumer, task->api->options.later);
    return sse_begin(task, &stream->sse, &source);
}

/* ---- audit ---- */

struct audit_wish {
    int64_t since_ms;
    struct str principal;
    struct str action;
};

static bool fits(const struct audit_wish *wish, const struct fact *fact)
{
    return audit_takes(fact) && fact->wall_ms >= wish->since_ms &&
           (wish->principal.len == 0 || str_is(wish->principal, fact->principal)) &&
           (wish->action.len == 0 || (fact->action != NULL && str_is(wish->action, fact->action)));
}

enum stage_verdict handle_audit(struct task *task)
{
    struct str since = task_query_text(task, "since");
    struct audit_wish wish = {.principal = task_query_text(task, "principal"),
                              .action = task_query_text(task, "action")};
    struct json_writer *w = task_writer(task);
    int64_t left = task_query_number(task, "limit", LIMIT_USUAL);
    const struct fact *fact;

    if (since.len > 0 && !date_read(since, &wish.since_ms)) {
        (void)error_at(&task->error, ERR_INVALID, "since",
                       "since must be a date such as 2027-01-31T12:00:00Z");
        return task_fail(task);
    }
    jw_shape(w, "{events:[");
    for (uint64_t at = facts_newest(); left > 0 && (fact = fact_at(at)) != NULL; at--) {
        if (fits(&wish, fact)) { /* the newest ones, the newest first */
            cloud_event_write(w, fact);
            left--;
        }
    }
    jw_shape(w, "]}");
    return task_written(task, 200);
}
