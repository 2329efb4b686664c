/* Lines of a run's stream (record.c), applied to a copy in the same order: they lead to the same notes and
 * the same events. */
#include "share_internal.h"

struct line {
    struct run *run;
    const struct json *json;
    uint64_t ms;
    struct run_row row;
};

static struct str text_of(const struct json *json, const char *name)
{
    return json_str(json_get(json, name));
}

static struct run_call *call_among(struct run_call *calls, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_is(name, setup_name(calls[i].setup))) {
            return &calls[i];
        }
    }
    return NULL;
}

static bool find_test(struct line *line, struct run_row *row)
{
    int64_t test = json_get_int(line->json, "t", -1);
    int64_t step = json_get_int(line->json, "s", -1);
    struct run *run = line->run;

    if (test < 0 || test >= (int64_t)run->n_tests) {
        return false;
    }
    row->test = &run->tests[test];
    row->goal = row->test->goal;
    if (step >= (int64_t)row->test->n_steps) {
        return false;
    }
    row->step = step >= 0 ? &row->test->steps[step] : NULL;
    return true;
}

static bool find_goal(struct line *line, struct run_row *row)
{
    int64_t goal = json_get_int(line->json, "g", -1);

    if (goal < 0 || goal >= (int64_t)line->run->n_goals) {
        return false;
    }
    row->goal = &line->run->goals[goal];
    return true;
}

/* What the line is about: a test or a goal; a step or a call of it. */
static bool find_row(struct line *line)
{
    struct run_row *row = &line->row;
    struct str call = text_of(line->json, "c");
    bool is_test = json_get(line->json, "t") != NULL;

    *row = (struct run_row){.run = line->run};
    if (!(is_test ? find_test(line, row) : find_goal(line, row))) {
        return false;
    }
    if (call.len == 0) {
        return true;
    }
    row->call = is_test ? call_among(row->test->calls, row->test->n_calls, call)
                        : call_among(row->goal->calls, row->goal->n_calls, call);
    if (row->call == NULL && !is_test) {
        row->call = run_execution_call(line->run, row->goal, call,
                                       (unsigned)json_get_int(line->json, "a", 0));
    }
    return row->call != NULL;
}

static void begin_test(struct line *line)
{
    struct run_test *test = line->row.test;

    if (test != NULL && !test->begun) {
        run_begin_test(&line->row);
        test->began_ms = line->run->begun_ms + line->ms;
    }
}

/* The fault in a line; NULL: none. The first fault that counts becomes the error of the run, too. */
static const struct run_fault *take_fault(struct line *line)
{
    enum error_code code = error_of_slug(text_of(line->json, "e"));
    struct str detail = text_of(line->json, "d");
    struct run *run = line->run;
    struct run_fault *fault;
    struct error err = {0};

    if (code == ERR_OK) {
        return NULL;
    }
    fault = arena_alloc(&run->kept, sizeof(*fault));
    *fault = (struct run_fault){.code = error_slug(code),
                                .upstream_status = (int)json_get_int(line->json, "u", 0),
                                .detail = run_keep(run, detail)};
    if (!run_row_is_extra(&line->row) && (line->row.step == NULL || !line->row.step->optional)) {
        (void)error_set(&err, code, "%.*s", STR_ARG(detail));
        err.upstream_status = fault->upstream_status;
        run_note_error(run, &err);
    }
    return fault;
}

static bool read_status(const struct line *line, enum row_status *out)
{
    int64_t status = json_get_int(line->json, "st", -1);

    *out = (enum row_status)status;
    return status >= ROW_PENDING && status <= ROW_FOUND;
}

