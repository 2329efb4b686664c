/* Secrets that AWS and Google tell: a start with them and without, secrets.tree, rotation under load, a service that is away. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/cloud_server.h"
#include "harness/mount.h"
#include "harness/proxy.h"
#include "harness/sanitized.h"
#include "harness/wait.h"

enum {
    RATE = 1000,
    ROUNDS = 8,
    PATIENCE_MS = 120000,
    TEXT_MAX = 1 << 16,
    SLOW_MS = 1500, /* longer than a look at changed files takes */
    AWAY_ROUND = 3,
    REVOKED_ROUND = 5
};

#define PATIENCE "120s"

static struct {
    struct cloud_server server;
    struct program platform;
    struct mount mount;
    struct proxy proxy;
    struct seed seeds[2]; /* of the tokens platform-0 and platform-1 */
} here;

static void set_up_names(void)
{
    cloud_server_set(&here.server, 0, "aws-sm:qa/platform", "{\"token\": \"platform-0\"}");
    cloud_server_set(&here.server, 1, "aws-ssm:/keys/stays", "key-that-stays");
    cloud_server_set(&here.server, 2, "gcp-sm:projects/p/secrets/key/versions/latest",
                     "key-number-0");
    cloud_server_set(&here.server, 3, "aws-ssm:/virtuoso/api/keys/primary", "platform-1");
    cloud_server_set(&here.server, 4, "aws-ssm:/virtuoso/auth/tokens/service", "key-of-the-tree");
}

static int set_up(void **state)
{
    (void)state;
    cloud_server_start(&here.server, NULL);
    program_start(&here.platform,
                  (const char *const[]){"sandbox", "--listen", "127.0.0.1:0", "--set",
                                        "drain.notice_ms=0", "--set", "sandbox.max_requests_kept=0",
                                        NULL},
                  NULL);
    here.platform.sandbox_port = program_wait_port(&here.platform, "sandbox on http://");
    sandbox_seed(here.platform.sandbox_port, "platform-0", &here.seeds[0]);
    sandbox_seed(here.platform.sandbox_port, "platform-1", &here.seeds[1]);
    set_up_names();
    mount_init(&here.mount);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mount_close(&here.mount);
    program_stop(&here.platform);
    program_done(&here.platform);
    cloud_server_done(&here.server);
    return 0;
}

static void write_config(const char *more)
{
    char text[TEXT_MAX];

    (void)snprintf(text, sizeof(text),
                   "server: {listen: \"127.0.0.1:0\"}\ndrain: {notice_ms: 0}\n"
                   "log: {access: false}\n%s",
                   more);
    mount_write_set(&here.mount, (const struct mount_file[]){{"proxy.yaml", text}, {NULL, NULL}});
}

static const char *base_url(void)
{
    static char text[128];

    (void)snprintf(text, sizeof(text), "upstream.base_url=http://127.0.0.1:%u/api",
                   here.platform.sandbox_port);
    return text;
}

static const char *const config =
    "upstream: {token: \"aws-sm:qa/platform#token\", organization_id: \"1\", max_waiting: 20000}\n"
    "auth:\n  keys:\n    - {name: stays, key: \"aws-ssm:/keys/stays\"}\n"
    "    - {name: turns, key: \"gcp-sm:projects/p/secrets/key\"}\n"
    "limits: {per_key: 20000, burst: 40000}\n"
    "secrets: {refresh_s: 1, timeout_ms: 20000}\n";

static void serve(const char *source)
{
    struct program *program = &here.proxy.program;

    arena_init(&here.proxy.arena);
    reply_init(&here.proxy.reply);
    program_start(program,
                  (const char *const[]){"serve", "-c", here.mount.file, "--set", base_url(), NULL},
                  cloud_server_env(&here.server, source, ""));
    program->port = program_wait_port(program, "listening on http://");
}

static int status_of(const char *method, const char *target, const char *key)
{
    char field[128];

    (void)snprintf(field, sizeof(field), "X-API-Key: %s\r\n", key);
    client_ask(here.proxy.program.port, method, target, field, STR_EMPTY, &here.proxy.reply);
    return here.proxy.reply.status;
}

/* The platform shows a project to its own token alone. */
static bool is_token(unsigned n, const char *key)
{
    char target[128];

    (void)snprintf(target, sizeof(target), "/virtuoso/projects/%lld",
                   (long long)here.seeds[n].project);
    return status_of("GET", target, key) == 200;
}

static bool is_in_force(unsigned round)
{
    char key[64];

    (void)snprintf(key, sizeof(key), "key-number-%u", round);
    return status_of("GET", "/api/user", key) == 200;
}

static void rotate(unsigned round)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "{\"token\": \"platform-%u\"}", round % 2);
    cloud_server_set(&here.server, 0, "aws-sm:qa/platform", text);
    (void)snprintf(text, sizeof(text), "key-number-%u", round);
    cloud_server_set(&here.server, 2, "gcp-sm:projects/p/secrets/key/versions/latest", text);
}

