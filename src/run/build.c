/* From a compiled test file to the rows of a plan: goals that tests share, then each test, then the
 * executions. Nothing is sent here; what is known beforehand (ids of the request or of the file)
 * has no row. */
#include "run_internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "observe/trace.h"

enum {
    ROWS_PER_GOAL = 8,
    ROWS_PER_RETRY = 3,
    ROWS_PER_TEST = 32,
    DEFAULT_WIDTH = 1280,
    DEFAULT_HEIGHT = 800
};

struct builder {
    struct run *run;
    const struct run_request *request;
    const struct testfile *file;
    struct error *err;
    bool resumes; /* ids of the request are those of the first test that is run */
};

struct str run_keep(struct run *run, struct str text)
{
    return arena_str(&run->kept, text);
}

static struct str first_of(struct str a, struct str b, struct str c)
{
    struct str bc = b.len > 0 ? b : c;

    return a.len > 0 ? a : bc;
}

static enum error_code read_id(struct builder *b, struct str text, const char *name, int64_t *out)
{
    if (text.len == 0) {
        return ERR_OK;
    }
    if (!str_to_i64(text, 1, INT64_MAX, out)) {
        return error_at(b->err, ERR_INVALID, name, "%s must be an id: 1 to 19 digits", name);
    }
    return ERR_OK;
}

/* Refuses ids that mean nothing without another id. */
static enum error_code check_ids(struct builder *b, const struct run_ids *ids)
{
    if (ids->journey_id != 0 && ids->goal_id == 0 && ids->checkpoint_id == 0) {
        return error_at(b->err, ERR_INVALID, "journey_id",
                        "journey_id needs goal_id: the checkpoint is made in that goal");
    }
    if (ids->snapshot_id != 0 && ids->goal_id == 0) {
        return error_at(b->err, ERR_INVALID, "snapshot_id",
                        "snapshot_id needs goal_id: a snapshot belongs to a goal");
    }
    if (b->request->attach && (ids->journey_id == 0 || ids->checkpoint_id == 0)) {
        return error_at(b->err, ERR_INVALID, "attach",
                        "attach needs checkpoint_id and the journey_id that it is attached to");
    }
    return ERR_OK;
}

static enum error_code read_ids(struct builder *b, struct run_ids *out)
{
    const struct {
        struct str text;
        const char *name;
        int64_t *id;
    } rows[] = {{b->request->project_id, "project_id", &out->project_id},
                {b->request->goal_id, "goal_id", &out->goal_id},
                {b->request->snapshot_id, "snapshot_id", &out->snapshot_id},
                {b->request->journey_id, "journey_id", &out->journey_id},
                {b->request->checkpoint_id, "checkpoint_id", &out->checkpoint_id}};
    enum error_code code = ERR_OK;

    for (size_t i = 0; i < ARRAY_LEN(rows) && code == ERR_OK; i++) {
        code = read_id(b, rows[i].text, rows[i].name, rows[i].id);
    }
    return code == ERR_OK ? check_ids(b, out) : code;
}

/* ---- goals ---- */

static bool has_tag(const struct run_request *request, const struct testfile_test *test)
{
    for (size_t i = 0; i < test->n_tags; i++) {
        for (size_t k = 0; k < request->n_tags; k++) {
            if (str_eq_nocase(test->tags[i], request->tags[k])) {
                return true;
            }
        }
    }
    return request->n_tags == 0;
}

static bool same_goal(const struct run_goal *a, const struct run_goal *b)
{
    return a->ids.project_id == b->ids.project_id && a->ids.goal_id == b->ids.goal_id &&
           str_eq(a->project, b->project) && str_eq(a->name, b->name);
}

/* The goal of a test as it is asked for, without its rows. */
static enum error_code describe_goal(struct builder *b, const struct testfile_test *source,
                                     const struct run_ids *given, struct run_goal *out)
{
    struct run *run = b->run;
    struct str name = first_of(source->name, STR("Test"), STR_EMPTY);

    *out = (struct run_goal){
        .project =
            run_keep(run, first_of(b->request->project, source->project, run->ground.project)),
        .name = first_of(b->request->goal, source->goal, STR_EMPTY),
        .starting_url =
            first_of(b->request->starting_url, source->starting_url, STR("https://example.com")),
        .width = source->config.viewport_width > 0 ? source->config.viewport_width : DEFAULT_WIDTH,
        .height =
            source->config.viewport_height > 0 ? source->config.viewport_height : DEFAULT_HEIGHT,
        .named = b->request->goal.len > 0 || source->goal.len > 0,
        .ids = *given,
    };
    out->ids.journey_id = 0;
    out->ids.checkpoint_id = 0;
    if (!out->named) {
        out->name = arena_printf(&run->work, "%.*s - Goal", STR_ARG(name));
    }
    if (out->ids.project_id == 0 && b->request->project.len == 0) {
        return read_id(b, source->project_id, "project_id", &out->ids.project_id);
    }
    return ERR_OK;
}

