/* Events of each source as requests, and answers in their forms: tests/golden/lambda/events.json. The events follow the examples in
 * the guides of AWS. And what is remembered of time while the process is stopped. */
#include "harness/cmocka.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/fd.h"
#include "lambda/event.h"
#include "lambda/lambda_internal.h"
#include "lambda/reply.h"

int test_event(void);

enum { FILE_MAX = 1 << 20, LINES_MAX = 65536 };

#define GOLDEN VP_GOLDEN_DIR "/lambda/events.json"

static const struct json *read_golden(struct arena *arena)
{
    struct json *out = NULL;
    struct error err = {0};
    struct buf text;

    buf_init(&text, FILE_MAX);
    assert_int_equal(fd_read_file(GOLDEN, &text, &err), ERR_OK);
    if (json_parse(arena, arena_str(arena, buf_view(&text)), &json_of_ours, &out, &err) != ERR_OK) {
        fail_msg("%s: %s", GOLDEN, err.text);
    }
    buf_done(&text);
    return out;
}

static void assert_same(struct str name, const char *what, struct str got, struct str expected)
{
    if (!str_eq(got, expected)) {
        fail_msg("%.*s: %s is\n%.*s\nand not\n%.*s", STR_ARG(name), what, STR_ARG(got),
                 STR_ARG(expected));
    }
}

static struct str joined(struct arena *arena, const struct json *lines)
{
    struct buf text;
    const struct json *line;
    struct str out;

    buf_init(&text, LINES_MAX);
    JSON_FOREACH (line, lines) {
        buf_str(&text, json_str(line));
        buf_text(&text, "\r\n");
    }
    out = arena_str(arena, buf_view(&text));
    buf_done(&text);
    return out;
}

static void check_request(struct arena *arena, const struct json *row,
                          struct event_request *request)
{
    struct str name = json_str(json_get(row, "name"));
    const struct json *expected = json_get(row, "request");
    struct error err = {0};
    struct str head;

    request->event = json_get(row, "event");
    request->source = event_source_of(request->event);
    if (request->source == NULL) {
        fail_msg("%.*s: no source", STR_ARG(name));
        return;
    }
    assert_same(name, "source", str_from(request->source->name), json_str(json_get(row, "source")));
    if (request->source->acts &&
        api_read_action(arena, request->event, &request->line, &request->body, &err) != ERR_OK) {
        fail_msg("%.*s: %s", STR_ARG(name), err.text);
    }
    if (event_read(arena, json_str(json_get(row, "base_path")), json_str(json_get(row, "trace")),
                   request, &err) != ERR_OK) {
        fail_msg("%.*s: %s", STR_ARG(name), err.text);
    }
    head = arena_printf(arena, "%.*s\r\n", STR_ARG(joined(arena, json_get(expected, "head"))));
    assert_same(name, "head", request->head, head);
    assert_same(name, "body", request->body, json_str(json_get(expected, "body")));
    assert_same(name, "peer", request->peer, json_str(json_get(expected, "peer")));
    assert_same(name, "base", request->base, json_str(json_get(expected, "base")));
    assert_int_equal(request->is_tls, !json_true(json_get(expected, "plain")));
}

static void check_reply(struct arena *arena, const struct json *row,
                        const struct event_request *request)
{
    const struct json *given = json_get(row, "answer");
    struct answer answer;
    int64_t status = 0;
    struct buf out;

    if (given == NULL) {
        return;
    }
    answer_init(&answer);
    buf_init(&out, REPLY_MAX);
    assert_true(json_to_i64(json_get(given, "status"), &status));
    answer.status = (int)status;
    buf_str(&answer.lines, joined(arena, json_get(given, "lines")));
    buf_str(&answer.body, json_str(json_get(given, "body")));
    buf_str(&answer.principal, json_str(json_get(given, "principal")));
    reply_write(&out, request, &answer, json_true(json_get(row, "policy")));
    assert_same(json_str(json_get(row, "name")), "reply", buf_view(&out),
                json_text(arena, json_get(row, "reply")));
    buf_done(&out);
    answer_done(&answer);
}

static void events_become_requests_and_answers_replies(void **state)
{
    struct arena arena;
    const struct json *rows;
    const struct json *row;

    (void)state;
    arena_init(&arena);
    rows = read_golden(&arena);
    assert_true(json_size(rows) >= 20);
    JSON_FOREACH (row, rows) {
        struct event_request request = {.source = NULL};

        check_request(&arena, row, &request);
        check_reply(&arena, row, &request);
    }
    arena_done(&arena);
}

