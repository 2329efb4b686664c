/* Three processes, one session: a hundred commands sent to them at random at once become consecutive
 * steps. When a process is killed or stands still, Redis is restarted or silent, then no step exists
 * twice, each success names one step, and the steps that were told stand where they were told, or later. With
 * VP_LONG=1 more faults are tried, and these are 10,000 commands under all of them. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "harness/cloud_server.h"
#include "harness/replicas.h"
#include "harness/steps.h"
#include "harness/wait.h"
#include "store/keep.h"

enum { REPLICAS = 3, COMMANDS = 100, FIRST_CHECKPOINT = 5000000, PATIENCE_MS = 60000, TRIES = 3 };

enum told { MADE, REFUSED, NOT_KNOWN, TOLD_N };

struct command {
    struct client client;
    size_t replica;
    enum told told;
    int status;
    int64_t id;
    int64_t position;
};

struct scene {
    struct replicas replicas;
    int64_t checkpoint;
    const char *session;
    struct command commands[COMMANDS];
    size_t counts[TOLD_N]; /* of all rounds */
    size_t n_gaps;
    uint64_t took_ms;
};

static struct scene scene;

static struct arena *arena(void)
{
    return &scene.replicas.platform.arena;
}

/* --- a round */
static void open_session(void)
{
    scene.checkpoint++;
    scene.session =
        steps_session(arena(), scene.replicas.programs[0].port,
                      scene.replicas.platform.program.sandbox_port, scene.checkpoint, "");
}

/* To one of them; REPLICAS: to any. */
static void send_commands(size_t from, size_t to, size_t replica)
{
    for (size_t n = from; n < to; n++) {
        struct command *command = &scene.commands[n];

        *command =
            (struct command){.replica = replica < REPLICAS ? replica : random_below(REPLICAS)};
        if (scene.replicas.programs[command->replica].pid == 0) {
            command->replica = (command->replica + 1) % REPLICAS;
        }
        client_open(&command->client, scene.replicas.programs[command->replica].port);
        command->client.timeout_ms = PATIENCE_MS;
        steps_send(arena(), &command->client, scene.session, n);
    }
}

static void read_answer(struct command *command)
{
    struct reply reply = {0};
    enum client_result result = client_read(&command->client, false, &reply);

    command->told = NOT_KNOWN;
    command->status = reply.status;
    if (result == CLIENT_OK && reply.status == 200) {
        const struct json *answer = reply_json(&reply, arena());

        command->told = MADE;
        command->id = number_at(answer, "/data/step_id");
        command->position = number_at(answer, "/data/position");
        assert_true(command->id > 0 && command->position >= 0);
    } else if (result == CLIENT_OK && (str_contains(reply_text(&reply), STR("store_unavailable")) ||
                                       str_contains(reply_text(&reply), STR("overloaded")))) {
        command->told = REFUSED; /* nothing was sent */
    } else if (result == CLIENT_OK && !str_contains(reply_text(&reply), STR("outcome_unknown"))) {
        print_message("%.*s\n", STR_ARG(reply_text(&reply)));
        fail_msg("a command was answered with %d", reply.status);
    }
    scene.counts[command->told]++;
    reply_done(&reply);
    client_close(&command->client);
}

/* --- what stands on the platform */
static const struct json *steps_now(void)
{
    struct str path = arena_printf(arena(), "/testcases/%lld", (long long)scene.checkpoint);
    const struct json *checkpoint =
        sandbox_call(scene.replicas.platform.program.sandbox_port, SANDBOX_TOKEN, "GET",
                     arena_cstr(arena(), path), NULL, arena());

    return json_get(checkpoint, "steps");
}

static bool two_at_work; /* after a failover two processes may be told the same position */

/* No step twice, each told one there under its id, where it was told or later, in the order that was
 * told; what stands between them is a step whose answer was lost. */
