/* Proxies before proxies: the platform of an edge is the direct access of a regional proxy, whose platform is that of the origin. What
 * is kept answers near the caller; changes go all the way; what is away is told. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "harness/client.h"
#include "harness/port.h"
#include "harness/program.h"
#include "harness/sandbox.h"
#include "harness/sanitized.h"
#include "harness/wait.h"

enum { N_ASKERS = 50, ARGS_MAX = 24 };

#define KEY   "key-of-a-test-with-enough-letters"
#define SHOWN "X-API-Key: " KEY "\r\n"
#define STEP  "Content-Type: application/json\r\n" SHOWN
#define KEPT  "/virtuoso/user"

/* A level logs this when the level above tells it of purges. It has emptied its cache then, so a read that began before is not joined by
 * later ones. */
#define HEARS "\"event\":\"edge.hears_purges\""

struct chain {
    struct program origin, region, edges[2];
    struct seed seed;
    struct arena arena;
};

/* Sets are "key=value", NULL-ended. */
static void start(struct program *program, uint16_t listen, uint16_t above, const char *const *sets)
{
    const char *args[ARGS_MAX] = {"serve", "--set", "drain.notice_ms=0", "--set",
                                  "log.access=false"};
    char address[64];
    char platform[96];
    const char *const env[] = {"API_KEYS=" KEY, "VIRTUOSO_API_TOKEN=" KEY,
                               above > 0 ? platform : "VIRTUOSO_PROXY_SANDBOX_ENABLED=true",
                               "VIRTUOSO_PROXY_SANDBOX_EXAMPLES=false", NULL};
    size_t n = 5;

    (void)snprintf(address, sizeof(address), "server.listen=127.0.0.1:%u", listen);
    (void)snprintf(platform, sizeof(platform), "VIRTUOSO_API_BASE_URL=http://127.0.0.1:%u/virtuoso",
                   above);
    args[n++] = "--set";
    args[n++] = address;
    if (above > 0) {
        args[n++] = "--config";
        args[n++] = VP_SOURCE_DIR "/conf/edge.yaml";
    }
    for (; sets != NULL && *sets != NULL; sets++) {
        assert_true(n + 3 < ARGS_MAX);
        args[n++] = "--set";
        args[n++] = *sets;
    }
    program_serve(program, args, env);
}

static bool has_watchers(const struct program *program, unsigned n)
{
    struct reply reply = {0};
    char line[64];
    bool found;

    (void)snprintf(line, sizeof(line), "virtuoso_proxy_event_watchers %u\n", n);
    client_ask(program->port, "GET", "/metrics", SHOWN, STR_EMPTY, &reply);
    found = str_contains(reply_text(&reply), str_from(line));
    reply_done(&reply);
    return found;
}

/* `above`: of the origin and of the region. */
static void chain_start_with(struct chain *chain, const char *const *above,
                             const char *const *edge_sets)
{
    *chain = (struct chain){.seed = {0}};
    arena_init(&chain->arena);
    start(&chain->origin, 0, 0, above);
    chain->origin.sandbox_port = program_wait_port(&chain->origin, "sandbox on http://");
    sandbox_seed(chain->origin.sandbox_port, KEY, &chain->seed);
    start(&chain->region, port_free(), chain->origin.port, above);
    program_wait_wrote(&chain->region, HEARS, UNTIL_MS);
    for (size_t i = 0; i < ARRAY_LEN(chain->edges); i++) {
        start(&chain->edges[i], 0, chain->region.port, edge_sets);
    }
    for (size_t i = 0; i < ARRAY_LEN(chain->edges); i++) {
        program_wait_wrote(&chain->edges[i], HEARS, UNTIL_MS);
    }
    wait_until(has_watchers(&chain->origin, 1));
    wait_until(has_watchers(&chain->region, ARRAY_LEN(chain->edges)));
}

static void chain_start(struct chain *chain, const char *const *edge_sets)
{
    chain_start_with(chain, NULL, edge_sets);
}

