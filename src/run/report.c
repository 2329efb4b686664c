/* A run as JSON, and its events. Events are written from the state of the run when they are asked
 * for: what they tell does not change any more once they exist. */
#include "run_internal.h"

#include "base/clock.h"
#include "base/json_form.h"
#include "data/artifact.h"
#include "run/ui_link.h"

static const char *const test_names[] = {
    [TEST_PENDING] = "pending", [TEST_RUNNING] = "running", [TEST_CREATED] = "created",
    [TEST_PASSED] = "passed",   [TEST_FAILED] = "failed",   [TEST_CANCELLED] = "cancelled",
    [TEST_SKIPPED] = "skipped",
};

struct totals {
    size_t n, done, failed, skipped, unknown;
};

static void write_id(struct json_writer *w, const char *name, int64_t id)
{
    char digits[DIGITS_MAX];

    jw_key(w, name);
    if (id != 0) {
        jw_str(w, str_of_int(id, digits));
    } else {
        jw_null(w);
    }
}

static void write_fault(struct json_writer *w, const struct run_fault *fault)
{
    if (fault != NULL) {
        jw_form(w, "error:{code:%s, detail:%s, upstream_status?:%i}", fault->code, fault->detail,
                fault->upstream_status);
    }
}

/* ---- parts ---- */

static void write_call(struct json_writer *w, const struct run_call *call)
{
    jw_form(w, "{call:%s, status:%s, ms:%i", setup_name(call->setup), row_status_name(call->status),
            call->us / 1000);
    if (call->id != 0) {
        write_id(w, "id", call->id);
    }
    write_fault(w, call->fault);
    jw_end(w);
}

static void write_calls(struct json_writer *w, const struct run_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        write_call(w, &calls[i]);
    }
}

static void write_outcome(struct json_writer *w, const struct run_outcome *outcome)
{
    if (outcome->word != NULL) {
        jw_form(w, "outcome:%s, execution_ms:%i", outcome->word, outcome->ms);
    }
    jw_form(w, "screenshot?:%s, reason?:%s", outcome->picture, outcome->reason);
}

static void write_step(struct json_writer *w, const struct run_test *test,
                       const struct run_step *step)
{
    jw_form(w,
            "{index:%i, command:%s, text:%s, description?:%s, phase:%s, line:%i, "
            "column:%i, status:%s",
            step - test->steps + 1, step->command->words, step->text, step->description,
            testfile_phase_name((enum testfile_phase)step->phase), step->line, step->column,
            row_status_name((enum row_status)step->status));
    write_id(w, "step_id", step->step_id);
    if (step->step_id != 0) {
        jw_kv_int(w, "position", step->position);
    }
    jw_kv_int(w, "ms", (int64_t)(step->us / 1000));
    if (step->optional) {
        jw_kv_bool(w, "optional", true);
    }
    write_fault(w, step->fault);
    if (step->executed != NULL) {
        write_outcome(w, step->executed);
    }
    jw_end(w);
}

static void write_link(struct json_writer *w, const struct run *run, const char *name,
                       const struct ui_place *place)
{
    struct buf url;

    buf_init(&url, 4096);
    if (ui_link(run->store->options.ui_url, place, &url)) {
        jw_kv_str(w, name, buf_view(&url));
    }
    buf_done(&url);
}

static void write_links(struct json_writer *w, const struct run *run, const struct run_ids *ids)
{
    struct ui_place place = {
        .project_id = ids->project_id, .goal_id = ids->goal_id, .snapshot_id = ids->snapshot_id};

    jw_shape(w, "links:{");
    write_link(w, run, "goal", &place);
    if (ids->journey_id != 0) {
        place.journey_id = ids->journey_id;
        write_link(w, run, "journey", &place);
    }
    if (ids->journey_id != 0 && ids->checkpoint_id != 0) {
        place.checkpoint_id = ids->checkpoint_id;
        write_link(w, run, "checkpoint", &place);
    }
    jw_end(w);
}

static bool is_first_of_goal(const struct run *run, const struct run_test *test)
{
    for (const struct run_test *other = run->tests; other < test; other++) {
        if (other->goal == test->goal) {
            return false;
        }
    }
    return test->goal != NULL;
}

static uint64_t test_ms(const struct run_test *test)
{
    uint64_t end_ms = test->ended_ms != 0 ? test->ended_ms : clock_now_ms();

    return test->begun ? end_ms - test->began_ms : 0;
}

