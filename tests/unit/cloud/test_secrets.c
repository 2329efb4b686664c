/* Secrets and the credentials for them, from every place that tells credentials, against a server that checks signatures and
 * tokens. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cloud/cloud.h"
#include "cloud/secrets.h"
#include "data/json.h"
#include "harness/cloud_server.h"
#include "harness/wait.h"
#include "net/loop.h"
#include "observe/metrics.h"

int test_secrets(void);

enum { LIMIT_MS = 60000, PATH_SIZE = 256 };

static struct {
    struct cloud_server server;
    struct arena arena;
    struct issuer *issuer;
    struct loop loop;
    uv_timer_t alive;
    struct cloud *cloud;
    struct cloud_secrets *secrets;
    bool done;
    bool changed;
    char names[CLOUD_ENV_MAX][64];
    unsigned n_names;
    char file[PATH_SIZE];
} here;

static void on_read(void *context, bool changed)
{
    (void)context;
    here.done = true;
    here.changed = changed;
}

static void on_closed(void *context)
{
    (void)context;
    here.done = true;
}

static void turn_until_done(void)
{
    uint64_t limit_ms = wait_limit_ms();

    while (!here.done) {
        if (!loop_turn(&here.loop, true)) {
            wait_more(limit_ms, "here.done", __FILE__, __LINE__);
        }
    }
}

static void keep_alive(uv_timer_t *timer)
{
    (void)timer;
}

/* --- a process that finds its credentials at `source` */
static void set_variable(const char *assignment)
{
    char *name = here.names[here.n_names++];
    const char *value = strchr(assignment, '=');

    str_copy(name, sizeof(here.names[0]), str_range(assignment, value));
    assert_int_equal(setenv(name, value + 1, 1), 0);
}

static void begin(const char *source, const char *text_of_file)
{
    FILE *file = fopen(here.file, "we");

    assert_non_null(file);
    assert_true(fputs(text_of_file, file) >= 0);
    assert_int_equal(fclose(file), 0);
    for (const char *const *row = cloud_server_env(&here.server, source, here.file); *row != NULL;
         row++) {
        set_variable(*row);
    }
    metrics_open();
    loop_init(&here.loop);
    assert_int_equal(uv_timer_init(&here.loop.uv, &here.alive), 0);
    assert_int_equal(uv_timer_start(&here.alive, keep_alive, 100, 100), 0);
    here.cloud = cloud_open(&here.loop, &(const struct cloud_options){.timeout_ms = 20000});
    here.secrets = cloud_secrets_new();
}

static void end(void)
{
    cloud_secrets_stop(here.secrets);
    cloud_secrets_free(here.secrets);
    here.done = false;
    cloud_close(here.cloud, on_closed, NULL);
    turn_until_done();
    uv_close((uv_handle_t *)&here.alive, NULL);
    loop_done(&here.loop);
    metrics_done();
    while (here.n_names > 0) {
        assert_int_equal(unsetenv(here.names[--here.n_names]), 0);
    }
    here.server.seen->life_s = 0;
    here.server.seen->oldest = 0;
    here.server.seen->is_away = false;
    here.server.seen->slow_downs = 0;
    (void)unlink(here.file);
}

static bool read_all(unsigned limit_ms)
{
    here.done = false;
    cloud_secrets_read(here.secrets, here.cloud, limit_ms, on_read, NULL);
    turn_until_done();
    return here.changed;
}

static enum cloud_secret_state state_of(const char *reference, struct str *out)
{
    const char *why;
    enum cloud_secret_state state =
        cloud_secrets_find(here.secrets, str_from(reference), out, &why);

    if (state == CLOUD_SECRET_FAILED) {
        print_message("%s: %s\n", reference, why);
    }
    return state;
}

static void assert_is(const char *reference, const char *text)
{
    struct str value;

    assert_int_equal(state_of(reference, &value), CLOUD_SECRET_KNOWN);
    assert_true(str_is(value, text));
}

static void want(const char *reference)
{
    struct str value;

    assert_int_equal(state_of(reference, &value), CLOUD_SECRET_UNREAD);
}