static void end(struct program *program)
{
    if (program_is_running(program)) {
        program_stop(program);
    }
    program_done(program);
}

static void chain_stop(struct chain *chain)
{
    for (size_t i = 0; i < ARRAY_LEN(chain->edges); i++) {
        end(&chain->edges[i]);
    }
    end(&chain->region);
    end(&chain->origin);
    arena_done(&chain->arena);
}

static const char *step_body(struct chain *chain)
{
    return arena_printf(
               &chain->arena,
               "{\"command\":\"step-interact click\",\"args\":[\"x\"],\"checkpoint_id\":%lld}",
               (long long)chain->seed.checkpoint)
        .ptr;
}

static void ask(const struct program *program, const char *method, const char *target,
                const char *body, struct reply *reply)
{
    client_ask(program->port, method, target, body != NULL ? STEP : SHOWN, str_from(body), reply);
}

static int64_t n_working(const struct program *program, struct arena *arena)
{
    struct reply reply = {0};
    int64_t n = 0;

    ask(program, "GET", "/health/stats", NULL, &reply);
    assert_true(json_to_i64(json_find(reply_json(&reply, arena), "/requests/in_flight"), &n));
    reply_done(&reply);
    return n - 1; /* itself */
}

/* Answers come while all of them wait. */
static void ask_by_many(struct chain *chain, const char *target)
{
    struct client askers[N_ASKERS];
    struct reply reply = {0};

    sandbox_forget_requests(chain->origin.sandbox_port);
    for (size_t i = 0; i < N_ASKERS; i++) {
        client_open(&askers[i], chain->edges[i % 2].port);
        assert_true(client_send_request(&askers[i], "GET", target, SHOWN, STR_EMPTY));
    }
    wait_until(n_working(&chain->edges[0], &chain->arena) == N_ASKERS / 2);
    wait_until(n_working(&chain->edges[1], &chain->arena) == N_ASKERS / 2);
    wait_until(n_working(&chain->region, &chain->arena) == 2 + 2); /* each edge listens, too */
    wait_until(sandbox_count(chain->origin.sandbox_port, "GET", "/projects") == 1);
    sandbox_release(chain->origin.sandbox_port);
    for (size_t i = 0; i < N_ASKERS; i++) {
        assert_int_equal(client_read(&askers[i], false, &reply), CLIENT_OK);
        assert_int_equal(reply.status, 200);
        assert_true(reply_text(&reply).len > 0);
        client_close(&askers[i]);
    }
    assert_int_equal(sandbox_count(chain->origin.sandbox_port, "GET", "/projects"), 1);
    reply_done(&reply);
}

/* Half of them at each of two edges, below one region. Direct answers that may hold secrets are kept nowhere, and yet are one call. */
static void many_cold_reads_are_one_call(void **state)
{
    /* Without it an edge calls GET /user first, and the region could be seen at work on that call. */
    static const char *const sets[] = {"upstream.organization_id=1", NULL};
    struct chain chain;

    (void)state;
    chain_start(&chain, sets);
    sandbox_hold_all(chain.origin.sandbox_port, "GET /projects");
    ask_by_many(&chain, "/virtuoso/projects?organizationId=1");
    ask_by_many(&chain, "/api/projects");
    chain_stop(&chain);
}

/* A change goes through all levels, once; and what each of them knows of the list is dropped on its way. */
static void changes_go_all_the_way(void **state)
{
    struct reply reply = {0};
    struct chain chain;

    (void)state;
    chain_start(&chain, NULL);
    ask(&chain.edges[0], "POST", "/api/v1/commands/execute", step_body(&chain), &reply);
    if (reply.status != 200) {
        fail_msg("%d %.*s", reply.status, STR_ARG(reply_text(&reply)));
    }
    assert_int_equal(sandbox_count(chain.origin.sandbox_port, "POST", "/teststeps"), 1);
    reply_done(&reply);
    chain_stop(&chain);
}