static void what_is_no_direct_invocation(void **state)
{
    static const struct {
        const char *event, *pointer, *says;
    } refused[] = {
        {"{\"action\":\"executeGaol\"}", "/action", "did you mean \"executeGoal\"?"},
        {"{\"action\":\"executeCommand\"}", "/action", "simplified API"},
        {"{\"action\":7}", "/action", "simplified API"},
        {"{\"action\":\"executeGoal\"}", "/goalId", "\"goalId\""},
        {"{\"action\":\"executeGoal\",\"goalId\":\"\"}", "/goalId", "\"goalId\""},
        {"{\"action\":\"executeGoal\",\"id\":{}}", "/id", "a text"},
        {"{\"action\":\"listProjects\",\"limit\":[1]}", "/limit", "a text"},
        {"{\"action\":\"createStep\",\"body\":\"x\"}", "/body", "an object"},
    };

    static const char *const others[] = {"{\"action\":null}",
                                         "{\"action\":\"getUser\",\"requestContext\":{}}"};
    struct json *event = NULL;
    struct error err = {0};
    struct arena arena;
    struct str line;
    struct str body;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        assert_int_equal(json_parse(&arena, str_from(refused[i].event), NULL, &event, &err),
                         ERR_OK);
        assert_string_equal(event_source_of(event)->name, "direct invocation");
        assert_int_equal(api_read_action(&arena, event, &line, &body, &err), ERR_BAD_REQUEST);
        assert_string_equal(err.pointer, refused[i].pointer);
        assert_true(str_contains(str_from(err.text), str_from(refused[i].says)));
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_int_equal(json_parse(&arena, str_from(others[i]), NULL, &event, &err), ERR_OK);
        assert_null(event_source_of(event));
    }
    arena_done(&arena);
}

static void bytes_that_are_no_text_are_sent_as_base64(void **state)
{
    const struct event_source *source;
    struct event_request request = {.source = NULL};
    struct error err = {0};
    struct json *event = NULL;
    struct answer answer;
    struct arena arena;
    struct buf out;

    (void)state;
    arena_init(&arena);
    assert_int_equal(
        json_parse(&arena, STR("{\"version\":\"2.0\",\"rawPath\":\"/\"}"), NULL, &event, &err),
        ERR_OK);
    source = event_source_of(event);
    assert_non_null(source);
    request.source = source;
    answer_init(&answer);
    buf_init(&out, REPLY_MAX);
    answer.status = 200;
    buf_append(&answer.body, "\xff\x00\x01", 3);
    reply_write(&out, &request, &answer, false);
    assert_true(str_contains(buf_view(&out), STR("\"body\":\"/wAB\",\"isBase64Encoded\":true")));
    buf_done(&out);
    answer_done(&answer);
    arena_done(&arena);
}

static void on_thaw(void *context)
{
    (*(unsigned *)context)++;
}

/* Whichever clock stood still: a long pause is noticed, a short one is none. */
static void a_long_pause_is_noticed(void **state)
{
    unsigned n_thaws = 0;
    struct lambda lambda = {.options = {.on_thaw = on_thaw, .context = &n_thaws}};

    (void)state;
    clock_set(1000000, 1700000000000);
    lambda.seen_wall_ms = clock_wall_ms();
    lambda.seen_age_ms = clock_age_ms();
    clock_advance(19000);
    lambda_is_awake(&lambda);
    assert_int_equal(n_thaws, 0);
    clock_advance(21000);
    lambda_is_awake(&lambda);
    assert_int_equal(n_thaws, 1);
    clock_suspend(3600000);
    lambda_is_awake(&lambda);
    assert_int_equal(n_thaws, 2);
    clock_jump_wall(3600000);
    lambda_is_awake(&lambda);
    assert_int_equal(n_thaws, 3);
    clock_jump_wall(-3600000);
    lambda_is_awake(&lambda);
    assert_int_equal(n_thaws, 3);
    clock_release();
}

int test_event(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_become_requests_and_answers_replies),
        cmocka_unit_test(what_is_no_direct_invocation),
        cmocka_unit_test(bytes_that_are_no_text_are_sent_as_base64),
        cmocka_unit_test(a_long_pause_is_noticed),
    };

    return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
