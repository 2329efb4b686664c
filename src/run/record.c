/* Lines of a run's stream. Each is an object of JSON: "k" says what it is, "ms" when, counted from the
 * beginning of the run; "t" is the test, "g" the goal, "s" the step, "c" the call. */
#include "base/clock.h"
#include "base/json_form.h"
#include "share_internal.h"

struct line {
    struct run_log *log;
    size_t before; /* bytes that waited in front of it */
    struct json_writer w;
};

static void begin(const struct run *run, const char *kind, struct line *line)
{
    line->log = run->log;
    line->before = run->log->pending.len;
    jw_init(&line->w, &run->log->pending);
    jw_form(&line->w, "{k:%s, ms:%i", kind, clock_wall_ms() - run->created_ms);
}

static void end(struct line *line)
{
    struct run_log *log = line->log;

    jw_end(&line->w);
    buf_char(&log->pending, '\n');
    log->n_written += log->pending.len - line->before;
    log_flush_soon(log);
}

/* Writes what a line is about: a test or a goal; a call or a step of it. */
static void write_what(const struct run *run, struct json_writer *w, const struct run_row *what)
{
    if (what->test != NULL) {
        jw_kv_int(w, "t", what->test - run->tests);
    } else {
        jw_kv_int(w, "g", what->goal - run->goals);
    }
    if (what->call != NULL) {
        jw_form(w, "c:%s, a?:%i", setup_name(what->call->setup), what->call->attempt);
    } else if (what->step != NULL) {
        jw_kv_int(w, "s", what->step - what->test->steps);
    }
}

static void write_fault(struct json_writer *w, const struct run_fault *fault)
{
    if (fault != NULL) {
        jw_form(w, "e:%s, d:%s, u:%i", fault->code, fault->detail, fault->upstream_status);
    }
}

void record_begun(struct run *run, const struct run_row *row)
{
    struct line line;

    begin(run, "begun", &line);
    write_what(run, &line.w, row);
    if (row->call != NULL) {
        jw_kv_int(&line.w, "titles", row->test != NULL ? row->test->n_titles : 0);
    } else {
        jw_kv_int(&line.w, "n", lanes_end(run->store->options.lanes, row->test->ids.checkpoint_id));
    }
    end(&line);
}

/* The row that was noted as begun is not sent after all. */
void record_unbegun(struct run *run, const struct run_row *row)
{
    struct line line;

    begin(run, "unbegun", &line);
    write_what(run, &line.w, row);
    end(&line);
}

void record_left(struct run *run)
{
    struct line line;

    begin(run, "left", &line);
    end(&line);
}

void record_go(struct run *run, int64_t position)
{
    struct line line;

    begin(run, "go", &line);
    jw_kv_int(&line.w, "p", position);
    end(&line);
}

static void write_row(const struct run *run, struct json_writer *w, const struct run_call *call)
{
    const struct json *organization =
        call->setup == SETUP_ORGANIZATION ? plan_get(run->plan, "organization_id") : NULL;

    jw_form(w, "st:%i, id:%i, us:%i", call->status, call->id, call->us);
    write_fault(w, call->fault);
    if (organization != NULL) {
        jw_key(w, "org");
        json_write(w, organization);
    }
}

static void write_step(struct json_writer *w, const struct run_step *step)
{
    jw_form(w, "st:%i, id:%i, p:%i, us:%i", step->status, step->step_id, step->position, step->us);
    write_fault(w, step->fault);
}

static void write_execution(struct json_writer *w, const struct run_execution *execution)
{
    jw_form(w, "a:%i, id:%i, st:%s, o:%s, p:%i, us:%i", execution->attempt, execution->job_id,
            execution->status, execution->outcome, execution->progress, execution->us);
}

static void write_done(const struct run *run, struct json_writer *w)
{
    jw_form(w, "st:%s, us:%i", run_status_name(run->status), (run->over_ms - run->begun_ms) * 1000);
    if (run->error.code != ERR_OK) {
        jw_form(w, "e:%s, d:%s, u:%i", error_slug(run->error.code), run->error.text,
                run->error.upstream_status);
    }
    jw_shape(w, "tests:[");
    for (size_t i = 0; i < run->n_tests; i++) {
        const struct run_test *test = &run->tests[i];

        jw_int(w, test->status);
        jw_int(w, test->begun && test->ended_ms != 0 ? (int64_t)(test->ended_ms - test->began_ms)
                                                     : -1);
    }
    jw_end(w);
}

void record_event(struct run *run)
{
    const struct run_event *event = &run->events[run->n_events - 1];
    struct run_row what = {.test = event->of_goal ? NULL : unconst(event->of.test),
                           .goal = event->of_goal ? unconst(event->of.goal) : NULL};
    struct line line;

    begin(run, run_event_name(run, run->n_events), &line);
    switch (event->kind) {
    case EVENT_RUN:
        break;
    case EVENT_ROW:
        what.call = unconst(event->what.call);
        write_what(run, &line.w, &what);
        write_row(run, &line.w, event->what.call);
        break;
    case EVENT_STEP:
        what.step = unconst(event->what.step);
        write_what(run, &line.w, &what);
        write_step(&line.w, event->what.step);
        break;
    case EVENT_EXECUTION:
        write_what(run, &line.w, &what);
        write_execution(&line.w, &event->of.goal->execution);
        break;
    case EVENT_DONE:
        write_done(run, &line.w);
        break;
    }
    end(&line);
}

static void record_outcome(struct run *run, struct run_test *test, struct run_step *step)
{
    const struct run_outcome *outcome = step->executed;
    struct line line;

    begin(run, "outcome", &line);
    write_what(run, &line.w, &(struct run_row){.test = test, .step = step});
    jw_form(&line.w, "o:%s, x:%i, r:%s, i:%s", outcome->word, outcome->ms, outcome->reason,
            outcome->picture);
    end(&line);
}

/* Writes what the execution told of each step. */
void record_outcomes(struct run *run, const struct run_goal *goal)
{
    struct line line;

    for (struct run_test *test = run->tests; test < run->tests + run->n_tests; test++) {
        if (test->goal != goal) {
            continue;
        }
        begin(run, "verdict", &line);
        write_what(run, &line.w, &(struct run_row){.test = test});
        jw_form(&line.w, "o:%s, x:%i", test->outcome, test->executed_ms);
        end(&line);
        for (size_t i = 0; i < test->n_steps; i++) {
            if (test->steps[i].executed != NULL) {
                record_outcome(run, test, &test->steps[i]);
            }
        }
    }
}