static struct run_goal *goal_for(struct builder *b, const struct run_goal *wanted)
{
    struct run *run = b->run;
    struct run_goal *goal;

    for (size_t i = 0; i < run->n_goals; i++) {
        struct run_goal asked = run->goals[i];

        if (same_goal(&asked, wanted)) {
            return &run->goals[i];
        }
    }
    goal = &run->goals[run->n_goals++];
    *goal = *wanted;
    goal->project = run_keep(run, wanted->project);
    goal->name = run_keep(run, wanted->name);
    goal->starting_url = run_keep(run, wanted->starting_url);
    goal->execution.wanted = run->execute;
    return goal;
}

/* ---- tests ---- */

static enum error_code add_test(struct builder *b, const struct testfile_test *source, size_t index,
                                const struct run_ids *given)
{
    struct run *run = b->run;
    bool is_first = run->n_tests == 0;
    struct run_test *test = &run->tests[run->n_tests];
    struct str own_checkpoint =
        b->request->checkpoint_id.len > 0 ? STR_EMPTY : source->checkpoint_id;
    struct run_goal goal;
    enum error_code code;

    *test = (struct run_test){
        .name = run_keep(run, source->name),
        .description = run_keep(run, source->description),
        .journey = run_keep(run, first_of(b->request->journey, source->journey,
                                          first_of(source->name, STR("Test"), STR_EMPTY))),
        .checkpoint =
            run_keep(run, first_of(b->request->checkpoint, source->checkpoint, STR("Test Steps"))),
        .line = source->line,
        .index = index,
        .ids = *given,
        .position = given->checkpoint_id != 0 ? b->request->position
                    : run->dry                ? 0
                                              : -1,
        .keeps_going = b->request->continue_on_error != NULL ? *b->request->continue_on_error
                                                             : source->config.continue_on_error,
        .n_before = is_first && b->request->from > 0 ? b->request->from - 1 : 0,
    };
    code = read_id(b, own_checkpoint, "checkpoint_id", &test->ids.checkpoint_id);
    if (code == ERR_OK && own_checkpoint.len > 0) {
        test->position = -1;
    }
    if (code != ERR_OK) {
        return code;
    }
    if (test->n_before >= source->n_steps) {
        return error_at(b->err, ERR_INVALID, "from",
                        "from=%u is behind the last step; number of steps: %zu", b->request->from,
                        source->n_steps);
    }
    if (test->ids.checkpoint_id == 0 || given->goal_id != 0) {
        code = describe_goal(b, source, given, &goal);
        if (code != ERR_OK) {
            return code;
        }
        test->goal = goal_for(b, &goal);
    }
    if (!run->dry) {
        test->steps = arena_calloc(&run->kept, source->n_steps, sizeof(*test->steps));
    }
    run->n_tests++;
    return ERR_OK;
}

/* The ids of the request for the next test. A checkpoint that is given alone is for every test. Otherwise journey and
 * checkpoint are for the first test alone; in a resumed run so are goal and snapshot (but see share_resumed_goal). */
static struct run_ids ids_for(const struct builder *b, const struct run_ids *ids)
{
    struct run_ids later = *ids;
    bool alone = ids->goal_id == 0 && ids->journey_id == 0; /* a checkpoint for everything */

    if (b->run->n_tests > 0 && !alone) {
        later.journey_id = 0;
        later.checkpoint_id = 0;
        if (b->resumes) {
            later.goal_id = 0;
            later.snapshot_id = 0;
        }
    }
    return later;
}

/* A resumed run has the id of its first test's goal. Other tests that name the same goal get that id. */
static void share_resumed_goal(struct builder *b, const struct testfile_test *first,
                               const struct testfile_test *source, struct run_ids *ids)
{
    const struct run_goal *goal = b->run->n_goals > 0 ? &b->run->goals[0] : NULL;

    if (b->resumes && goal != NULL && goal->ids.goal_id != 0 && source->goal.len > 0 &&
        str_eq(source->goal, first->goal) && str_eq(source->project, first->project)) {
        ids->goal_id = goal->ids.goal_id;
        ids->snapshot_id = goal->ids.snapshot_id;
        ids->project_id = goal->ids.project_id;
    }
}

