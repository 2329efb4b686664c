/* The stages of the gate, behind a real http server on the test's own loop and in front of a platform
 * that may not be called: whatever is refused must be refused before that. Rows are requests. */
#include "harness/cmocka.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/api.h"
#include "api/tests/runs.h"
#include "base/clock.h"
#include "harness/client.h"
#include "harness/count.h"
#include "harness/port.h"
#include "harness/words.h"
#include "net/loop.h"
#include "observe/log.h"
#include "observe/metrics.h"

int test_stages(void);

enum { PATIENCE_MS = 120000, SETTLE_TURNS = 20 };

#define KEY     "Authorization: Bearer key-of-a-test\r\n"
#define READER  "X-API-Key: key-of-a-reader\r\n"
#define AS_JSON "Content-Type: application/json\r\n"

static struct {
    struct loop loop;
    struct config *config;
    struct session_store *sessions;
    struct plan_port port;
    struct api *api;
    struct http_server *server;
    unsigned n_calls;
    bool closed;
    bool is_behind;
} here;

static enum error_code start(void *context, struct upstream_call *call, struct error *err)
{
    (void)context;
    (void)call;
    here.n_calls++;
    return error_set(err, ERR_UPSTREAM_CONNECT, "there is no platform");
}

static void cancel(void *context, struct upstream_call *call)
{
    (void)context;
    (void)call;
}

static void on_closed(void *context)
{
    (void)context;
    here.closed = true;
}

static const char keys[] =
    "auth:\n  keys:\n"
    "    - {name: all, key: key-of-a-test}\n"
    "    - {name: reader, key: key-of-a-reader, permissions: [read]}\n"
    "    - {name: soon, key: key-that-expires, expires: \"2129-12-31\"}\n"
    "    - {name: later, key: key-that-lasts, expires: \"2130-12-31\"}\n"
    "http: {max_body: 1024}\n"
    "server: {public_url: \"https://pub.example/qa\", trusted_proxies: [127.0.0.1]}\n";

static void open_config(void)
{
    static const char *const environment[] = {"VIRTUOSO_API_TOKEN=token-of-a-test", NULL};
    char path[] = VP_SCRATCH_DIR "/stages_XXXXXX";
    const struct config_sources sources = {.file = path, .environment = environment};
    struct error_list errors;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, keys, sizeof(keys) - 1), sizeof(keys) - 1);
    assert_int_equal(close(fd), 0);
    error_list_init(&errors);
    if (config_load(&sources, &here.config, &errors) != ERR_OK) {
        fail_msg("%s", errors.items[0].text);
    }
    error_list_done(&errors);
    assert_int_equal(unlink(path), 0);
}

