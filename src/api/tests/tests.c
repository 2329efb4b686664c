/* POST /api/v1/tests/validate and /compile: a test file looked at, without doing anything. The file
 * is the body (YAML or JSON by its Content-Type, else by its first character); room testfile does
 * the work. */
#include "api/tests/handlers.h"
#include "runs.h"

#include "api/gate/links.h"
#include "api/gate/long_answer.h"
#include "api/gate/query.h"
#include "base/json_form.h"
#include "http/problem.h"

/* A short file goes through its three stages at once. A long one waits for the next turn: to take its last
 * bytes was work enough for this one. */
enum {
    ANSWER_MAX = 64 * 1024 * 1024,
    PIECE_UNITS = 2000,
    PIECES_AT_ONCE = 3,
    LONG_FILE = 64 * 1024
};

/* One piece: 2,000 units are some two milliseconds. */
static bool read_on(struct pieces *pieces)
{
    return testfile_go_on(CONTAINER_OF(pieces, struct test_reading, pieces)->job, PIECE_UNITS);
}

static enum stage_verdict read_done(struct pieces *pieces)
{
    struct test_reading *reading = CONTAINER_OF(pieces, struct test_reading, pieces);
    struct reading *result = &reading->result;
    enum error_code code = testfile_end(reading->job);

    exchange_drop_body(pieces->task->exchange);
    if (code == ERR_OK && result->file.format == TESTFILE_FORMAT_SUITE) {
        testfile_refuse_manifest(pieces->task->arena, &result->file, &result->problems);
        code = ERR_UNPROCESSABLE;
    }
    result->ok = code == ERR_OK;
    return reading->then(reading);
}

static void caller_left(struct pieces *pieces)
{
    struct test_reading *reading = CONTAINER_OF(pieces, struct test_reading, pieces);

    (void)testfile_end(reading->job); /* given up: there is nobody to tell */
    if (reading->gone != NULL) {
        reading->gone(reading);
    }
}

enum stage_verdict test_read(struct task *task, struct arena *arena,
                             const struct testfile_options *given, struct test_reading *reading)
{
    struct testfile_options *options = &reading->options;
    struct str type = exchange_header(task->exchange, "Content-Type");

    *options = *given;
    options->kind = str_contains(type, STR("json"))   ? TESTFILE_JSON
                    : str_contains(type, STR("yaml")) ? TESTFILE_YAML
                                                      : TESTFILE_AUTO;
    options->defaults = &task->platform->defaults;
    reading->pieces =
        (struct pieces){.task = task, .go_on = read_on, .then = read_done, .gone = caller_left};
    reading->result = (struct reading){0};
    reading->job = testfile_begin(task->api->dictionary, arena, task->exchange->request.body,
                                  options, &reading->result.file, &reading->result.problems);
    return pieces_begin(&reading->pieces,
                        task->exchange->request.body.len < LONG_FILE ? PIECES_AT_ONCE : 0);
}

static struct str name_of(const struct reading *reading)
{
    return reading->file.n_tests > 0 ? reading->file.tests[0].name : STR_EMPTY;
}

void test_warnings_write(struct json_writer *w, const struct reading *reading)
{
    jw_key(w, "warnings");
    testfile_problems_json(w, &reading->problems, TESTFILE_WARNING);
}

static void write_problems(struct json_writer *w, const struct reading *reading)
{
    jw_key(w, "errors");
    testfile_problems_json(w, &reading->problems, TESTFILE_ERROR);
    test_warnings_write(w, reading);
}

static enum stage_verdict reply_validate(struct test_reading *read)
{
    struct task *task = read->pieces.task;
    const struct reading *reading = &read->result;
    struct json_writer *w = task_writer(task);

    jw_form(w, "{valid:%b, format:%s, name:%s, tests:%i, steps:%i, n_errors:%i, n_warnings:%i",
            reading->ok, testfile_format_name(reading->file.format), name_of(reading),
            reading->file.n_tests, reading->file.n_steps, reading->problems.n_errors,
            reading->problems.n_warnings);
    write_problems(w, reading);
    jw_end(w);
    return task_written(task, 200);
}

static enum stage_verdict look_at_test(struct task *task,
                                       enum stage_verdict (*then)(struct test_reading *reading))
{
    const struct testfile_options options = {.lenient = json_true(task_query(task, "lenient"))};
    struct test_reading *reading = arena_zalloc(task->arena, sizeof(*reading));

    reading->then = then;
    return test_read(task, task->arena, &options, reading);
}

enum stage_verdict handle_test_validate(struct task *task)
{
    return look_at_test(task, reply_validate);
}

/* 422 with every error; the same shape as other problems, and line, column, detail, hint in
 * each. */
enum stage_verdict test_refuse(struct task *task, const struct reading *reading)
{
    struct json_writer w;
    struct buf text;

