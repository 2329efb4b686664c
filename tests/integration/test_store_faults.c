/* What goes wrong with the shared store, for each of those who use it: which answer a caller gets, that nothing is sent meanwhile, and
 * that all of it works again by itself. The table is that of conf/README.md, "Growing out of one machine". */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/blocking.h"
#include "harness/client.h"
#include "harness/replicas.h"
#include "harness/wait.h"

enum { REPLICAS = 2, TEXT_SIZE = 512, NEWER_BY = 100, LONG_MS = 60000, BACK_MS = 5000 };

#define KEY "X-API-Key: a-key-of-a-test-1\r\n"

static struct replicas replicas;

static const char *text(const char *format, ...) PRINTF_LIKE(1, 2);

static const char *text(const char *format, ...)
{
    char room[TEXT_SIZE];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(room, sizeof(room), format, args);
    va_end(args);
    return arena_cstr(&replicas.platform.arena, str_from(room));
}

static uint16_t platform(void)
{
    return replicas.platform.program.sandbox_port;
}

static int ask(size_t i, const char *method, const char *target, const char *fields,
               const char *body)
{
    (void)replicas_ask(&replicas, i, method, target, text(KEY "%s", fields), body);
    return replicas.reply.status;
}

static struct str answer(const char *pointer)
{
    return arena_str(
        &replicas.platform.arena,
        json_str(json_find(reply_json(&replicas.reply, &replicas.platform.arena), pointer)));
}

static void tell_redis(const char *command)
{
    (void)!system(text("redis-cli -s %s %s >/dev/null 2>&1", replicas.redis.path, command));
}

/* --- faults */
static pid_t babbler; /* takes the place of Redis, and is none */

static void stop_redis(void)
{
    redis_server_stop(&replicas.redis);
}

static void start_redis(void)
{
    redis_server_start(&replicas.redis, NULL, NULL);
}

static void silence(void)
{
    (void)kill(replicas.redis.pid, SIGSTOP);
}

static void let_go_on(void)
{
    (void)kill(replicas.redis.pid, SIGCONT);
}

static void fill(void)
{
    tell_redis("config set maxmemory 1");
}

static void make_room(void)
{
    tell_redis("config set maxmemory 0");
}

static void demote(void)
{
    tell_redis("replicaof 127.0.0.1 1");
}

static void promote(void)
{
    tell_redis("replicaof no one");
}

/* To each connection, until that ends. */
static void answer_nonsense(int fd)
{
    char room[4096];

    while (read(fd, room, sizeof(room)) > 0 &&
           blocking_write(fd, STR("HTTP/1.1 400 Bad Request\r\n\r\n"))) {
    }
    _exit(0);
}

static void babble(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    redis_server_stop(&replicas.redis);
    str_copy(address.sun_path, sizeof(address.sun_path), str_from(replicas.redis.path));
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 64), 0);
    babbler = blocking_fork();
    assert_true(babbler >= 0);
    if (babbler == 0) {
        (void)signal(SIGCHLD, SIG_IGN);
        for (;;) {
            int client = accept(fd, NULL, NULL);

            if (client >= 0 && blocking_fork() == 0) {
                answer_nonsense(client);
            }
            (void)close(client);
        }
    }
    (void)close(fd);
}

static void fall_silent(void)
{
    (void)kill(babbler, SIGKILL);
    (void)waitpid(babbler, NULL, 0);
    (void)unlink(replicas.redis.path);
    redis_server_start(&replicas.redis, NULL, NULL);
}

/* Of documents alone: streams and leases have the form of this version. */
static void add_to_formats(int n)
{
    tell_redis(text("eval \"for _, k in ipairs(redis.call('keys', 'vp:d:*')) do local f = "
                    "tonumber(redis.call('hget', k, 'f')) if (f < 100) == (%d > 0) then "
                    "redis.call('hset', k, 'f', string.format('%%d', f + %d)) end end\" 0",
                    n, n));
}

static void write_as_newer(void)
{
    add_to_formats(NEWER_BY);
}

static void write_as_before(void)
{
    add_to_formats(-NEWER_BY);
}

static void write_as_another(void)
{
    tell_redis("eval \"for _, k in ipairs(redis.call('keys', 'vp:*')) do redis.call('del', k) "
               "redis.call('set', k, 'x') end\" 0");
}

static void forget_all(void)
{
    tell_redis("flushall");
}

enum fault { AWAY, SLOW, FULL, READ_ONLY, NONSENSE, NEWER, FOREIGN, N_FAULTS };

