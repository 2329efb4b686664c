/* Lines of a run's stream. Each is an object of JSON: "k" says what it is, "ms" when, counted from the
 * beginning of the run; "t" is the test, "g" the goal, "s" the step, "c" the call. */
#include "base/clock.h"
#include "share_internal.h"

static size_t begin(const struct run *run, struct json_writer *w, const char *kind)
{
    struct buf *out = &run->log->pending;
    size_t before = out->len;

    jw_init(w, out);
    jw_object(w);
    jw_kv_text(w, "k", kind);
    jw_kv_int(w, "ms", clock_wall_ms() - run->created_ms);
    return before;
}

static void end(const struct run *run, struct json_writer *w, size_t before)
{
    struct run_log *log = run->log;

    jw_end(w);
    buf_char(&log->pending, '\n');
    log->n_written += log->pending.len - before;
    log_flush_soon(log);
}

static void write_place(const struct run *run, struct json_writer *w, const struct run_goal *goal,
                        const struct run_test *test)
{
    if (test != NULL) {
        jw_kv_int(w, "t", test - run->tests);
    } else {
        jw_kv_int(w, "g", goal - run->goals);
    }
}

static void write_call_name(struct json_writer *w, const struct run_call *call)
{
    jw_kv_text(w, "c", setup_name(call->setup));
    if (call->attempt > 0) {
        jw_kv_int(w, "a", call->attempt);
    }
}

static void write_fault(struct json_writer *w, const struct run_fault *fault)
{
    if (fault != NULL) {
        jw_kv_text(w, "e", fault->code);
        jw_kv_str(w, "d", fault->detail);
        jw_kv_int(w, "u", fault->upstream_status);
    }
}

void record_begun(struct run *run, const struct run_row *row)
{
    struct json_writer w;
    size_t before = begin(run, &w, "begun");

    write_place(run, &w, row->goal, row->test);
    if (row->call != NULL) {
        write_call_name(&w, row->call);
        jw_kv_int(&w, "titles", row->test != NULL ? row->test->n_titles : 0);
    } else {
        jw_kv_int(&w, "s", row->step - row->test->steps);
        jw_kv_int(&w, "n", lanes_end(run->store->options.lanes, row->test->ids.checkpoint_id));
    }
    end(run, &w, before);
}

/* It is not sent after all. */
void record_unbegun(struct run *run, const struct run_row *row)
{
    struct json_writer w;
    size_t before = begin(run, &w, "unbegun");

    write_place(run, &w, row->goal, row->test);
    if (row->call != NULL) {
        write_call_name(&w, row->call);
    } else {
        jw_kv_int(&w, "s", row->step - row->test->steps);
    }
    end(run, &w, before);
}

void record_left(struct run *run)
{
    struct json_writer w;
    size_t before = begin(run, &w, "left");

    end(run, &w, before);
}

void record_go(struct run *run, int64_t position)
{
    struct json_writer w;
    size_t before = begin(run, &w, "go");

    jw_kv_int(&w, "p", position);
    end(run, &w, before);
}

static void write_row(struct run *run, struct json_writer *w, const struct run_event *event)
{
    const struct run_call *call = event->what.call;
    const struct json *organization =
        call->setup == SETUP_ORGANIZATION ? plan_get(run->plan, "organization_id") : NULL;

    write_place(run, w, event->of_goal ? event->of.goal : NULL,
                event->of_goal ? NULL : event->of.test);
    write_call_name(w, call);
    jw_kv_int(w, "st", call->status);
    jw_kv_int(w, "id", call->id);
    jw_kv_int(w, "us", (int64_t)call->us);
    write_fault(w, call->fault);
    if (organization != NULL) {
        jw_key(w, "org");
        json_write(w, organization);
    }
}

static void write_step(struct run *run, struct json_writer *w, const struct run_event *event)
{
    const struct run_step *step = event->what.step;

    write_place(run, w, NULL, event->of.test);
    jw_kv_int(w, "s", step - event->of.test->steps);
    jw_kv_int(w, "st", step->status);
    jw_kv_int(w, "id", step->step_id);
    jw_kv_int(w, "p", step->position);
    jw_kv_int(w, "us", (int64_t)step->us);
    write_fault(w, step->fault);
}

static void write_execution(struct run *run, struct json_writer *w, const struct run_event *event)
{
    const struct run_execution *execution = &event->of.goal->execution;

    write_place(run, w, event->of.goal, NULL);
    jw_kv_int(w, "a", execution->attempt);
    jw_kv_int(w, "id", execution->job_id);
    jw_kv_str(w, "st", execution->status);
    jw_kv_str(w, "o", execution->outcome);
    jw_kv_int(w, "p", execution->progress);
    jw_kv_int(w, "us", (int64_t)execution->us);
}

static void write_done(struct run *run, struct json_writer *w)
{
    jw_kv_text(w, "st", run_status_name(run->status));
    jw_kv_int(w, "us", (int64_t)((run->over_ms - run->begun_ms) * 1000));
    if (run->error.code != ERR_OK) {
        jw_kv_text(w, "e", error_slug(run->error.code));
        jw_kv_text(w, "d", run->error.text);
        jw_kv_int(w, "u", run->error.upstream_status);
    }
    jw_key(w, "tests");
    jw_array(w);
    for (size_t i = 0; i < run->n_tests; i++) {
        const struct run_test *test = &run->tests[i];

        jw_int(w, test->status);
        jw_int(w, test->begun && test->ended_ms != 0 ? (int64_t)(test->ended_ms - test->began_ms)
                                                     : -1);
    }
    jw_end(w);
}

void record_event(struct run *run, const struct run_event *event)
{
    static const char *const kinds[] = {[EVENT_RUN] = "run",
                                        [EVENT_ROW] = "row",
                                        [EVENT_STEP] = "step",
                                        [EVENT_EXECUTION] = "execution",
                                        [EVENT_DONE] = "done"};
    struct json_writer w;
    size_t before = begin(run, &w, kinds[event->kind]);

    switch (event->kind) {
    case EVENT_RUN:
        break;
    case EVENT_ROW:
        write_row(run, &w, event);
        break;
    case EVENT_STEP:
        write_step(run, &w, event);
        break;
    case EVENT_EXECUTION:
        write_execution(run, &w, event);
        break;
    case EVENT_DONE:
        write_done(run, &w);
        break;
    }
    end(run, &w, before);
}

/* What the execution told of each step. */
void record_outcomes(struct run *run, const struct run_goal *goal)
{
    struct json_writer w;
    size_t before;

    for (const struct run_test *test = run->tests; test < run->tests + run->n_tests; test++) {
        if (test->goal != goal) {
            continue;
        }
        before = begin(run, &w, "verdict");
        write_place(run, &w, NULL, test);
        jw_kv_text(&w, "o", test->outcome);
        jw_kv_int(&w, "x", (int64_t)test->executed_ms);
        end(run, &w, before);
        for (const struct run_step *step = test->steps; step < test->steps + test->n_steps;
             step++) {
            if (step->executed == NULL) {
                continue;
            }
            before = begin(run, &w, "outcome");
            write_place(run, &w, NULL, test);
            jw_kv_int(&w, "s", step - test->steps);
            jw_kv_text(&w, "o", step->executed->word);
            jw_kv_int(&w, "x", (int64_t)step->executed->ms);
            jw_kv_str(&w, "r", step->executed->reason);
            jw_kv_str(&w, "i", step->executed->picture);
            end(run, &w, before);
        }
    }
}
