/* What Redis can do to us: be away, silent, full, read-only, nonsense, locked; hold keys of others. Each
 * gets a clear error, and the store works again when Redis does. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "harness/blocking.h"
#include "harness/wait.h"
#include "observe/metrics.h"
#include "stage.h"
#include "store/redis_internal.h"

enum { TTL_MS = 60000, LONG_TTL_MS = 600000, READERS = 60 };

static struct stage stage;

static struct store_result run(enum store_kind kind, const char *key)
{
    const struct store_request request = {
        .kind = kind, .key = str_from(key), .bytes = STR("x"), .format = 1, .limit = 5};

    return stage_run(&stage, &request);
}

static void expect_away(enum store_kind kind, const char *why)
{
    struct store_result result = run(kind, "a/b");

    assert_int_equal(result.error.code, ERR_STORE_AWAY);
    if (strstr(result.error.text, why) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", result.error.text, why);
    }
}

/* Redis may still be coming up. */
static bool is_away_for(const char *why)
{
    (void)loop_turn(&stage.loop, false);
    return strstr(run(STORE_GET, "a/b").error.text, why) != NULL;
}

static bool is_told(void)
{
    (void)loop_turn(&stage.loop, false);
    return run(STORE_GET, "a/b").error.code == ERR_OK;
}

static bool is_back(void)
{
    (void)loop_turn(&stage.loop, false); /* connections are made again by deadlines */
    return run(STORE_PUT, "a/b").error.code == ERR_OK;
}

/* Asks Redis by its own client; the answer does not matter. */
static void tell_redis(const char *command)
{
    char line[256];

    (void)snprintf(line, sizeof(line), "redis-cli -s %s %s >/dev/null", stage.server.path, command);
    assert_int_equal(system(line), 0);
}

static void begin(const char *option, const char *value)
{
    redis_server_start(&stage.server, option, value);
    assert_int_equal(stage_open(&stage), 0);
}

static int set_up(void **state)
{
    (void)state;
    stage = (struct stage){.backend = &stage_backends[2], .server = redis_server_make()};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stage_close(&stage);
    redis_server_stop(&stage.server);
    return 0;
}

static void away_is_said_at_once_and_it_comes_back(void **state)
{
    const struct store_request wait = {
        .kind = STORE_READ, .key = STR("s"), .format = 1, .limit = 1, .wait_ms = 30000};
    struct stage_op reader;

    (void)state;
    assert_int_equal(stage_open(&stage), 0); /* nobody is there yet */
    expect_away(STORE_GET, "no connection to Redis");
    redis_server_start(&stage.server, NULL, NULL);
    wait_until(is_back());
    stage_start(&stage, &wait, &reader);
    (void)run(STORE_GET, "a/b");
    redis_server_stop(&stage.server);
    stage_wait(&stage, &reader);
    assert_int_equal(reader.result.error.code, ERR_STORE_AWAY);
    expect_away(STORE_PUT, "Redis");
    redis_server_start(&stage.server, NULL, NULL);
    wait_until(is_back());
}

static void silent_ends_at_the_deadline(void **state)
{
    struct store_result result;

    (void)state;
    stage.timeout_ms = 300;
    begin(NULL, NULL);
    wait_until(is_back());
    (void)kill(stage.server.pid, SIGSTOP);
    result = run(STORE_PUT, "a/b");
    assert_int_equal(result.error.code, ERR_STORE_AWAY);
    assert_true(result.error.late);
    assert_true(result.in_doubt);
    (void)kill(stage.server.pid, SIGCONT);
    wait_until(is_back());
}

static void full_is_said_and_nothing_is_lost(void **state)
{
    (void)state;
    begin(NULL, NULL);
    wait_until(is_back());
    tell_redis("config set maxmemory 1");
    expect_away(STORE_PUT, "Redis is full");
    assert_int_equal(run(STORE_GET, "a/b").error.code, ERR_OK);
    tell_redis("config set maxmemory 0");
    assert_int_equal(run(STORE_PUT, "a/b").error.code, ERR_OK);
}

static struct store_result lease_act(enum store_kind kind, const char *holder, uint64_t fence,
                                     uint64_t ttl_ms)
{
    const struct store_request request = {.kind = kind,
                                          .key = STR("lane/1"),
                                          .holder = str_from(holder),
                                          .fence = fence,
                                          .ttl_ms = ttl_ms,
                                          .bytes = STR("left")};

    return stage_run(&stage, &request);
}