/* Called after the notes of a row that has ended: what that end means for its test and its run. */
static void ended(struct line *line, enum row_status status, bool changes)
{
    struct run *run = line->run;
    struct run_test *test = line->row.test;
    const struct run_row *row = &line->row;
    enum test_status before = test != NULL ? test->status : TEST_PENDING;

    run->n_adoptions = 0;
    run->did_something =
        run->did_something || status == ROW_UNKNOWN || (status == ROW_DONE && changes);
    if (test != NULL) {
        test_judge(test);
        if (test->status != before) {
            test->ended_ms = run->begun_ms + line->ms;
        }
    }
    run_tell_row(row);
    if ((status == ROW_FAILED || status == ROW_UNKNOWN) && !run_row_is_extra(row)) {
        run_row_gave_up(row);
    }
}

static bool apply_step(struct line *line)
{
    struct run_step *step;
    enum row_status status;

    if (!find_row(line) || line->row.step == NULL || !read_status(line, &status)) {
        return false;
    }
    step = line->row.step;
    begin_test(line);
    run_row_set(&line->row, status, take_fault(line));
    step->step_id = json_get_int(line->json, "id", 0);
    step->position = json_get_int(line->json, "p", -1);
    step->us = (uint64_t)json_get_int(line->json, "us", 0);
    if (status == ROW_DONE && line->row.test->position >= 0 && step->position >= 0) {
        line->row.test->position = step->position + 1;
    }
    ended(line, status, true);
    return true;
}

static bool apply_row(struct line *line)
{
    struct run_row *row = &line->row;
    const struct json *organization = json_get(line->json, "org");
    enum row_status status;

    if (!find_row(line) || row->call == NULL || !read_status(line, &status)) {
        return false;
    }
    begin_test(line);
    run_row_set(row, status, take_fault(line));
    row->call->id = json_get_int(line->json, "id", 0);
    row->call->us = (uint64_t)json_get_int(line->json, "us", 0);
    if (organization != NULL) {
        plan_set(line->run->plan, "organization_id",
                 json_copy(line->run->plan->arena, organization));
    }
    run_setup_made(row);
    ended(line, status, setup_call(line->run, row->call->setup)->spec->class != CALL_READ);
    return true;
}

static bool apply_begun(struct line *line)
{
    struct run_row *row = &line->row;

    if (!find_row(line) || (row->step == NULL && row->call == NULL)) {
        return false;
    }
    begin_test(line);
    run_row_set(row, ROW_RUNNING, NULL);
    if (row->step != NULL) {
        line->run->end_at_begin = json_get_int(line->json, "n", -1);
    } else if (row->call->setup == SETUP_CHECKPOINT && row->test != NULL) {
        row->test->n_titles = (unsigned)json_get_int(line->json, "titles", 0);
    }
    return true;
}

static bool apply_unbegun(struct line *line)
{
    struct run_row *row = &line->row;

    if (!find_row(line) || (row->step == NULL && row->call == NULL)) {
        return false;
    }
    run_row_set(row, ROW_PENDING, NULL);
    return true;
}

static bool apply_execution(struct line *line)
{
    struct run *run = line->run;
    struct run_execution *execution;
    struct str status = text_of(line->json, "st");
    struct str outcome = text_of(line->json, "o");
    int64_t job_id = json_get_int(line->json, "id", 0);

    if (!find_row(line)) {
        return false;
    }
    execution = &line->row.goal->execution;
    if (job_id != execution->job_id) {
        execution_forget_outcomes(run, line->row.goal);
        execution->began_ms = run->begun_ms + line->ms;
    }
    run->n_adoptions = 0;
    execution->attempt = (unsigned)json_get_int(line->json, "a", 0);
    execution->job_id = job_id;
    execution->status = run_keep(run, status);
    execution->outcome = run_keep(run, outcome);
    execution->progress = (unsigned)json_get_int(line->json, "p", 0);
    execution->us = (uint64_t)json_get_int(line->json, "us", 0);
    execution_tell_state(run, line->row.goal);
    return true;
}