static enum error_code add_tests(struct builder *b)
{
    const struct run_request *request = b->request;
    const struct testfile_test *first = NULL;
    struct run_ids given = {0};
    enum error_code code = read_ids(b, &given);
    size_t begin = request->test > 0 ? request->test - 1 : 0;

    if (code == ERR_OK && begin >= b->file->n_tests) {
        code = error_at(b->err, ERR_INVALID, "test",
                        "test=%u is behind the last test; number of tests: %zu", request->test,
                        b->file->n_tests);
    }
    for (size_t i = begin; i < b->file->n_tests && code == ERR_OK; i++) {
        struct run_ids ids = ids_for(b, &given);

        if (!has_tag(request, &b->file->tests[i])) {
            continue;
        }
        first = first == NULL ? &b->file->tests[i] : first;
        share_resumed_goal(b, first, &b->file->tests[i], &ids);
        code = add_test(b, &b->file->tests[i], i, &ids);
    }
    if (code == ERR_OK && b->run->n_tests == 0) {
        code = error_at(b->err, ERR_INVALID, "tag", "No test of the file has one of these tags");
    }
    return code;
}

static enum error_code check_request(struct builder *b)
{
    struct run *run = b->run;

    for (size_t i = 0; i < run->n_tests; i++) {
        if (run->execute && run->tests[i].goal == NULL) {
            return error_at(b->err, ERR_INVALID, "execute",
                            "To execute steps that are added to a checkpoint, give goal_id too");
        }
    }
    return ERR_OK;
}

/* ---- its notes and its rows ---- */

enum { MAKE_NOTES = 1U, MAKE_ROWS = 2U };

static size_t n_attempts(const struct run *run)
{
    return run->wait ? run->retries + 1 : 1;
}

/* Makes the next step of a test; before the first one also the calls of the test. */
static void make_of_test(struct run *run, struct run_place *at, unsigned what)
{
    const struct run_building *building = run->building;
    struct run_test *test = &run->tests[at->test];
    const struct testfile_test *source = &building->file.tests[test->index];

    if (at->step == 0 && (what & MAKE_NOTES) != 0) {
        run_note_test(run, test, at->test == 0 && building->attach);
    }
    if (at->step == 0 && (what & MAKE_ROWS) != 0) {
        run_add_calls(run, test->goal, test);
    }
    if (at->step < source->n_steps && (what & MAKE_NOTES) != 0) {
        run_note_step(run, test, &source->steps[at->step]);
    }
    if (at->step < source->n_steps && (what & MAKE_ROWS) != 0) {
        run_add_step(run, test, at->step, &source->steps[at->step]);
    }
    at->step++;
    if (at->step >= source->n_steps) {
        at->test++;
        at->step = 0;
    }
}

static void make_goal(struct run *run, struct run_goal *goal, unsigned what)
{
    if ((what & MAKE_NOTES) != 0) {
        run_note_goal(run, goal);
    }
    if ((what & MAKE_ROWS) != 0) {
        run_add_calls(run, goal, NULL);
    }
}

/* Makes the notes, the rows or both of what comes next. False: there is nothing more. */
static bool make_next(struct run *run, struct run_place *at, unsigned what)
{
    if (at->goal < run->n_goals) {
        make_goal(run, &run->goals[at->goal++], what);
    } else if (at->test < run->n_tests) {
        make_of_test(run, at, what);
    } else if ((what & MAKE_ROWS) != 0 && run->execute &&
               at->execution < run->n_goals * n_attempts(run)) {
        run_add_execution(run, &run->goals[at->execution / n_attempts(run)],
                          (unsigned)(at->execution % n_attempts(run)));
        at->execution++;
    } else {
        return false;
    }
    return true;
}

static void more_rows(struct plan *plan)
{
    struct run *run = plan->owner;

    while (plan->n_rows == 0 && make_next(run, &run->building->rows, MAKE_ROWS)) {
    }
}

/* ---- the whole ---- */