/* As after an hour by which the clock of Redis was set back: a limit is used up then, and fills in its own time, not in an hour. */
static void a_limit_outlives_a_clock_that_was_set_back(void **state)
{
    const struct store_request count = {
        .kind = STORE_COUNT, .key = STR("rate/1"), .rate = 20, .burst = 2, .cost = 1};
    struct store_result result;
    char command[128];

    (void)state;
    begin(NULL, NULL);
    wait_until(is_back());
    (void)snprintf(command, sizeof(command), "-n 3 set 'vp:c:{rate}/1' %lld px 3600000",
                   (long long)(clock_wall_ms() + 3600000) * 1000);
    tell_redis(command);
    result = stage_run(&stage, &count);
    assert_int_equal(result.error.code, ERR_OK);
    assert_false(result.allowed);
    assert_in_range(result.retry_after_ms, 1, 51);
    wait_until(stage_run(&stage, &count).allowed);
    tell_redis("-n 3 set 'vp:c:{rate}/1' theirs");
    assert_int_equal(stage_run(&stage, &count).error.code, ERR_STORE_UNREADABLE);
    tell_redis("-n 3 get 'vp:c:{rate}/1' | grep -q theirs");
}

/* Whoever has a lease renews it, and lets go of it; another one then waits until there is room. */
static void a_full_store_ends_no_lease(void **state)
{
    struct store_result result;
    uint64_t fence;

    (void)state;
    begin(NULL, NULL);
    wait_until(is_back());
    fence = lease_act(STORE_LEASE, "a", 0, TTL_MS).fence;
    assert_true(fence > 0);
    tell_redis("config set maxmemory 1");
    assert_int_equal(lease_act(STORE_RENEW, "a", fence, LONG_TTL_MS).error.code, ERR_OK);
    assert_int_equal(lease_act(STORE_LEASE, "b", 0, TTL_MS).error.code, ERR_STORE_AWAY);
    tell_redis("config set maxmemory 0");
    result = lease_act(STORE_LEASE, "b", 0, TTL_MS);
    assert_int_equal(result.error.code, ERR_CONFLICT);
    assert_in_range(result.retry_after_ms, TTL_MS + 1, LONG_TTL_MS); /* it was renewed */
    tell_redis("config set maxmemory 1");
    assert_int_equal(lease_act(STORE_RELEASE, "a", fence, TTL_MS).error.code, ERR_OK);
    tell_redis("config set maxmemory 0");
    assert_true(lease_act(STORE_LEASE, "b", 0, TTL_MS).fence > fence);
}

/* The bytes of all commands are with the kernel. */
static bool is_written(void)
{
    const struct redis *redis = CONTAINER_OF(stage.store, struct redis, store);

    (void)loop_turn(&stage.loop, false);
    return !redis->calls.writing && redis->calls.out[redis->calls.filling].len == 0;
}

/* What Redis has carried out, and could not answer in time. Whoever asks again is told what is there: a lease is the holder's own, also for the
 * second time; a document is there, with the bytes of whoever has put it; an entry stands in its stream. */
static void what_was_carried_out_unheard_is_found(void **state)
{
    const struct store_request append = {
        .kind = STORE_APPEND, .key = STR("s"), .format = 1, .bytes = STR("entry"), .limit = 10};
    struct store_request put = {.kind = STORE_PUT,
                                .key = STR("doubt/doc"),
                                .format = 1,
                                .bytes = STR("mine"),
                                .expect = STORE_ABSENT};
    struct stage_op ops[3];
    struct store_result result;

    (void)state;
    stage.timeout_ms = 300;
    begin(NULL, NULL);
    wait_until(is_back());
    (void)kill(stage.server.pid, SIGSTOP);
    /* Their time is over when they have left, however long that takes. */
    clock_set(clock_now_ms(), clock_wall_ms());
    stage_start(&stage, &put, &ops[0]);
    stage_start(&stage, &append, &ops[1]);
    stage_start(&stage,
                &(const struct store_request){
                    .kind = STORE_LEASE, .key = STR("lane/1"), .holder = STR("a"), .ttl_ms = 60000},
                &ops[2]);
    wait_until(is_written());
    clock_advance(stage.timeout_ms);
    deadlines_run(&stage.loop.deadlines, clock_now_ms());
    clock_release();
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        stage_wait(&stage, &ops[i]);
        assert_int_equal(ops[i].result.error.code, ERR_STORE_AWAY);
        assert_true(ops[i].result.in_doubt);
        assert_true(ops[i].result.error.retry_after_s > 0);
    }
    (void)kill(stage.server.pid, SIGCONT);
    stage.store->timeout_ms = STAGE_TIMEOUT_MS;
    wait_until(is_back());
    wait_until(run(STORE_GET, "doubt/doc").error.code == ERR_OK);
    result = stage_run(&stage, &put);
    assert_int_equal(result.error.code, ERR_CONFLICT);
    assert_true(str_is(run(STORE_GET, "doubt/doc").bytes, "mine"));
    assert_int_equal(run(STORE_READ, "s").n_items, 1);
    assert_int_equal(lease_act(STORE_LEASE, "b", 0, TTL_MS).error.code, ERR_CONFLICT);
    result = lease_act(STORE_LEASE, "a", 0, TTL_MS);
    assert_int_equal(result.error.code, ERR_OK);
    assert_true(result.orderly);
}

