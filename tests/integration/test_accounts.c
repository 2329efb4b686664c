/* The accounts of the platform change while the proxy runs: their addresses, and who they are. */
#include "harness/cmocka.h"

#include <stdio.h>

#include "harness/mount.h"
#include "harness/proxy.h"
#include "harness/wait.h"
#include "step/lane.h"

enum { N_PLATFORMS = 2, N_SWITCHES = 12, CONFIG_MAX = 4096 };

#define KEY   "X-API-Key: key-of-the-test\r\n"
#define OF_A  "X-API-Key: key-of-tenant-a\r\n"
#define OF_B  "X-API-Key: key-of-tenant-b\r\n"
#define FRESH KEY "Cache-Control: no-cache\r\n"

#define HEAD                                                                                       \
    "server: {listen: 127.0.0.1:0}\ndrain: {notice_ms: 0}\nlimits: {enabled: false}\n"             \
    "upstream:\n  token: " SANDBOX_TOKEN "\n  organization_id: \"1\"\n"

/* Two platforms, and a proxy whose configuration names one of them. */
struct stage {
    struct program platforms[N_PLATFORMS];
    struct mount mount;
    struct proxy proxy;
};

static void start_platform(struct program *program)
{
    program_start(program,
                  (const char *const[]){"sandbox", "--listen", "127.0.0.1:0", "--set",
                                        "drain.notice_ms=0", "--set", "sandbox.execution_ms=600000",
                                        "--set", "drain.limit_ms=0", NULL},
                  NULL);
    program->sandbox_port = program_wait_port(program, "sandbox on http://");
}

/* `more` stands behind upstream.base_url. */
static void configure(struct stage *stage, size_t at, const char *more)
{
    struct buf text;

    buf_init(&text, CONFIG_MAX);
    buf_printf(&text, HEAD "  base_url: \"http://127.0.0.1:%u/api\"\n",
               (unsigned)stage->platforms[at].sandbox_port);
    buf_text(&text, more);
    if (stage->mount.version == 0) {
        mount_open(&stage->mount, buf_cstr(&text));
    } else {
        mount_write(&stage->mount, buf_cstr(&text));
    }
    buf_done(&text);
}

#define ONE_KEY "auth: {keys: [key-of-the-test]}\n"

static void begin(struct stage *stage, const char *more)
{
    *stage = (struct stage){.proxy.program.pid = 0};
    for (size_t i = 0; i < N_PLATFORMS; i++) {
        start_platform(&stage->platforms[i]);
    }
    configure(stage, 0, more);
    mount_serve(&stage->mount, &stage->proxy);
}

static void end(struct stage *stage)
{
    proxy_stop(&stage->proxy);
    mount_close(&stage->mount);
    for (size_t i = 0; i < N_PLATFORMS; i++) {
        program_stop(&stage->platforms[i]);
        program_done(&stage->platforms[i]);
    }
}

static int ask(struct stage *stage, const char *method, const char *target, const char *fields)
{
    (void)proxy_ask(&stage->proxy, method, target, fields, "");
    return stage->proxy.reply.status;
}

/* Unless the watch of the file was faster: then nothing is left to change. */
static void assert_changed(struct stage *stage, const char *changed)
{
    assert_true(str_contains(reply_text(&stage->proxy.reply), str_from(changed)) ||
                program_wrote(&stage->proxy.program, "\"reason\":\"file\""));
}

static void reload(struct stage *stage, const char *changed)
{
    assert_int_equal(ask(stage, "POST", "/admin/reload", KEY), 200);
    assert_changed(stage, changed);
    assert_true(str_contains(reply_text(&stage->proxy.reply), STR("\"needs_restart\":[]")));
}

static size_t n_asked(struct stage *stage, size_t at, const char *path)
{
    return sandbox_count(stage->platforms[at].sandbox_port, "GET", path);
}

