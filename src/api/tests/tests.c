/* POST /api/v1/tests/validate and /compile: a test file looked at, without doing anything. The file
 * is the body (YAML or JSON by its Content-Type, else by its first character); room testfile does
 * the work. */
#include "tests.h"
#include "api/tests/handlers.h"

#include "api/gate/links.h"
#include "api/gate/query.h"

/* A short file goes through its stages at once: they are three. To begin with a long one is work enough
 * for the turn in which its last bytes came. */
enum {
    ANSWER_MAX = 64 * 1024 * 1024,
    PIECE_UNITS = 4000,
    PIECES_AT_ONCE = 3,
    LONG_FILE = 64 * 1024,
    WRITTEN_STEPS = 300
};

static enum testfile_kind kind_of(const struct exchange *exchange)
{
    struct str type = exchange_header(exchange, "Content-Type");

    if (str_contains(type, STR("json"))) {
        return TESTFILE_JSON;
    }
    return str_contains(type, STR("yaml")) ? TESTFILE_YAML : TESTFILE_AUTO;
}

/* One piece: a few thousand units are about a millisecond. */
static bool read_on(struct test_reading *reading)
{
    return testfile_go_on(reading->job, PIECE_UNITS);
}

static enum stage_verdict read_done(struct test_reading *reading)
{
    struct task *task = reading->task;
    struct reading *result = &reading->result;
    enum error_code code = testfile_end(reading->job);

    task->on_cancel = NULL;
    task->state = NULL;
    if (code == ERR_OK && result->file.format == TESTFILE_FORMAT_SUITE) {
        testfile_refuse_manifest(task->arena, &result->file, &result->problems);
        code = ERR_UNPROCESSABLE;
    }
    result->ok = code == ERR_OK;
    return reading->then(reading);
}

static void on_turn(struct later_item *item)
{
    struct test_reading *reading = CONTAINER_OF(item, struct test_reading, item);

    if (read_on(reading)) {
        (void)read_done(reading);
        return;
    }
    later_add(reading->task->platform->port->later, &reading->item, on_turn);
}

static void on_cancel(struct task *task)
{
    struct test_reading *reading = task->state;

    later_remove(&reading->item);
    (void)testfile_end(reading->job); /* given up: there is nobody to tell */
    if (reading->gone != NULL) {
        reading->gone(reading);
    }
}

enum stage_verdict test_read(struct task *task, struct arena *arena,
                             const struct testfile_options *given, struct test_reading *reading)
{
    struct testfile_options options = *given;

    options.kind = kind_of(task->exchange);
    options.defaults = &task->platform->defaults;
    reading->task = task;
    reading->result = (struct reading){0};
    reading->job = testfile_begin(arena, task->exchange->request.body, &options,
                                  &reading->result.file, &reading->result.problems);
    for (size_t i = 0; i < PIECES_AT_ONCE && task->exchange->request.body.len < LONG_FILE; i++) {
        if (read_on(reading)) {
            return read_done(reading);
        }
    }
    task->state = reading;
    task->on_cancel = on_cancel;
    later_add(task->platform->port->later, &reading->item, on_turn);
    return STAGE_WAIT;
}

static struct str name_of(const struct reading *reading)
{
    return reading->file.n_tests > 0 ? reading->file.tests[0].name : STR_EMPTY;
}

static void write_problems(struct json_writer *w, const struct reading *reading)
{
    jw_key(w, "errors");
    testfile_problems_json(w, &reading->problems, TESTFILE_ERROR);
    jw_key(w, "warnings");
    testfile_problems_json(w, &reading->problems, TESTFILE_WARNING);
}

static void text_free(void *text)
{
    buf_done(text);
}

enum stage_verdict task_reply_text(struct task *task, int status, const char *type,
                                   struct buf *text)
{
    struct buf *kept = arena_alloc(task->arena, sizeof(*kept));

    *kept = *text; /* a long answer is not copied */
    *text = (struct buf){0};
    arena_defer(task->arena, text_free, kept);
    return task_reply(task, status, type, buf_view(kept));
}

static enum stage_verdict reply_validate(struct test_reading *read)
{
    struct task *task = read->task;
    const struct reading *reading = &read->result;
    struct json_writer w;
    struct buf text;

    buf_init(&text, ANSWER_MAX);
    jw_init(&w, &text);
    jw_object(&w);
    jw_kv_bool(&w, "valid", reading->ok);
    jw_kv_text(&w, "format", testfile_format_name(reading->file.format));
    jw_kv_str(&w, "name", name_of(reading));
    jw_kv_int(&w, "tests", (int64_t)reading->file.n_tests);
    jw_kv_int(&w, "steps", (int64_t)reading->file.n_steps);
    jw_kv_int(&w, "n_errors", (int64_t)reading->problems.n_errors);
    jw_kv_int(&w, "n_warnings", (int64_t)reading->problems.n_warnings);
    write_problems(&w, reading);
    jw_end(&w);
    return task_reply_text(task, 200, "application/json; charset=utf-8", &text);
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
    jw_object(&w);
    jw_kv_str(&w, "type", task_link(task, STR("/problems/unprocessable")));
    jw_kv_text(&w, "title", error_row(ERR_UNPROCESSABLE)->title);
    jw_kv_int(&w, "status", 422);
    jw_kv_text(&w, "detail", "The test file has errors; each of them says where and what to do");
    jw_kv_text(&w, "error", "The test file has errors; each of them says where and what to do");
    jw_kv_text(&w, "code", error_row(ERR_UNPROCESSABLE)->slug);
    jw_kv_str(&w, "instance", task_link(task, task->exchange->request.path));
    jw_kv_text(&w, "request_id", task->exchange->trace.request_id);
    write_problems(&w, reading);
    jw_end(&w);
    task->exchange->notes.error_slug = str_from(error_row(ERR_UNPROCESSABLE)->slug);
    return task_reply_text(task, 422, "application/problem+json", &text);
}