static size_t n_asked_for_kept(struct chain *chain, struct reply *reply)
{
    ask(&chain->edges[0], "GET", KEPT, NULL, reply);
    assert_int_equal(reply->status, 200);
    return sandbox_count(chain->origin.sandbox_port, "GET", "/user");
}

/* What changes at the origin, past the edge, is forgotten there: long before it is old. When the region was gone for a
 * while, nobody knows what has changed, and everything is. */
static void a_purge_goes_down_all_levels(void **state)
{
    struct reply reply = {0};
    struct chain chain;
    uint16_t port;

    (void)state;
    chain_start(&chain, NULL);
    wait_until(n_asked_for_kept(&chain, &reply) > 0);
    wait_until((sandbox_forget_requests(chain.origin.sandbox_port),
                n_asked_for_kept(&chain, &reply) == 0)); /* it is kept */
    ask(&chain.origin, "POST", "/api/v1/commands/execute", step_body(&chain), &reply);
    assert_int_equal(reply.status, 200);
    wait_until(n_asked_for_kept(&chain, &reply) > 0);
    wait_until((sandbox_forget_requests(chain.origin.sandbox_port),
                n_asked_for_kept(&chain, &reply) == 0));
    port = chain.region.port;
    program_stop(&chain.region);
    program_done(&chain.region);
    start(&chain.region, port, chain.origin.port, NULL);
    wait_until((ask(&chain.edges[0], "GET", KEPT, NULL, &reply),
                str_contains(reply_field(&reply, "Cache-Status"), STR("fwd="))));
    assert_int_equal(reply.status, 200);
    reply_done(&reply);
    chain_stop(&chain);
}

/* The region is gone: the proxy near the client answers by itself what it can. A change is refused at once, and
 * not sent later. */
static void the_origin_is_away(void **state)
{
    static const char *const sets[] = {"cache.ttl_s=1", "cache.stale_while_revalidate_s=0", NULL};

    static const struct {
        const char *method, *target, *body;
    } near[] = {
        {"GET", "/livez", NULL},
        {"GET", "/readyz", NULL},
        {"GET", "/api/v1/commands", NULL},
        {"GET", "/openapi.json", NULL},
        {"POST", "/api/v1/commands/validate",
         "{\"command\":\"step-interact click\",\"args\":[\"x\"]}"},
        {"POST", "/api/v1/commands/execute?dry_run=true",
         "{\"command\":\"step-interact click\",\"args\":[\"x\"],\"checkpoint_id\":7}"},
        {"POST", "/api/v1/tests/validate", "{\"name\":\"a\",\"steps\":[{\"click\":\"x\"}]}"},
        {"POST", "/api/v1/tests/compile", "{\"name\":\"a\",\"steps\":[{\"click\":\"x\"}]}"},
        {"GET", "/docs", NULL},
        {"GET", KEPT, NULL}, /* kept, if it is old */
    };
    struct program *edge;
    struct reply reply = {0};
    struct chain chain;

    (void)state;
    chain_start(&chain, sets);
    edge = &chain.edges[0];
    ask(edge, "GET", KEPT, NULL, &reply);
    assert_int_equal(reply.status, 200);
    program_stop(&chain.region);
    wait_until((ask(edge, "GET", KEPT, NULL, &reply),
                str_contains(reply_field(&reply, "Cache-Status"), STR("stale"))));
    for (size_t i = 0; i < ARRAY_LEN(near); i++) {
        ask(edge, near[i].method, near[i].target, near[i].body, &reply);
        if (reply.status != 200) {
            fail_msg("%s is %d: %.*s", near[i].target, reply.status, STR_ARG(reply_text(&reply)));
        }
    }
    wait_until((ask(edge, "POST", "/api/v1/commands/execute", step_body(&chain), &reply),
                reply.status == 503));
    assert_true(reply_field(&reply, "Retry-After").len > 0);
    assert_true(str_contains(reply_text(&reply), STR("\"code\":\"platform_unavailable\"")));
    ask(edge, "GET", "/api/v1/sessions", NULL, &reply);
    assert_int_equal(reply.status, 200);
    ask(edge, "GET", "/virtuoso/projects", NULL, &reply); /* never asked for before */
    assert_int_equal(reply.status, 503);
    assert_int_equal(sandbox_count(chain.origin.sandbox_port, "POST", "/teststeps"), 0);
    reply_done(&reply);
    chain_stop(&chain);
}