static const struct {
    const char *name;
    void (*begin)(void);
    void (*end)(void);
} faults[N_FAULTS] = {
    [AWAY] = {"away", stop_redis, start_redis},
    [SLOW] = {"slow", silence, let_go_on},
    [FULL] = {"full", fill, make_room},
    [READ_ONLY] = {"read-only", demote, promote},
    [NONSENSE] = {"nonsense", babble, fall_silent},
    [NEWER] = {"documents of a newer version", write_as_newer, write_as_before},
    [FOREIGN] = {"keys of another program", write_as_another, forget_all},
};

/* --- requests */
/* What is made before the fault: for "%s" in the rows. */
static struct {
    const char *session; /* known to process 0 */
    const char *run;     /* ended, carried out by process 0 */
    const char *events;  /* of it */
    const char *hook;
    char key[TEXT_SIZE];     /* of a request that process 0 has carried out */
    char new_key[TEXT_SIZE]; /* of none */
} made;

/* What is answered at each fault, a letter each, in their order:
 * g  as ever
 * n  503 store_unavailable, or 504 where the time was over, with Retry-After
 * e  either of these: a Redis that takes no changes is left for another one, and the connection made anew; or a process that
 *    has let go of its own lease gets none of a Redis that is full
 * u  500 store_unreadable */
struct row {
    const char *user;
    size_t replica;
    const char *method;
    const char *target;
    const char *const *of; /* stands at the end of the target; NULL: nothing */
    const char *body;
    const char *answers;
    const char *fields;
};

#define STEP "{\"command\":\"step-misc comment\",\"args\":[\"one\"],\"checkpoint_id\":\"6000001\"}"
#define RUN  "{\"name\":\"a\",\"steps\":[{\"navigate\":\"https://n.example/\"}]}"
#define HOOK "{\"url\":\"http://127.0.0.1:1/\",\"events\":[\"webhook.test\"]}"

static const struct row rows[] = {
    {"session, known here", 0, "GET", "/api/v1/sessions/", &made.session, NULL, "ggggguu"},
    {"session, not known", 1, "GET", "/api/v1/sessions/", &made.session, NULL, "nngenuu"},
    {"session, made", 0, "POST", "/api/v1/sessions", NULL, "{}", "nnnnngu"},
    {"session, changed", 1, "PATCH", "/api/v1/sessions/", &made.session, "{\"name\":\"x\"}",
     "nnnnnuu"},
    {"sessions, listed", 1, "GET", "/api/v1/sessions", NULL, NULL, "nngenuu"},
    {"lane: a step", 1, "POST", "/api/v1/commands/execute", NULL, STEP, "nnnnngu"},
    {"key, known", 1, "POST", "/api/v1/commands/execute", NULL, STEP, "nneenuu", made.key},
    {"key, new", 1, "POST", "/api/v1/commands/execute", NULL, STEP, "nnnnngu", made.new_key},
    {"limits", 0, "GET", "/api/v1/routes", NULL, NULL, "ggggggg"},
    {"cache", 1, "GET", "/api/projects", NULL, NULL, "ggggggg"},
    {"run, begun", 0, "POST", "/api/v1/tests/run?async=true", NULL, RUN, "nnnnngu"},
    {"run, own", 0, "GET", "/api/v1/tests/runs/", &made.run, NULL, "ggggggg"},
    {"run, of another", 1, "GET", "/api/v1/tests/runs/", &made.run, NULL, "nngenuu"},
    {"runs, listed", 0, "GET", "/api/v1/tests/runs", NULL, NULL, "nngengu"},
    {"webhook, made", 0, "POST", "/api/v1/webhooks", NULL, HOOK, "nnnnnuu"},
    {"webhook, read", 1, "GET", "/api/v1/webhooks/", &made.hook, NULL, "nngenuu"},
    {"webhook, removed", 1, "DELETE", "/api/v1/webhooks/", &made.hook, NULL, "nngnnuu"},
    {"ready", 0, "GET", "/readyz", NULL, NULL, "ggggggg"},
};

static int ask_row(const struct row *row)
{
    return ask(row->replica, row->method,
               row->of != NULL ? text("%s%s", row->target, *row->of) : row->target,
               row->fields != NULL ? row->fields : "", row->body);
}

static bool says(const char *words)
{
    return str_contains(buf_view(&replicas.reply.body), str_from(words));
}