/* ---- long answers ---- */

/* An answer about ten thousand steps is written in pieces, as the file was read: some steps a turn. */
struct written {
    struct later_item item;
    struct task *task;
    struct buf text;
    const char *type;
    bool (*go_on)(struct written *written, size_t n_steps); /* true: it is all there */
    void (*end)(struct written *written);                   /* also when the caller left */
    const struct reading *reading;
    struct json_writer writer; /* of a list of commands */
    size_t test;
    size_t step;
    struct testfile_converting converting;
};

static enum stage_verdict written_done(struct written *written)
{
    struct task *task = written->task;

    written->end(written);
    task->on_cancel = NULL;
    task->state = NULL;
    return task_reply_text(task, 200, written->type, &written->text);
}

static void on_writing_turn(struct later_item *item)
{
    struct written *written = CONTAINER_OF(item, struct written, item);

    if (written->go_on(written, WRITTEN_STEPS)) {
        (void)written_done(written);
        return;
    }
    later_add(written->task->api->options.port->later, &written->item, on_writing_turn);
}

static void on_writing_cancel(struct task *task)
{
    struct written *written = task->state;

    later_remove(&written->item);
    written->end(written);
    buf_done(&written->text);
}

static struct written *written_new(struct test_reading *read, const char *type)
{
    struct written *written = arena_zalloc(read->task->arena, sizeof(*written));

    written->task = read->task;
    written->reading = &read->result;
    written->type = type;
    buf_init(&written->text, ANSWER_MAX);
    return written;
}

static enum stage_verdict written_begin(struct written *written)
{
    struct task *task = written->task;

    if (written->go_on(written, WRITTEN_STEPS)) {
        return written_done(written);
    }
    task->state = written;
    task->on_cancel = on_writing_cancel;
    later_add(task->api->options.port->later, &written->item, on_writing_turn);
    return STAGE_WAIT;
}

/* --- the steps as commands */

/* One test: its steps stand in the answer itself; several: in the list of tests. */
static void list_begin_test(struct written *written, const struct testfile_test *test)
{
    if (written->reading->file.n_tests > 1) {
        jw_object(&written->writer);
        jw_kv_str(&written->writer, "name", test->name);
    }
    jw_key(&written->writer, "steps");
    jw_array(&written->writer);
}

static void list_end_test(struct written *written)
{
    jw_end(&written->writer);
    if (written->reading->file.n_tests > 1) {
        jw_end(&written->writer);
    }
    written->test++;
    written->step = 0;
}

static bool list_go_on(struct written *written, size_t n_steps)
{
    const struct testfile *file = &written->reading->file;

    while (written->test < file->n_tests && n_steps-- > 0) {
        const struct testfile_test *test = &file->tests[written->test];

        if (written->step == 0) {
            list_begin_test(written, test);
        }
        if (written->step < test->n_steps) {
            testfile_step_json(&written->writer, &test->steps[written->step++]);
        }
        if (written->step == test->n_steps) {
            list_end_test(written);
        }
    }
    return written->test == file->n_tests;
}

static void list_end(struct written *written)
{
    const struct reading *reading = written->reading;

    if (written->test < reading->file.n_tests) {
        return; /* nobody waits for the rest */
    }
    if (reading->file.n_tests > 1) {
        jw_end(&written->writer);
    }
    jw_key(&written->writer, "warnings");
    testfile_problems_json(&written->writer, &reading->problems, TESTFILE_WARNING);
    jw_end(&written->writer);
}

static enum stage_verdict reply_commands(struct test_reading *read)
{
    struct written *written = written_new(read, "application/json; charset=utf-8");
    struct json_writer *w = &written->writer;

    written->go_on = list_go_on;
    written->end = list_end;
    jw_init(w, &written->text);
    jw_object(w);
    jw_kv_text(w, "format", testfile_format_name(read->result.file.format));
    jw_kv_str(w, "name", name_of(&read->result));
    if (read->result.file.n_tests > 1) {
        jw_key(w, "tests");
        jw_array(w);
    }
    return written_begin(written);
}

/* --- converted */

static const struct {
    const char *name;
    enum testfile_target target;
    const char *type;
} targets[] = {
    {"upstream", TESTFILE_TO_UPSTREAM, "application/json; charset=utf-8"},
    {"simplified", TESTFILE_TO_SIMPLIFIED, "application/yaml"},
    {"sentences", TESTFILE_TO_SENTENCES, "text/plain; charset=utf-8"},
};

static bool convert_go_on(struct written *written, size_t n_steps)
{
    return testfile_convert_go_on(&written->converting, n_steps);
}

static void convert_end(struct written *written)
{
    testfile_convert_end(&written->converting);
}

static enum stage_verdict reply_converted(struct test_reading *read, enum testfile_target target,
                                          const char *type)
{
    struct written *written = written_new(read, type);

    written->go_on = convert_go_on;
    written->end = convert_end;
    testfile_convert_begin(&written->converting, &read->result.file, target, &written->text);
    return written_begin(written);
}

static enum stage_verdict reply_compile(struct test_reading *read)
{
    struct task *task = read->task;
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