static void check_steps(void)
{
    unsigned n_there[COMMANDS] = {0};
    const struct json *step;
    int64_t at = 0;
    int64_t last_told = -1;

    JSON_FOREACH (step, steps_now()) {
        size_t n = steps_number(arena(), step);
        const struct command *command = &scene.commands[n];

        assert_true(n < COMMANDS);
        if (n_there[n]++ > 0) {
            fail_msg("the step of command %zu is there twice", n);
        }
        assert_true(command->told != REFUSED);
        if (command->told == MADE) {
            assert_int_equal(number_at(step, "/id"), command->id);
            assert_true(command->position <= at);
            assert_true(command->position > last_told || two_at_work);
            last_told = command->position;
        } else {
            scene.n_gaps++;
        }
        at++;
    }
    for (size_t n = 0; n < COMMANDS; n++) {
        if (scene.commands[n].told == MADE && n_there[n] != 1) {
            fail_msg("command %zu was told %lld and is not there", n,
                     (long long)scene.commands[n].id);
        }
    }
}

static void lose_the_round(void);

/* Whoever is to suffer has the session and its checkpoint: it gets the first half. */
static size_t victim;

static size_t run_round(void (*fault)(void), void (*mend)(void))
{
    size_t n_made = scene.counts[MADE];
    uint64_t began_ms = client_now_ms();

    victim = random_below(REPLICAS);
    open_session();
    if (fault == lose_the_round) {
        redis_server_remember(&scene.replicas.redis);
    }
    send_commands(0, COMMANDS / 2, fault != NULL ? victim : REPLICAS);
    if (fault != NULL) {
        wait_until(json_size(steps_now()) >= 5);
        fault();
    }
    send_commands(COMMANDS / 2, COMMANDS, REPLICAS);
    if (mend != NULL) {
        mend();
    }
    for (size_t n = 0; n < COMMANDS; n++) {
        read_answer(&scene.commands[n]);
    }
    check_steps();
    scene.took_ms = client_now_ms() - began_ms;
    return scene.counts[MADE] - n_made;
}

static void report(const char *name, size_t n_made)
{
    print_message("%-24s %zu of %d made in %llu ms\n", name, n_made, COMMANDS,
                  (unsigned long long)scene.took_ms);
}

/* --- faults */
static void kill_one(void)
{
    replicas_kill(&scene.replicas, victim);
}

static void start_it_again(void)
{
    replicas_start_one(&scene.replicas, victim);
}

static void stop_one(void)
{
    program_signal(&scene.replicas.programs[victim], SIGSTOP);
}

static void let_it_go_on(void)
{
    client_pause_ms(5000); /* what the fault is */
    program_signal(&scene.replicas.programs[victim], SIGCONT);
}

static void restart_redis(void)
{
    redis_server_stop(&scene.replicas.redis);
    redis_server_start(&scene.replicas.redis, NULL, NULL);
}

static void silence_redis(void)
{
    (void)kill(scene.replicas.redis.pid, SIGSTOP);
}

static void redis_speaks(void)
{
    client_pause_ms(3000); /* what the fault is */
    (void)kill(scene.replicas.redis.pid, SIGCONT);
}

/* A failover to a Redis that has nothing of this round but its session. */
static void lose_the_round(void)
{
    redis_server_go_back(&scene.replicas.redis);
}

/* What was sent to Redis, this question too: what a script does inside is not sent. */
static size_t n_redis_commands(void)
{
    char line[300];
    char text[64];
    size_t n = 0;
    FILE *out;

    (void)snprintf(
        line, sizeof(line),
        "redis-cli -s %s info commandstats | sed -n "
        "'s/^cmdstat_\\(evalsha\\|xread\\|client[^:]*\\|ping\\|info\\):calls=\\([0-9]*\\).*/"
        "\\2/p'",
        scene.replicas.redis.path);
    out = popen(line, "r");
    assert_non_null(out);
    while (fgets(text, sizeof(text), out) != NULL) {
        n += strtoul(text, NULL, 10);
    }
    (void)pclose(out);
    return n;
}

/* --- tests */
static const char *const buckets[] = {
    "store.url=s3://qa-bucket/proxies",
    "store.url=gs://qa-bucket/proxies",
    "store.url=firestore://qa-project/(default)/proxies",
};