static bool is_good(void)
{
    return replicas.reply.status / 100 == 2;
}

static bool is_not_now(void)
{
    return (replicas.reply.status == 503 || replicas.reply.status == 504) &&
           says("store_unavailable") && reply_field(&replicas.reply, "Retry-After").len > 0;
}

static bool is_as_told(char answer_)
{
    switch (answer_) {
    case 'g':
        return is_good();
    case 'n':
        return is_not_now();
    case 'e':
        return is_good() || is_not_now();
    default:
        return replicas.reply.status == 500 && says("store_unreadable");
    }
}

static int set_up(void **state)
{
    static const char *const sets[] = {"auth.mode=keys",        "auth.keys=a-key-of-a-test-1",
                                       "store.timeout_ms=3000", "webhooks.allow_private=true",
                                       "limits.per_key=100000", "cache.shared=true",
                                       "log.level=error",       NULL};

    (void)state;
    replicas_start(&replicas,
                   &(struct replicas_options){.n = REPLICAS, .sets = sets, .keeps = true});
    sandbox_seed_ids(platform(), "{\"checkpoints\":[6000001]}");
    return 0;
}

static void make_all(size_t fault)
{
    (void)snprintf(made.key, sizeof(made.key), "Idempotency-Key: key-of-fault-%zu\r\n", fault);
    (void)snprintf(made.new_key, sizeof(made.new_key), "Idempotency-Key: new-key-of-fault-%zu\r\n",
                   fault);
    wait_until(ask(0, "POST", "/api/v1/sessions", "", "{}") == 201);
    made.session = answer("/session_id").ptr;
    wait_until(ask(0, "POST", "/api/v1/tests/run", "", RUN) == 200);
    made.run = answer("/id").ptr;
    made.events = text("/api/v1/tests/runs/%s/events", made.run);
    wait_until(ask(1, "POST", "/api/v1/webhooks", "", HOOK) == 201);
    made.hook = answer("/webhook/id").ptr;
    wait_until(ask(0, "POST", "/api/v1/commands/execute", made.key, STEP) ==
               200); /* it has the lane */
    wait_until(ask(1, "POST", "/api/v1/commands/execute", made.key, STEP) ==
               200); /* the reply of the key is written behind the answer */
}

static int stream_status(size_t i, const char *target)
{
    struct client client;
    struct reply reply = {0};
    int status;

    client_open(&client, replicas.programs[i].port);
    assert_true(client_send_request(&client, "GET", target, KEY, STR_EMPTY));
    assert_int_equal(client_read_head(&client, false, &reply), CLIENT_OK);
    status = reply.status;
    reply_done(&reply);
    client_close(&client);
    return status;
}

/* Whoever follows events, or a run of this process, goes on to do so, and a new one may come. The run of another process is in the store. */
static void assert_streams(size_t fault)
{
    bool has_run = fault == FULL || fault == READ_ONLY;
    int status = stream_status(1, made.events);

    assert_int_equal(stream_status(0, "/api/v1/events"), 200);
    assert_int_equal(stream_status(0, made.events), 200);
    assert_true(has_run && status == 200 ? true
                : fault < NEWER          ? status == 503 || status == 504
                                         : status == 500);
}

/* Calls that wait for a place. */
static int64_t n_waiting(void)
{
    int64_t n = -1;

    (void)ask(0, "GET", "/health/stats", "", NULL);
    return json_to_i64(json_find(reply_json(&replicas.reply, &replicas.platform.arena),
                                 "/upstream/waiting"),
                       &n)
               ? n
               : -1;
}

static void wait_good(const struct row *row)
{
    wait_until((ask_row(row), is_good()));
}

/* The store is there again: whatever needs nothing of before works, without a restart. */
static void assert_all_works(void)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].of == NULL) {
            wait_good(&rows[i]);
        }
    }
}

static void assert_as_told(const struct row *row, size_t fault)
{
    (void)ask_row(row);
    if (!is_as_told(row->answers[fault])) {
        fail_msg("%s, %s: %d %.*s", faults[fault].name, row->user, replicas.reply.status,
                 STR_ARG(buf_view(&replicas.reply.body)));
    }
}