static void begin_test(struct json_writer *w, const struct run *run, const struct run_test *test)
{
    const struct run_ids *ids = test->goal != NULL && !test->begun ? &test->goal->ids : &test->ids;

    jw_form(w, "{name:%s, description:%s, line:%i, status:%s", test->name, test->description,
            test->line, test_names[test->status]);
    write_id(w, "project_id", ids->project_id);
    write_id(w, "goal_id", ids->goal_id);
    write_id(w, "snapshot_id", ids->snapshot_id);
    write_id(w, "journey_id", test->ids.journey_id);
    write_id(w, "checkpoint_id", test->ids.checkpoint_id);
    write_links(w, run, &test->ids);
    jw_kv_int(w, "duration_ms", (int64_t)test_ms(test));
    if (test->outcome != NULL) {
        jw_form(w, "outcome:%s, execution_ms:%i", test->outcome, test->executed_ms);
    }
    jw_shape(w, "setup:[");
    if (is_first_of_goal(run, test)) {
        write_calls(w, test->goal->calls, test->goal->n_calls);
    }
    write_calls(w, test->calls, test->n_calls);
    jw_shape(w, "], steps:[");
}

static void write_execution(struct json_writer *w, const struct run *run,
                            const struct run_goal *goal)
{
    const struct run_execution *execution = &goal->execution;
    const struct ui_place place = {.project_id = goal->ids.project_id,
                                   .execution_id = execution->job_id};

    jw_object(w);
    write_id(w, "goal_id", goal->ids.goal_id);
    write_id(w, "job_id", execution->job_id);
    jw_form(w, "status:%s, outcome:%s, progress:%i", execution->status, execution->outcome,
            execution->progress);
    if (execution->job_id != 0) {
        write_link(w, run, "url", &place);
    }
    jw_form(w, "duration_ms:%i, attempts:%i", execution->us / 1000,
            execution->job_id != 0 ? execution->attempt + 1 : 0);
    write_fault(w, execution->fault);
    jw_end(w);
}

/* ---- the whole ---- */

static struct totals count(const struct run *run)
{
    struct totals totals = {0};

    for (size_t i = 0; i < run->n_tests; i++) {
        for (size_t k = 0; k < run->tests[i].n_steps; k++) {
            uint8_t status = run->tests[i].steps[k].status;

            totals.n++;
            totals.done += status == ROW_DONE ? 1 : 0;
            totals.failed += status == ROW_FAILED ? 1 : 0;
            totals.skipped += status == ROW_SKIPPED ? 1 : 0;
            totals.unknown += status == ROW_UNKNOWN ? 1 : 0;
        }
    }
    return totals;
}

/* Steps count for half of the progress and the execution for the other half, if there is one. */
static unsigned progress_of(const struct run *run, const struct totals *totals)
{
    size_t ended = totals->done + totals->failed + totals->unknown + totals->skipped;
    size_t steps = totals->n > 0 ? ended * 100 / totals->n : 0;
    size_t executed = 0;

    if (run_is_over(run)) {
        return 100;
    }
    if (!run->execute || !run->wait || run->n_goals == 0) {
        return (unsigned)(steps < 100 ? steps : 99);
    }
    for (size_t i = 0; i < run->n_goals; i++) {
        executed += run->goals[i].execution.progress;
    }
    steps = (steps + executed / run->n_goals) / 2;
    return (unsigned)(steps < 100 ? steps : 99);
}

static void write_error(struct json_writer *w, const struct error *err)
{
    jw_key(w, "error");
    if (err->code == ERR_OK) {
        jw_null(w);
        return;
    }
    jw_form(w, "{code:%s, detail:%s, upstream_status?:%i}", error_slug(err->code), err->text,
            err->upstream_status);
}

