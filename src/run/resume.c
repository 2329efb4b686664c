/* How to go on where a run has ended: the query for another run of the same file. */
#include "run_internal.h"

#include "base/json_form.h"

/* The step after the last one that exists; n_steps: none is left. */
static size_t first_missing(const struct run_test *test)
{
    size_t at = test->n_steps;

    while (at > 0 && test->steps[at - 1].status != ROW_DONE &&
           test->steps[at - 1].status != ROW_FAILED) {
        at--;
    }
    while (at > 0 && test->steps[at - 1].status == ROW_FAILED && !test->steps[at - 1].optional) {
        at--;
    }
    return at;
}

/* The first test that lacks steps; NULL: there is none to resume. */
static const struct run_test *unfinished(const struct run *run)
{
    for (size_t i = 0; i < run->n_tests; i++) {
        const struct run_test *test = &run->tests[i];

        if (first_missing(test) < test->n_steps) {
            return test;
        }
    }
    return NULL;
}

static void put_id(struct buf *out, const char *name, int64_t id)
{
    if (id != 0) {
        buf_printf(out, "%s%s=%lld", out->len > 0 ? "&" : "", name, (long long)id);
    }
}

static void put_query(struct buf *out, const struct run *run, const struct run_test *test)
{
    const struct run_ids *ids = test->goal != NULL && !test->begun ? &test->goal->ids : &test->ids;

    put_id(out, "project_id", ids->project_id);
    put_id(out, "goal_id", ids->goal_id);
    put_id(out, "snapshot_id", ids->snapshot_id);
    put_id(out, "journey_id", test->ids.journey_id);
    put_id(out, "checkpoint_id", test->ids.checkpoint_id);
    if (test->ids.checkpoint_id != 0 && test->ids.journey_id != 0 && !test->attached) {
        put_id(out, "attach", 1);
    }
    if (run->n_all_tests > 1) {
        put_id(out, "test", (int64_t)test->index + 1);
    }
    put_id(out, "from", (int64_t)first_missing(test) + 1);
    if (run->execute) {
        put_id(out, "execute", 1);
    }
}

static const char *unknown_call(const struct run_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (calls[i].status == ROW_UNKNOWN) {
            return setup_name(calls[i].setup);
        }
    }
    return NULL;
}

/* What to look at first: a call whose answer was lost may have made its thing all the same. */
static void put_advice(struct buf *out, const struct run_test *test)
{
    size_t at = first_missing(test);
    const char *call = unknown_call(test->calls, test->n_calls);

    if (call == NULL && test->goal != NULL) {
        call = unknown_call(test->goal->calls, test->goal->n_calls);
    }
    if (call != NULL) {
        buf_printf(
            out,
            "The answer to \"%s\" was lost. What it creates may exist already: look before you go on. ",
            call);
    }
    if (at < test->n_steps && test->steps[at].status == ROW_UNKNOWN) {
        buf_printf(
            out,
            "Step %zu may exist already: look at the checkpoint, and go on from step %zu if it does. ",
            at + 1, at + 2);
    }
    if (at > 0 || test->begun) {
        buf_printf(out, "Goes on with step %zu of \"%.*s\".", at + 1, STR_ARG(test->name));
    } else {
        buf_printf(out, "Begins with \"%.*s\".", STR_ARG(test->name));
    }
}

void resume_write(const struct run *run, struct json_writer *w)
{
    const struct run_test *test = unfinished(run);
    struct buf query;
    struct buf text;

    if (!run_is_over(run) || run_succeeded(run) || test == NULL) {
        jw_null(w);
        return;
    }
    buf_init(&query, 1024);
    buf_init(&text, 8192);
    put_query(&query, run, test);
    buf_printf(&text, "virtuoso-proxy run FILE --resume '%.*s'", STR_ARG(buf_view(&query)));
    jw_form(w, "{query:%s, command:%s", buf_view(&query), buf_view(&text));
    buf_clear(&text);
    put_advice(&text, test);
    jw_kv_str(w, "detail", buf_view(&text));
    jw_end(w);
    buf_done(&query);
    buf_done(&text);
}
