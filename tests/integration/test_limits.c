/* Limits of callers and of strangers, as clients see them. */
#include "harness/cmocka.h"

#include "harness/mount.h"
#include "harness/proxy.h"
#include "harness/wait.h"

#define KEY   "X-API-Key: a-key-of-a-test-1\r\n"
#define OTHER "X-API-Key: a-key-of-a-test-2\r\n"
#define WRONG "X-API-Key: a-key-of-nobody\r\n"

static int64_t field_number(const struct reply *reply, const char *name)
{
    int64_t value = -1;

    return str_to_i64(reply_field(reply, name), 0, INT32_MAX, &value) ? value : -1;
}

static int ask(struct proxy *proxy, const char *target, const char *fields)
{
    (void)proxy_ask(proxy, "GET", target, fields, "");
    return proxy->reply.status;
}

/* What a limit of one a second earns meanwhile: nothing, unless the machine is busy. */
static int64_t earned_since(uint64_t began_ms)
{
    return (int64_t)(client_now_ms() - began_ms) / 1000;
}

/* A limit of one a second that nobody had used at began_ms, and what is left of its burst. */
struct left {
    uint64_t began_ms;
    int64_t burst;
};

/* Each ask has the next fields, the last ones again and again: as many as the burst, and what the time has earned, get
 * `status`; then it is 429. */
static void expect_left(struct proxy *proxy, const struct left *left,
                        int (*ask_one)(struct proxy *proxy, const char *target, const char *fields),
                        const char *target, const char *const *fields, int status)
{
    int64_t n = 0;

    while (ask_one(proxy, target, *fields) != 429) {
        assert_int_equal(proxy->reply.status, status);
        n++;
        assert_in_range(n, 0, left->burst + earned_since(left->began_ms));
        fields += fields[1] != NULL ? 1 : 0;
    }
    assert_true(n >= left->burst);
}

static void expect_burst(struct proxy *proxy, const char *const *fields, int64_t burst, int status)
{
    const struct left left = {.began_ms = client_now_ms(), .burst = burst};

    expect_left(proxy, &left, ask, "/api/v1/routes", fields, status);
}

static void a_caller_over_the_rate_is_told_when_to_come_back(void **state)
{
    static const char *const sets[] = {"auth.mode=keys",
                                       "auth.keys=a-key-of-a-test-1,a-key-of-a-test-2",
                                       "limits.per_key=1", "limits.burst=5", NULL};
    static const char *const mine[] = {KEY, NULL};
    struct left left = {.burst = 0};
    struct proxy proxy;
    int64_t wait_s;

    (void)state;
    proxy_start(&proxy, sets);
    left.began_ms = client_now_ms();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask(&proxy, "/api/v1/routes", KEY), 200);
        assert_true(str_is(reply_field(&proxy.reply, "RateLimit-Policy"), "\"key\";q=5;w=5"));
        assert_true(str_starts(reply_field(&proxy.reply, "RateLimit"), STR("\"key\";r=")));
        assert_int_equal(field_number(&proxy.reply, "X-RateLimit-Limit"), 5);
        assert_in_range(field_number(&proxy.reply, "X-RateLimit-Remaining"), 4 - i,
                        4 - i + earned_since(left.began_ms));
    }
    expect_left(&proxy, &left, ask, "/api/v1/routes", mine, 200);
    assert_true(
        str_starts(reply_field(&proxy.reply, "Content-Type"), STR("application/problem+json")));
    wait_s = field_number(&proxy.reply, "Retry-After");
    assert_int_equal(wait_s, 1);
    assert_int_equal(ask(&proxy, "/api/v1/routes", OTHER), 200); /* a bucket of its own */
    assert_int_equal(ask(&proxy, "/livez", KEY), 200);           /* probes are not counted */
    assert_int_equal(reply_field(&proxy.reply, "RateLimit").len, 0);
    client_pause_ms(1000 * (unsigned)wait_s); /* what Retry-After promises */
    assert_int_equal(ask(&proxy, "/api/v1/routes", KEY), 200);
    proxy_stop(&proxy);
}

