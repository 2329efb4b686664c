/* A service of two processes with Redis is replaced, one process after the other, while 200 requests a second go on, all of
 * them about sessions, to any process that is ready. None may fail, and no step may be there twice or not at all.
 *
 * What the other version has written is played by the test, since there is no second version: members of a session
 * that this version does not know, which must still be there at the end, and a session in a form that it cannot read,
 * which must stay as it is. With VP_LONG=1 each process is replaced five times. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "harness/replicas.h"
#include "harness/wait.h"

enum {
    N_PODS = 2,
    N_SESSIONS = 16,
    RATE = 200,
    PROBE_MS = 200,
    FIRST_CHECKPOINT = 6000000,
    ROUNDS = 1,
    ROUNDS_LONG = 5,
    TEXT_BYTES = 1024
};

struct pod {
    struct program *program;
    struct client lines[N_SESSIONS]; /* kept; of each session one */
    bool gets_requests;
    uint64_t asked_ms;
};

/* Whoever works in a session has one request on its way. */
struct user {
    const char *session;
    int64_t n_steps;
    struct pod *pod; /* that was asked; NULL: none is */
    size_t n_asked;
    bool is_step;
    uint64_t began_ms;
};

static struct {
    struct replicas replicas;
    struct pod pods[N_PODS + 1]; /* one more while another one drains */
    struct user users[N_SESSIONS];
    const char *unreadable;
    size_t n_asked, n_failed;
    uint64_t began_ms;
    uint64_t slowest_ms;
} here;

static struct arena *arena(void)
{
    return &here.replicas.platform.arena;
}

/* --- Redis, as another program sees it */
static const char *redis_says(const char *script)
{
    char line[TEXT_BYTES * 2];
    static char out[TEXT_BYTES * 4];
    FILE *pipe;
    size_t n;

    (void)snprintf(line, sizeof(line), "redis-cli -s %s eval \"%s\" 0", here.replicas.redis.path,
                   script);
    pipe = popen(line, "re");
    assert_non_null(pipe);
    n = fread(out, 1, sizeof(out) - 1, pipe);
    out[n] = '\0';
    assert_int_equal(pclose(pipe), 0);
    return out;
}

/* Of the document of a session: `act` sees its key as k. */
static const char *document_of(const char *session, const char *act)
{
    char script[TEXT_BYTES];

    (void)snprintf(script, sizeof(script),
                   "for _, k in ipairs(redis.call('keys', 'vp:d:*%s')) do %s end", session, act);
    return redis_says(script);
}

/* --- sessions */
static const char *make_session(void)
{
    static int64_t checkpoint = FIRST_CHECKPOINT;
    const struct json *answer;
    char body[128];

    checkpoint++;
    (void)snprintf(body, sizeof(body), "{\"checkpoints\":[%lld]}", (long long)checkpoint);
    sandbox_seed_ids(here.replicas.platform.program.sandbox_port, body);
    (void)snprintf(body, sizeof(body), "{\"checkpoint_id\":\"%lld\"}", (long long)checkpoint);
    answer = replicas_ask(&here.replicas, 0, "POST", "/api/v1/sessions", NULL, body);
    assert_int_equal(here.replicas.reply.status, 201);
    return arena_cstr(arena(), json_str(json_get(answer, "session_id")));
}

static void make_sessions(void)
{
    for (size_t i = 0; i < N_SESSIONS; i++) {
        here.users[i].session = make_session();
        (void)document_of(
            here.users[i].session,
            "local b = redis.call('hget', k, 'b') "
            "redis.call('hset', k, 'b', string.sub(b, 1, -2) .. ',\\\"later\\\":[1,2]}')");
    }
    here.unreadable = make_session();
    (void)document_of(here.unreadable, "redis.call('hset', k, 'f', 99)");
}

/* --- the processes */
static void pod_open(struct pod *pod, size_t i)
{
    *pod = (struct pod){.program = &here.replicas.programs[i]};
}

static void hang_up(struct pod *pod)
{
    for (size_t i = 0; i < N_SESSIONS; i++) {
        if (pod->lines[i].fd > 0 && here.users[i].pod != pod) {
            client_close(&pod->lines[i]);
            pod->lines[i] = (struct client){.fd = 0};
        }
    }
}

static void probe(struct pod *pod)
{
    struct reply reply = {0};

    if (pod->program == NULL || client_now_ms() - pod->asked_ms < PROBE_MS) {
        return;
    }
    pod->asked_ms = client_now_ms();
    if (pod->program->port == 0 && program_wrote(pod->program, "listening on http://")) {
        pod->program->port = program_wait_port(pod->program, "listening on http://");
    }
    /* Its listener may be closed at any moment. */
    pod->gets_requests =
        pod->program->port != 0 && client_probe(pod->program->port, "/readyz", &reply) &&
        reply.status == 200 && !str_contains(reply_text(&reply), STR("the store is away"));
    if (!pod->gets_requests) {
        hang_up(pod);
    }
    reply_done(&reply);
}

/* What is known of a process is never older than the beat of the probes: else a busy machine would send a request to one
 * that has closed its listener meanwhile. */
