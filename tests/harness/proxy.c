#include "harness/proxy.h"

#include "harness/cmocka.h"
#include "harness/wait.h"

#include "base/str.h"

enum { ARGS_MAX = 48 };

void proxy_start(struct proxy *proxy, const char *const *sets)
{
    proxy_start_env(proxy, sets, NULL);
}

void proxy_start_env(struct proxy *proxy, const char *const *sets, const char *const *env)
{
    const char *args[ARGS_MAX] = {
        "serve", "--sandbox",         "--listen", "127.0.0.1:0",
        "--set", "drain.notice_ms=0", "--set",    "sandbox.examples=false"};
    size_t n = 8;

    *proxy = (struct proxy){0};
    arena_init(&proxy->arena);
    reply_init(&proxy->reply);
    for (; sets != NULL && *sets != NULL; sets++) {
        assert_true(n + 3 < ARGS_MAX);
        args[n++] = "--set";
        args[n++] = *sets;
    }
    program_serve(&proxy->program, args, env);
    sandbox_seed(proxy->program.sandbox_port, SANDBOX_TOKEN, &proxy->seed);
}

void proxy_stop(struct proxy *proxy)
{
    reply_done(&proxy->reply);
    program_stop(&proxy->program);
    program_done(&proxy->program);
    arena_done(&proxy->arena);
}

const struct json *proxy_ask_str(struct proxy *proxy, const char *method, const char *target,
                                 const char *fields, struct str body)
{
    struct str given = str_from(fields);
    bool adds_type = body.len > 0 && !str_contains(given, STR("Content-Type:"));
    struct str with_type = arena_printf(&proxy->arena, "%.*s%s", STR_ARG(given),
                                        adds_type ? "Content-Type: application/json\r\n" : "");

    client_ask(proxy->program.port, method, target, with_type.ptr, body, &proxy->reply);
    return proxy->reply.body.len > 0 ? reply_json(&proxy->reply, &proxy->arena) : NULL;
}

const struct json *proxy_ask(struct proxy *proxy, const char *method, const char *target,
                             const char *fields, const char *body)
{
    return proxy_ask_str(proxy, method, target, fields, str_from(body));
}

static int64_t stat_of(struct proxy *proxy, const char *pointer)
{
    const struct json *stats = proxy_ask(proxy, "GET", "/health/stats", NULL, "");
    int64_t n = -1;

    assert_true(json_to_i64(json_find(stats, pointer), &n));
    return n - 1; /* itself */
}

void proxy_wait_working(struct proxy *proxy, int64_t n)
{
    wait_until(stat_of(proxy, "/requests/in_flight") == n);
}

void proxy_wait_open(struct proxy *proxy, int64_t n)
{
    wait_until(stat_of(proxy, "/connections/open") == n);
}

void proxy_settle(const struct proxy *proxy)
{
    struct reply reply = {0};

    client_ask(proxy->program.port, "GET", "/livez", NULL, STR_EMPTY, &reply);
    reply_done(&reply);
}

void proxy_wait_sent(const struct proxy *proxy, const char *method, const char *path_start,
                     size_t n)
{
    sandbox_wait_count(proxy->program.sandbox_port, method, path_start, n);
}

const struct json *proxy_command(struct proxy *proxy, const char *command, const char *args_json,
                                 const char *extra)
{
    struct str body =
        arena_printf(&proxy->arena, "{\"command\":\"%s\",\"args\":%s,\"checkpoint_id\":%lld%s%s}",
                     command, args_json, (long long)proxy->seed.checkpoint,
                     extra != NULL ? "," : "", extra != NULL ? extra : "");

    return proxy_ask_str(proxy, "POST", "/api/v1/commands/execute", NULL, body);
}

const struct json *proxy_steps(struct proxy *proxy)
{
    struct str path =
        arena_printf(&proxy->arena, "/testcases/%lld", (long long)proxy->seed.checkpoint);
    const struct json *checkpoint = sandbox_call(proxy->program.sandbox_port, SANDBOX_TOKEN, "GET",
                                                 path.ptr, NULL, &proxy->arena);

    return json_get(checkpoint, "steps");
}

struct str proxy_begin_step(struct proxy *proxy, struct client *client, const char *fields,
                            unsigned delay_ms)
{
    struct str body = arena_printf(
        &proxy->arena,
        "{\"command\":\"step-interact click\",\"args\":[\"x\"],\"position\":0,\"checkpoint_id\":%lld}",
        (long long)proxy->seed.checkpoint);
    struct str head = arena_printf(&proxy->arena, "Content-Type: application/json\r\n%s", fields);

    if (delay_ms == 0) {
        sandbox_hold(proxy->program.sandbox_port, "POST /teststeps");
    } else {
        sandbox_fault(proxy->program.sandbox_port,
                      arena_printf(&proxy->arena,
                                   "{\"match\":\"POST /teststeps\",\"times\":1,\"delay_ms\":%u}",
                                   delay_ms)
                          .ptr);
    }
    client_open(client, proxy->program.port);
    assert_true(client_send_request(client, "POST", "/api/v1/commands/execute", head.ptr, body));
    proxy_wait_sent(proxy, "POST", "/teststeps", 1);
    return body;
}