static void a_stranger_is_limited_by_address_and_a_right_key_never(void **state)
{
    static const char *const sets[] = {
        "auth.mode=keys",         "auth.keys=a-key-of-a-test-1",      "limits.per_address=1",
        "limits.address_burst=3", "server.trusted_proxies=127.0.0.1", NULL};
    static const char *const no_key[] = {"", WRONG, NULL};
    /* another address behind the trusted proxy; what stands further left is the caller's word */
    static const char *const behind[] = {
        "X-Forwarded-For: 127.0.0.1, 192.0.2.7\r\n", "X-Forwarded-For: 192.0.2.99, 192.0.2.7\r\n",
        "X-Forwarded-For: 192.0.2.7\r\n", "X-Forwarded-For: 198.51.100.1, 192.0.2.7\r\n", NULL};
    /* of IPv6 the /64 counts */
    static const char *const of_ipv6[] = {
        "X-Forwarded-For: 2001:db8::1\r\n", "X-Forwarded-For: 2001:db8::1\r\n",
        "X-Forwarded-For: 2001:db8::1\r\n", "X-Forwarded-For: 2001:db8::2\r\n", NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    expect_burst(&proxy, no_key, 3, 401);
    assert_true(field_number(&proxy.reply, "Retry-After") >= 1);
    assert_int_equal(ask(&proxy, "/api/v1/routes", KEY), 200);
    assert_int_equal(ask(&proxy, "/livez", NULL), 200);
    expect_burst(&proxy, behind, 3, 401);
    expect_burst(&proxy, of_ipv6, 3, 401);
    assert_int_equal(ask(&proxy, "/api/v1/routes", "X-Forwarded-For: 2001:db8:0:1::1\r\n"), 401);
    proxy_stop(&proxy);
}

static void at_once_has_a_ceiling_that_is_given_back(void **state)
{
    static const char *const sets[] = {"auth.mode=keys", "auth.keys=a-key-of-a-test-1",
                                       "limits.concurrency=2", NULL};
    struct proxy proxy;
    struct client waiting[2];

    (void)state;
    proxy_start(&proxy, sets);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /user\",\"times\":-1,\"delay_ms\":60000}");
    for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
        client_open(&waiting[i], proxy.program.port);
        assert_true(client_send_request(
            &waiting[i], "GET", i == 0 ? "/virtuoso/user" : "/virtuoso/user?a=1", KEY, STR_EMPTY));
    }
    wait_until(ask(&proxy, "/api/v1/routes", KEY) == 429); /* both are at work */
    /* Nobody knows when one of them ends: the shortest pause that is asked for. */
    assert_int_equal(field_number(&proxy.reply, "Retry-After"), 1);
    for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
        client_close(&waiting[i]);
    }
    wait_until(ask(&proxy, "/api/v1/routes", KEY) != 429);
    assert_int_equal(proxy.reply.status, 200);
    sandbox_clear_faults(proxy.program.sandbox_port);
    proxy_stop(&proxy);
}

static void without_authentication_nobody_is_limited(void **state)
{
    static const char *const sets[] = {"limits.per_key=1", "limits.burst=1", NULL};
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, sets);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ask(&proxy, "/api/v1/routes", NULL), 200);
    }
    proxy_stop(&proxy);
}

/* A path of the route with something in the place of each {name}. */
static struct str path_of(struct proxy *proxy, struct str path)
{
    struct str text = STR_EMPTY;
    struct str piece;

    while (str_next(&path, '/', &piece)) {
        if (piece.len > 0) {
            text = arena_printf(&proxy->arena, "%.*s/%.*s", STR_ARG(text),
                                STR_ARG(str_starts(piece, STR("{")) ? STR("1") : piece));
        }
    }
    return text;
}

/* Whatever the answer: found or not, taken or refused. */
static void every_answer_with_a_right_credential_tells_its_limit(void **state)
{
    static const char *const sets[] = {"auth.mode=keys", "auth.keys=a-key-of-a-test-1", NULL};
    struct proxy proxy;
    const struct json *routes;
    unsigned n = 0;

    (void)state;
    proxy_start(&proxy, sets);
    routes = json_get(proxy_ask(&proxy, "GET", "/api/v1/routes", KEY, ""), "routes");
    for (const struct json *route = json_first(routes); route != NULL; route = json_next(route)) {
        const char *method = arena_cstr(&proxy.arena, json_str(json_get(route, "method")));
        struct str path = path_of(&proxy, json_str(json_get(route, "path")));
        struct client client;
        struct reply reply = {0};

        if (json_get(route, "permission") == NULL) {
            continue; /* for everybody */
        }
        client_open(&client, proxy.program.port);
        assert_true(client_send_request(&client, method, arena_cstr(&proxy.arena, path), KEY,
                                        str_is(STR("GET"), method) ? STR_EMPTY : STR("{}")));
        assert_int_equal(client_read_head(&client, false, &reply), CLIENT_OK);
        if (reply_field(&reply, "RateLimit-Policy").len == 0 ||
            !str_starts(reply_field(&reply, "RateLimit"), STR("\"key\";r="))) {
            fail_msg("%s %.*s: %d without RateLimit", method, STR_ARG(path), reply.status);
        }
        n++;
        client_close(&client);
        reply_done(&reply);
    }
    assert_true(n > 50);
    assert_int_equal(ask(&proxy, "/no/such/route", KEY), 404);
    proxy_stop(&proxy);
}

