/* The admin listener: what it answers, what the other one then does not, and who needs no key. */
#include "harness/cmocka.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/proxy.h"

#define KEY "a-key-of-a-test-of-operators"

static const char *const sets[] = {"admin.listen=127.0.0.1:0", "auth.keys=" KEY, NULL};

static uint16_t start(struct proxy *proxy)
{
    proxy_start(proxy, sets);
    return program_wait_port(&proxy->program, "admin on http://");
}

static int status_of(struct proxy *proxy, uint16_t port, const char *method, const char *target,
                     const char *fields)
{
    client_ask(port, method, target, fields, STR_EMPTY, &proxy->reply);
    return proxy->reply.status;
}

static void each_listener_answers_what_is_its_own(void **state)
{
    static const struct {
        const char *target;
        int on_traffic;
        int on_admin;
    } rows[] = {
        {"/metrics", 404, 200},
        {"/health/metrics", 404, 200},
        {"/health/stats", 404, 200},
        {"/health", 200, 200},
        {"/livez", 200, 200},
        {"/readyz", 200, 200},
        {"/health/live", 200, 200},
        {"/health/ready", 200, 200},
        {"/problems", 200, 200},
        {"/admin/config", 404, 200},
        {"/admin/runs", 404, 200},
        {"/admin/log-level", 404, 200},
        {"/", 200, 404},
        {"/docs", 200, 404},
        {"/openapi.json", 200, 404},
        {"/ui", 404, 200},
        {"/ui/live.js", 200, 200},
        {"/ui/page.css", 200, 200},
        {"/ui/runs", 200, 404},
        {"/ui/nothing.js", 404, 404},
    };
    struct proxy proxy;
    uint16_t admin;

    (void)state;
    admin = start(&proxy);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int traffic = status_of(&proxy, proxy.program.port, "GET", rows[i].target,
                                "Authorization: Bearer " KEY "\r\n");
        int there = status_of(&proxy, admin, "GET", rows[i].target, NULL);

        if (traffic != rows[i].on_traffic || there != rows[i].on_admin) {
            fail_msg("%s: %d on the traffic listener, %d on the other", rows[i].target, traffic,
                     there);
        }
    }
    /* What a listener does not have it does not tell of. */
    assert_int_equal(status_of(&proxy, proxy.program.port, "POST", "/metrics", NULL), 404);
    assert_int_equal(status_of(&proxy, admin, "DELETE", "/api/user", NULL), 404);
    assert_true(str_contains(reply_text(&proxy.reply), STR("/admin/*")));
    assert_int_equal(status_of(&proxy, admin, "DELETE", "/admin/config", NULL), 405);
    proxy_stop(&proxy);
}

/* What a page of the admin listener leads to is there, and comes without a Referer. */
static void pages_of_operators_are_whole(void **state)
{
    static const char *const pages[] = {"/ui", "/problems", "/problems/not_found"};
    static const char *const links[] = {"ui/page.css\"", "ui/icon.svg\"", "metrics\"", "health\""};
    struct proxy proxy;
    uint16_t admin;

    (void)state;
    admin = start(&proxy);
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        assert_int_equal(status_of(&proxy, admin, "GET", pages[i], "Accept: text/html\r\n"), 200);
        for (size_t l = 0; l < ARRAY_LEN(links); l++) {
            assert_true(str_contains(reply_text(&proxy.reply), str_from(links[l])));
        }
        assert_true(str_is(reply_field(&proxy.reply, "Referrer-Policy"), "no-referrer"));
        assert_true(str_contains(reply_field(&proxy.reply, "Content-Security-Policy"),
                                 STR("default-src 'none'")));
        assert_false(str_contains(reply_text(&proxy.reply), STR("<script>")));
        assert_false(str_contains(reply_text(&proxy.reply), STR("docs/page.css")));
    }
    proxy_stop(&proxy);
}