static void copy_plan_options(struct run *run, const struct plan_options *options)
{
    struct plan_options own = *options;
    struct trace *trace = arena_alloc(&run->work, sizeof(*trace));

    own.priority = CALL_BACKGROUND;
    own.bearer = arena_str(&run->work, options->bearer);
    own.request_id = arena_str(&run->work, options->request_id);
    if (options->trace != NULL) {
        /* The run is a span of its own below that of the request which began it. */
        *trace = *options->trace;
        trace->begin_us = clock_turn_us();
        str_copy(trace->parent_span_id, sizeof(trace->parent_span_id), str_from(trace->span_id));
        random_hex(trace->span_id, sizeof(trace->span_id) - 1);
        trace->state = arena_str(&run->work, options->trace->state);
        own.row_spans = true;
        own.trace = trace;
    }
    own.max_rows = run->n_goals * (ROWS_PER_GOAL + run->retries * ROWS_PER_RETRY) +
                   run->n_tests * ROWS_PER_TEST + 2 * (size_t)TESTFILE_MAX_STEPS;
    plan_init(run->plan, &run->work, run->store->options.port, &own);
}

enum error_code run_prepare(struct run *run, const struct testfile *file,
                            const struct testfile_problems *problems,
                            const struct run_request *request, const struct plan_options *options,
                            struct error *err)
{
    struct builder b = {.run = run,
                        .request = request,
                        .file = file,
                        .err = err,
                        .resumes = request->from > 0 || request->attach};
    enum error_code code;

    run->format = testfile_format_name(file->format);
    run->execute = request->execute;
    run->wait = request->wait;
    run->dry = request->dry_run;
    run->retries = request->retries;
    run->environment_id = arena_str(&run->work, request->environment_id);
    run->n_all_tests = file->n_tests;
    run->name = file->n_tests > 0 ? run_keep(run, file->tests[0].name) : STR_EMPTY;
    if (problems != NULL) {
        struct json_writer w;
        struct buf text;

        buf_init(&text, TESTFILE_MAX_BYTES);
        jw_init(&w, &text);
        testfile_problems_json(&w, problems, TESTFILE_WARNING);
        run->warnings = buf_ok(&text) ? arena_str(&run->kept, buf_view(&text)) : STR("[]");
        buf_done(&text);
    }
    run->goals = arena_calloc(&run->kept, file->n_tests, sizeof(*run->goals));
    run->tests = arena_calloc(&run->kept, file->n_tests, sizeof(*run->tests));
    run->plan = arena_zalloc(&run->work, sizeof(*run->plan));
    run->making = arena_zalloc(&run->work, sizeof(*run->making));
    run->finding = arena_zalloc(&run->work, sizeof(*run->finding));
    step_init(run->making, run->store->options.lanes, setup_call(run, SETUP_COUNT));
    code = add_tests(&b);
    if (code == ERR_OK) {
        code = check_request(&b);
    }
    if (code != ERR_OK) {
        return code;
    }
    copy_plan_options(run, options);
    run->plan->on_progress = rows_progress;
    run->plan->more = run->dry ? NULL : more_rows;
    run->plan->n_total =
        run->execute ? run->n_goals * n_attempts(run) * run_execution_rows(run) : 0;
    run->building = arena_zalloc(&run->work, sizeof(*run->building));
    run->building->file = *file;
    run->building->attach = request->attach;
    return ERR_OK;
}

bool run_build(struct run *run, size_t n_steps)
{
    CHECK(!run->dry && run->building != NULL);
    for (size_t i = 0; i < n_steps && !run->building->noted; i++) {
        run->building->noted = !make_next(run, &run->building->notes, MAKE_NOTES);
    }
    return run->building->noted;
}

/* Rows of steps are forgotten when they are written; the others stay, since a later one may ask what an
 * earlier one finds. */
static enum error_code write_newest(struct run *run, size_t *at, struct json_writer *w,
                                    struct error *err)
{
    struct plan *plan = run->plan;
    bool is_new = *at < plan->n_rows;
    enum error_code code = plan_write_requests(plan, at, SIZE_MAX, w, err);

    if (is_new && run_row_of(&plan->rows[plan->n_rows - 1])->step != NULL) {
        plan_forget_last(plan);
        *at = plan->n_rows;
    }
    return code;
}

enum error_code run_write_requests(struct run *run, size_t *at, size_t n_rows,
                                   struct json_writer *w, bool *done, struct error *err)
{
    enum error_code code = ERR_OK;

    CHECK(run->dry && run->building != NULL);
    *done = false;
    for (size_t i = 0; i < n_rows && code == ERR_OK && !*done; i++) {
        *done = !make_next(run, &run->building->rows, MAKE_NOTES | MAKE_ROWS);
        code = write_newest(run, at, w, err);
    }
    return code;
}