static int begin(void **state)
{
    static const struct session_options sessions = {
        .max_active = 10, .timeout_s = 60, .max_age_s = 600, .max_queue = 2};
    struct http_server_options options = {.listen = STR("127.0.0.1:0"),
                                          .name = "proxy",
                                          .max_connections = 10,
                                          .max_request_line = 8192,
                                          .max_header_bytes = 16384,
                                          .max_headers = 64,
                                          .max_pipeline_bytes = 65536,
                                          .linger_bytes = 65536};
    struct error err = {0};

    (void)state;
    loop_init(&here.loop);
    open_config();
    assert_int_equal(
        session_store_open(&here.loop.deadlines, &here.loop.later, &sessions, &here.sessions, &err),
        ERR_OK);
    here.port = (struct plan_port){.start = start,
                                   .cancel = cancel,
                                   .loop = &here.loop,
                                   .deadlines = &here.loop.deadlines,
                                   .later = &here.loop.later};
    here.api = api_open(&(struct api_options){.catalog = the_catalog(),
                                              .dictionary = the_dictionary(),
                                              .config = here.config,
                                              .links = &(struct api_link){.port = &here.port},
                                              .sessions = here.sessions,
                                              .deadlines = &here.loop.deadlines,
                                              .is_behind = &here.is_behind,
                                              .later = &here.loop.later});
    assert_int_equal(
        http_server_open(&here.loop, &options, api_service(), here.api, &here.server, &err),
        ERR_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    api_stop(here.api);
    http_server_close(here.server, on_closed, NULL);
    while (!here.closed) {
        (void)loop_turn(&here.loop, true);
    }
    api_close(here.api);
    session_store_close(here.sessions);
    config_release(here.config);
    loop_done(&here.loop); /* CHECKs that nothing is left open */
    return 0;
}

/* The client blocks, so the loop turns until its answer is there, whole. */
static void ask(const char *method, const char *target, const char *fields, const char *body,
                struct reply *reply)
{
    uint64_t limit_ms = clock_now_ms() + (uint64_t)PATIENCE_MS * client_slowness();
    struct client client;
    char byte;

    client_open(&client, port_of(http_server_address(here.server)));
    assert_true(client_send_request(&client, method, target, fields, str_from(body)));
    while (recv(client.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && clock_now_ms() < limit_ms) {
        (void)loop_turn(&here.loop, true);
    }
    for (int i = 0; i < SETTLE_TURNS; i++) {
        (void)loop_turn(&here.loop, false);
    }
    assert_int_equal(client_read(&client, str_is(STR("HEAD"), method), reply), CLIENT_OK);
    client_close(&client);
}

struct row {
    const char *method;
    const char *target;
    const char *fields;
    const char *body;
    int status;
    const char *says; /* in the body; NULL: there is none */
};

static const struct row rows[] = {
    /* route, before authentication: what is not there is not there for anybody */
    {"GET", "/nowhere", NULL, NULL, 404, "\"not_found\""},
    {"PUT", "/livez", NULL, NULL, 405, "\"method_not_allowed\""},
    {"GET", "/livez/", NULL, NULL, 200, "\"pass\""},
    {"HEAD", "/livez", NULL, NULL, 200, NULL},
    {"OPTIONS", "/api/projects", NULL, NULL, 204, NULL},
    /* authenticate, authorize */
    {"GET", "/api/v1/routes", NULL, NULL, 401, "\"unauthorized\""},
    {"GET", "/api/v1/routes", "Authorization: Bearer wrong-key\r\n", NULL, 401, "\"unauthorized\""},
    {"GET", "/api/v1/routes", READER, NULL, 200, "\"routes\""},
    {"POST", "/api/v1/commands/step/click", READER AS_JSON, "{}", 403, "\"forbidden\""},
    {"DELETE", "/virtuoso/projects/1", READER, NULL, 403, "\"forbidden\""},
    /* the query and the body */
    {"GET", "/api/v1/routes?nonsense=1", KEY, NULL, 400, "\"unknown_parameter\""},
    {"POST", "/api/v1/commands/execute", KEY "Content-Type: text/plain\r\n", "x", 415,
     "\"unsupported_media_type\""},
    {"POST", "/api/v1/commands/execute", KEY AS_JSON, "{\"command\":", 400, "\"bad_json\""},
    {"POST", "/api/v1/commands/execute", KEY AS_JSON, "{\"comand\":\"x\"}", 400,
     "\"unknown_member\""},
    {"POST", "/api/v1/commands/execute", KEY AS_JSON, "{\"command\":\"clik\"}", 400,
     "\"unknown_command\""},
    {"POST", "/api/v1/commands/execute", KEY AS_JSON "Idempotency-Key: \r\n", "{}", 400,
     "Idempotency-Key must be"},
};

static void each_stage_refuses_what_is_its_own(void **state)
{
    struct reply reply = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];

        ask(row->method, row->target, row->fields, row->body, &reply);
        if (reply.status != row->status ||
            (row->says != NULL && !str_contains(reply_text(&reply), str_from(row->says)))) {
            fail_msg("%s %s: %d %.*s", row->method, row->target, reply.status,
                     STR_ARG(reply_text(&reply)));
        }
        assert_int_equal(reply_count_fields(&reply, "X-Request-Id"), 1);
    }
    assert_int_equal(here.n_calls, 0);
    reply_done(&reply);
}