/* Without an admin listener its page is on the other one, for who has the permission admin. */
static void live_figures_on_the_traffic_listener_need_a_key(void **state)
{
    static const char text[] =
        "auth:\n  keys:\n"
        "    - {name: reader, key: a-readers-key-12345, permissions: [read]}\n"
        "    - {name: operator, key: " KEY ", permissions: [admin]}\n";

    static const struct {
        const char *fields;
        int status;
    } rows[] = {
        {NULL, 401}, {"X-API-Key: a-readers-key-12345\r\n", 403}, {"X-API-Key: " KEY "\r\n", 200}};
    struct proxy proxy = {0};
    char path[512];
    const char *const args[] = {"serve", "--sandbox",         "-c", path, "--listen", "127.0.0.1:0",
                                "--set", "drain.notice_ms=0", NULL};
    FILE *file;

    (void)state;
    assert_true(snprintf(path, sizeof(path), VP_SCRATCH_DIR "/ui-keys-%d.yaml", (int)getpid()) <
                (int)sizeof(path));
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, sizeof(text) - 1, file), sizeof(text) - 1);
    assert_int_equal(fclose(file), 0);
    arena_init(&proxy.arena);
    reply_init(&proxy.reply);
    program_serve(&proxy.program, args, NULL);
    (void)unlink(path);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(status_of(&proxy, proxy.program.port, "GET", "/ui", rows[i].fields),
                         rows[i].status);
    }
    proxy_stop(&proxy);
}

static void metrics_may_stay_on_the_traffic_listener(void **state)
{
    static const char *const both[] = {"admin.listen=127.0.0.1:0", "admin.metrics_on_traffic=true",
                                       NULL};
    struct proxy proxy;
    uint16_t admin;

    (void)state;
    proxy_start(&proxy, both);
    admin = program_wait_port(&proxy.program, "admin on http://");
    assert_int_equal(status_of(&proxy, proxy.program.port, "GET", "/metrics", NULL), 200);
    assert_int_equal(status_of(&proxy, admin, "GET", "/metrics", NULL), 200);
    assert_int_equal(status_of(&proxy, proxy.program.port, "GET", "/admin/config", NULL), 404);
    proxy_stop(&proxy);
}

/* What a Prometheus of today asks for. Exemplars are an error in the older format. */
static void a_scraper_gets_the_format_that_it_asks_for(void **state)
{
    static const char traced[] = "X-API-Key: " KEY "\r\n"
                                 "traceparent: 00-0af7651916cd43dd8448eb211c80319c-"
                                 "b7ad6b7169203331-01\r\n";

    static const struct {
        const char *accept, *type;
        bool is_new;
    } rows[] = {
        {"Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2\r\n",
         "application/openmetrics-text; version=1.0.0; charset=utf-8", true},
        {"Accept: text/plain;version=0.0.4\r\n", "text/plain; version=0.0.4; charset=utf-8", false},
        {NULL, "text/plain; version=0.0.4; charset=utf-8", false},
    };
    struct proxy proxy;
    uint16_t admin;

    (void)state;
    admin = start(&proxy);
    assert_int_equal(status_of(&proxy, proxy.program.port, "GET", "/api/user", traced), 200);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str text;

        assert_int_equal(status_of(&proxy, admin, "GET", "/metrics", rows[i].accept), 200);
        text = reply_text(&proxy.reply);
        assert_string_equal(arena_cstr(&proxy.arena, reply_field(&proxy.reply, "Content-Type")),
                            rows[i].type);
        assert_int_equal(str_ends(text, STR("\n# EOF\n")), rows[i].is_new);
        assert_int_equal(
            str_contains(text, STR(" # {trace_id=\"0af7651916cd43dd8448eb211c80319c\"} ")),
            rows[i].is_new);
        assert_int_equal(str_contains(text, STR("# TYPE virtuoso_proxy_http_requests counter\n")),
                         rows[i].is_new);
    }
    proxy_stop(&proxy);
}

/* A scrape is no traffic. */
static void requests_of_operators_are_not_counted(void **state)
{
    struct proxy proxy;
    uint16_t admin;

    (void)state;
    admin = start(&proxy);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(status_of(&proxy, admin, "GET", "/metrics", NULL), 200);
    }
    assert_false(str_contains(reply_text(&proxy.reply), STR("http_route=\"/metrics\"")));
    proxy_stop(&proxy);
}