/* ---- rules ---- */

#define HEAD                                                                                       \
    "sandbox: {enabled: true}\nserver: {listen: 127.0.0.1:0}\ndrain: {notice_ms: 0}\n"             \
    "tenants: [{name: a, token: token-of-a}, {name: b, token: token-of-b, rate: 1, burst: 4}]\n"   \
    "auth:\n  keys:\n    - {name: a1, key: key-one-of-a, tenant: a}\n"                             \
    "    - {name: a2, key: key-two-of-a, tenant: a}\n"                                             \
    "    - {name: b1, key: key-one-of-b, tenant: b}\n"                                             \
    "    - {name: n, key: key-of-no-tenant}\n"

#define A1   "X-API-Key: key-one-of-a\r\n"
#define A2   "X-API-Key: key-two-of-a\r\n"
#define B1   "X-API-Key: key-one-of-b\r\n"
#define NONE "X-API-Key: key-of-no-tenant\r\n"

static int post(struct proxy *proxy, const char *target, const char *fields)
{
    (void)proxy_ask(proxy, "POST", target, fields, "{}");
    return proxy->reply.status;
}

static bool counts_refusals(struct proxy *proxy, const char *line)
{
    client_ask(proxy->program.port, "GET", "/metrics", NULL, STR_EMPTY, &proxy->reply);
    return str_contains(reply_text(&proxy->reply), str_from(line));
}

static void all_keys_of_a_tenant_share_its_limit(void **state)
{
    static const char *const keys_of_a[] = {A1, A2, A1, A2, NULL};
    static const char *const keys_of_b[] = {B1, NULL};
    struct left left = {.burst = 4};
    struct mount mount;
    struct proxy proxy;

    (void)state;
    mount_open(&mount, HEAD "limits: {rules: [tenant=1/6]}\n");
    mount_serve(&mount, &proxy);
    left.began_ms = client_now_ms();
    assert_int_equal(ask(&proxy, "/api/v1/routes", A1), 200);
    assert_true(str_is(reply_field(&proxy.reply, "RateLimit-Policy"),
                       "\"key\";q=2000;w=2, \"tenant\";q=6;w=6"));
    assert_true(str_starts(reply_field(&proxy.reply, "RateLimit"), STR("\"key\";r=199")));
    assert_true(str_contains(reply_field(&proxy.reply, "RateLimit"), STR(", \"tenant\";r=5;t=")));
    assert_int_equal(field_number(&proxy.reply, "X-RateLimit-Limit"), 6);
    assert_int_equal(ask(&proxy, "/api/v1/routes", A2), 200);
    assert_in_range(field_number(&proxy.reply, "X-RateLimit-Remaining"), 4,
                    4 + earned_since(left.began_ms));
    expect_left(&proxy, &left, ask, "/api/v1/routes", keys_of_a, 200);
    assert_int_equal(field_number(&proxy.reply, "Retry-After"), 1);
    assert_true(str_contains(reply_text(&proxy.reply), STR("the tenant \\\"a\\\" together")));
    assert_true(str_contains(reply_text(&proxy.reply), STR("\"violated-policies\":[\"tenant\"]")));
    /* the limits of the others are theirs; b has one of its own */
    assert_int_equal(ask(&proxy, "/api/v1/routes", NONE), 200);
    expect_burst(&proxy, keys_of_b, 4, 200);
    assert_true(
        str_contains(reply_field(&proxy.reply, "RateLimit-Policy"), STR("\"tenant\";q=4;w=4")));
    assert_true(counts_refusals(&proxy, "rate_limited_total{limit=\"tenant\"} 2\n"));
    assert_true(counts_refusals(&proxy, "rate_limited_total{limit=\"key\"} 0\n"));
    proxy_stop(&proxy);
    mount_close(&mount);
}