static void a_body_over_the_limit_is_refused_on_its_head(void **state)
{
    struct reply reply = {0};
    char body[1200];

    (void)state;
    memset(body, ' ', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    ask("POST", "/api/v1/sessions", KEY AS_JSON, body, &reply);
    assert_int_equal(reply.status, 413);
    reply_done(&reply);
}

static void what_passes_all_stages_reaches_the_platform(void **state)
{
    struct reply reply = {0};

    (void)state;
    ask("GET", "/api/user", KEY, NULL, &reply);
    assert_int_equal(reply.status, 502);
    assert_int_equal(here.n_calls, 1);
    assert_true(str_contains(reply_text(&reply), STR("\"upstream_unreachable\"")));
    reply_done(&reply);
}

static void a_loop_that_is_behind_and_a_drain_are_told_by_readiness_alone(void **state)
{
    struct reply reply = {0};

    (void)state;
    here.is_behind = true;
    ask("GET", "/readyz", NULL, NULL, &reply);
    assert_int_equal(reply.status, 503);
    assert_true(str_contains(reply_text(&reply), STR("behind its work")));
    ask("GET", "/livez", NULL, NULL, &reply);
    assert_int_equal(reply.status, 200);
    here.is_behind = false;
    ask("GET", "/readyz", NULL, NULL, &reply);
    assert_int_equal(reply.status, 200);
    api_set_draining(here.api);
    ask("GET", "/readyz", NULL, NULL, &reply);
    assert_int_equal(reply.status, 503);
    ask("GET", "/livez", NULL, NULL, &reply);
    assert_int_equal(reply.status, 200);
    reply_done(&reply);
}

#define AS_PAGE "Accept: text/html\r\n"

/* A page is opened where it is opened: its links lead there. What others keep leads to server.public_url. */
static void pages_lead_to_the_address_at_which_they_were_opened(void **state)
{
    static const struct {
        const char *target;
        const char *fields;
        const char *leads;
    } pages[] = {
        {"/", AS_PAGE, "href=\"docs/page.css\""},
        {"/docs/", NULL, "href=\"../docs/page.css\""},
        {"/docs/plain", NULL, "href=\"../openapi.json\""},
        {"/docs/plain/", NULL, "href=\"../../openapi.json\""},
        {"/ui/runs", NULL, "src=\"../ui/runs.js\""},
        {"/problems", AS_PAGE, "href=\"docs/page.css\""},
        {"/problems/not_found", AS_PAGE, "href=\"../docs/page.css\""},
        {"/ui/runs", "X-Forwarded-Prefix: /other\r\n", "src=\"/other/ui/runs.js\""},
        {"/ui/runs", "X-Forwarded-Prefix: //evil\r\n", "src=\"../ui/runs.js\""},
    };
    struct reply reply = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        ask("GET", pages[i].target, pages[i].fields, NULL, &reply);
        if (reply.status != 200 || !str_contains(reply_text(&reply), str_from(pages[i].leads)) ||
            str_contains(reply_text(&reply), STR("=\"https://pub.example"))) {
            fail_msg("%s: %d %.*s", pages[i].target, reply.status, STR_ARG(reply_text(&reply)));
        }
    }
    ask("GET", "/", NULL, NULL, &reply);
    assert_true(str_contains(reply_text(&reply), STR("\"https://pub.example/qa/docs\"")));
    ask("GET", "/nowhere", "X-Forwarded-Prefix: /other\r\n", NULL, &reply);
    assert_true(
        str_contains(reply_text(&reply), STR("\"https://pub.example/qa/problems/not_found\"")));
    reply_done(&reply);
}

static void of_several_lines_of_tags_each_counts(void **state)
{
    struct reply reply = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    ask("GET", "/problems", NULL, NULL, &reply);
    assert_int_equal(reply.status, 200);
    ask("GET", "/problems",
        arena_printf(&arena, "If-None-Match: \"other\"\r\nIf-None-Match: %.*s\r\n",
                     STR_ARG(reply_field(&reply, "ETag")))
            .ptr,
        NULL, &reply);
    assert_int_equal(reply.status, 304);
    arena_done(&arena);
    reply_done(&reply);
}