/* More readers than the store has connections, each of a stream of its own, come while one blocks: each hears of its entry at once. */
static void many_readers_come_while_one_waits(void **state)
{
    static struct stage_op readers[READERS];
    static char keys[READERS][16];

    (void)state;
    begin(NULL, NULL);
    wait_until(is_back());
    for (size_t i = 0; i < READERS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "many/%zu", i);
        stage_start(&stage,
                    &(const struct store_request){.kind = STORE_READ,
                                                  .key = str_from(keys[i]),
                                                  .format = 1,
                                                  .limit = 1,
                                                  .wait_ms = 60000},
                    &readers[i]);
        if (i % 10 == 0) {
            (void)run(STORE_GET, "a/b");
        }
    }
    for (size_t i = READERS; i-- > 0;) {
        const struct store_request append = {.kind = STORE_APPEND,
                                             .key = str_from(keys[i]),
                                             .format = 1,
                                             .bytes = str_from(keys[i]),
                                             .limit = 10};

        assert_int_equal(stage_run(&stage, &append).error.code, ERR_OK);
        stage_wait(&stage, &readers[i]);
        assert_int_equal(readers[i].result.n_items, 1);
        assert_true(str_is(readers[i].result.items[0].bytes, keys[i]));
    }
}

static void a_replica_takes_no_changes(void **state)
{
    (void)state;
    begin(NULL, NULL);
    wait_until(is_back());
    tell_redis("config set replica-serve-stale-data yes");
    tell_redis("replicaof 127.0.0.1 1");
    expect_away(STORE_PUT, "takes no changes");
    wait_until(is_told()); /* connected anew, and it still tells */
    tell_redis("replicaof no one");
    wait_until(is_back());
}

static void note_rewound(void *context)
{
    ++*(unsigned *)context;
}

/* What it has taken is acknowledged by a mark. */
static void change_it(void)
{
    for (size_t i = 0; i < 3; i++) { /* the mark goes behind a change, in a later turn */
        assert_int_equal(run(STORE_PUT, "a/b").error.code, ERR_OK);
        (void)run(STORE_GET, "a/b");
    }
}

/* After that command, if any, it connects anew. */
static void hang_up(const char *command)
{
    if (command != NULL) {
        tell_redis(command);
    }
    tell_redis("client kill type normal");
    wait_until(is_back());
}

/* A restart of a Redis that keeps everything is no loss, and neither is a broken connection; a smaller mark is one, and so is none. */
static void a_loss_is_noticed_and_a_restart_is_none(void **state)
{
    unsigned n = 0;

    (void)state;
    stage.server.keeps = true;
    begin(NULL, NULL);
    wait_until(is_back());
    store_on_rewound(stage.store, note_rewound, &n);
    change_it();
    redis_server_stop(&stage.server);
    redis_server_start(&stage.server, NULL, NULL);
    wait_until(is_back());
    hang_up(NULL);
    assert_int_equal(n, 0);
    change_it();
    hang_up("-n 3 flushdb");
    assert_int_equal(n, 1);
    change_it();
    hang_up("-n 3 eval \"redis.call('set', redis.call('keys', 'vp:m:*')[1], 1)\" 0");
    assert_int_equal(n, 2);
    change_it();
    hang_up(NULL);
    assert_int_equal(n, 2);
    redis_server_done(&stage.server);
}

