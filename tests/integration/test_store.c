/* The store from outside: check --connect, TLS, a user with a password, store stat, export and import. */
#include "harness/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/program.h"
#include "harness/redis_server.h"
#include "harness/replicas.h"
#include "harness/wait.h"

static struct redis_server redis;

static int begin(struct redis_server server)
{
    redis = server;
    redis_server_start(&redis, NULL, NULL);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return begin(redis_server_make());
}

static int set_up_tls(void **state)
{
    struct redis_server server = redis_server_make();

    (void)state;
    server.tls = true;
    return begin(server);
}

static int tear_down(void **state)
{
    (void)state;
    redis_server_done(&redis);
    return 0;
}

static void tell_redis(const char *command)
{
    char line[300];

    (void)snprintf(line, sizeof(line), "redis-cli -s %s %s >/dev/null 2>&1", redis.path, command);
    assert_int_equal(system(line), 0);
}

static const char *url(void)
{
    static char text[160];

    (void)snprintf(text, sizeof(text), "store.url=unix:%s", redis.path);
    return text;
}

/* Runs to the end; the output must say `words`. */
static void expect(const char *const *args, int code, const char *words)
{
    static const char *const env[] = {"VIRTUOSO_API_TOKEN=a-token-of-a-test", NULL};
    struct program program = {0};
    int ended = program_run(&program, args, env);

    if (ended != code || !program_wrote(&program, words)) {
        struct buf text;

        buf_init(&text, 1 << 22);
        program_output(&program, &text);
        program_errors(&program, &text);
        fail_msg("exit code %d, without \"%s\": %.*s", ended, words, (int)text.len, text.ptr);
    }
    program_assert_clean(&program);
    program_done(&program);
}

static void check(const char *first, const char *second, int code, const char *words)
{
    const char *args[] = {"check",          "--connect", "--set",
                          "auth.mode=none", "--set",     "store.timeout_ms=10000",
                          "--set",          first,       second != NULL ? "--set" : NULL,
                          second,           NULL};

    expect(args, code, words);
}

static void connect_says_whether_it_can_be_used(void **state)
{
    (void)state;
    check("store.url=memory:", NULL, 0, "there is nothing to connect to");
    tell_redis("config set maxmemory-policy allkeys-lru");
    check(url(), NULL, 1, "set it to noeviction");
    tell_redis("config set maxmemory-policy noeviction");
    check(url(), NULL, 0, "answers, takes changes, and drops nothing");
    tell_redis("config set maxmemory 1");
    check(url(), NULL, 1, "Redis is full");
    tell_redis("config set maxmemory 0");
    tell_redis("replicaof 127.0.0.1 1");
    check(url(), NULL, 1, "takes no changes");
    tell_redis("replicaof no one");
    tell_redis("set vp:d:{probe} theirs");
    check(url(), NULL, 1, "a prefix of its own");
    redis_server_stop(&redis);
    check(url(), NULL, 1, "the store is away");
}

static void a_store_that_is_required_must_be_there(void **state)
{
    const char *args[] = {"serve",
                          "--listen",
                          "127.0.0.1:0",
                          "--set",
                          "auth.mode=none",
                          "--set",
                          url(),
                          "--set",
                          "store.required=true",
                          "--set",
                          "drain.notice_ms=0",
                          "--set",
                          "store.timeout_ms=10000",
                          NULL};
    struct program program = {0};
    static const char *const env[] = {"VIRTUOSO_API_TOKEN=a-token-of-a-test", NULL};

    (void)state;
    program_serve(&program, args, env);
    program_stop(&program);
    program_done(&program);
    redis_server_stop(&redis);
    expect(args, 1, "the store is away");
    args[8] = "store.required=false";
    program_serve(&program, args, env);
    program_wait_wrote(&program, "store.away", WAIT_MS);
    redis_server_start(&redis, NULL, NULL);
    program_wait_wrote(&program, "store.back", WAIT_MS);
    program_stop(&program);
    program_done(&program);
}