static unsigned count_told(int log, const char *says)
{
    static char text[65536];
    ssize_t n;

    (void)loop_turn(&here.loop, false);
    log_flush();
    n = pread(log, text, sizeof(text), 0);
    assert_true(n >= 0);
    return (unsigned)str_count((struct str){text, (size_t)n}, says);
}

static void pass(int64_t ms)
{
    clock_advance((uint64_t)ms);
    clock_turn_begin();
    (void)deadlines_run(&here.loop.deadlines, clock_now_ms());
}

/* The key "soon" ends on the last day of 2129: what the metric shows, and what the log has told so far. The last test:
 * behind it, the loop waits for a time that comes much later. */
static void a_key_that_expires_while_the_program_runs_is_told(void **state)
{
    static const int64_t end_ms = INT64_C(5049129600000);
    static const int64_t later_ms = INT64_C(5080665600000);
    static const int64_t day_ms = INT64_C(86400000);
    char path[] = VP_SCRATCH_DIR "/expiry_XXXXXX";
    int log = mkstemp(path);

    (void)state;
    assert_true(log >= 0);
    assert_int_equal(unlink(path), 0);
    metrics_open();
    log_open(log, LOG_WARN, LOG_JSON);
    clock_set(clock_now_ms(), end_ms - 15 * day_ms);
    api_set_gauges(here.api);
    assert_int_equal(metric_value(M_KEY_EXPIRY), end_ms / 1000);
    for (int day = 0; day < 14; day++) {
        assert_int_equal(count_told(log, "\\\"soon\\\" expires at"), day == 0 ? 0 : 1);
        pass(day_ms);
    }
    pass(day_ms - 1);
    assert_int_equal(count_told(log, "has expired"), 0);
    assert_int_equal(metric_value(M_KEY_EXPIRY), end_ms / 1000);
    clock_jump_wall(1); /* what is scraped is right without the deadline, too */
    api_set_gauges(here.api);
    assert_int_equal(metric_value(M_KEY_EXPIRY), later_ms / 1000);
    pass(1);
    pass(day_ms);
    assert_int_equal(count_told(log, "\\\"soon\\\" expires at"), 1);
    assert_int_equal(count_told(log, "\\\"soon\\\" has expired"), 1);
    assert_int_equal(count_told(log, "config.warning"), 2);
    log_close();
    metrics_done();
    assert_int_equal(close(log), 0);
    clock_release();
}

/* Of an invocation that drives a run: the question for the next one, between two operations of the store. */
static void a_request_keeps_time_to_ask_for_the_next_one(void **state)
{
    static const struct {
        bool asks;
        bool knows_names;
        unsigned store_ms;
        uint64_t left_ms;
        uint64_t end_ms;
    } times[] = {
        {false, false, 5000, 900000, 1000},     {true, true, 5000, 900000, 3000},
        {true, false, 1000, 900000, 5000},      {true, false, 5000, 900000, 13000},
        {true, false, 5000, UINT64_MAX, 13000}, {true, false, 5000, 20000, 10000},
        {true, false, 5000, 4000, 3000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        assert_int_equal(
            run_end_ms(times[i].asks, times[i].knows_names, times[i].store_ms, times[i].left_ms),
            times[i].end_ms);
    }
}

int test_stages(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stage_refuses_what_is_its_own),
        cmocka_unit_test(a_body_over_the_limit_is_refused_on_its_head),
        cmocka_unit_test(what_passes_all_stages_reaches_the_platform),
        cmocka_unit_test(a_request_keeps_time_to_ask_for_the_next_one),
        cmocka_unit_test(of_several_lines_of_tags_each_counts),
        cmocka_unit_test(pages_lead_to_the_address_at_which_they_were_opened),
        cmocka_unit_test(a_loop_that_is_behind_and_a_drain_are_told_by_readiness_alone),
        cmocka_unit_test(a_key_that_expires_while_the_program_runs_is_told),
    };

    return cmocka_run_group_tests_name("api: stages", tests, begin, end);
}