static void who_is_not_certainly_here_needs_a_key(void **state)
{
    static const struct {
        const char *fields;
        int status;
    } rows[] = {
        {NULL, 200},
        {"Authorization: Bearer " KEY "\r\n", 200},
        {"Authorization: Bearer wrong-key-of-somebody\r\n", 401},
        {"X-API-Key: wrong-key-of-somebody\r\n", 401},
        {"Origin: http://evil.example\r\n", 401},
        {"Referer: http://evil.example/\r\n", 401},
        {"X-Forwarded-For: 203.0.113.7\r\n", 401},
        {"Forwarded: for=203.0.113.7\r\n", 401},
        {"Via: 1.1 proxy\r\n", 401},
        {"X-Forwarded-For: 203.0.113.7\r\nAuthorization: Bearer " KEY "\r\n", 200},
    };
    struct proxy proxy;
    uint16_t admin;

    (void)state;
    admin = start(&proxy);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status = status_of(&proxy, admin, "GET", "/admin/config", rows[i].fields);

        if (status != rows[i].status) {
            fail_msg("with %s: %d", rows[i].fields != NULL ? rows[i].fields : "nothing", status);
        }
    }
    proxy_stop(&proxy);
}

/* An address of this machine by which it speaks to others; 0: it has none. */
static in_addr_t outer_address(void)
{
    struct ifaddrs *all = NULL;
    in_addr_t found = 0;

    assert_int_equal(getifaddrs(&all), 0);
    for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
        if (one->ifa_addr != NULL && one->ifa_addr->sa_family == AF_INET &&
            (one->ifa_flags & (IFF_LOOPBACK | IFF_UP)) == IFF_UP) {
            struct sockaddr_in v4;

            memcpy(&v4, one->ifa_addr, sizeof(v4));
            found = v4.sin_addr.s_addr;
        }
    }
    freeifaddrs(all);
    return found;
}

/* Whoever comes from another address has figures and probes, and all else with a key. */
static void other_machines_need_a_key(void **state)
{
    static const char *const wide[] = {"admin.listen=0.0.0.0:0", "auth.keys=" KEY, NULL};

    static const struct {
        const char *target;
        int without, with_key;
    } rows[] = {{"/metrics", 200, 200},      {"/livez", 200, 200}, {"/health/stats", 200, 200},
                {"/admin/config", 401, 200}, {"/ui", 401, 200},    {"/debug/anything", 404, 404}};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = outer_address()};
    struct client client;
    struct proxy proxy;

    (void)state;
    if (address.sin_addr.s_addr == 0) {
        skip();
    }
    proxy_start(&proxy, wide);
    address.sin_port = htons(program_wait_port(&proxy.program, "admin on http://"));
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        bool has_key = i % 2 == 1;
        int wanted = has_key ? rows[i / 2].with_key : rows[i / 2].without;

        client_open(&client, ntohs(address.sin_port));
        (void)close(client.fd);
        client.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_true(client_send_request(&client, "GET", rows[i / 2].target,
                                        has_key ? "X-API-Key: " KEY "\r\n" : NULL, STR_EMPTY));
        assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
        if (proxy.reply.status != wanted) {
            fail_msg("%s %s: %d", rows[i / 2].target, has_key ? "with a key" : "",
                     proxy.reply.status);
        }
        client_close(&client);
    }
    proxy_stop(&proxy);
}

/* DNS rebinding: a page in a browser reaches this address under a name of its own. */
static void a_foreign_name_for_this_machine_needs_a_key(void **state)
{
    struct client client;
    struct proxy proxy;
    uint16_t admin;

    (void)state;
    admin = start(&proxy);
    client_open(&client, admin);
    assert_true(client_send(&client, STR("GET /admin/config HTTP/1.1\r\n"
                                         "Host: rebound.example\r\n\r\n")));
    assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 401);
    client_close(&client);
    proxy_stop(&proxy);
}

/* The key of the configuration is not in it. */
static void the_configuration_is_shown_without_secrets(void **state)
{
    struct proxy proxy;
    uint16_t admin;

    (void)state;
    admin = start(&proxy);
    assert_int_equal(status_of(&proxy, admin, "GET", "/admin/config", NULL), 200);
    assert_true(str_starts(reply_field(&proxy.reply, "Content-Type"), STR("application/yaml")));
    assert_true(str_contains(reply_text(&proxy.reply), STR("token: \"***\"")) ||
                str_contains(reply_text(&proxy.reply), STR("token: '***'")));
    assert_false(str_contains(reply_text(&proxy.reply), STR(KEY)));
    proxy_stop(&proxy);
}