static int set_up(void **state)
{
    /* The time is for who is silent. */
    bool is_long = getenv("VP_LONG") != NULL;
    const char *const sets[] = {"log.level=error", is_long ? "store.timeout_ms=1000" : NULL, NULL};
    static const char *const platform[] = {"sandbox.latency=5ms+-5ms", NULL};

    (void)state;
    replicas_start(&scene.replicas,
                   &(struct replicas_options){
                       .n = REPLICAS, .sets = sets, .platform_sets = platform, .keeps = true});
    return 0;
}

/* A test of its own: what a group's teardown finds does not count. */
static void all_of_them_end_well(void **state)
{
    (void)state;
    print_message("told: %zu made, %zu refused, %zu not known; %zu steps whose answer was lost\n",
                  scene.counts[MADE], scene.counts[REFUSED], scene.counts[NOT_KNOWN], scene.n_gaps);
    replicas_stop(&scene.replicas);
}

/* A bucket or a collection instead of Redis, on the harness's server; NULL: Redis. */
static const char *bucket;
static struct cloud_server cloud;

static int set_up_bucket(void **state)
{
    static const char *const sets[] = {"store.timeout_ms=20000", "log.level=error", NULL};
    static const char *const platform[] = {"sandbox.latency=5ms+-5ms", NULL};

    (void)state;
    cloud_server_start(&cloud, NULL);
    replicas_start(&scene.replicas,
                   &(struct replicas_options){.n = REPLICAS,
                                              .sets = sets,
                                              .platform_sets = platform,
                                              .store = bucket,
                                              .env = cloud_server_env(&cloud, "keys", "")});
    return 0;
}

static void the_bucket_ends_well(void **state)
{
    all_of_them_end_well(state);
    assert_int_equal(cloud.seen->n_refused, 0);
    cloud_server_done(&cloud);
}

/* A process that stands still renews its lease too late, and refuses what comes then: the round is tried again. */
static void a_hundred_at_random_are_consecutive(void **state)
{
    const struct json *step;
    int64_t at = 0;

    (void)state;
    for (int tries = 1; run_round(NULL, NULL) < COMMANDS; tries++) {
        assert_true(tries < TRIES && scene.counts[NOT_KNOWN] == 0);
    }
    JSON_FOREACH (step, steps_now()) {
        assert_int_equal(scene.commands[steps_number(arena(), step)].position, at++);
    }
    assert_int_equal(at, COMMANDS);
    report("no fault", COMMANDS);
}

static void only_if_long(void)
{
    if (getenv("VP_LONG") == NULL) {
        skip();
    }
}

static void one_is_killed(void **state)
{
    (void)state;
    if (bucket != NULL && bucket != buckets[0]) {
        only_if_long();
    }
    report("kill -9", run_round(kill_one, start_it_again));
}

static void redis_is_restarted(void **state)
{
    (void)state;
    report("Redis restarted", run_round(restart_redis, NULL));
    replicas_wait_for_store(&scene.replicas);
}

static void one_stands_still(void **state)
{
    (void)state;
    only_if_long();
    report("SIGSTOP for 5 s", run_round(stop_one, let_it_go_on));
    replicas_wait_for_store(&scene.replicas);
}

static void redis_is_silent(void **state)
{
    (void)state;
    only_if_long();
    report("Redis silent for 3 s", run_round(silence_redis, redis_speaks));
    replicas_wait_for_store(&scene.replicas);
}

/* The one who has the session loses its leases, and others who ask at the new Redis may have them before it knows: the step of each is
 * there once, where it was told or later. */
static void redis_loses_what_it_has_taken(void **state)
{
    (void)state;
    only_if_long();
    two_at_work = true;
    report("failover with a loss", run_round(lose_the_round, NULL));
    two_at_work = false;
    replicas_wait_for_store(&scene.replicas);
}

/* False: nothing was sent, because a process that stood still has renewed its lease too late. */
static bool is_told(size_t i, const char *body)
{
    static unsigned n_late;

    (void)replicas_ask(&scene.replicas, i, "POST", "/api/v1/commands/execute", NULL, body);
    if (!str_contains(reply_text(&scene.replicas.reply), STR("could not be renewed in time"))) {
        return true;
    }
    assert_true(++n_late <= TRIES);
    return false;
}