static void start_load(struct program *load)
{
    unsigned rate = RATE / (client_slowness() * (IS_SANITIZED ? 4 : 1));
    char url[128];
    char rate_text[16];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/api/user",
                   (unsigned)here.proxy.program.port);
    (void)snprintf(rate_text, sizeof(rate_text), "%u", rate);
    program_start(load,
                  (const char *const[]){"load", "-r", rate_text, "-d", "10s", "-c", "64", "-H",
                                        "X-API-Key: key-that-stays", "-H",
                                        "Cache-Control: no-cache", "-t", PATIENCE, "--max-errors",
                                        "0", url, NULL},
                  NULL);
}

static void end_load(struct program *load)
{
    struct buf text;

    if (program_wait_end(load, PATIENCE_MS) != 0) {
        buf_init(&text, 1 << 20);
        program_output(load, &text);
        fail_msg("%.*s", STR_ARG(buf_view(&text)));
    }
    program_done(load);
}

static bool health_is(const char *wanted)
{
    const struct json *health = proxy_ask(&here.proxy, "GET", "/health", NULL, "");

    return str_is(json_str(json_get(health, "status")), wanted);
}

static void be_away_for_a_while(unsigned in_force)
{
    here.server.seen->is_away = true;
    program_wait_wrote(&here.proxy.program, "secret.stale", PATIENCE_MS);
    assert_true(is_in_force(in_force));
    wait_until(health_is("warn") &&
               str_contains(reply_text(&here.proxy.reply), STR("the last good values are in use")));
    here.server.seen->is_away = false;
}

/* The service is away for a while, and the credentials are taken back: neither fails a request. */
static void none_fails_while_secrets_turn(void **state)
{
    struct program load;

    (void)state;
    write_config(config);
    serve("instance");
    assert_true(is_token(0, "key-that-stays"));
    start_load(&load);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        if (!program_is_running(&load)) { /* a busy machine: the rounds last longer */
            end_load(&load);
            start_load(&load);
        }
        if (round == AWAY_ROUND) {
            be_away_for_a_while(round - 1);
        }
        if (round == REVOKED_ROUND) {
            here.server.seen->oldest = here.server.seen->n_credentials + 1;
        }
        rotate(round);
        wait_until(is_in_force(round));
        assert_false(is_in_force(round - 1));
        wait_until(is_token(
            round % 2,
            "key-that-stays")); /* secrets are read one after the other: this one comes later */
    }
    end_load(&load);
    wait_until(health_is("pass"));
    assert_false(program_wrote(&here.proxy.program, "config.refused"));
    assert_false(program_wrote(&here.proxy.program, "platform-1"));
    proxy_stop(&here.proxy);
    here.server.seen->oldest = 0;
}

static void a_reload_reads_them_at_once(void **state)
{
    (void)state;
    rotate(0);
    write_config("upstream: {token: \"aws-sm:qa/platform#token\", organization_id: \"1\"}\n"
                 "auth: {keys: [{name: turns, key: \"gcp-sm:projects/p/secrets/key\"}]}\n"
                 "secrets: {refresh_s: 86400}\n");
    serve("keys");
    rotate(7);
    program_signal(&here.proxy.program, SIGHUP);
    wait_until(is_in_force(7));
    /* A reference that is new, in a file that has changed. */
    write_config("upstream: {token: \"aws-sm:qa/platform#token\", organization_id: \"1\"}\n"
                 "auth: {keys: [{name: turns, key: \"aws-ssm:/keys/stays\"}]}\n"
                 "secrets: {refresh_s: 86400}\n");
    wait_until(status_of("GET", "/api/user", "key-that-stays") == 200);
    /* One that is not there is refused, and what was stays. */
    write_config("upstream: {token: \"aws-sm:qa/platform#none\", organization_id: \"1\"}\n"
                 "auth: {keys: [{name: turns, key: \"aws-ssm:/keys/none\"}]}\n"
                 "secrets: {refresh_s: 86400}\n");
    program_wait_wrote(&here.proxy.program, "there is no secret aws-ssm:/keys/none", PATIENCE_MS);
    assert_int_equal(status_of("GET", "/api/user", "key-that-stays"), 200);
    proxy_stop(&here.proxy);
}

static void one_that_comes_while_others_are_read_is_read_too(void **state)
{
    unsigned n_requests;

    (void)state;
    write_config("upstream: {token: \"aws-sm:qa/platform#token\", organization_id: \"1\"}\n"
                 "auth: {keys: [{name: turns, key: \"gcp-sm:projects/p/secrets/key\"}]}\n"
                 "secrets: {refresh_s: 86400}\n");
    serve("keys");
    here.server.seen->delay_ms = SLOW_MS;
    n_requests = here.server.seen->n_requests;
    program_signal(&here.proxy.program, SIGHUP);
    wait_until(here.server.seen->n_requests > n_requests);
    write_config("upstream: {token: \"aws-sm:qa/platform#token\", organization_id: \"1\"}\n"
                 "auth: {keys: [{name: turns, key: \"aws-ssm:/keys/stays\"}]}\n"
                 "secrets: {refresh_s: 86400}\n");
    wait_until(status_of("GET", "/api/user", "key-that-stays") == 200);
    here.server.seen->delay_ms = 0;
    assert_false(program_wrote(&here.proxy.program, "config.refused"));
    proxy_stop(&here.proxy);
}