static struct pod *any_pod(void)
{
    size_t at = random_below(N_PODS + 1);

    for (size_t i = 0; i <= N_PODS; i++) {
        struct pod *pod = &here.pods[(at + i) % (N_PODS + 1)];

        probe(pod);
        if (pod->gets_requests) {
            return pod;
        }
    }
    fail_msg("no process is ready");
    return NULL;
}

/* --- requests */
static int64_t position_of(const struct reply *reply)
{
    const struct json *found = json_find(reply_json(reply, arena()), "/data/position");
    int64_t position = -1;

    return json_to_i64(found, &position) ? position : -1;
}

/* Of eight requests six are steps; the others read and change the session. */
static void ask(struct user *user)
{
    struct pod *pod = any_pod();
    struct client *line = &pod->lines[user - here.users];
    size_t kind = user->n_asked++ % 8;
    const char *method = kind == 3 ? "GET" : kind == 7 ? "PATCH" : "POST";
    char body[256] = "";
    char path[128];

    user->is_step = kind != 3 && kind != 7;
    (void)snprintf(path, sizeof(path), "/api/v1/sessions/%s", user->session);
    if (user->is_step) {
        (void)snprintf(body, sizeof(body),
                       "{\"command\":\"step-navigate to\",\"args\":[\"https://x.example/\"],"
                       "\"session_id\":\"%s\"}",
                       user->session);
        (void)snprintf(path, sizeof(path), "/api/v1/commands/execute");
    } else if (kind == 7) {
        (void)snprintf(body, sizeof(body), "{\"name\":\"rolling\"}");
    }
    if (line->fd == 0) {
        client_open(line, pod->program->port);
    }
    user->pod = pod;
    user->began_ms = client_now_ms();
    here.n_asked++;
    if (!client_send_request(line, method, path,
                             body[0] != '\0' ? "Content-Type: application/json\r\n" : NULL,
                             str_from(body))) {
        here.n_failed++;
    }
}

static bool has_answer(const struct user *user)
{
    return client_can_read(&user->pod->lines[user - here.users]);
}

static void take_answer(struct user *user)
{
    struct client *line = &user->pod->lines[user - here.users];
    struct reply reply = {0};
    uint64_t took_ms;
    bool good = client_read(line, false, &reply) == CLIENT_OK && reply.status == 200 &&
                (!user->is_step || position_of(&reply) == user->n_steps);

    took_ms = client_now_ms() - user->began_ms;
    user->n_steps += user->is_step ? 1 : 0;
    here.slowest_ms = took_ms > here.slowest_ms ? took_ms : here.slowest_ms;
    if (!good) {
        print_message("%d %.*s\n", reply.status, STR_ARG(reply_text(&reply)));
        here.n_failed++;
    }
    if (!good || reply.closes || !user->pod->gets_requests) {
        client_close(line);
        *line = (struct client){.fd = 0};
    }
    user->pod = NULL;
    reply_done(&reply);
}

/* At the rate, as far as the sessions are free. */
static void go_on(void)
{
    size_t n_due = (size_t)(client_now_ms() - here.began_ms) * RATE / 1000;

    for (size_t i = 0; i < N_SESSIONS; i++) {
        struct user *user = &here.users[i];

        if (user->pod != NULL && has_answer(user)) {
            take_answer(user);
        }
        if (user->pod == NULL && here.n_asked < n_due) {
            ask(user);
        }
    }
    client_pause_ms(1); /* the beat: RATE is what is tested */
}

static void finish(void)
{
    for (size_t i = 0; i < N_SESSIONS; i++) {
        if (here.users[i].pod != NULL) {
            take_answer(&here.users[i]);
        }
    }
}

static void go_on_for(uint64_t ms)
{
    uint64_t until_ms = client_now_ms() + ms;

    while (client_now_ms() < until_ms) {
        go_on();
    }
}

/* The new one first, then the old one is told to end. */
static void replace(struct pod *old, struct pod *fresh, size_t place)
{
    pod_open(fresh, place);
    replicas_begin_one(&here.replicas, place);
    while (!fresh->gets_requests) {
        go_on();
    }
    program_signal(old->program, SIGTERM);
    while (program_is_running(old->program)) {
        go_on();
    }
    for (size_t i = 0; i < N_SESSIONS; i++) { /* what it has answered last */
        if (here.users[i].pod == old) {
            take_answer(&here.users[i]);
        }
    }
    assert_int_equal(program_wait_end(old->program, WAIT_MS), 0);
    program_assert_clean(old->program);
    program_done(old->program);
    *old->program = (struct program){0};
    hang_up(old);
    *old = (struct pod){0};
}

/* --- what is there at the end */
static void check_sessions(void)
{
    for (size_t i = 0; i < N_SESSIONS; i++) {
        const struct json *checkpoint = sandbox_call(
            here.replicas.platform.program.sandbox_port, SANDBOX_TOKEN, "GET",
            arena_printf(arena(), "/testcases/%lld", (long long)FIRST_CHECKPOINT + 1 + (long long)i)
                .ptr,
            NULL, arena());

        assert_int_equal(json_size(json_get(checkpoint, "steps")), here.users[i].n_steps);
        assert_non_null(
            strstr(document_of(here.users[i].session, "return redis.call('hget', k, 'b')"),
                   "\"later\":[1,2]"));
    }
}

