/* No legal request of a megabyte takes more than 16 MiB of memory, and none keeps any of it. The
 * kernel's own high-water mark of the process is set back before each request (clear_refs). */
#include "harness/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/proxy.h"
#include "harness/sanitized.h"

enum { REQUEST_MAX = 1024 * 1024, ALLOWED_KIB = 16 * 1024 };

/* False: the kernel does not let us, so there is nothing to measure with. */
static bool forget_peak(const struct program *program)
{
    char path[64];
    FILE *file;
    bool done;

    (void)snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)program->pid);
    file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    done = fputs("5", file) >= 0;
    return fclose(file) == 0 && done;
}

/* `head`, then `unit` as often as it fits, then `tail`. */
struct large {
    const char *what;
    const char *target;
    const char *type;
    const char *head;
    const char *unit;
    const char *tail;
    size_t max_bytes; /* 0: REQUEST_MAX */
};

/* clang-format off */
static const struct large rows[] = {
    {"a batch of odd members", "/api/v1/commands/batch?dry_run=true", "application/json", "{\"commands\":[", "{\"x\":1},", "{}]}", 0},
    {"a batch that is right", "/api/v1/commands/batch?dry_run=true", "application/json", "{\"checkpoint_id\":1,\"commands\":[",
     "{\"command\":\"step-interact click\",\"args\":[\"aaaaaaaaaaaaaaaa\"]},", "{\"command\":\"step-navigate to\",\"args\":[\"https://x.example\"]}]}", 30000},
    {"numbers", "/api/v1/commands/execute?dry_run=true", "application/json", "{\"command\":\"step-interact click\",\"checkpoint_id\":1,\"args\":[", "1,", "1]}", 0},
    {"members", "/api/v1/commands/execute?dry_run=true", "application/json", "{\"a\":{", "\"b\":1,", "\"c\":1}}", 0},
    {"one long text", "/api/v1/commands/execute?dry_run=true", "application/json", "{\"command\":\"step-interact click\",\"checkpoint_id\":1,\"args\":[\"", "aaaaaaaaaaaaaaaa", "\"]}", 0},
    {"escapes", "/api/v1/commands/execute?dry_run=true", "application/json", "{\"command\":\"step-interact click\",\"checkpoint_id\":1,\"args\":[\"", "\\u00e9", "\"]}", 0},
    {"a test file that is right", "/api/v1/tests/compile", "application/yaml", "name: x\nsteps:\n",
     "  - click: \"a button with a long name, so that less than ten thousand steps make a megabyte of the whole file\"\n", "  - click: end\n", 0},
    {"a test file of sentences", "/api/v1/tests/compile", "application/yaml", "name: x\nsteps:\n",
     "  - Click on \"a button with a long name, so that less than ten thousand steps make a megabyte of the whole\"\n", "  - click: end\n", 0},
    {"a test file of too many steps", "/api/v1/tests/compile", "application/yaml", "name: x\nsteps:\n", "  - click: Sign in\n", "  - click: end\n", 0},
    {"a test file that is wrong", "/api/v1/tests/validate", "application/yaml", "name: x\nsteps:\n", "  - clikc: Sign in\n", "  - x: end\n", 0},
    {"a test file with short lines", "/api/v1/tests/validate", "application/yaml", "steps:\n", "- a\n", "- b\n", 0},
    {"a test file as JSON", "/api/v1/tests/validate", "application/json", "{\"steps\":[", "{\"click\":\"a\"},", "{\"click\":\"b\"}]}", 0},
    {"a JSON test file that is right", "/api/v1/tests/compile", "application/json", "{\"name\":\"x\",\"steps\":[",
     "{\"click\":\"a button with a long name, so that less than ten thousand steps make a megabyte of the whole\"},", "{\"click\":\"end\"}]}", 0},
    {"its requests", "/api/v1/tests/compile?to=upstream", "application/yaml", "name: x\nsteps:\n",
     "  - click: \"a button with a long name, so that less than ten thousand steps make a megabyte of the whole file\"\n", "  - click: end\n", 0},
    {"a dry run", "/api/v1/tests/run?dry_run=true", "application/yaml", "name: x\nsteps:\n",
     "  - click: \"a button with a long name, so that less than ten thousand steps make a megabyte of the whole file\"\n", "  - click: end\n", 0},
    {"a lenient compile", "/api/v1/tests/compile?lenient=true", "application/yaml", "name: x\nsteps:\n",
     "  - clikc: \"a button with a long name, so that less than ten thousand steps make a megabyte of the whole file\"\n", "  - click: end\n", 0},
    {"anchors", "/api/v1/tests/validate", "application/yaml", "steps:\n", "- &a b\n", "- b\n", 0},
    {"a variable that grows", "/api/v1/tests/compile", "application/yaml",
     "name: x\nvariables: {v: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}\nsteps:\n",
     "  - click: \"$v$v$v$v$v$v$v$v$v$v$v\"\n", "  - click: end\n", 0},
    {"commands to check", "/api/v1/commands/validate", "application/json", "{\"command\":\"step-interact click\",\"args\":[", "\"a\",", "\"b\"]}", 0},
    {"rows of a table", "/api/testdata/tables?dry_run=true", "application/json", "{\"name\":\"t\",\"columns\":[\"a\"],\"rows\":[", "[\"1\"],", "[\"2\"]]}", 0},
    {"a batch of line feeds", "/api/v1/commands/batch?dry_run=true", "application/json", "{\"checkpoint_id\":1,\"commands\":[",
     "{\"command\":\"step-interact write\",\"args\":[\"a\",\"\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\"]},", "{\"command\":\"step-navigate to\",\"args\":[\"https://x.example\"]}]}", 50000},
    {"Chinese characters", "/api/v1/commands/validate", "application/json", "{\"command\":\"step-interact click\",\"args\":[\"", "\xE6\xBC\xA2", "\"]}", 0},
    {"YAML for a command", "/api/v1/commands/execute?dry_run=true", "application/yaml", "command: step-interact click\ncheckpoint_id: 1\nargs:\n", "- a\n", "- b\n", 0},
};