/* --- tests */
static void every_kind_is_read_with_every_credential(void **state)
{
    static const char *const sources[] = {"keys", "instance", "container", "web"};
    struct str value;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        begin(sources[i], "token of the pod\n");
        want("aws-sm:qa/token");
        want("aws-ssm:/virtuoso/api/keys/primary");
        want("aws-sm:missing");
        want("aws-ssm:missing");
        want("gcp-sm:projects/p/secrets/s/versions/latest");
        want("gcp-sm:projects/p/secrets/missing");
        assert_true(read_all(LIMIT_MS));
        assert_is("aws-sm:qa/token", "one \"secret\"");
        assert_is("aws-ssm:/virtuoso/api/keys/primary", "two");
        assert_is("gcp-sm:projects/p/secrets/s/versions/latest", "three");
        assert_int_equal(state_of("aws-sm:missing", &value), CLOUD_SECRET_ABSENT);
        assert_int_equal(state_of("aws-ssm:missing", &value), CLOUD_SECRET_ABSENT);
        assert_int_equal(state_of("gcp-sm:projects/p/secrets/missing", &value),
                         CLOUD_SECRET_ABSENT);
        assert_false(read_all(LIMIT_MS)); /* nothing is new */
        assert_int_equal(metric_sum(M_SECRETS_STALE), 0);
        end();
    }
    assert_int_equal(here.server.seen->n_refused, 0);
}

static void a_member_of_a_secret_is_read(void **state)
{
    struct str value;

    (void)state;
    begin("keys", "");
    want("aws-sm:qa/json#password");
    want("aws-sm:qa/json#port");
    want("aws-sm:qa/json#none");
    want("aws-sm:qa/token#password");
    (void)read_all(LIMIT_MS);
    assert_is("aws-sm:qa/json#password", "p#w");
    assert_is("aws-sm:qa/json#port", "5432");
    assert_int_equal(state_of("aws-sm:qa/json#none", &value), CLOUD_SECRET_FAILED);
    assert_int_equal(state_of("aws-sm:qa/token#password", &value), CLOUD_SECRET_FAILED);
    end();
}

static void a_new_value_is_told_and_an_old_one_stays_while_the_service_is_away(void **state)
{
    (void)state;
    begin("keys", "");
    cloud_server_set(&here.server, 5, "aws-sm:turns", "first");
    want("aws-sm:turns");
    assert_true(read_all(LIMIT_MS));
    cloud_server_set(&here.server, 5, "aws-sm:turns", "second");
    assert_true(read_all(LIMIT_MS));
    assert_is("aws-sm:turns", "second");
    here.server.seen->is_away = true;
    assert_false(read_all(700));
    assert_is("aws-sm:turns", "second");
    assert_int_equal(metric_sum(M_SECRETS_STALE), 1);
    here.server.seen->is_away = false;
    assert_false(read_all(LIMIT_MS));
    assert_int_equal(metric_sum(M_SECRETS_STALE), 0);
    end();
}

/* Somebody may be about to make it again; but what stays away was deleted. */
static void the_value_of_a_deleted_secret_ends(void **state)
{
    struct str value;

    (void)state;
    begin("keys", "");
    clock_set(1000000, clock_wall_ms());
    cloud_secrets_keep(here.secrets, 60000);
    cloud_server_set(&here.server, 6, "aws-ssm:goes", "first");
    want("aws-ssm:goes");
    assert_true(read_all(LIMIT_MS));
    here.server.seen->secrets[6].name[0] = '\0';
    assert_false(read_all(LIMIT_MS));
    assert_is("aws-ssm:goes", "first");
    assert_int_equal(metric_sum(M_SECRETS_STALE), 1);
    clock_advance(59999);
    assert_false(read_all(LIMIT_MS));
    assert_is("aws-ssm:goes", "first");
    cloud_server_set(&here.server, 6, "aws-ssm:goes", "second"); /* it was made again */
    assert_true(read_all(LIMIT_MS));
    here.server.seen->secrets[6].name[0] = '\0';
    assert_false(read_all(LIMIT_MS));
    clock_advance(59999);
    assert_false(read_all(LIMIT_MS));
    assert_is("aws-ssm:goes", "second");
    clock_advance(1);
    assert_true(read_all(LIMIT_MS));
    assert_int_equal(state_of("aws-ssm:goes", &value), CLOUD_SECRET_GONE);
    assert_int_equal(value.len, 0);
    assert_false(read_all(LIMIT_MS));
    assert_int_equal(state_of("aws-ssm:goes", &value), CLOUD_SECRET_GONE);
    assert_int_equal(metric_sum(M_SECRETS_STALE), 0);
    cloud_server_set(&here.server, 6, "aws-ssm:goes", "third");
    assert_true(read_all(LIMIT_MS));
    assert_is("aws-ssm:goes", "third");
    clock_release();
    end();
}