static void nothing_fails_while_each_process_is_replaced(void **state)
{
    static const char *const sets[] = {"drain.notice_ms=3000", "limits.enabled=false",
                                       "log.level=warn", NULL};
    int rounds = getenv("VP_LONG") != NULL ? ROUNDS_LONG : ROUNDS;
    char before[TEXT_BYTES * 4];
    size_t spare = N_PODS;

    (void)state;
    replicas_start(&here.replicas, &(struct replicas_options){.n = N_PODS, .sets = sets});
    here.replicas.n = N_PODS + 1;
    make_sessions();
    (void)snprintf(before, sizeof(before), "%s",
                   document_of(here.unreadable, "return redis.call('hgetall', k)"));
    for (size_t i = 0; i < N_PODS; i++) {
        pod_open(&here.pods[i], i);
        probe(&here.pods[i]);
    }
    here.began_ms = client_now_ms();
    go_on_for(500);
    for (int n = 0; n < rounds * N_PODS; n++) {
        size_t old = (spare + 1) % (N_PODS + 1);

        replace(&here.pods[old], &here.pods[spare], spare);
        spare = old;
    }
    go_on_for(500);
    finish();
    print_message("%zu requests in %llu ms while processes were replaced %d times, %zu failed; the "
                  "slowest took %llu ms\n",
                  here.n_asked, (unsigned long long)(client_now_ms() - here.began_ms),
                  rounds * N_PODS, here.n_failed, (unsigned long long)here.slowest_ms);
    assert_int_equal(here.n_failed, 0);
    check_sessions();
    for (size_t i = 0; i <= N_PODS; i++) {
        if (here.pods[i].gets_requests) {
            (void)replicas_ask(&here.replicas, i, "GET",
                               arena_printf(arena(), "/api/v1/sessions/%s", here.unreadable).ptr,
                               NULL, NULL);
            assert_int_equal(here.replicas.reply.status, 500);
            assert_true(str_contains(reply_text(&here.replicas.reply), STR("store_unreadable")));
        }
        hang_up(&here.pods[i]);
    }
    assert_string_equal(document_of(here.unreadable, "return redis.call('hgetall', k)"), before);
    replicas_stop(&here.replicas);
}

/* --- what idle processes ask for */
/* Commands that processes have sent; what a script does inside Redis is none. */
static unsigned n_sent(void)
{
    char line[TEXT_BYTES];
    char out[64] = "";
    FILE *pipe;

    (void)snprintf(line, sizeof(line),
                   "redis-cli -s %s info commandstats | sed -n "
                   "'s/^cmdstat_\\(evalsha\\|eval\\|xread\\|script.*\\|client.*\\):calls="
                   "\\([0-9]*\\).*/\\2/p' | awk '{ n += $1 } END { print n + 0 }'",
                   here.replicas.redis.path);
    pipe = popen(line, "re");
    assert_non_null(pipe);
    assert_non_null(fgets(out, sizeof(out), pipe));
    assert_int_equal(pclose(pipe), 0);
    return (unsigned)strtoul(out, NULL, 10);
}

/* True: in the second that has passed they sent less than is allowed in the seconds that are counted. A look is a
 * command, too, so it is taken once a second. */
static bool have_settled(void)
{
    static uint64_t looked_ms;
    static unsigned seen;
    uint64_t now_ms = client_now_ms();
    unsigned before = seen;
    uint64_t passed_ms = now_ms - looked_ms;

    if (looked_ms > 0 && passed_ms < 1000) {
        return false;
    }
    seen = n_sent();
    looked_ms = now_ms;
    return before > 0 && seen - before < (uint64_t)2 * N_PODS * passed_ms / 1000;
}

/* Below two commands a second each: the seconds are what the test is about. */
static void idle_processes_ask_redis_seldom(void **state)
{
    enum { SECONDS = 6 };

    uint64_t began_ms;
    uint64_t took_ms;
    unsigned before;
    unsigned n;

    (void)state;
    replicas_start(&here.replicas, &(struct replicas_options){.n = N_PODS});
    wait_until(have_settled());
    began_ms = client_now_ms();
    before = n_sent();
    client_pause_ms(SECONDS * 1000); /* what is counted is a time */
    n = n_sent() - before;
    took_ms = client_now_ms() - began_ms; /* the questions take time, too */
    print_message("%d idle processes sent %u commands in %llu ms\n", (int)N_PODS, n,
                  (unsigned long long)took_ms);
    assert_in_range(n, 1, (uint64_t)2 * N_PODS * took_ms / 1000 - 1);
    replicas_stop(&here.replicas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_fails_while_each_process_is_replaced),
        cmocka_unit_test(idle_processes_ask_redis_seldom),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so processes share nothing\n");
        return 0;
    }
    return cmocka_run_group_tests_name("rolling update", tests, NULL, NULL);
}