static void the_level_of_the_log_changes_at_once(void **state)
{
    struct proxy proxy;
    uint16_t admin;

    (void)state;
    admin = start(&proxy);
    client_ask(admin, "PUT", "/admin/log-level?dry_run=true", "Content-Type: application/json\r\n",
               STR("{\"level\":\"debug\"}"), &proxy.reply);
    assert_int_equal(proxy.reply.status, 200);
    (void)status_of(&proxy, admin, "GET", "/admin/log-level", NULL);
    assert_true(str_contains(reply_text(&proxy.reply), STR("\"level\":\"info\"")));
    client_ask(admin, "PUT", "/admin/log-level", "Content-Type: application/json\r\n",
               STR("{\"level\":\"loud\"}"), &proxy.reply);
    assert_int_equal(proxy.reply.status, 400);
    client_ask(admin, "PUT", "/admin/log-level", "Content-Type: application/json\r\n",
               STR("{\"level\":\"debug\"}"), &proxy.reply);
    assert_int_equal(proxy.reply.status, 200);
    assert_false(program_wrote(&proxy.program, "\"level\":\"debug\""));
    (void)status_of(&proxy, proxy.program.port, "GET", "/livez", NULL); /* a line of level debug */
    program_wait_wrote(&proxy.program, "\"level\":\"debug\"", 10000);
    client_ask(admin, "POST", "/admin/reload", NULL, STR_EMPTY, &proxy.reply);
    (void)status_of(&proxy, admin, "GET", "/admin/log-level", NULL); /* a reload leaves it */
    assert_true(str_contains(reply_text(&proxy.reply), STR("\"level\":\"debug\"")));
    proxy_stop(&proxy);
}

static void a_purge_makes_the_next_request_ask_the_platform(void **state)
{
    static const char key[] = "Authorization: Bearer " KEY "\r\n";

    static const struct {
        const char *purge;
        const char *answer; /* has this */
        size_t n_sent;      /* after it */
    } rows[] = {
        {"/admin/cache/purge?dry_run=true", "\"dry_run\":true", 1},
        {"/admin/cache/purge", "\"purged\":1", 2},
        {"/admin/cache/purge", "\"purged\":1", 3},
    };
    struct proxy proxy;
    uint16_t admin;

    (void)state;
    admin = start(&proxy);
    assert_int_equal(status_of(&proxy, proxy.program.port, "GET", "/api/user", key), 200);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        client_ask(admin, "POST", rows[i].purge, NULL, STR_EMPTY, &proxy.reply);
        assert_int_equal(proxy.reply.status, 200);
        assert_true(str_contains(reply_text(&proxy.reply), str_from(rows[i].answer)));
        assert_int_equal(status_of(&proxy, proxy.program.port, "GET", "/api/user", key), 200);
        assert_int_equal(sandbox_count(proxy.program.sandbox_port, "GET", "/user"), rows[i].n_sent);
    }
    proxy_stop(&proxy);
}

/* What was fetched before the purge, and comes behind it, is given to who asked and kept for nobody. */
static void an_answer_that_a_purge_overtakes_is_not_kept(void **state)
{
    static const char key[] = "Authorization: Bearer " KEY "\r\n";
    struct client slow;
    struct proxy proxy;
    uint16_t admin;

    (void)state;
    admin = start(&proxy);
    sandbox_hold(proxy.program.sandbox_port, "GET /user");
    client_open(&slow, proxy.program.port);
    assert_true(client_send_request(&slow, "GET", "/api/user", key, STR_EMPTY));
    sandbox_wait_count(proxy.program.sandbox_port, "GET", "/user", 1);
    client_ask(admin, "POST", "/admin/cache/purge", NULL, STR_EMPTY, &proxy.reply);
    assert_int_equal(proxy.reply.status, 200);
    sandbox_release(proxy.program.sandbox_port);
    assert_int_equal(client_read(&slow, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 200);
    client_close(&slow);
    for (unsigned i = 0; i < 2; i++) { /* that one is kept again */
        assert_int_equal(status_of(&proxy, proxy.program.port, "GET", "/api/user", key), 200);
        assert_int_equal(sandbox_count(proxy.program.sandbox_port, "GET", "/user"), 2);
    }
    proxy_stop(&proxy);
}

static void runs_of_everybody_are_listed(void **state)
{
    static const char *const two[] = {"admin.listen=127.0.0.1:0",
                                      "auth.keys=" KEY ",another-key-of-the-test", NULL};
    static const char *const callers[] = {
        "Authorization: Bearer " KEY "\r\nContent-Type: application/json\r\n",
        "Authorization: Bearer another-key-of-the-test\r\nContent-Type: application/json\r\n"};
    const struct json *list;
    struct proxy proxy;
    uint16_t admin;

    (void)state;
    proxy_start(&proxy, two);
    admin = program_wait_port(&proxy.program, "admin on http://");
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        client_ask(proxy.program.port, "POST", "/api/v1/tests/run", callers[i],
                   STR("{\"name\":\"t\",\"steps\":[{\"navigate\":\"https://example.com\"}]}"),
                   &proxy.reply);
        assert_int_equal(proxy.reply.status, 200);
    }
    assert_int_equal(status_of(&proxy, admin, "GET", "/admin/runs", NULL), 200);
    list = reply_json(&proxy.reply, &proxy.arena);
    assert_int_equal(json_size(json_get(list, "runs")), 2);
    assert_int_equal(status_of(&proxy, admin, "GET", "/admin/runs?limit=1&offset=1", NULL), 200);
    list = reply_json(&proxy.reply, &proxy.arena);
    assert_int_equal(json_size(json_get(list, "runs")), 1);
    assert_true(str_contains(reply_text(&proxy.reply), STR("\"total\":2")));
    proxy_stop(&proxy);
}