static void a_tree_has_them_under_their_names(void **state)
{
    (void)state;
    write_config("upstream: {organization_id: \"1\"}\nsecrets: {tree: \"aws-ssm:/virtuoso/\"}\n");
    serve("container");
    assert_true(is_token(1, "key-of-the-tree"));
    assert_int_equal(status_of("GET", "/api/user", "key-that-stays"), 401);
    proxy_stop(&here.proxy);
}

/* Whoever deletes the secret of a key takes the key back; without the platform's token there would be no service, so that is refused. */
static void a_deleted_key_is_refused(void **state)
{
    (void)state;
    rotate(3);
    write_config("upstream: {token: \"aws-sm:qa/platform#token\", organization_id: \"1\"}\n"
                 "auth:\n  keys:\n    - {name: stays, key: \"aws-ssm:/keys/stays\"}\n"
                 "    - {name: turns, key: \"gcp-sm:projects/p/secrets/key\"}\n"
                 "secrets: {refresh_s: 1, deleted_s: 0}\n");
    serve("keys");
    assert_true(is_in_force(3));
    here.server.seen->secrets[2].name[0] = '\0';
    program_wait_wrote(&here.proxy.program, "secret.gone", PATIENCE_MS);
    wait_until(!is_in_force(3));
    assert_true(is_token(1, "key-that-stays"));
    rotate(4); /* it is made again */
    wait_until(is_in_force(4));
    wait_until(is_token(0, "key-that-stays"));
    here.server.seen->secrets[0].name[0] = '\0';
    program_wait_wrote(&here.proxy.program, "there is no secret aws-sm:qa/platform", PATIENCE_MS);
    assert_true(is_token(0, "key-that-stays"));
    set_up_names();
    proxy_stop(&here.proxy);
}

/* Runs to the end; the output must say `words`. */
static void run(const char *const *args, int status, const char *words)
{
    struct program program = {0};
    int got = program_run(&program, args, cloud_server_env(&here.server, "keys", ""));

    if (got != status || !program_wrote(&program, words)) {
        struct buf text;

        buf_init(&text, 1 << 20);
        program_output(&program, &text);
        program_errors(&program, &text);
        fail_msg("exit %d: %.*s", got, STR_ARG(buf_view(&text)));
    }
    program_assert_clean(&program);
    program_done(&program);
}

static void check_reads_them_if_asked(void **state)
{
    const char *const check[] = {"check", "-c", here.mount.file, NULL};
    const char *const connect[] = {"check", "--connect", "-c", here.mount.file, NULL};
    unsigned before = here.server.seen->n_requests;

    (void)state;
    write_config(config);
    run(check, 0, "secrets were not read; check --connect reads them");
    assert_int_equal(here.server.seen->n_requests, before);
    run(connect, 0, "is fine");
    assert_true(here.server.seen->n_requests >= before + 3);
    write_config("upstream: {token: \"aws-sm:qa/none\"}\nauth: {keys: [key-that-stays]}\n");
    run(connect, 1, "upstream.token: there is no secret aws-sm:qa/none");
    write_config("upstream: {token: \"gcp-sm:qa\"}\nauth: {keys: [key-that-stays]}\n");
    run(check, 1, "write gcp-sm:projects/PROJECT/secrets/NAME/versions/latest");
    write_config("secrets: {tree: \"/virtuoso\"}\nauth: {keys: [key-that-stays]}\n");
    run(check, 1, "is no tree of secrets");
}

static void a_start_without_the_service_ends_in_time(void **state)
{
    uint64_t began_ms = client_now_ms();

    (void)state;
    write_config("upstream: {token: \"aws-sm:qa/platform#token\"}\nauth: {keys: [key-that-stays]}\n"
                 "secrets: {timeout_ms: 700}\n");
    here.server.seen->is_away = true;
    run((const char *const[]){"serve", "-c", here.mount.file, NULL}, 1,
        "upstream.token: aws-sm:qa/platform#token cannot be read: ");
    here.server.seen->is_away = false;
    assert_true(client_now_ms() - began_ms >= 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_fails_while_secrets_turn),
        cmocka_unit_test(a_reload_reads_them_at_once),
        cmocka_unit_test(one_that_comes_while_others_are_read_is_read_too),
        cmocka_unit_test(a_deleted_key_is_refused),
        cmocka_unit_test(a_tree_has_them_under_their_names),
        cmocka_unit_test(check_reads_them_if_asked),
        cmocka_unit_test(a_start_without_the_service_ends_in_time),
    };

    scratch_lock();
    return cmocka_run_group_tests_name("secrets of a cloud", tests, set_up, tear_down);
}