/* clang-format on */

static void build(const struct large *row, struct buf *out)
{
    size_t max = row->max_bytes != 0 ? row->max_bytes : REQUEST_MAX;
    size_t ends = strlen(row->head) + strlen(row->tail);

    buf_clear(out);
    buf_text(out, row->head);
    while (out->len + strlen(row->unit) + ends < max) {
        buf_text(out, row->unit);
    }
    buf_text(out, row->tail);
}

static void send_large(struct proxy *proxy, const struct large *row, const struct buf *body)
{
    char fields[128];

    (void)snprintf(fields, sizeof(fields), "Content-Type: %s\r\n", row->type);
    client_ask(proxy->program.port, "POST", row->target, fields, buf_view(body), &proxy->reply);
    assert_true(proxy->reply.status >= 200 && proxy->reply.status < 500);
}

static bool measure(struct proxy *proxy, const struct large *row, struct buf *body)
{
    long before;
    long peak;

    build(row, body);
    before = program_kib(&proxy->program, "VmRSS");
    if (!forget_peak(&proxy->program)) {
        return false;
    }
    send_large(proxy, row, body);
    peak = program_kib(&proxy->program, "VmHWM");
    print_message("%-30s %6ld KiB more, answered %d\n", row->what, peak - before,
                  proxy->reply.status);
    if (peak - before > ALLOWED_KIB) {
        fail_msg("%s takes %ld KiB", row->what, peak - before);
    }
    return true;
}

static void a_large_request_takes_little_memory(void **state)
{
    static const char *const sets[] = {"log.level=warn", "http.max_body=2MiB", NULL};
    struct proxy proxy;
    struct buf body;
    bool can_measure = true;

    (void)state;
    if (IS_SANITIZED) {
        skip(); /* its shadow and its quarantine are not the program's memory */
    }
    buf_init(&body, (size_t)2 * REQUEST_MAX);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        /* A process of its own for each: what one request leaves free serves the next one. */
        proxy_start(&proxy, sets);
        can_measure = measure(&proxy, &rows[i], &body) && can_measure;
        proxy_stop(&proxy);
    }
    buf_done(&body);
    if (!can_measure) {
        skip();
    }
}

/* --- what is carried out */

#define LONG_NAME                                                                                  \
    "a button with a long name, so that less than ten thousand steps make a megabyte of the whole file"
#define SIX_STEPS                                                                                  \
    "{click: \"" LONG_NAME "\"}, {click: \"" LONG_NAME "\"}, {click: \"" LONG_NAME                 \
    "\"}, {click: \"" LONG_NAME "\"}, {click: \"" LONG_NAME "\"}, {click: \"" LONG_NAME "\"}"