static void a_user_needs_its_password(void **state)
{
    const char *args[] = {"check", "--connect",
                          "--set", "auth.mode=none",
                          "--set", url(),
                          "--set", "store.user=me",
                          "--set", "store.password=right",
                          "--set", "store.timeout_ms=10000",
                          NULL};

    (void)state;
    tell_redis("acl setuser me on '>right' '~vp:*' +@all");
    tell_redis("acl setuser default off");
    expect(args, 0, "answers, takes changes");
    args[9] = "store.password=wrong";
    expect(args, 1, "WRONGPASS");
    args[7] = "store.prefix=other:"; /* the default user is off */
    expect(args, 1, "the store is away");
}

static void tls_checks_the_certificate(void **state)
{
    char secured[64];
    char clear[64];

    (void)state;
    (void)snprintf(secured, sizeof(secured), "store.url=rediss://localhost:%s", redis.port);
    (void)snprintf(clear, sizeof(clear), "store.url=redis://localhost:%s", redis.port);
    check(secured, "store.ca_file=" REDIS_TLS_DIR "/cert.pem", 0, "answers, takes changes");
    check(secured, "store.ca_file=" REDIS_TLS_DIR "/other.pem", 1, "no TLS with Redis");
    check(secured, NULL, 1, "");
    check(secured, "store.ca_file=/nowhere", 1, "/nowhere");
    check(clear, NULL, 1, "the store is away");
}

/* --- stat, export, import */
static void run_store(const char *act, const char *file, const char *more, int code,
                      const char *words)
{
    const char *args[] = {"store", act,   "--set", "auth.mode=none",
                          "--set", url(), "--set", "store.timeout_ms=10000",
                          file,    more,  NULL};

    expect(args, code, words);
}

static void what_is_shared_goes_to_a_file_and_back(void **state)
{
    struct replicas replicas;
    const struct json *answer;
    const char *path;
    const char *run;
    char file[256];
    char again[300];
    char line[2048];

    (void)state;
    replicas_start(&replicas, &(struct replicas_options){.n = 1});
    redis = replicas.redis;
    (void)snprintf(file, sizeof(file), VP_SCRATCH_DIR "/store-%d.jsonl", (int)getpid());
    (void)snprintf(again, sizeof(again), "%s.again", file);
    answer = replicas_ask(&replicas, 0, "POST", "/api/v1/sessions", "Idempotency-Key: k\r\n",
                          "{\"name\":\"saved \\u00e4 \\n\"}");
    assert_int_equal(replicas.reply.status, 201);
    path = arena_cstr(&replicas.platform.arena,
                      arena_printf(&replicas.platform.arena, "/api/v1/sessions/%.*s",
                                   STR_ARG(json_str(json_get(answer, "session_id")))));
    answer = replicas_ask(&replicas, 0, "POST", "/api/v1/tests/run", NULL,
                          "{\"name\":\"saved\",\"steps\":[{\"navigate\":\"https://x.example/\"}]}");
    assert_int_equal(replicas.reply.status, 200);
    run = arena_cstr(&replicas.platform.arena,
                     arena_printf(&replicas.platform.arena, "/api/v1/tests/runs/%.*s",
                                  STR_ARG(json_str(json_get(answer, "id")))));
    run_store("stat", NULL, NULL, 0, "1 sessions");
    program_stop(&replicas.programs[0]); /* what it does is written */
    program_done(&replicas.programs[0]);
    run_store("export", file, NULL, 0, "entries of streams written");
    run_store("export", file, NULL, 1, "File exists");
    run_store("import", file, NULL, 0, "0 documents and entries brought back");
    tell_redis("flushall");
    run_store("import", file, NULL, 0, ", 0 were there");
    run_store("export", again, NULL, 0, "entries of streams written");
    /* Each entry under its number, in order. */
    (void)snprintf(
        line, sizeof(line),
        "for f in '%s' '%s'; do grep '\"stream\"' \"$f\" | sed 's/\"left_ms\":[0-9]*//' | "
        "sort -s -t, -k1,1 >\"$f.sorted\"; done; cmp '%s.sorted' '%s.sorted' && "
        "grep -q runlog '%s.sorted' && grep -q events '%s.sorted'",
        file, again, file, again, again, again);
    assert_int_equal(system(line), 0);
    replicas_start_one(&replicas, 0);
    answer = replicas_ask(&replicas, 0, "GET", run, NULL, NULL);
    assert_int_equal(replicas.reply.status, 200);
    assert_string_equal(arena_cstr(&replicas.platform.arena, json_str(json_get(answer, "status"))),
                        "created");
    answer = replicas_ask(&replicas, 0, "GET", path, NULL, NULL);
    assert_int_equal(replicas.reply.status, 200);
    assert_true(str_is(json_str(json_get(answer, "name")), "saved \xc3\xa4 \n"));
    run_store("import", file, "--replace", 0, "documents and entries brought back");
    run_store("import", "/dev/null", NULL, 1, "this is not a file of");
    (void)snprintf(line, sizeof(line), "rm -f '%s'*", file);
    assert_int_equal(system(line), 0);
    redis = (struct redis_server){0};
    replicas_stop(&replicas);
}

