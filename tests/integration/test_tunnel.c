/* The platform behind an HTTP proxy that opens tunnels (CONNECT), and everything that can go wrong before the
 * TLS in it stands: nothing can have left then, so a step is told "failed", its key is free, and the retry
 * makes it once. */
#include "harness/cmocka.h"

#include "harness/proxy.h"
#include "harness/tunnel.h"

#define TLS_DIR VP_SOURCE_DIR "/tests/harness/tls"

enum { CHECKPOINT = 3000000 };

struct scene {
    struct arena arena;
    struct program platform;  /* with TLS, and the sandbox */
    struct program elsewhere; /* the same with another certificate */
    struct program proxy;     /* that is tested */
    struct tunnel tunnel;
    struct reply reply;
};

/* Under TLS the plain test client is no use: only start and stop. */
static void start_platform(struct program *program, const char *certificate, const char *key)
{
    const char *const args[] = {"serve", "--sandbox",       "--listen", "127.0.0.1:0",
                                "--set", certificate,       "--set",    key,
                                "--set", "log.level=error", "--set",    "drain.notice_ms=0",
                                NULL};

    program_start(program, args, NULL);
    program->port = program_wait_port(program, "listening on https://");
    program->sandbox_port = program_wait_port(program, "sandbox on http://");
}

static void start_proxy(struct scene *scene)
{
    static const char trusted[] = "upstream.ca_file=" TLS_DIR "/other.pem";
    static const char token[] = "VIRTUOSO_API_TOKEN=" SANDBOX_TOKEN;
    const char *env[] = {token, NULL, NULL};
    static const char *const args[] = {"serve",
                                       "--listen",
                                       "127.0.0.1:0",
                                       "--set",
                                       "auth.mode=none",
                                       "--set",
                                       "drain.notice_ms=0",
                                       "--set",
                                       "log.level=error",
                                       "--set",
                                       "upstream.base_url=https://other.example/virtuoso",
                                       "--set",
                                       "upstream.connect_timeout_ms=60000",
                                       "--set",
                                       trusted,
                                       "--set",
                                       "upstream.retry_base_ms=1",
                                       "--set",
                                       "upstream.retry_budget_percent=100",
                                       "--set",
                                       "upstream.breaker=false",
                                       NULL};

    env[1] =
        arena_printf(&scene->arena, "https_proxy=http://127.0.0.1:%d", (int)scene->tunnel.port).ptr;
    program_serve(&scene->proxy, args, env);
}

/* Step n; what its answer says is in scene->reply. */
static const struct json *create(struct scene *scene, int n)
{
    struct str fields = arena_printf(
        &scene->arena, "Content-Type: application/json\r\nIdempotency-Key: k%d\r\n", n);
    struct str body = arena_printf(&scene->arena,
                                   "{\"command\":\"step-misc comment\",\"args\":[\"n%d\"],"
                                   "\"checkpoint_id\":%d,\"position\":1}",
                                   n, (int)CHECKPOINT);

    client_ask(scene->proxy.port, "POST", "/api/v1/commands/execute", fields.ptr, body,
               &scene->reply);
    return reply_json(&scene->reply, &scene->arena);
}

static void a_step_that_never_left_failed(void **state)
{
    struct scene scene = {0};
    const struct json *steps;

    (void)state;
    arena_init(&scene.arena);
    start_platform(&scene.platform, "server.tls_certificate_file=" TLS_DIR "/other.pem",
                   "server.tls_key_file=" TLS_DIR "/other.pem");
    start_platform(&scene.elsewhere, "server.tls_certificate_file=" TLS_DIR "/cert.pem",
                   "server.tls_key_file=" TLS_DIR "/key.pem");
    sandbox_seed_ids(scene.platform.sandbox_port, "{\"checkpoints\":[3000000]}");
    tunnel_start(&scene.tunnel, scene.platform.port, scene.elsewhere.port);
    start_proxy(&scene);
    for (int fault = TUNNEL_OPENS + 1; fault < TUNNEL_N; fault++) {
        const struct json *answer;

        scene.tunnel.shared->fault = (enum tunnel_fault)fault;
        scene.tunnel.shared->n = 0;
        answer = create(&scene, fault);
        if (!str_is(json_str(json_get(answer, "code")), "upstream_unreachable") ||
            scene.tunnel.shared->n == 0) {
            fail_msg("fault %d: %d, asked for %u tunnels: %.*s", fault, scene.reply.status,
                     scene.tunnel.shared->n, STR_ARG(reply_text(&scene.reply)));
        }
    }
    assert_int_equal(sandbox_count(scene.platform.sandbox_port, "POST", "/teststeps"), 0);
    assert_int_equal(sandbox_count(scene.elsewhere.sandbox_port, "", ""), 0);
    scene.tunnel.shared->fault = TUNNEL_OPENS;
    for (int fault = TUNNEL_OPENS + 1; fault < TUNNEL_N; fault++) {
        (void)create(&scene, fault);
        assert_int_equal(scene.reply.status, 200);
        assert_int_equal(reply_field(&scene.reply, "Idempotency-Replayed").len, 0);
    }
    steps = json_get(sandbox_call(scene.platform.sandbox_port, SANDBOX_TOKEN, "GET",
                                  "/testcases/3000000", NULL, &scene.arena),
                     "steps");
    assert_int_equal(json_size(steps), TUNNEL_N - 1);
    program_stop(&scene.proxy);
    program_done(&scene.proxy);
    tunnel_done(&scene.tunnel);
    program_stop(&scene.platform);
    program_done(&scene.platform);
    program_stop(&scene.elsewhere);
    program_done(&scene.elsewhere);
    reply_done(&scene.reply);
    arena_done(&scene.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_that_never_left_failed),
    };

    return cmocka_run_group_tests_name("tunnel", tests, NULL, NULL);
}