static void a_service_that_is_slow_is_asked_again(void **state)
{
    unsigned before = here.server.seen->n_requests;

    (void)state;
    begin("keys", "");
    here.server.seen->slow_downs = 3;
    want("aws-sm:qa/token");
    assert_true(read_all(LIMIT_MS));
    assert_is("aws-sm:qa/token", "one \"secret\"");
    assert_true(here.server.seen->n_requests >= before + 4);
    end();
}

/* What comes back after a moment is waited for: a metadata server is often later than the process. */
static void a_start_waits_for_the_service(void **state)
{
    struct str value;

    (void)state;
    begin("instance", "");
    here.server.seen->is_away = true;
    want("aws-sm:qa/token");
    (void)read_all(600);
    assert_int_equal(state_of("aws-sm:qa/token", &value), CLOUD_SECRET_FAILED);
    here.done = false;
    cloud_secrets_read(here.secrets, here.cloud, LIMIT_MS, on_read, NULL);
    (void)loop_turn(&here.loop, true);
    here.server.seen->is_away = false;
    turn_until_done();
    assert_is("aws-sm:qa/token", "one \"secret\"");
    end();
}

static void assert_why(const char *reference, const char *says)
{
    struct str value;
    const char *why;

    assert_int_equal(cloud_secrets_find(here.secrets, str_from(reference), &value, &why),
                     CLOUD_SECRET_FAILED);
    if (!str_contains(str_from(why), str_from(says))) {
        fail_msg("%s: %s", reference, why);
    }
}

/* By an address that is this machine's, though it does not look so; the proxy is nobody. */
static void endpoints_of_the_machine_are_asked_directly(void **state)
{
    char text[CLOUD_TEXT_MAX];

    (void)state;
    begin("instance", "");
    (void)snprintf(text, sizeof(text),
                   "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://0.0.0.0:%u/instance",
                   here.server.port);
    set_variable(text);
    (void)snprintf(text, sizeof(text), "GCE_METADATA_HOST=0.0.0.0:%u", here.server.port);
    set_variable(text);
    set_variable("http_proxy=http://127.0.0.1:1");
    want("aws-sm:qa/token");
    want("gcp-sm:projects/p/secrets/s/versions/latest");
    (void)read_all(LIMIT_MS);
    assert_is("aws-sm:qa/token", "one \"secret\"");
    assert_is("gcp-sm:projects/p/secrets/s/versions/latest", "three");
    end();
}

static void the_token_of_a_container_stays_on_the_machine(void **state)
{
    static const struct {
        const char *url;
        const char *says; /* the start of why it fails: refused, or asked and not there */
    } rows[] = {
        {"http://192.0.2.1/creds", "over http only a loopback address"},
        {"http://127.0.0.1.example/creds", "over http only a loopback address"},
        {"http://169.254.170.2.example/creds", "over http only a loopback address"},
        {"http://169.254.169.254/creds", "over http only a loopback address"},
        {"http://[fd00:ec2::24]/creds", "over http only a loopback address"},
        {"HTTP://[::ffff:192.0.2.1]/creds", "over http only a loopback address"},
        {"ftp://127.0.0.1/creds", "AWS_CONTAINER_CREDENTIALS_FULL_URI"},
        {"http://127.0.0.1:1/creds", "the endpoint of the container"},
        {"http://localhost:1/creds", "the endpoint of the container"},
        {"http://[::1]:1/creds", "the endpoint of the container"},
        {"https://127.0.0.2:1/creds", "the endpoint of the container"},
    };

    char text[CLOUD_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        begin("none", "");
        set_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN=canary-of-the-token");
        (void)snprintf(text, sizeof(text), "AWS_CONTAINER_CREDENTIALS_FULL_URI=%s", rows[i].url);
        set_variable(text);
        want("aws-sm:qa/token");
        (void)read_all(1);
        assert_why("aws-sm:qa/token", rows[i].says);
        end();
    }
}