static void a_unix_socket_needs_neither_port_nor_key(void **state)
{
    struct proxy proxy;
    struct client client;
    char path[64];
    char set[96];
    const char *const with_socket[] = {set, "auth.keys=" KEY, NULL};

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/virtuoso-admin-%d", (int)getpid());
    (void)snprintf(set, sizeof(set), "admin.listen=unix:%s", path);
    proxy_start(&proxy, with_socket);
    program_wait_wrote(&proxy.program, "admin on unix:/tmp/", 10000);
    client_open_unix(&client, path);
    assert_true(client_send_request(&client, "GET", "/admin/config", NULL, STR_EMPTY));
    assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 200);
    assert_true(client_send_request(&client, "GET", "/metrics", NULL, STR_EMPTY));
    assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 200);
    client_close(&client);
    proxy_stop(&proxy);
    assert_int_equal(access(path, F_OK), -1);
}

/* A scraper keeps its connection: that holds up no drain, and it is served to the end. */
static void a_scraper_does_not_hold_up_the_drain(void **state)
{
    struct client client;
    struct proxy proxy;
    uint16_t admin;

    (void)state;
    admin = start(&proxy);
    client_open(&client, admin);
    assert_true(client_send_request(&client, "GET", "/metrics", NULL, STR_EMPTY));
    assert_int_equal(client_read(&client, false, &proxy.reply), CLIENT_OK);
    proxy_stop(&proxy); /* drain.limit_ms is 30 s: it ends long before */
    client_close(&client);
}

static void what_cannot_be_listened_on_is_refused_by_check(void **state)
{
    static const char *const bad[] = {"admin.listen=unix:run/x", "admin.listen=9090",
                                      "admin.listen=unix:"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const char *const args[] = {"check", "--set", "sandbox.enabled=true",
                                    "--set", bad[i],  NULL};
        struct program program;

        assert_int_equal(program_run(&program, args, NULL), 1);
        assert_true(program_wrote(&program, "admin.listen: "));
        program_done(&program);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_listener_answers_what_is_its_own),
        cmocka_unit_test(pages_of_operators_are_whole),
        cmocka_unit_test(live_figures_on_the_traffic_listener_need_a_key),
        cmocka_unit_test(metrics_may_stay_on_the_traffic_listener),
        cmocka_unit_test(a_scraper_gets_the_format_that_it_asks_for),
        cmocka_unit_test(requests_of_operators_are_not_counted),
        cmocka_unit_test(who_is_not_certainly_here_needs_a_key),
        cmocka_unit_test(other_machines_need_a_key),
        cmocka_unit_test(a_foreign_name_for_this_machine_needs_a_key),
        cmocka_unit_test(the_configuration_is_shown_without_secrets),
        cmocka_unit_test(the_level_of_the_log_changes_at_once),
        cmocka_unit_test(a_purge_makes_the_next_request_ask_the_platform),
        cmocka_unit_test(an_answer_that_a_purge_overtakes_is_not_kept),
        cmocka_unit_test(runs_of_everybody_are_listed),
        cmocka_unit_test(a_unix_socket_needs_neither_port_nor_key),
        cmocka_unit_test(a_scraper_does_not_hold_up_the_drain),
        cmocka_unit_test(what_cannot_be_listened_on_is_refused_by_check),
    };

    return cmocka_run_group_tests_name("the admin listener", tests, NULL, NULL);
}