static void the_keys_of_others_stay_as_they_are(void **state)
{
    static const char *const fill[] = {
        "-n 3 set 'vp:d:{a}/string' theirs", "-n 3 hset 'vp:d:{a}/hash' field theirs",
        "-n 3 set 'vp:s:{a}/string' theirs", "-n 3 xadd 'vp:s:{a}/stream' 1-1 x y"};

    (void)state;
    begin(NULL, NULL);
    wait_until(is_back());
    for (size_t i = 0; i < ARRAY_LEN(fill); i++) {
        tell_redis(fill[i]);
    }
    assert_int_equal(run(STORE_GET, "a/string").error.code, ERR_STORE_UNREADABLE);
    assert_int_equal(run(STORE_PUT, "a/string").error.code, ERR_STORE_UNREADABLE);
    assert_int_equal(run(STORE_REMOVE, "a/string").error.code, ERR_STORE_UNREADABLE);
    assert_int_equal(run(STORE_PUT, "a/hash").error.code, ERR_STORE_UNREADABLE);
    assert_int_equal(run(STORE_APPEND, "a/string").error.code, ERR_STORE_UNREADABLE);
    assert_int_equal(run(STORE_READ, "a/stream").error.code, ERR_STORE_UNREADABLE);
    tell_redis("-n 3 get 'vp:d:{a}/string' | grep -q theirs");
}

static void scripts_that_were_dropped_are_loaded_again(void **state)
{
    (void)state;
    begin(NULL, NULL);
    wait_until(is_back());
    tell_redis("script flush");
    assert_int_equal(run(STORE_PUT, "a/b").error.code, ERR_OK);
}

static void a_password_is_asked_for(void **state)
{
    (void)state;
    begin("--requirepass", "right");
    wait_until(is_away_for("NOAUTH"));
    stage_close(&stage);
    stage.closed = false;
    stage.password = "wrong";
    assert_int_equal(stage_open(&stage), 0);
    wait_until(is_away_for("WRONGPASS"));
    stage_close(&stage);
    stage.closed = false;
    stage.password = "right";
    stage.user = "default";
    assert_int_equal(stage_open(&stage), 0);
    wait_until(is_back());
}

/* --- a server that is none */
static pid_t speak(int fd, const char *words)
{
    pid_t pid = blocking_fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        char bytes[4096];

        for (;;) {
            int peer = accept(fd, NULL, NULL);

            if (peer < 0 || read(peer, bytes, sizeof(bytes)) <= 0 ||
                !blocking_write(peer, str_from(words))) {
                _exit(1);
            }
            while (read(peer, bytes, sizeof(bytes)) > 0) { /* until it hangs up */
            }
            (void)close(peer);
        }
    }
    return pid;
}

static void nonsense_is_no_redis(void **state)
{
    static const struct {
        const char *words;
        const char *why;
    } rows[] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", "no Redis"},
        {"*2000000000\r\n", "no Redis"}, /* memory for so many must not be taken */
        {"+OK\r\n", "takes no scripts"},
        {"-ERR unknown command\r\n", "unknown command"},
        {"-LOADING Redis is loading the dataset in memory\r\n",
         "LOADING"}, /* not: nothing is there */
        {"-MASTERDOWN Link with MASTER is down\r\n", "MASTERDOWN"},
        {"-BUSY Redis is busy running a script\r\n", "BUSY"},
        {"-MISCONF Redis is configured to save RDB snapshots\r\n", "MISCONF"},
        {"$-1\r\n+more\r\n", "takes no scripts"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint16_t port;
        int fd = blocking_listen(&port);
        pid_t pid = speak(fd, rows[i].words);

        if (i > 0) {
            stage_close(&stage);
            stage.closed = false;
        }
        stage.backend = &stage_backends[1];
        (void)snprintf(stage.server.port, sizeof(stage.server.port), "%u", (unsigned)port);
        assert_int_equal(stage_open(&stage), 0);
        expect_away(STORE_GET, rows[i].why);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        (void)close(fd);
    }
}

int test_redis_faults(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(away_is_said_at_once_and_it_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silent_ends_at_the_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_is_said_and_nothing_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_limit_outlives_a_clock_that_was_set_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_store_ends_no_lease, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_carried_out_unheard_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_readers_come_while_one_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_replica_takes_no_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_loss_is_noticed_and_a_restart_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_keys_of_others_stay_as_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scripts_that_were_dropped_are_loaded_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_password_is_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nonsense_is_no_redis, set_up, tear_down),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server for the faults of Redis\n");
        return 0;
    }
    return cmocka_run_group_tests_name("store redis faults", tests, NULL, NULL);
}