static void a_request_ends_where_it_began(void **state)
{
    struct stage stage;
    struct client waiting;
    struct reply reply = {0};

    (void)state;
    begin(&stage, ONE_KEY);
    assert_int_equal(ask(&stage, "GET", "/api/user", KEY), 200);
    sandbox_hold(stage.platforms[0].sandbox_port, "GET /user");
    client_open(&waiting, stage.proxy.program.port);
    assert_true(client_send_request(&waiting, "GET", "/virtuoso/user?slow=1", FRESH, STR_EMPTY));
    sandbox_wait_count(stage.platforms[0].sandbox_port, "GET", "/user", 2);
    configure(&stage, 1, ONE_KEY);
    reload(&stage, "\"upstream.base_url\"");
    /* what is kept of the one platform is nothing of the other's */
    assert_int_equal(ask(&stage, "GET", "/api/user", KEY), 200);
    assert_false(str_contains(reply_field(&stage.proxy.reply, "Cache-Status"), STR("hit")));
    assert_int_equal(n_asked(&stage, 1, "/user"), 1);
    assert_int_equal(n_asked(&stage, 0, "/user"), 2);
    assert_false(program_wrote(&stage.proxy.program, "upstream.client_closed"));
    sandbox_release(stage.platforms[0].sandbox_port);
    assert_int_equal(client_read(&waiting, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, 200);
    program_wait_wrote(&stage.proxy.program, "upstream.client_closed", WAIT_MS);
    client_close(&waiting);
    reply_done(&reply);
    end(&stage);
}

static void an_address_that_cannot_be_used_changes_nothing(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage, ONE_KEY);
    configure(&stage, 0, "  ca_file: /no/such/file\n" ONE_KEY);
    assert_int_equal(ask(&stage, "POST", "/admin/reload", KEY), 422);
    assert_int_equal(ask(&stage, "GET", "/api/user", KEY), 200);
    configure(&stage, 1, ONE_KEY);
    assert_int_equal(ask(&stage, "POST", "/admin/reload?dry_run=true", KEY), 200);
    assert_changed(&stage, "\"upstream.base_url\"");
    end(&stage);
}

/* The last answer of each client is on its way when the next one takes over. */
static void addresses_change_again_and_again(void **state)
{
    struct client clients[N_SWITCHES];
    struct stage stage;
    struct reply reply = {0};

    (void)state;
    begin(&stage, ONE_KEY);
    for (size_t i = 0; i < N_PLATFORMS; i++) {
        sandbox_fault(stage.platforms[i].sandbox_port,
                      "{\"match\":\"GET /user\",\"times\":-1,\"delay_ms\":300}");
    }
    for (size_t i = 0; i < N_SWITCHES; i++) {
        client_open(&clients[i], stage.proxy.program.port);
        assert_true(client_send_request(&clients[i], "GET", "/virtuoso/user", FRESH, STR_EMPTY));
        configure(&stage, (i + 1) % N_PLATFORMS, ONE_KEY);
        reload(&stage, "\"upstream.base_url\"");
    }
    for (size_t i = 0; i < N_SWITCHES; i++) {
        assert_int_equal(client_read(&clients[i], false, &reply), CLIENT_OK);
        assert_int_equal(reply.status, 200);
        client_close(&clients[i]);
    }
    assert_true(n_asked(&stage, 0, "/user") > 0 && n_asked(&stage, 1, "/user") > 0);
    reply_done(&reply);
    end(&stage);
}

static const char test_file[] = "name: t\nproject: p\ngoal: g\nsteps:\n  - click \"x\"\n";