/* Whether the question is on its way up, `wanted` being what the platform is asked for; or it was answered by what is kept. */
static bool goes_up(struct chain *chain, const struct program *at, const char *target,
                    const char *wanted, struct client *asker)
{
    struct reply reply = {0};
    bool is_up = false;

    client_open(asker, at->port);
    asker->timeout_ms = 20;
    assert_true(client_send_request(asker, "GET", target, SHOWN, STR_EMPTY));
    while (!is_up && client_read(asker, false, &reply) == CLIENT_TIMEOUT) {
        is_up = sandbox_count(chain->origin.sandbox_port, "GET", wanted) > 0;
    }
    reply_done(&reply);
    return is_up;
}

/* One caller fetches the next answer, which takes long; another is given the old one at once. Nobody knows how often a
 * fast machine asks until the old one has expired: without a limit. */
static void an_old_answer_serves_meanwhile(void **state)
{
    static const char *const sets[] = {"cache.ttl_s=1", "limits.enabled=false", NULL};
    struct client slow;
    struct reply reply = {0};
    struct chain chain;

    (void)state;
    chain_start(&chain, sets);
    ask(&chain.edges[0], "GET", "/api/projects", NULL, &reply);
    assert_int_equal(reply.status, 200);
    sandbox_forget_requests(chain.origin.sandbox_port);
    sandbox_hold(chain.origin.sandbox_port, "GET /projects");
    while (!goes_up(&chain, &chain.edges[0], "/api/projects", "/projects",
                    &slow)) { /* until the old one has expired */
        client_close(&slow);
    }
    ask(&chain.edges[0], "GET", "/api/projects", NULL, &reply);
    assert_int_equal(reply.status, 200);
    assert_true(str_contains(reply_field(&reply, "Cache-Status"), STR("detail=stale")));
    sandbox_release(chain.origin.sandbox_port);
    slow.timeout_ms = 10000;
    assert_int_equal(client_read(&slow, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, 200);
    assert_true(str_contains(reply_field(&reply, "Cache-Status"), STR("fwd=")));
    client_close(&slow);
    reply_done(&reply);
    chain_stop(&chain);
}

/* The region gives an old answer while it fetches the next one: an edge gives it on and does not keep it, or the times that
 * old answers may be given would add up over the levels. */
static void times_of_old_answers_do_not_add_up(void **state)
{
    static const char *const above[] = {"cache.ttl_s=1", NULL};
    struct client slow;
    struct reply reply = {0};
    struct chain chain;

    (void)state;
    chain_start_with(&chain, above, NULL);
    ask(&chain.region, "GET", KEPT, NULL, &reply);
    assert_int_equal(reply.status, 200);
    sandbox_forget_requests(chain.origin.sandbox_port);
    sandbox_hold(chain.origin.sandbox_port, "GET /user");
    while (!goes_up(&chain, &chain.region, KEPT, "/user", &slow)) { /* until it has expired */
        client_close(&slow);
    }
    for (unsigned i = 0; i < 3; i++) {
        ask(&chain.region, "GET", KEPT, NULL, &reply);
        assert_true(str_contains(reply_field(&reply, "Cache-Status"), STR("detail=stale")));
        ask(&chain.edges[1], "GET", KEPT, NULL, &reply);
        assert_int_equal(reply.status, 200);
        assert_true(str_contains(reply_field(&reply, "Cache-Status"), STR("fwd=")));
    }
    sandbox_release(chain.origin.sandbox_port);
    slow.timeout_ms = 10000;
    assert_int_equal(client_read(&slow, false, &reply), CLIENT_OK);
    client_close(&slow);
    reply_done(&reply);
    chain_stop(&chain);
}

/* An answer that a level above kept for a while is as old below. */
static void age_is_carried_down(void **state)
{
    struct reply reply = {0};
    struct chain chain;
    int64_t age = 0;

    (void)state;
    chain_start(&chain, NULL);
    ask(&chain.edges[0], "GET", KEPT, NULL, &reply);
    wait_until((ask(&chain.region, "GET", KEPT, NULL, &reply),
                str_to_i64(reply_field(&reply, "Age"), 0, 1000, &age) && age >= 2));
    ask(&chain.edges[1], "GET", KEPT, NULL, &reply); /* its first one */
    assert_true(str_to_i64(reply_field(&reply, "Age"), 2, 1000, &age));
    reply_done(&reply);
    chain_stop(&chain);
}

/* A proxy that is its own platform. */
static void a_circle_is_told(void **state)
{
    struct program program = {.pid = 0};
    struct reply reply = {0};
    uint16_t port = port_free();

    (void)state;
    start(&program, port, port, NULL);
    ask(&program, "POST", "/virtuoso/projects", "{}", &reply);
    assert_int_equal(reply.status, 508);
    assert_true(str_contains(reply_text(&reply), STR("\"code\":\"loop\"")));
    reply_done(&reply);
    end(&program);
}

static int execute_as(const struct chain *chain, const char *credential, const char *body)
{
    struct reply reply = {0};
    char fields[256];
    int status;

    (void)snprintf(fields, sizeof(fields),
                   "Content-Type: application/json\r\nAuthorization: Bearer %s\r\n", credential);
    client_ask(chain->edges[0].port, "POST", "/api/v1/commands/execute", fields, str_from(body),
               &reply);
    status = reply.status;
    if (status != 200) {
        print_message("%.*s\n", STR_ARG(reply_text(&reply)));
    }
    reply_done(&reply);
    return status;
}

/* An edge that knows no callers: what they show goes up, and the origin judges it. */
static void the_callers_credential_goes_up(void **state)
{
    static const char *const sets[] = {"auth.mode=passthrough", NULL};
    struct chain chain;

    (void)state;
    chain_start(&chain, sets);
    assert_int_equal(execute_as(&chain, KEY, step_body(&chain)), 200);
    assert_int_equal(execute_as(&chain, "nobody-knows-this-key", step_body(&chain)), 401);
    assert_int_equal(sandbox_count(chain.origin.sandbox_port, "POST", "/teststeps"), 1);
    chain_stop(&chain);
}

/* --- memory */
enum {
    EDGE_KIB = 64 * 1024,
    LARGE_STEPS = 300, /* of a checkpoint, whose answer is then 70 KB */
    LARGE_FILE = 1000 * 1000,
    KEPT_AT_LEAST = 16 << 20
};

static void make_large_checkpoint(struct chain *chain)
{
    struct reply reply = {0};
    struct buf body;

    buf_init(&body, 1 << 20);
    buf_printf(&body, "{\"checkpoint_id\":%lld,\"commands\":[", (long long)chain->seed.checkpoint);
    for (int i = 0; i < LARGE_STEPS; i++) {
        buf_printf(&body,
                   "%s{\"command\":\"step-navigate to\",\"args\":[\"https://n%d.example/\"]}",
                   i > 0 ? "," : "", i);
    }
    buf_text(&body, "]}");
    ask(&chain->origin, "POST", "/api/v1/commands/batch", buf_cstr(&body), &reply);
    assert_int_equal(reply.status, 200);
    buf_done(&body);
    reply_done(&reply);
}

/* `rest` of the command line, up to NULL: requests to the edge, none of which fails. */
static void load_edge(const struct program *edge, const char *path, const char *const *rest)
{
    static const char key[] = "X-API-Key: " KEY;
    const char *args[ARGS_MAX] = {"load", "-H", key, "--max-errors", "0"};
    struct program load;
    char url[128];
    size_t n = 5;

    for (; *rest != NULL; rest++) {
        args[n++] = *rest;
    }
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", (unsigned)edge->port, path);
    args[n++] = url;
    if (program_run(&load, args, NULL) != 0) {
        struct buf text;

        buf_init(&text, 1 << 16);
        program_output(&load, &text);
        program_errors(&load, &text);
        fail_msg("%s: %s", path, buf_cstr(&text));
    }
    program_done(&load);
}

static int64_t kept_bytes(const struct program *edge)
{
    struct reply reply = {0};
    struct str line;
    struct str text;
    struct str name;
    int64_t n = -1;

    ask(edge, "GET", "/metrics", NULL, &reply);
    text = reply_text(&reply);
    while (str_next(&text, '\n', &line)) {
        if (str_cut(line, ' ', &name, &line) && str_is(name, "virtuoso_proxy_cache_bytes")) {
            assert_true(str_to_i64(line, 0, INT64_MAX, &n));
        }
    }
    reply_done(&reply);
    return n;
}

static void check_large_file(const struct program *edge)
{
    struct reply reply = {0};
    struct buf file;

    buf_init(&file, LARGE_FILE + LARGE_FILE / 2);
    buf_text(&file, "{\"name\":\"large\",\"steps\":[{\"click\":\"x\"}");
    while (file.len < LARGE_FILE) {
        buf_text(&file,
                 ",{\"click\":\"a button with a name that is as long as names are in practice, and "
                 "then somewhat longer than that\"}");
    }
    buf_text(&file, "]}");
    ask(edge, "POST", "/api/v1/tests/compile", buf_cstr(&file), &reply);
    assert_int_equal(reply.status, 200);
    buf_done(&file);
    reply_done(&reply);
}

/* Its cache is full, five hundred callers ask at once for what it has to fetch and for what it answers itself, and files of
 * a megabyte are compiled. */
static void an_edge_takes_64_mebibytes(void **state)
{
    static const char *const sets[] = {"limits.enabled=false", NULL};
    struct chain chain;
    struct program *edge;
    const char *path;
    const char *body;
    long kib;

    (void)state;
    if (IS_SANITIZED || client_slowness() > 1) {
        skip();
    }
    chain_start_with(&chain, (const char *const[]){"limits.enabled=false", NULL}, sets);
    edge = &chain.edges[0];
    make_large_checkpoint(&chain);
    path = arena_printf(&chain.arena, "/virtuoso/testcases/%lld?n={id}",
                        (long long)chain.seed.checkpoint)
               .ptr;
    load_edge(edge, path,
              (const char *const[]){"--ids", "1-700", "-n", "1400", "-r", "2000", "-c", "500", "-t",
                                    "60s", NULL});
    assert_true(kept_bytes(edge) > KEPT_AT_LEAST);
    body = step_body(&chain);
    for (int i = 0; i < 2; i++) {
        check_large_file(edge);
        load_edge(edge, "/api/v1/commands/execute?dry_run=true",
                  (const char *const[]){"-b", body, "-n", "1000", "-r", "2000", "-c", "500", "-t",
                                        "60s", NULL});
    }
    load_edge(edge, "/virtuoso/projects?organizationId={id}",
              (const char *const[]){"--ids", "1-1000", "-n", "1000", "-r", "2000", "-c", "500",
                                    "-t", "60s", NULL});
    kib = program_kib(edge, "VmHWM");
    print_message("an edge under load: %ld KiB at most\n", kib);
    assert_in_range(kib, 1, EDGE_KIB);
    chain_stop(&chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_cold_reads_are_one_call),
        cmocka_unit_test(changes_go_all_the_way),
        cmocka_unit_test(a_purge_goes_down_all_levels),
        cmocka_unit_test(the_origin_is_away),
        cmocka_unit_test(an_old_answer_serves_meanwhile),
        cmocka_unit_test(times_of_old_answers_do_not_add_up),
        cmocka_unit_test(age_is_carried_down),
        cmocka_unit_test(a_circle_is_told),
        cmocka_unit_test(the_callers_credential_goes_up),
        cmocka_unit_test(an_edge_takes_64_mebibytes),
    };

    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