static void write_file(const char *file, const char *text)
{
    FILE *out = fopen(file, "w");

    assert_non_null(out);
    (void)fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

/* Bytes that are a valid text but for a NUL. */
static void bytes_come_back_as_they_were(void **state)
{
    char file[256];
    char again[300];

    (void)state;
    (void)snprintf(file, sizeof(file), VP_SCRATCH_DIR "/store-bytes-%d.jsonl", (int)getpid());
    (void)snprintf(again, sizeof(again), "%s.again", file);
    write_file(file, "{\"virtuoso_proxy_store\":1}\n"
                     "{\"key\":\"a/b\",\"format\":1,\"left_ms\":600000,\"base64url\":\"YQBi\"}\n");
    run_store("import", file, NULL, 0, "1 documents and entries brought back");
    run_store("export", again, NULL, 0, "1 documents");
    tell_redis("flushall");
    run_store("import", again, NULL, 0, "1 documents and entries brought back");
    (void)unlink(file);
    (void)unlink(again);
}

static void bad_files_are_told_with_their_line(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } rows[] = {
        {"", "this is not a file of"},
        {"{}\n", "line 1: this is not a file of"},
        {"nonsense\n", "line 1:"},
        {"{\"virtuoso_proxy_store\":3}\n", "a newer version"},
        {"{\"virtuoso_proxy_store\":2}\n{\"stream\":\"a\",\"format\":1,\"left_ms\":0}\n",
         "line 2: this is not an entry"},
        {"{\"virtuoso_proxy_store\":1}\n{\"key\":\"a b\",\"format\":1,\"left_ms\":0}\n",
         "line 2: a key"},
        {"{\"virtuoso_proxy_store\":1}\n{\"key\":\"a\",\"format\":0,\"left_ms\":0}\n",
         "line 2: this is not a document"},
        {"{\"virtuoso_proxy_store\":1}\n{\"key\":\"a\",\"format\":1,\"left_ms\":0,\"base64url\":\"!\"}\n",
         "line 2: this is not a document"},
    };

    const char *memory[] = {"store", "stat", "--set", "auth.mode=none", NULL};
    const char *nothing[] = {"store", "erase", NULL};
    char file[256];

    (void)state;
    (void)snprintf(file, sizeof(file), VP_SCRATCH_DIR "/store-bad-%d.jsonl", (int)getpid());
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        write_file(file, rows[i].text);
        run_store("import", file, NULL, 1, rows[i].words);
    }
    (void)unlink(file);
    run_store("import", "/nowhere/at/all", NULL, 1, "cannot read /nowhere/at/all");
    run_store("export", NULL, NULL, 1, "say stat, export FILE or import FILE");
    expect(memory, 1, "memory:");
    expect(nothing, 1, "say stat");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(connect_says_whether_it_can_be_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_that_is_required_must_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_user_needs_its_password, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tls_checks_the_certificate, set_up_tls, tear_down),
        cmocka_unit_test(what_is_shared_goes_to_a_file_and_back),
        cmocka_unit_test_setup_teardown(bytes_come_back_as_they_were, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_files_are_told_with_their_line, set_up, tear_down),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so there is no store to look at\n");
        return 0;
    }
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