/* It waits for its execution at the platform where it began, and everybody still finds it. */
static void a_run_goes_on_where_it_began(void **state)
{
    struct stage stage;
    const char *path;
    struct str id;
    size_t n_before;

    (void)state;
    begin(&stage, "runs: {poll_ms: 20}\n" ONE_KEY);
    id = json_str(json_get(proxy_ask(&stage.proxy, "POST",
                                     "/api/v1/tests/run?async=true&execute=true&wait=true",
                                     KEY "Content-Type: application/yaml\r\n", test_file),
                           "id"));
    assert_int_equal(stage.proxy.reply.status, 202);
    wait_until(n_asked(&stage, 0, "/executions/") > 0);
    configure(&stage, 1, "runs: {poll_ms: 20}\n" ONE_KEY);
    reload(&stage, "\"upstream.base_url\"");
    n_before = n_asked(&stage, 0, "/executions/");
    wait_until(n_asked(&stage, 0, "/executions/") > n_before + 2);
    path = arena_printf(&stage.proxy.arena, "/api/v1/tests/runs/%.*s", STR_ARG(id)).ptr;
    assert_int_equal(ask(&stage, "GET", path, KEY), 200);
    assert_true(str_contains(reply_text(&stage.proxy.reply), STR("\"running\"")));
    assert_int_equal(ask(&stage, "GET", "/api/v1/tests/runs", KEY), 200);
    assert_true(str_contains(reply_text(&stage.proxy.reply), id));
    assert_false(program_wrote(&stage.proxy.program, "upstream.client_closed"));
    assert_int_equal(ask(&stage, "DELETE", path, KEY), 202);
    program_wait_wrote(&stage.proxy.program, "upstream.client_closed", WAIT_MS);
    assert_int_equal(ask(&stage, "GET", path, KEY), 200); /* kept for a while */
    assert_true(str_contains(reply_text(&stage.proxy.reply), STR("\"cancelled\"")));
    assert_int_equal(n_asked(&stage, 1, "/executions/"), 0);
    end(&stage);
}

#define TENANT_A                                                                                   \
    "tenants:\n  - {name: a, token: token-of-a}\n"                                                 \
    "auth:\n  keys:\n    - key-of-the-test\n    - {key: key-of-tenant-a, tenant: a}\n"
#define BOTH                                                                                       \
    "tenants:\n  - {name: b, token: token-of-b, organization_id: 2}\n"                             \
    "  - {name: a, token: token-of-a}\n"                                                           \
    "auth:\n  keys:\n    - key-of-the-test\n    - {key: key-of-tenant-a, tenant: a}\n"             \
    "    - {key: key-of-tenant-b, tenant: b}\n"
#define TENANT_B                                                                                   \
    "tenants:\n  - {name: b, token: token-of-b, organization_id: 2}\n"                             \
    "auth:\n  keys:\n    - key-of-the-test\n    - {key: key-of-tenant-b, tenant: b}\n"

static size_t asked_with(struct stage *stage, const char *token)
{
    const struct json *requests =
        sandbox_requests(stage->platforms[0].sandbox_port, &stage->proxy.arena);
    const struct json *item;
    size_t n = 0;

    JSON_FOREACH (item, requests) {
        n += str_contains(json_text(&stage->proxy.arena, json_get(item, "headers")),
                          str_from(token));
    }
    return n;
}

#define SAME_TOKEN                                                                                 \
    "tenants:\n  - {name: a, token: " SANDBOX_TOKEN "}\n"                                          \
    "auth:\n  keys:\n    - key-of-the-test\n    - {key: key-of-tenant-a, tenant: a}\n"

/* Two accounts see the same checkpoint: neither counts what the other has made, nor takes its place. The same holds
 * after a reload that makes another client. */
static void accounts_of_one_platform_order_their_steps(void **state)
{
    enum { STEPS = 8 };

    static const char step[] = "{\"command\": \"step-navigate to\", \"args\": "
                               "[\"https://a.example/\"], \"checkpoint_id\": \"7654321\"}";
    struct stage stage;
    uint64_t began_ms = client_now_ms();

    (void)state;
    begin(&stage, SAME_TOKEN);
    sandbox_seed_ids(stage.platforms[0].sandbox_port, "{\"checkpoints\":[7654321]}");
    for (int i = 0; i < STEPS; i++) {
        const struct json *answer = proxy_ask(&stage.proxy, "POST", "/api/v1/commands/execute",
                                              i % 2 == 0 ? KEY : OF_A, step);
        int64_t position = -1;

        assert_int_equal(stage.proxy.reply.status, 200);
        assert_true(json_to_i64(json_find(answer, "/data/position"), &position));
        assert_int_equal(position, i);
        if (i == STEPS / 2) {
            configure(&stage, 0, "  client_name: another\n" SAME_TOKEN);
            reload(&stage, "upstream.client_name");
        }
    }
    assert_in_range(n_asked(&stage, 0, ""), 1, 1 + (client_now_ms() - began_ms) / LANE_TRUST_MS);
    end(&stage);
}