static void write_head(const struct run *run, struct json_writer *w)
{
    struct totals totals = count(run);
    uint64_t end_ms = run_is_over(run) ? run->over_ms : clock_now_ms();

    jw_form(w, "id:%s, status:%s, stopping:%b, format:%s, name:%s, execute:%b", run->id,
            run_status_name(run_is_over(run) ? run->status : RUN_RUNNING),
            run->stop_asked && !run_is_over(run), run->format, run->name, run->execute);
    jw_kv_time(w, "created_at", run->created_ms);
    jw_kv_time(w, "ended_at", run->ended_ms);
    jw_form(w,
            "duration_ms:%i, progress:%i, steps:{total:%i, done:%i, failed:%i, skipped:%i, "
            "unknown:%i}",
            run->created_ms != 0 ? (int64_t)(end_ms - run->begun_ms) : 0, progress_of(run, &totals),
            totals.n, totals.done, totals.failed, totals.skipped, totals.unknown);
    write_error(w, &run->error);
    if (run->status > RUN_RUNNING) {
        artifact_links_write(w, run->store->options.artifacts, str_from(run->id));
    }
}

void run_write_summary(const struct run *run, struct json_writer *w)
{
    jw_object(w);
    write_head(run, w);
    jw_end(w);
}

/* Writes the next step of a test, also the head before its first and the end behind its last step. */
static void write_of_test(const struct run *run, struct run_writing *at, struct json_writer *w)
{
    const struct run_test *test = &run->tests[at->test];

    if (at->step == 0) {
        begin_test(w, run, test);
    }
    if (at->step < test->n_steps) {
        write_step(w, test, &test->steps[at->step++]);
    }
    if (at->step == test->n_steps) {
        jw_end(w);
        jw_end(w);
        at->test++;
        at->step = 0;
    }
}

bool run_write(const struct run *run, struct run_writing *at, size_t n_steps, struct json_writer *w)
{
    if (!at->begun) {
        at->begun = true;
        jw_object(w);
        write_head(run, w);
        jw_shape(w, "tests:[");
    }
    for (; at->test < run->n_tests && n_steps > 0; n_steps--) {
        write_of_test(run, at, w);
    }
    if (at->test < run->n_tests) {
        return false;
    }
    jw_end(w);
    jw_shape(w, "executions:[");
    for (size_t i = 0; run->execute && i < run->n_goals; i++) {
        write_execution(w, run, &run->goals[i]);
    }
    jw_shape(w, "], resume:");
    resume_write(run, w);
    jw_kv_raw(w, "warnings", run->warnings);
    jw_end(w);
    return true;
}

/* ---- events ---- */

const char *run_event_name(const struct run *run, size_t number)
{
    static const char *const names[] = {[EVENT_RUN] = "run",
                                        [EVENT_ROW] = "row",
                                        [EVENT_STEP] = "step",
                                        [EVENT_EXECUTION] = "execution",
                                        [EVENT_DONE] = "done"};

    return names[run->events[number - 1].kind];
}

static void write_place(struct json_writer *w, const struct run *run, const struct run_event *event)
{
    if (event->of_goal) {
        jw_kv_int(w, "goal", event->of.goal - run->goals + 1);
    } else {
        jw_kv_int(w, "test", event->of.test - run->tests + 1);
    }
}

static void write_state(struct json_writer *w, const struct run *run, const struct run_event *event)
{
    struct str status;
    struct str outcome;
    struct str rest;
    int64_t progress = 0;

    (void)str_cut(str_from(event->what.state), ' ', &status, &rest);
    (void)str_cut(rest, ' ', &outcome, &rest);
    if (!str_to_i64(rest, 0, 100, &progress)) {
        progress = 0;
    }
    write_place(w, run, event);
    write_id(w, "job_id", event->of.goal->execution.job_id);
    jw_form(w, "status:%s, outcome:%s, progress:%i", status, outcome, progress);
}

void run_write_event(const struct run *run, size_t number, struct json_writer *w)
{
    const struct run_event *event = &run->events[number - 1];

    if (event->kind == EVENT_DONE) {
        run_write_summary(run, w);
        return;
    }
    jw_object(w);
    switch (event->kind) {
    case EVENT_RUN:
        jw_form(w, "id:%s, name:%s, tests:%i, steps:%i", run->id, run->name, run->n_tests,
                (int64_t)count(run).n);
        break;
    case EVENT_ROW:
        write_place(w, run, event);
        jw_key(w, "row");
        write_call(w, event->what.call);
        break;
    case EVENT_STEP:
        write_place(w, run, event);
        jw_key(w, "step");
        write_step(w, event->of.test, event->what.step);
        break;
    case EVENT_EXECUTION:
        write_state(w, run, event);
        break;
    case EVENT_DONE:
        break;
    }
    jw_end(w);
}