static bool apply_verdict(struct line *line)
{
    if (!find_row(line) || line->row.test == NULL) {
        return false;
    }
    line->row.test->outcome = execution_outcome_word(text_of(line->json, "o"));
    line->row.test->executed_ms = (uint64_t)json_get_int(line->json, "x", 0);
    return true;
}

static bool apply_outcome(struct line *line)
{
    struct run *run = line->run;
    struct run_outcome *outcome;

    if (!find_row(line) || line->row.step == NULL) {
        return false;
    }
    outcome = arena_zalloc(&run->kept, sizeof(*outcome));
    outcome->word = execution_outcome_word(text_of(line->json, "o"));
    outcome->ms = (uint64_t)json_get_int(line->json, "x", 0);
    outcome->reason = run_keep(run, text_of(line->json, "r"));
    outcome->picture = run_keep(run, text_of(line->json, "i"));
    line->row.step->executed = outcome;
    return true;
}

static bool apply_go(struct line *line)
{
    line->run->went = true;
    line->run->tests[0].position = json_get_int(line->json, "p", -1);
    return true;
}

static bool apply_adopted(struct line *line)
{
    line->run->n_adoptions++;
    return true;
}

/* Its process gave the run away, so the run has not killed it. */
static bool apply_left(struct line *line)
{
    line->run->n_adoptions = 0;
    return true;
}

static bool apply_run(struct line *line)
{
    run_tell(line->run, &(struct run_event){.kind = EVENT_RUN});
    return true;
}

static void take_tests(struct run *run, const struct json *list)
{
    const struct json *item = json_first(list);
    int64_t number;

    for (size_t i = 0; i < run->n_tests && item != NULL; i++) {
        struct run_test *test = &run->tests[i];

        if (json_to_i64(item, &number) && number >= TEST_PENDING && number <= TEST_SKIPPED) {
            test->status = (enum test_status)number;
        }
        item = json_next(item);
        if (json_to_i64(item, &number) && number >= 0) {
            test->ended_ms = test->began_ms + (uint64_t)number;
        }
        item = json_next(item);
    }
}

static bool apply_done(struct line *line)
{
    struct run *run = line->run;
    enum error_code code = error_of_slug(text_of(line->json, "e"));
    int64_t us = json_get_int(line->json, "us", 0);

    if (!run_status_read(text_of(line->json, "st"), &run->status)) {
        return false;
    }
    run_close_notes(run);
    take_tests(run, json_get(line->json, "tests"));
    run->error = (struct error){0};
    if (code != ERR_OK) {
        (void)error_set(&run->error, code, "%.*s", STR_ARG(text_of(line->json, "d")));
        run->error.upstream_status = (int)json_get_int(line->json, "u", 0);
    }
    run->over_ms = run->begun_ms + (uint64_t)us / 1000;
    run->ended_ms = run->created_ms + us / 1000;
    run_tell(run, &(struct run_event){.kind = EVENT_DONE});
    return true;
}

static const struct kind {
    const char *name;
    bool (*apply)(struct line *line);
} kinds[] = {
    {"step", apply_step},       {"begun", apply_begun},     {"row", apply_row},
    {"run", apply_run},         {"go", apply_go},           {"execution", apply_execution},
    {"verdict", apply_verdict}, {"outcome", apply_outcome}, {"adopted", apply_adopted},
    {"done", apply_done},       {"left", apply_left},       {"unbegun", apply_unbegun},
};

bool record_apply(struct run *run, struct arena *arena, struct str text)
{
    struct line line = {.run = run};
    struct error ignored = {0};
    struct json *json = NULL;
    const struct kind *kind;

    if (json_parse(arena, text, &json_of_ours, &json, &ignored) != ERR_OK) {
        return false;
    }
    line.json = json;
    line.ms = (uint64_t)json_get_int(json, "ms", 0);
    kind = ROW_NAMED(text_of(json, "k"), kinds);
    return kind != NULL && run->status <= RUN_RUNNING && kind->apply(&line);
}