static void tenants_come_and_go(void **state)
{
    struct stage stage;
    const struct json *list;

    (void)state;
    begin(&stage, TENANT_A);
    (void)proxy_ask(&stage.proxy, "POST", "/api/v1/sessions", OF_A, "{\"name\": \"of a\"}");
    assert_int_equal(stage.proxy.reply.status, 201);
    (void)proxy_ask(&stage.proxy, "POST", "/api/projects", OF_A, "{\"name\": \"project of a\"}");
    assert_int_equal(stage.proxy.reply.status, 201);
    /* another one before it: nobody's place changes */
    configure(&stage, 0, BOTH);
    reload(&stage, "\"tenants\"");
    assert_int_equal(ask(&stage, "GET", "/api/projects", OF_A), 200);
    assert_true(str_contains(reply_text(&stage.proxy.reply), STR("project of a")));
    assert_int_equal(ask(&stage, "GET", "/api/projects", OF_B), 200);
    assert_false(str_contains(reply_text(&stage.proxy.reply), STR("project of a")));
    assert_true(asked_with(&stage, "Bearer token-of-b") > 0);
    /* gone: its key is no key, and nothing of it is found by others */
    configure(&stage, 0, TENANT_B);
    reload(&stage, "\"tenants\"");
    assert_int_equal(ask(&stage, "GET", "/api/projects", OF_A), 401);
    assert_int_equal(ask(&stage, "GET", "/api/projects", OF_B), 200);
    assert_false(str_contains(reply_text(&stage.proxy.reply), STR("project of a")));
    /* back: its sessions waited for it, as long as they live; what was kept of the platform did not */
    configure(&stage, 0, TENANT_A);
    reload(&stage, "\"tenants\"");
    list = proxy_ask(&stage.proxy, "GET", "/api/v1/sessions", OF_A, "");
    assert_true(str_is(json_str(json_find(list, "/sessions/0/name")), "of a"));
    assert_int_equal(ask(&stage, "GET", "/api/projects", OF_A), 200);
    assert_false(str_contains(reply_field(&stage.proxy.reply, "Cache-Status"), STR("hit")));
    assert_int_equal(ask(&stage, "GET", "/api/projects", OF_B), 401);
    end(&stage);
}

/* A token of a tenant that is exchanged is named among the changes, and taken at once. */
static void a_token_of_a_tenant_is_exchanged(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage, TENANT_A);
    assert_int_equal(ask(&stage, "GET", "/api/user", OF_A), 200);
    configure(&stage, 0,
              "tenants:\n  - {name: a, token: token-of-a-second}\n"
              "auth:\n  keys:\n    - key-of-the-test\n    - {key: key-of-tenant-a, tenant: a}\n");
    reload(&stage, "\"changed\":[\"tenants\"]");
    assert_int_equal(ask(&stage, "GET", "/api/user", OF_A "Cache-Control: no-cache\r\n"), 200);
    assert_int_equal(asked_with(&stage, "Bearer token-of-a-second"), 1);
    end(&stage);
}

/* A tenant's own platform is away: health says so, and does not say whose. */
static void health_tells_of_the_platforms_of_tenants(void **state)
{
    char config[1024];
    struct stage stage;
    const struct json *health;

    (void)state;
    begin(&stage, ONE_KEY);
    health = proxy_ask(&stage.proxy, "GET", "/health", NULL, "");
    assert_null(json_find(health, "/checks/tenants"));
    (void)snprintf(
        config, sizeof(config),
        "  max_tries: 1\ntenants:\n  - {name: a, token: token-of-a}\n  - {name: "
        "secretly, token: token-of-b, base_url: \"http://127.0.0.1:%u/api\"}\n"
        "auth:\n  keys:\n    - key-of-the-test\n    - {key: key-of-tenant-a, tenant: a}\n"
        "    - {key: key-of-tenant-b, tenant: secretly}\n",
        (unsigned)stage.platforms[1].sandbox_port);
    configure(&stage, 0, config);
    reload(&stage, "\"tenants\"");
    health = proxy_ask(&stage.proxy, "GET", "/health", NULL, "");
    assert_true(str_is(json_str(json_find(health, "/checks/tenants/status")), "pass"));
    sandbox_fault(stage.platforms[1].sandbox_port,
                  "{\"match\":\"GET /user\",\"times\":-1,\"status\":503}");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ask(&stage, "GET", "/virtuoso/user", OF_B "Cache-Control: no-store\r\n"),
                         503);
    }
    assert_int_equal(ask(&stage, "GET", "/api/user", OF_A), 200);
    health = proxy_ask(&stage.proxy, "GET", "/health", NULL, "");
    assert_true(str_is(json_str(json_find(health, "/checks/tenants/status")), "warn"));
    assert_true(str_contains(json_str(json_find(health, "/checks/tenants/output")),
                             STR("the platforms of 1 of 1 tenants")));
    assert_true(str_is(json_str(json_find(health, "/checks/upstream/status")), "pass"));
    assert_true(str_is(json_str(json_get(health, "status")), "warn"));
    assert_false(str_contains(reply_text(&stage.proxy.reply), STR("secretly")));
    end(&stage);
}