/* clang-format off */
static const struct large carried_out[] = {
    {"a run", "/api/v1/tests/run", "application/yaml", "name: x\nsteps:\n", "  - click: \"" LONG_NAME "\"\n", "  - click: end\n", 0},
    {"a run that loses an answer", "/api/v1/tests/run", "application/yaml", "name: x\nsteps:\n", "  - click: \"" LONG_NAME "\"\n", "  - click: end\n", 0},
    {"a run that writes", "/api/v1/tests/run", "application/yaml", "name: x\nsteps:\n", "  - {write: {selector: \"a field with a long name, so that less than ten thousand steps are\", text: \"some text\"}}\n", "  - click: end\n", 0},
    {"a run of short steps", "/api/v1/tests/run", "application/yaml", "name: x\nsteps:\n", "  - click: Sign in\n", "  - click: end\n", 189900},
    {"a run of sentences", "/api/v1/tests/run", "application/yaml", "name: x\nsteps:\n", "  - Click on \"" LONG_NAME "\"\n", "  - click: end\n", 0},
    {"a run of a JSON file", "/api/v1/tests/run", "application/json", "{\"name\":\"x\",\"steps\":[", "{\"click\":\"" LONG_NAME "\"},", "{\"click\":\"end\"}]}", 0},
    {"a run of many tests", "/api/v1/tests/run", "application/yaml", "tests:\n", "  - {name: One, steps: [" SIX_STEPS ", {click: \"" LONG_NAME " and on and on and on for some way\"}, {click: \"" LONG_NAME "\"}]}\n", "  - {name: Last, steps: [{click: end}]}\n", 980000},
    {"a run that goes on", "/api/v1/tests/run?async=true", "application/yaml", "name: x\nsteps:\n", "  - click: \"" LONG_NAME "\"\n", "  - click: end\n", 0},
    {"a run that is executed", "/api/v1/tests/run?execute=true&wait=true", "application/yaml", "name: x\nsteps:\n", "  - click: \"" LONG_NAME "\"\n", "  - click: end\n", 0},
    {"a run with the reason of each step", "/api/v1/tests/run?lenient=true", "application/yaml", "name: x\nsteps:\n", "  - {click: \"" LONG_NAME "\", colour: 1}\n", "  - click: end\n", 0},
    {"a run whose steps are refused", "/api/v1/tests/run?continue_on_error=true", "application/yaml", "name: x\nsteps:\n", "  - click: \"" LONG_NAME "\"\n", "  - click: end\n", 0},
    {"a file of too many steps as JSON", "/api/v1/tests/run", "application/json", "{\"name\":\"x\",\"steps\":[", "{\"write\":{\"selector\":\"Email of the user\",\"text\":\"user@example.com\"}},", "{\"click\":\"end\"}]}", 0},
    {"a batch", "/api/v1/commands/batch", "application/json", "{\"checkpoint_id\":7,\"commands\":[", "{\"command\":\"step-interact click\",\"args\":[\"" LONG_NAME "\"]},", "{\"command\":\"step-navigate to\",\"args\":[\"https://x.example\"]}]}", 70000},
    {"a step of the simplified API", "/api/steps", "application/json", "{\"checkpoint_id\":7,\"action\":\"click\",\"selector\":\"", "aaaaaaaaaaaaaaaa", "\"}", 0},
};

/* clang-format on */

/* The proxy alone: what the platform keeps is not its memory. `platform` is another process. */
static void start_alone(struct proxy *proxy, struct proxy *platform)
{
    static const char *const env[] = {"VIRTUOSO_API_TOKEN=" SANDBOX_TOKEN, NULL};
    const char *args[] = {"serve",
                          "--listen",
                          "127.0.0.1:0",
                          "--set",
                          "auth.mode=none",
                          "--set",
                          NULL,
                          "--set",
                          "log.level=warn",
                          "--set",
                          "http.max_body=2MiB",
                          "--set",
                          "drain.notice_ms=0",
                          "--set",
                          "upstream.organization_id=1",
                          "--set",
                          "upstream.timeout_ms=120000",
                          NULL};

    *proxy = (struct proxy){0};
    arena_init(&proxy->arena);
    reply_init(&proxy->reply);
    args[6] = arena_printf(&platform->arena, "upstream.base_url=http://127.0.0.1:%u/api",
                           (unsigned)platform->program.sandbox_port)
                  .ptr;
    program_serve(&proxy->program, args, env);
}