static void a_region_is_no_host(void **state)
{
    static const char *const rows[] = {
        "aws-sm:arn:aws:secretsmanager:evil.example/:1:secret:x",
        "aws-ssm:arn:aws:ssm:EU-WEST-1:1:parameter/x",
        "aws-ssm:arn:aws:ssm:@evil.example?:1:parameter/x",
        "aws-ssm:arn:aws:ssm:a-region-that-is-longer-than-any-of-them:1:parameter/x",
    };
    unsigned before;

    (void)state;
    begin("keys", "");
    before = here.server.seen->n_requests;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        want(rows[i]);
    }
    (void)read_all(LIMIT_MS);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_why(rows[i], "is no region of AWS");
    }
    assert_int_equal(here.server.seen->n_requests, before);
    end();
}

static void credentials_are_kept_and_read_anew_before_they_end(void **state)
{
    unsigned before;

    (void)state;
    begin("instance", "");
    want("aws-sm:qa/token");
    assert_true(read_all(LIMIT_MS));
    before = here.server.seen->n_credentials;
    (void)read_all(LIMIT_MS);
    assert_int_equal(here.server.seen->n_credentials, before);
    here.server.seen->oldest = before + 1; /* taken back: one more question, with new ones */
    here.server.seen->life_s = 60;
    assert_false(read_all(LIMIT_MS));
    assert_int_equal(metric_sum(M_SECRETS_STALE), 0);
    assert_int_equal(here.server.seen->n_credentials, before + 1);
    here.server.seen->life_s = 0;
    assert_false(read_all(LIMIT_MS)); /* those of a minute will end soon: others are read beside */
    wait_until(loop_turn(&here.loop, false) && here.server.seen->n_credentials == before + 2);
    end();
}

static void google_has_three_ways(void **state)
{
    static const char external[] =
        "{\"type\":\"external_account\",\"audience\":\"//iam.googleapis.com/pool\","
        "\"subject_token_type\":\"urn:ietf:params:oauth:token-type:jwt\","
        "\"token_url\":\"http://127.0.0.1:%u/exchange\","
        "\"service_account_impersonation_url\":\"http://127.0.0.1:%u/impersonate\","
        "\"credential_source\":{\"file\":\"%s.subject\",\"format\":{\"type\":\"json\","
        "\"subject_token_field_name\":\"id\"}}}";
    struct str pem =
        json_text(&here.arena, json_new_string(&here.arena, issuer_private_pem(here.issuer)));
    struct str files[2];
    const char *subject = arena_printf(&here.arena, "%s.subject", here.file).ptr;
    FILE *file;

    (void)state;
    file = fopen(subject, "we");
    assert_non_null(file);
    assert_true(fputs("{\"id\":\"token of somebody else\"}", file) >= 0);
    assert_int_equal(fclose(file), 0);
    files[0] = arena_printf(&here.arena,
                            "{\"type\":\"service_account\",\"client_email\":"
                            "\"robot@project.example\",\"private_key_id\":\"1\",\"private_key\":"
                            "%.*s,\"token_uri\":\"http://127.0.0.1:%u/token\"}",
                            STR_ARG(pem), here.server.port);
    files[1] = arena_printf(&here.arena, external, here.server.port, here.server.port, here.file);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        begin("none", arena_cstr(&here.arena, files[i]));
        assert_int_equal(setenv("GOOGLE_APPLICATION_CREDENTIALS", here.file, 1), 0);
        want("gcp-sm:projects/p/secrets/s/versions/latest");
        (void)read_all(LIMIT_MS);
        assert_is("gcp-sm:projects/p/secrets/s/versions/latest", "three");
        assert_int_equal(unsetenv("GOOGLE_APPLICATION_CREDENTIALS"), 0);
        end();
    }
    (void)unlink(subject);
}