static void a_class_of_routes_has_a_limit_of_its_own(void **state)
{
    static const char *const one[] = {A1, NULL};
    static const char *const both[] = {A1, A2, NULL};
    struct left left = {.burst = 2};
    struct mount mount;
    struct proxy proxy;

    (void)state;
    mount_open(&mount, HEAD "limits: {rules: [key:write=1/2, tenant:command=1/1]}\n");
    mount_serve(&mount, &proxy);
    left.began_ms = client_now_ms();
    expect_left(&proxy, &left, post, "/api/v1/sessions", one, 201);
    assert_true(str_contains(reply_text(&proxy.reply), STR("[\"key:write\"]")));
    assert_true(str_contains(reply_text(&proxy.reply), STR("requests of the class")));
    assert_int_equal(post(&proxy, "/api/v1/sessions", A2), 201); /* another key */
    assert_int_equal(ask(&proxy, "/api/v1/sessions", A1), 200);  /* another class */
    assert_true(str_is(reply_field(&proxy.reply, "RateLimit-Policy"), "\"key\";q=2000;w=2"));
    left.burst = 1;
    expect_left(&proxy, &left, post, "/api/v1/commands/execute", both, 400); /* the same tenant */
    assert_true(str_contains(reply_text(&proxy.reply), STR("[\"tenant:command\"]")));
    assert_int_equal(post(&proxy, "/api/v1/commands/execute", NONE), 400);
    assert_true(counts_refusals(&proxy, "rate_limited_total{limit=\"key_class\"} 1\n"));
    assert_true(counts_refusals(&proxy, "rate_limited_total{limit=\"tenant_class\"} 1\n"));
    assert_int_equal(ask(&proxy, "/api/v1/routes", A1), 200);
    assert_true(str_contains(reply_text(&proxy.reply), STR("\"class\":\"execute\"")));
    proxy_stop(&proxy);
    mount_close(&mount);
}

/* Who is refused by one limit has used up nothing of the others. */
static void a_refusal_takes_nothing_from_other_limits(void **state)
{
    static const char *const mine[] = {A1, NULL};
    struct left left = {.burst = 1};
    struct mount mount;
    struct proxy proxy;

    (void)state;
    mount_open(&mount, HEAD "limits: {per_key: 1, burst: 1000, rules: [key:write=1/1]}\n");
    mount_serve(&mount, &proxy);
    left.began_ms = client_now_ms();
    for (int i = 0; i < 20; i++) {
        expect_left(&proxy, &left, post, "/api/v1/sessions", mine, 201);
        left.burst = 0;
        assert_true(field_number(&proxy.reply, "Retry-After") >= 1);
    }
    assert_int_equal(ask(&proxy, "/api/v1/routes", A1), 200);
    /* The one that was made and this one are gone, whatever else the time has earned and let in. */
    assert_in_range(field_number(&proxy.reply, "X-RateLimit-Remaining"),
                    998 - earned_since(left.began_ms), 999);
    assert_int_equal(ask(&proxy, "/api/v1/sessions", A1), 200);
    proxy_stop(&proxy);
    mount_close(&mount);
}

static void a_tenant_may_have_so_many_under_way(void **state)
{
    struct mount mount;
    struct proxy proxy;
    struct client waiting;

    (void)state;
    mount_open(&mount, HEAD "limits: {rules: [tenant:direct=100/100/1]}\n");
    mount_serve(&mount, &proxy);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /user\",\"times\":-1,\"delay_ms\":60000}");
    client_open(&waiting, proxy.program.port);
    assert_true(client_send_request(&waiting, "GET", "/virtuoso/user", A1, STR_EMPTY));
    wait_until(ask(&proxy, "/virtuoso/projects", A2) == 429);
    assert_true(str_contains(reply_text(&proxy.reply), STR("[\"tenant:direct\"]")));
    assert_true(counts_refusals(&proxy, "rate_limited_total{limit=\"at_once\"} 1\n"));
    assert_int_equal(ask(&proxy, "/api/v1/routes", A2), 200);
    client_close(&waiting);
    wait_until(ask(&proxy, "/virtuoso/projects", A2) != 429);
    sandbox_clear_faults(proxy.program.sandbox_port);
    proxy_stop(&proxy);
    mount_close(&mount);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_caller_over_the_rate_is_told_when_to_come_back),
        cmocka_unit_test(a_stranger_is_limited_by_address_and_a_right_key_never),
        cmocka_unit_test(at_once_has_a_ceiling_that_is_given_back),
        cmocka_unit_test(without_authentication_nobody_is_limited),
        cmocka_unit_test(every_answer_with_a_right_credential_tells_its_limit),
        cmocka_unit_test(all_keys_of_a_tenant_share_its_limit),
        cmocka_unit_test(a_class_of_routes_has_a_limit_of_its_own),
        cmocka_unit_test(a_refusal_takes_nothing_from_other_limits),
        cmocka_unit_test(a_tenant_may_have_so_many_under_way),
    };

    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