static void try_fault(size_t fault)
{
    uint64_t back_ms;

    make_all(fault);
    sandbox_forget_requests(platform());
    faults[fault].begin();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_as_told(&rows[i], fault);
    }
    assert_streams(fault);
    if (fault < NEWER) { /* later than that steps are made, where their documents are new ones */
        assert_int_equal(sandbox_count(platform(), "POST", "/"), 0);
    }
    faults[fault].end();
    back_ms = client_patience_ms();
    replicas_wait_for_store(&replicas);
    back_ms = client_waited_ms(back_ms);
    print_message("%s: back after %llu ms\n", faults[fault].name, (unsigned long long)back_ms);
    assert_true(back_ms < (uint64_t)BACK_MS * client_slowness());
    assert_all_works();
}

static void each_user_gets_its_answer(void **state)
{
    (void)state;
    for (size_t fault = 0; fault < N_FAULTS; fault++) {
        try_fault(fault);
    }
}

/* A test of its own: what a group's teardown finds does not count. */
static void all_of_them_end_well(void **state)
{
    (void)state;
    replicas_stop(&replicas);
}

/* The loop of a process whose store is away is closed with nothing left in it, too. */
static void who_ends_meanwhile_ends_well(void **state)
{
    (void)state;
    for (size_t f = 0; f < NEWER; f++) {
        faults[f].begin();
        program_stop(&replicas.programs[1]);
        program_done(&replicas.programs[1]);
        faults[f].end();
        replicas_start_one(&replicas, 1);
    }
}

/* A step has its lane, and waits for a place among the calls to the platform until the lease is over. */
static void wait_longer_than_the_lease(const char *strict)
{
    const char *const sets[] = {"store.timeout_ms=3000",
                                "upstream.max_active=1",
                                "upstream.initial_active=1",
                                "upstream.timeout_ms=60000",
                                strict,
                                NULL};
    struct client reader;
    struct client maker;
    struct reply reply = {0};

    replicas_start(&replicas, &(struct replicas_options){.n = 1, .sets = sets});
    sandbox_seed_ids(platform(), "{\"checkpoints\":[6000001]}");
    assert_int_equal(ask(0, "POST", "/api/v1/commands/execute", "", STEP),
                     200); /* it has the lane */
    sandbox_hold_all(platform(), "GET /projects");
    client_open(&reader, replicas.programs[0].port);
    client_open(&maker, replicas.programs[0].port);
    maker.timeout_ms = LONG_MS;
    reader.timeout_ms = LONG_MS;
    assert_true(client_send_request(&reader, "GET", "/api/projects", "", STR_EMPTY));
    proxy_wait_sent(&replicas.platform, "GET", "/projects", 1);
    sandbox_forget_requests(platform());
    assert_true(client_send_request(&maker, "POST", "/api/v1/commands/execute",
                                    "Content-Type: application/json\r\n", str_from(STEP)));
    wait_until(n_waiting() == 1);
    stop_redis();
    wait_until(program_wrote(&replicas.programs[0], "\"store.lease_lost\",\"lease\":\"lane:"));
    sandbox_release_all(platform());
    assert_int_equal(client_read(&reader, false, &reply), CLIENT_OK);
    assert_int_equal(reply.status, 200);
    assert_int_equal(client_read(&maker, false, &replicas.reply), CLIENT_OK);
    client_close(&maker);
    client_close(&reader);
    reply_done(&reply);
}

static void begin_again(void)
{
    start_redis();
    replicas_stop(&replicas);
}

static void a_step_that_waited_longer_than_its_lease_is_not_sent(void **state)
{
    (void)state;
    wait_longer_than_the_lease("store.strict=true");
    if (!is_not_now()) {
        fail_msg("%d %.*s", replicas.reply.status, STR_ARG(buf_view(&replicas.reply.body)));
    }
    assert_int_equal(sandbox_count(platform(), "POST", "/"), 0);
    begin_again();
}

static void a_process_that_goes_on_alone_sends_it(void **state)
{
    (void)state;
    wait_longer_than_the_lease("store.strict=false");
    if (replicas.reply.status != 200) {
        fail_msg("%d %.*s", replicas.reply.status, STR_ARG(buf_view(&replicas.reply.body)));
    }
    assert_int_equal(sandbox_count(platform(), "POST", "/"), 1);
    begin_again();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_user_gets_its_answer),
        cmocka_unit_test(who_ends_meanwhile_ends_well),
        cmocka_unit_test(all_of_them_end_well),
        cmocka_unit_test(a_step_that_waited_longer_than_its_lease_is_not_sent),
        cmocka_unit_test(a_process_that_goes_on_alone_sends_it),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so there is nothing to share\n");
        return 0;
    }
    return cmocka_run_group_tests_name("faults of the store", tests, set_up, NULL);
}