static void what_cannot_be_used_is_said(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {
        {"aws-sm:", "aws-sm:NAME"},
        {"aws-sm:a b", "aws-sm:NAME"},
        {"aws-ssm:#x", "aws-ssm:NAME"},
        {"gcp-sm:token", "gcp-sm:projects/PROJECT/secrets/NAME"},
        {"gcp-sm:projects/p/secrets/s/versions", "gcp-sm:projects/PROJECT/secrets/NAME"},
    };
    struct error err = {0};
    const char *why;
    struct str value;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(cloud_secret_check(str_from(rows[i].text), &err), ERR_CONFIG);
        assert_true(str_contains(str_from(err.text), str_from(rows[i].says)));
    }
    assert_int_equal(cloud_secret_check(STR("gcp-sm:projects/p/secrets/s"), &err), ERR_OK);
    assert_true(cloud_secret_is_reference(STR("aws-ssm:/a/b")));
    assert_false(cloud_secret_is_reference(STR("aws-something")));
    begin("web", "another token\n");
    want("aws-sm:qa/token");
    (void)read_all(100);
    assert_int_equal(cloud_secrets_find(here.secrets, STR("aws-sm:qa/token"), &value, &why),
                     CLOUD_SECRET_FAILED);
    assert_true(str_contains(str_from(why), STR("AccessDenied")));
    assert_false(str_contains(str_from(why), STR("another token")));
    end();
}

static void what_nobody_asks_for_is_forgotten(void **state)
{
    (void)state;
    begin("keys", "");
    want("aws-sm:qa/token");
    want("aws-sm:qa/json");
    (void)read_all(LIMIT_MS);
    cloud_secrets_begin(here.secrets);
    assert_is("aws-sm:qa/token", "one \"secret\"");
    (void)read_all(LIMIT_MS);
    assert_int_equal(cloud_secrets_count(here.secrets), 1);
    end();
}

static void what_is_stopped_does_not_end(void **state)
{
    (void)state;
    begin("instance", "");
    want("aws-sm:qa/token");
    here.done = false;
    cloud_secrets_read(here.secrets, here.cloud, LIMIT_MS, on_read, NULL);
    cloud_secrets_stop(here.secrets);
    assert_false(cloud_secrets_is_reading(here.secrets));
    for (int i = 0; i < 5; i++) {
        (void)loop_turn(&here.loop, true);
    }
    assert_false(here.done);
    end();
}

static int set_up(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(here.file, sizeof(here.file), VP_SCRATCH_DIR "/cloud-%d", (int)getpid());
    arena_init(&here.arena);
    here.issuer = issuer_new(&here.arena);
    cloud_server_start(&here.server, here.issuer);
    cloud_server_set(&here.server, 0, "aws-sm:qa/token", "one \"secret\"");
    cloud_server_set(&here.server, 1, "aws-ssm:/virtuoso/api/keys/primary", "two");
    cloud_server_set(&here.server, 2, "gcp-sm:projects/p/secrets/s/versions/latest", "three");
    cloud_server_set(&here.server, 3, "aws-sm:qa/json", "{\"password\":\"p#w\",\"port\":5432}");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cloud_server_done(&here.server);
    issuer_free(here.issuer);
    arena_done(&here.arena);
    return 0;
}

int test_secrets(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read_with_every_credential),
        cmocka_unit_test(a_member_of_a_secret_is_read),
        cmocka_unit_test(a_new_value_is_told_and_an_old_one_stays_while_the_service_is_away),
        cmocka_unit_test(the_value_of_a_deleted_secret_ends),
        cmocka_unit_test(a_service_that_is_slow_is_asked_again),
        cmocka_unit_test(endpoints_of_the_machine_are_asked_directly),
        cmocka_unit_test(the_token_of_a_container_stays_on_the_machine),
        cmocka_unit_test(a_region_is_no_host),
        cmocka_unit_test(a_start_waits_for_the_service),
        cmocka_unit_test(credentials_are_kept_and_read_anew_before_they_end),
        cmocka_unit_test(google_has_three_ways),
        cmocka_unit_test(what_cannot_be_used_is_said),
        cmocka_unit_test(what_nobody_asks_for_is_forgotten),
        cmocka_unit_test(what_is_stopped_does_not_end),
    };

    return cmocka_run_group_tests_name("secrets", tests, set_up, tear_down);
}