static void send_to_another(size_t leaving, const char *body)
{
    size_t i = random_below(REPLICAS);

    if (i == leaving || !client_can_connect(scene.replicas.programs[i].port)) {
        i = (leaving + 1) % REPLICAS;
    }
    wait_until(is_told(i, body));
    assert_int_equal(scene.replicas.reply.status, 200);
}

/* Each process is stopped and started again while commands come in: a client that is not let in goes to
 * the next one, and none of its requests fails. */
static void a_rolling_update_fails_nobody(void **state)
{
    enum { ROUNDS = 2 * REPLICAS, EACH = 40 };

    size_t n_sent = 0;
    uint64_t began_ms = client_now_ms();
    const char *body;

    (void)state;
    open_session();
    body = steps_body(arena(), scene.session, 0).ptr;
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t leaving = round % REPLICAS;

        program_signal(&scene.replicas.programs[leaving], SIGTERM);
        for (size_t n = 0; n < EACH; n++, n_sent++) {
            send_to_another(leaving, body);
        }
        assert_int_equal(program_wait_end(&scene.replicas.programs[leaving], 20000), 0);
        program_assert_clean(&scene.replicas.programs[leaving]);
        program_done(&scene.replicas.programs[leaving]);
        replicas_start_one(&scene.replicas, leaving);
    }
    assert_int_equal(json_size(steps_now()), n_sent);
    print_message("%-24s %zu of %zu made in %llu ms\n", "rolling update", n_sent, n_sent,
                  (unsigned long long)(client_now_ms() - began_ms));
}

/* Nobody works, nothing is asked. */
static void who_does_nothing_asks_redis_for_nothing(void **state)
{
    size_t before;
    size_t after;

    (void)state;
    only_if_long();
    client_pause_ms(2 * KEEP_IDLE_MS + 1000); /* the leases go, and what is measured is a time */
    before = n_redis_commands();
    client_pause_ms(3000); /* what is counted is a time */
    after = n_redis_commands();
    print_message("%-24s %zu commands in 3 s\n", "idle", after - before - 1);
    assert_true(after - before - 1 < (size_t)3 * 2 * REPLICAS);
}

static void all_of_it_ten_thousand_times(void **state)
{
    static const struct {
        void (*fault)(void);
        void (*mend)(void);
    } faults[] = {{NULL, NULL},
                  {kill_one, start_it_again},
                  {restart_redis, NULL},
                  {stop_one, let_it_go_on},
                  {silence_redis, redis_speaks}};

    (void)state;
    only_if_long();
    for (size_t n = 0; n < 10000 / COMMANDS; n++) {
        size_t i = random_below(ARRAY_LEN(faults));

        (void)run_round(faults[i].fault, faults[i].mend);
        replicas_wait_for_store(&scene.replicas);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_at_random_are_consecutive),
        cmocka_unit_test(one_is_killed),
        cmocka_unit_test(redis_is_restarted),
        cmocka_unit_test(one_stands_still),
        cmocka_unit_test(redis_is_silent),
        cmocka_unit_test(redis_loses_what_it_has_taken),
        cmocka_unit_test(a_rolling_update_fails_nobody),
        cmocka_unit_test(who_does_nothing_asks_redis_for_nothing),
        cmocka_unit_test(all_of_it_ten_thousand_times),
        cmocka_unit_test(all_of_them_end_well),
    };

    const struct CMUnitTest in_buckets[] = {
        cmocka_unit_test(a_hundred_at_random_are_consecutive),
        cmocka_unit_test(one_is_killed),
        cmocka_unit_test(one_stands_still),
        cmocka_unit_test(the_bucket_ends_well),
    };
    int failed = 0;

    scene.checkpoint = FIRST_CHECKPOINT;
    for (size_t i = 0; i < ARRAY_LEN(buckets); i++) {
        bucket = buckets[i];
        failed += cmocka_run_group_tests_name(bucket, in_buckets, set_up_bucket, NULL);
        memset(scene.counts, 0, sizeof(scene.counts));
        scene.n_gaps = 0;
    }
    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so there is nothing to share\n");
        return failed;
    }
    return failed + cmocka_run_group_tests_name("replicas", tests, set_up, NULL);
}