    buf_init(&text, ANSWER_MAX);
    jw_init(&w, &text);
    jw_form(&w,
            "{type:%s, title:%s, status:422, "
            "detail:'The test file has errors; each of them says where and what to do', "
            "error:'The test file has errors; each of them says where and what to do', "
            "code:%s, instance:%s, request_id:%s",
            task_link(task, STR("/problems/unprocessable")), problem_row(ERR_UNPROCESSABLE)->title,
            error_slug(ERR_UNPROCESSABLE), task_link(task, task->exchange->request.path),
            task->exchange->trace.request_id);
    write_problems(&w, reading);
    jw_end(&w);
    task->exchange->notes.error_slug = str_from(error_slug(ERR_UNPROCESSABLE));
    return task_reply_text(task, 422, "application/problem+json", &text);
}

/* ---- the steps as commands ---- */

struct listing {
    struct long_answer answer;
    const struct reading *reading;
    size_t test;
    size_t step;
};

/* The next steps of the answer. Those of a single test stand in the answer itself, those of several in the list of tests. */
static enum error_code list_go_on(struct long_answer *answer, size_t n_steps, bool *done)
{
    struct listing *listing = CONTAINER_OF(answer, struct listing, answer);
    const struct testfile *file = &listing->reading->file;
    struct json_writer *w = &answer->writer;
    bool are_several = file->n_tests > 1;

    while (listing->test < file->n_tests && n_steps-- > 0) {
        const struct testfile_test *test = &file->tests[listing->test];

        if (listing->step == 0 && are_several) {
            jw_form(w, "{name:%s", test->name);
        }
        if (listing->step == 0) {
            jw_shape(w, "steps:[");
        }
        if (listing->step < test->n_steps) {
            testfile_step_json(w, &test->steps[listing->step++]);
        }
        if (listing->step == test->n_steps) {
            jw_shape(w, are_several ? "]}" : "]");
            listing->test++;
            listing->step = 0;
        }
    }
    *done = listing->test == file->n_tests;
    if (*done) {
        jw_shape(w, are_several ? "]" : "");
        test_warnings_write(w, listing->reading);
        jw_end(w);
    }
    return ERR_OK;
}

static enum stage_verdict reply_commands(struct test_reading *read)
{
    struct task *task = read->pieces.task;
    struct listing *listing = arena_zalloc(task->arena, sizeof(*listing));
    struct json_writer *w = &listing->answer.writer;

    long_answer_init(&listing->answer, task, 200, NULL);
    listing->answer.go_on = list_go_on;
    listing->reading = &read->result;
    jw_form(w, "{format:%s, name:%s", testfile_format_name(read->result.file.format),
            name_of(&read->result));
    if (read->result.file.n_tests > 1) {
        jw_shape(w, "tests:[");
    }
    return long_answer_begin(&listing->answer);
}

/* ---- converted ---- */

static const struct {
    const char *name;
    enum testfile_target target;
    const char *type;
} targets[] = {
    {"upstream", TESTFILE_TO_UPSTREAM, "application/json; charset=utf-8"},
    {"simplified", TESTFILE_TO_SIMPLIFIED, "application/yaml"},
    {"sentences", TESTFILE_TO_SENTENCES, "text/plain; charset=utf-8"},
};

struct converted {
    struct long_answer answer;
    struct testfile_converting converting;
};

static enum error_code convert_go_on(struct long_answer *answer, size_t n_steps, bool *done)
{
    struct converted *converted = CONTAINER_OF(answer, struct converted, answer);

    *done = testfile_convert_go_on(&converted->converting, n_steps);
    return ERR_OK;
}

static void convert_end(struct long_answer *answer)
{
    testfile_convert_end(&CONTAINER_OF(answer, struct converted, answer)->converting);
}

static enum stage_verdict reply_converted(struct test_reading *read, enum testfile_target target,
                                          const char *type)
{
    struct task *task = read->pieces.task;
    struct converted *converted = arena_zalloc(task->arena, sizeof(*converted));

    long_answer_init(&converted->answer, task, 200, type);
    converted->answer.go_on = convert_go_on;
    converted->answer.end = convert_end;
    testfile_convert_begin(&converted->converting, &read->result.file, target,
                           &converted->answer.text);
    return long_answer_begin(&converted->answer);
}

static enum stage_verdict reply_compile(struct test_reading *read)
{
    struct task *task = read->pieces.task;
    const struct reading *reading = &read->result;
    struct str to = task_query_text(task, "to");

    if (!reading->ok) {
        return test_refuse(task, reading);
    }
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        if (str_is(to, targets[i].name)) {
            return reply_converted(read, targets[i].target, targets[i].type);
        }
    }
    return reply_commands(read);
}

enum stage_verdict handle_test_compile(struct task *task)
{
    return look_at_test(task, reply_compile);
}