/* The others do well at the same address, and that hides nothing. */
static void health_tells_of_a_tenant_whose_token_is_refused(void **state)
{
    struct stage stage;
    const struct json *health;

    (void)state;
    begin(&stage, TENANT_A);
    sandbox_fault(stage.platforms[0].sandbox_port,
                  "{\"match\":\"GET /user\",\"times\":1,\"status\":401}");
    assert_int_equal(ask(&stage, "GET", "/virtuoso/user", OF_A "Cache-Control: no-store\r\n"), 502);
    health = proxy_ask(&stage.proxy, "GET", "/health", NULL, "");
    assert_true(str_is(json_str(json_find(health, "/checks/upstream/status")), "fail"));
    assert_false(str_contains(reply_text(&stage.proxy.reply), STR("VIRTUOSO_API_TOKEN")));
    assert_int_equal(ask(&stage, "GET", "/virtuoso/user", KEY "Cache-Control: no-store\r\n"), 200);
    health = proxy_ask(&stage.proxy, "GET", "/health", NULL, "");
    assert_true(str_is(json_str(json_find(health, "/checks/upstream/status")), "pass"));
    assert_true(str_is(json_str(json_find(health, "/checks/tenants/status")), "warn"));
    assert_true(str_contains(json_str(json_find(health, "/checks/tenants/output")),
                             STR("refused the tokens of 1 tenants (401)")));
    assert_true(str_is(json_str(json_get(health, "status")), "warn"));
    assert_int_equal(ask(&stage, "GET", "/virtuoso/user", OF_A "Cache-Control: no-store\r\n"), 200);
    health = proxy_ask(&stage.proxy, "GET", "/health", NULL, "");
    assert_null(json_find(health, "/checks/tenants"));
    end(&stage);
}

/* What one platform thinks of a caller's token the other one has to be asked. */
static void a_callers_token_is_shown_to_the_new_platform(void **state)
{
    static const char own[] = "Authorization: Bearer own-token\r\n";
    struct stage stage;

    (void)state;
    begin(&stage, "auth: {mode: \"keys,passthrough\", keys: [key-of-the-test]}\n");
    assert_int_equal(ask(&stage, "GET", "/api/projects", own), 200);
    sandbox_fault(stage.platforms[1].sandbox_port,
                  "{\"match\":\"GET /user\",\"times\":-1,\"status\":401}");
    configure(&stage, 1, "auth: {mode: \"keys,passthrough\", keys: [key-of-the-test]}\n");
    reload(&stage, "\"upstream.base_url\"");
    assert_int_equal(ask(&stage, "GET", "/api/projects", own), 401);
    assert_int_equal(n_asked(&stage, 1, "/user"), 1);
    end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_ends_where_it_began),
        cmocka_unit_test(an_address_that_cannot_be_used_changes_nothing),
        cmocka_unit_test(addresses_change_again_and_again),
        cmocka_unit_test(a_run_goes_on_where_it_began),
        cmocka_unit_test(accounts_of_one_platform_order_their_steps),
        cmocka_unit_test(tenants_come_and_go),
        cmocka_unit_test(a_token_of_a_tenant_is_exchanged),
        cmocka_unit_test(health_tells_of_the_platforms_of_tenants),
        cmocka_unit_test(health_tells_of_a_tenant_whose_token_is_refused),
        cmocka_unit_test(a_callers_token_is_shown_to_the_new_platform),
    };

    return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