static void what_is_carried_out_takes_little_memory(void **state)
{
    static const char *const quiet[] = {"log.level=warn", NULL};
    bool can_measure = true;
    struct proxy platform;
    struct proxy proxy;
    struct buf body;

    (void)state;
    if (IS_SANITIZED || client_slowness() > 1) {
        skip();
    }
    buf_init(&body, (size_t)2 * REQUEST_MAX);
    for (size_t i = 0; i < ARRAY_LEN(carried_out); i++) {
        proxy_start(&platform, quiet);
        sandbox_seed_ids(platform.program.sandbox_port, "{\"checkpoints\":[7]}");
        if (str_contains(str_from(carried_out[i].what), STR("refused"))) {
            sandbox_fault(platform.program.sandbox_port,
                          "{\"match\":\"POST /teststeps\",\"times\":-1,\"status\":400}");
        }
        if (str_contains(str_from(carried_out[i].what), STR("loses"))) {
            sandbox_fault(platform.program.sandbox_port, "{\"match\":\"POST /teststeps\","
                                                         "\"times\":1,\"skip\":9000,"
                                                         "\"status\":502,\"act\":true}");
        }
        start_alone(&proxy, &platform);
        can_measure = measure(&proxy, &carried_out[i], &body) && can_measure;
        if (str_contains(str_from(carried_out[i].what), STR("loses"))) {
            assert_int_equal(proxy.reply.status, 200); /* the step was found: else 207 */
        }
        proxy_stop(&proxy);
        proxy_stop(&platform);
    }
    buf_done(&body);
    if (!can_measure) {
        skip();
    }
}

/* 4,000 pairs in 8 KiB: each was copied for each other one. */
static void a_query_of_many_pairs_takes_little_memory(void **state)
{
    static const char *const sets[] = {"log.level=warn", NULL};
    struct proxy proxy;
    struct buf target;
    long before;

    (void)state;
    if (IS_SANITIZED) {
        skip();
    }
    proxy_start(&proxy, sets);
    if (!forget_peak(&proxy.program)) {
        proxy_stop(&proxy);
        skip();
    }
    buf_init(&target, 16384);
    buf_text(&target, "/virtuoso/user?token=x");
    while (target.len < 8000) {
        buf_text(&target, "&a");
    }
    before = program_kib(&proxy.program, "VmRSS");
    assert_true(forget_peak(&proxy.program));
    client_ask(proxy.program.port, "GET", buf_cstr(&target), NULL, STR_EMPTY, &proxy.reply);
    assert_int_equal(proxy.reply.status, 200);
    assert_true(program_kib(&proxy.program, "VmHWM") - before < 4096);
    buf_done(&target);
    proxy_stop(&proxy);
}

enum {
    ADDRESSES = 80000, /* more than the table of addresses has places */
    MANY_ADDRESSES = 1000000,
    PIPELINED = 40,
    ADDRESSES_KIB = 64 * 1024
};

/* Strangers, each from another /64: as a client behind a proxy that is trusted can tell. */
static void send_strangers(struct client *client, unsigned first, struct buf *text)
{
    buf_clear(text);
    for (unsigned i = first; i < first + PIPELINED; i++) {
        buf_printf(text,
                   "GET /api/user HTTP/1.1\r\nHost: x\r\n"
                   "X-Forwarded-For: 2001:db8:%x:%x::1\r\n\r\n",
                   i >> 16U, i & 0xffffU);
    }
    assert_true(client_send(client, buf_view(text)));
}

/* With VP_LONG=1 a million. */
static void strangers_from_everywhere_take_bounded_memory(void **state)
{
    static const char *const sets[] = {"log.level=warn",
                                       "auth.mode=keys",
                                       "auth.keys=a-key-of-a-test",
                                       "limits.per_address=1",
                                       "server.trusted_proxies=127.0.0.1",
                                       NULL};
    unsigned n = getenv("VP_LONG") != NULL ? MANY_ADDRESSES : ADDRESSES;
    struct reply reply = {0};
    struct client client;
    struct proxy proxy;
    struct buf text;
    long before;
    long more;

    (void)state;
    if (IS_SANITIZED || client_slowness() > 1) {
        skip();
    }
    buf_init(&text, 1 << 16);
    proxy_start(&proxy, sets);
    client_open(&client, proxy.program.port);
    before = program_kib(&proxy.program, "VmRSS");
    for (unsigned i = 0; i < n; i += PIPELINED) {
        send_strangers(&client, i, &text);
        for (unsigned k = 0; k < PIPELINED; k++) {
            assert_int_equal(client_read(&client, false, &reply), CLIENT_OK);
            /* those that find no place have one limit together */
            assert_true(reply.status == 401 || reply.status == 429);
        }
    }
    more = program_kib(&proxy.program, "VmHWM") - before;
    print_message("%u addresses: %ld KiB\n", n, more);
    assert_in_range(more, 1, ADDRESSES_KIB);
    (void)proxy_ask(&proxy, "GET", "/api/user", "X-API-Key: a-key-of-a-test\r\n", "");
    assert_int_equal(proxy.reply.status, 200);
    client_close(&client);
    reply_done(&reply);
    buf_done(&text);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_request_takes_little_memory),
        cmocka_unit_test(what_is_carried_out_takes_little_memory),
        cmocka_unit_test(a_query_of_many_pairs_takes_little_memory),
        cmocka_unit_test(strangers_from_everywhere_take_bounded_memory),
    };

    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
