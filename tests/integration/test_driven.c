/* runs.driver: request. A run advances while a request for it is open, on whichever process; in between it is nobody's, and
 * nothing is sent. What the store holds is enough for the next request. */
#include "harness/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/cloud_server.h"
#include "harness/run_follower.h"
#include "harness/wait.h"

enum { N = 2, STEPS = 70, QUIET_MS = 400, PATH_MAX_BYTES = 512 };

#define KEY     "key-of-a-test-with-enough-letters"
#define URL     "https://proxy.example"
#define ACCOUNT "runner@qa.iam.gserviceaccount.com"

static struct {
    struct replicas replicas;
    struct cloud_server cloud;
    struct arena arena;
    struct issuer *issuer;
    char path[PATH_MAX_BYTES]; /* of its key set */
    const char *fields;        /* of each request; NULL: none */
    const char *run;           /* its address */
} here;

static struct arena *arena(void)
{
    return &here.replicas.platform.arena;
}

static int set_up(void **state)
{
    static const char *const sets[] = {"runs.driver=request", "upstream.timeout_ms=10000",
                                       "http.long_exchange_timeout_ms=1500", NULL};
    static const char *const platform[] = {"sandbox.latency=25ms", NULL};

    (void)state;
    replicas_start(&here.replicas,
                   &(struct replicas_options){.n = N, .sets = sets, .platform_sets = platform});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    replicas_stop(&here.replicas);
    return 0;
}

/* The same with Cloud Tasks, whose part the test plays: it has the tasks, and delivers them when it likes. */
static int set_up_tasks(void **state)
{
    static char jwks[PATH_MAX_BYTES + 32];
    static const char *const sets[] = {
        "runs.driver=request",
        "upstream.timeout_ms=10000",
        "http.long_exchange_timeout_ms=700",
        "auth.mode=keys,jwt",
        jwks,
        "auth.jwt.issuer=https://accounts.google.com",
        "auth.jwt.audience=" URL,
        "auth.jwt.permissions_claim=email",
        "auth.jwt.permissions=" ACCOUNT "=continue:runs",
        "runs.recall.queue=projects/qa/locations/europe-west1/queues/runs",
        "runs.recall.url=" URL,
        "runs.recall.account=" ACCOUNT,
        NULL};
    static const char *const platform[] = {"sandbox.latency=25ms", NULL};
    const char *env[CLOUD_ENV_MAX] = {"API_KEYS=" KEY};
    size_t n = 1;
    FILE *file;

    (void)state;
    arena_init(&here.arena);
    here.issuer = issuer_new(&here.arena);
    (void)snprintf(here.path, sizeof(here.path), "%s/keys-%d.json", VP_SCRATCH_DIR, (int)getpid());
    (void)snprintf(jwks, sizeof(jwks), "auth.jwt.jwks=%s", here.path);
    file = fopen(here.path, "we");
    assert_non_null(file);
    assert_true(fputs(arena_cstr(&here.arena, issuer_key_set(here.issuer, "")), file) >= 0);
    assert_int_equal(fclose(file), 0);
    cloud_server_start(&here.cloud, NULL);
    for (const char *const *row = cloud_server_env(&here.cloud, "keys", ""); *row != NULL; row++) {
        env[n++] = *row;
    }
    here.fields = "X-API-Key: " KEY "\r\n";
    replicas_start(
        &here.replicas,
        &(struct replicas_options){.n = N, .sets = sets, .platform_sets = platform, .env = env});
    return 0;
}

static int tear_down_tasks(void **state)
{
    (void)state;
    replicas_stop(&here.replicas);
    cloud_server_done(&here.cloud);
    issuer_free(here.issuer);
    arena_done(&here.arena);
    (void)remove(here.path);
    return 0;
}

static size_t n_steps(void)
{
    return sandbox_count(here.replicas.platform.program.sandbox_port, "POST", "/teststeps");
}

static bool is_at_work(size_t i)
{
    client_ask(here.replicas.programs[i].port, "GET", "/metrics", NULL, STR_EMPTY,
               &here.replicas.reply);
    return !str_contains(reply_text(&here.replicas.reply), STR("test_runs_active 0\n"));
}

/* Nobody asks, so nobody is at work: the pause is what the test is about. */
static void assert_rests(void)
{
    size_t before = sandbox_count(here.replicas.platform.program.sandbox_port, "", "");

    client_pause_ms(QUIET_MS);
    assert_int_equal(sandbox_count(here.replicas.platform.program.sandbox_port, "", ""), before);
    for (size_t i = 0; i < N; i++) {
        assert_false(is_at_work(i));
    }
}

/* The store stood still for longer than the request may take: nothing was done. */
static bool is_too_late(void)
{
    return here.replicas.reply.status == 503 || here.replicas.reply.status == 504;
}

static const struct json *begin_run(size_t i, const char *query)
{
    const struct json *answer;
    struct buf file;

    sandbox_forget_requests(here.replicas.platform.program.sandbox_port);
    buf_init(&file, 1 << 16);
    buf_text(&file, "{\"name\":\"Driven\",\"steps\":[");
    for (int n = 0; n < STEPS; n++) {
        buf_printf(&file, "%s{\"navigate\":\"https://n%d.example/\"}", n > 0 ? "," : "", n);
    }
    buf_text(&file, "]}");
    wait_until((answer = replicas_ask(&here.replicas, i, "POST",
                                      arena_printf(arena(), "/api/v1/tests/run?%s", query).ptr,
                                      here.fields, buf_cstr(&file)),
                !is_too_late()));
    buf_done(&file);
    here.run =
        arena_printf(arena(), "/api/v1/tests/runs/%.*s", STR_ARG(json_str(json_get(answer, "id"))))
            .ptr;
    return answer;
}

/* In the checkpoint of the run. */
static size_t n_there(void)
{
    const struct json *run = reply_json(&here.replicas.reply, arena());
    struct str id = json_str(json_find(run, "/tests/0/checkpoint_id"));
    const struct json *checkpoint =
        sandbox_call(here.replicas.platform.program.sandbox_port, SANDBOX_TOKEN, "GET",
                     arena_printf(arena(), "/testcases/%.*s", STR_ARG(id)).ptr, NULL, arena());

    return json_size(json_get(checkpoint, "steps"));
}

static int go_on(size_t i)
{
    wait_until(
        (replicas_ask(&here.replicas, i, "POST",
                      arena_printf(arena(), "%s/continue?timeout=1", here.run).ptr, NULL, NULL),
         !is_too_late()));
    return here.replicas.reply.status;
}

static bool says(const char *text)
{
    return str_contains(reply_text(&here.replicas.reply), str_from(text));
}

/* Whose turn it is changes with each request. */
static void a_run_advances_in_requests(void **state)
{
    size_t n_requests = 0;
    int status;

    (void)state;
    (void)begin_run(0, "async=true");
    assert_int_equal(here.replicas.reply.status, 202);
    assert_rests();
    assert_int_equal(n_steps(), 0);
    do {
        status = go_on(++n_requests % N);
        if (status == 202) {
            assert_true(reply_field(&here.replicas.reply, "Link").len > 0);
            assert_rests();
        }
        assert_true(n_requests < STEPS);
    } while (status == 202);
    assert_int_equal(status, 200);
    assert_true(says("\"status\":\"created\""));
    assert_true(n_requests > 1);
    assert_int_equal(n_steps(), STEPS);
}

/* The request that begins it is one of them; so is a GET. */
static void a_request_that_is_too_short_is_told_how_to_go_on(void **state)
{
    size_t before;

    (void)state;
    (void)begin_run(0, "");
    assert_int_equal(here.replicas.reply.status, 202);
    assert_true(says("\"status\":\"running\""));
    assert_true(reply_field(&here.replicas.reply, "Link").len > 0);
    before = n_steps();
    assert_true(before < STEPS);
    assert_rests();
    wait_until((replicas_ask(&here.replicas, 1, "GET", here.run, NULL, NULL), n_steps() > before));
    assert_int_equal(here.replicas.reply.status, 200);
    assert_rests();
    wait_until(go_on(0) == 200);
    assert_true(says("\"status\":\"created\""));
    assert_int_equal(n_steps(), STEPS);
}

/* Sends a request to process 0 that makes steps, without its answer. False: it was answered before the first one. */
static bool is_carried_out(struct client *client, const char *target, const char *fields,
                           struct str body)
{
    client_open(client, here.replicas.programs[0].port);
    assert_true(client_send_request(client, "POST", target, fields, body));
    wait_until(n_steps() >= 1 || client_can_read(client));
    if (n_steps() >= 1) {
        return true;
    }
    client_close(client);
    return false;
}

/* The second request finds that its own process carries the run out. It is answered when its time is over, like the
 * first. */
static void a_second_request_at_the_same_process_is_answered(void **state)
{
    struct client first;
    struct reply reply = {0};
    const char *target;

    (void)state;
    (void)begin_run(0, "async=true");
    target = arena_printf(arena(), "%s/continue", here.run).ptr;
    wait_until(is_carried_out(&first, target, NULL, STR_EMPTY));
    wait_until((replicas_ask(&here.replicas, 0, "POST", target, NULL, NULL), !is_too_late()));
    assert_in_range(here.replicas.reply.status, 200, 202);
    assert_int_equal(client_read(&first, false, &reply), CLIENT_OK);
    assert_in_range(reply.status, 200, 202);
    reply_done(&reply);
    client_close(&first);
    wait_until(go_on(0) == 200);
    assert_int_equal(n_steps(), STEPS);
}

/* Whoever follows the events drives the run; who goes on elsewhere misses none of them. */
static void a_stream_of_events_drives_a_run(void **state)
{
    struct run_follower watcher = {.replicas = &here.replicas, .replica = 1};
    uint16_t platform = here.replicas.platform.program.sandbox_port;
    int64_t seen;

    (void)state;
    watcher.id = arena_str(arena(), json_str(json_get(begin_run(0, "async=true"), "id")));
    assert_rests();
    assert_int_equal(n_steps(), 0);
    sandbox_hold_behind(platform, "POST /teststeps", STEPS / 2);
    wait_until((run_follower_follow(&watcher, 50), n_steps() >= 1));
    assert_false(watcher.done);
    seen = watcher.last;
    run_follower_end(&watcher);
    sandbox_release_all(platform);
    wait_until(!is_at_work(0) && !is_at_work(1));
    assert_rests();
    assert_true(n_steps() < STEPS);
    watcher = (struct run_follower){.replicas = &here.replicas, .last = seen};
    watcher.id = str_sub(str_from(here.run), str_from("/api/v1/tests/runs/").len, SIZE_MAX);
    wait_until((run_follower_follow(&watcher, 1000), watcher.done));
    assert_int_equal(n_steps(), STEPS);
    run_follower_end(&watcher);
}

static void without_a_store_it_is_refused(void **state)
{
    static const char *const args[] = {"check", "--set", "runs.driver=request", NULL};
    struct program program;

    (void)state;
    assert_int_not_equal(program_run(&program, args, NULL), 0);
    assert_true(program_wrote(&program, "runs.driver: with \"request\""));
    assert_true(program_wrote(&program, "set store.url"));
    program_done(&program);
}

static void a_queue_that_would_not_do_is_refused(void **state)
{
    static const char *const args[] = {"check",
                                       "--set",
                                       "runs.driver=request",
                                       "--set",
                                       "store.url=redis://127.0.0.1:9",
                                       "--set",
                                       "runs.recall.queue=runs",
                                       NULL};
    struct program program;

    (void)state;
    assert_int_not_equal(program_run(&program, args, NULL), 0);
    assert_true(program_wrote(&program, "runs.recall.queue: must be projects/"));
    assert_true(program_wrote(&program, "set runs.recall.url"));
    assert_true(program_wrote(&program, "set runs.recall.account"));
    assert_true(program_wrote(&program, "add jwt"));
    program_done(&program);
}

/* ---- tasks ---- */

/* The task that was made last for here.run. */
struct task_made {
    struct str path;   /* of this service */
    const char *token; /* "Authorization: Bearer ...", as Google signs it for the account */
};

static const char *token_for(const char *account)
{
    struct str claims = arena_printf(arena(),
                                     "{\"iss\": \"https://accounts.google.com\", \"aud\": \"" URL
                                     "\", \"sub\": \"1\", "
                                     "\"email\": \"%s\", \"email_verified\": true, \"exp\": %lld}",
                                     account, (long long)time(NULL) + 3600);

    return arena_printf(arena(), "Authorization: Bearer %.*s\r\n",
                        STR_ARG(issuer_sign(here.issuer, "RS256",
                                            "{\"alg\": \"RS256\", \"kid\": \"rsa\"}", claims.ptr)))
        .ptr;
}

/* A task of an earlier run may be made at any time: one that was asked for when its request ended. */
static const char *last_recall(void)
{
    struct str id = str_from(strrchr(here.run, '/') + 1);

    return cloud_server_recall(&here.cloud, arena_printf(arena(), "/tasks/%.*s-", STR_ARG(id)));
}

static struct task_made last_task(void)
{
    const char *recall = last_recall();
    struct json *root = NULL;
    struct str url;

    assert_non_null(recall);
    assert_int_equal(json_parse(arena(), arena_str(arena(), str_from(recall)), NULL, &root, NULL),
                     ERR_OK);
    url = json_str(json_find(root, "/task/httpRequest/url"));
    assert_true(str_starts(url, STR(URL "/api/v1/tests/runs/")));
    assert_true(str_is(json_str(json_find(root, "/task/httpRequest/oidcToken/audience")), URL));
    return (struct task_made){
        .path = str_sub(url, sizeof(URL) - 1, url.len),
        .token =
            token_for(arena_cstr(arena(), json_str(json_find(root, "/task/httpRequest/oidcToken/"
                                                                   "serviceAccountEmail")))),
    };
}

/* So many were made for here.run: they are numbered. */
static unsigned n_tasks(void)
{
    static const char number[] = "recall=";
    const char *recall = last_recall();
    const char *at = recall != NULL ? strstr(recall, number) : NULL;

    assert_true(recall == NULL || at != NULL);
    return at != NULL ? (unsigned)strtoul(at + sizeof(number) - 1, NULL, 10) : 0;
}

static int deliver(size_t i, struct task_made task)
{
    (void)replicas_ask(&here.replicas, i, "POST", arena_cstr(arena(), task.path), task.token, NULL);
    return here.replicas.reply.status;
}

static bool is_created(size_t i)
{
    (void)replicas_ask(&here.replicas, i, "GET", here.run, here.fields, NULL);
    return says("\"status\":\"created\"");
}

/* Until no task is left. Each comes twice, as it may, at two processes; the second one makes no task more. */
static size_t deliver_all(size_t i)
{
    size_t n = 0;
    unsigned n_made;

    do {
        struct task_made task = last_task();

        n_made = n_tasks();
        wait_until(deliver(i, task) == 204); /* as Cloud Tasks does */
        assert_true(n_tasks() <= n_made + 1);
        assert_true(n++ < STEPS);
    } while (n_tasks() > n_made);
    return n;
}

/* The process that began the run is frozen as soon as it has answered. */
static void tasks_carry_a_run_on(void **state)
{
    struct task_made first;

    (void)state;
    (void)begin_run(0, "");
    assert_int_equal(here.replicas.reply.status, 202);
    assert_int_equal(n_tasks(), 1);
    program_signal(&here.replicas.programs[0], SIGSTOP);
    first = last_task();
    assert_true(deliver_all(1) > 1);
    assert_true(is_created(1));
    assert_int_equal(n_steps(), STEPS);
    wait_until(deliver(1, first) == 204); /* once more, when all is done */
    program_signal(&here.replicas.programs[0], SIGCONT);
    wait_until(deliver(0, first) == 204);
    assert_int_equal(n_steps(), STEPS);
}

/* One that comes twice before the run is over: both ask for the same next one. */
static void a_task_that_comes_twice_makes_one_more(void **state)
{
    struct task_made task;
    unsigned n_duplicates;

    (void)state;
    (void)begin_run(0, "async=true");
    assert_int_equal(here.replicas.reply.status, 202);
    assert_true(reply_field(&here.replicas.reply, "Link").len > 0);
    assert_int_equal(n_tasks(), 1);
    assert_int_equal(n_steps(), 0);
    task = last_task();
    wait_until(deliver(0, task) == 204);
    assert_int_equal(n_tasks(), 2);
    n_duplicates = here.cloud.seen->n_duplicates;
    wait_until(deliver(1, task) == 204);
    assert_int_equal(n_tasks(), 2);
    assert_true(here.cloud.seen->n_duplicates > n_duplicates);
    (void)deliver_all(0);
    assert_true(is_created(1));
    assert_int_equal(n_steps(), STEPS);
}

/* True: a run began after the one at `before`, which is here.run now. */
static bool has_begun(const char *before)
{
    const struct json *answer =
        replicas_ask(&here.replicas, 0, "GET", "/api/v1/tests/runs?limit=1", here.fields, NULL);

    if (here.replicas.reply.status == 200) {
        here.run = arena_printf(arena(), "/api/v1/tests/runs/%.*s",
                                STR_ARG(json_str(json_find(answer, "/runs/0/id"))))
                       .ptr;
    }
    return strcmp(here.run, before) != 0;
}

/* Of one step, which is held. False: the request was answered before. */
static bool is_left_at_its_step(struct client *client, const char *before)
{
    client_open(client, here.replicas.programs[0].port);
    assert_true(client_send_request(
        client, "POST", "/api/v1/tests/run",
        "X-API-Key: " KEY "\r\nContent-Type: application/json\r\n",
        STR("{\"name\":\"Left\",\"steps\":[{\"navigate\":\"https://n.example/\"}]}")));
    wait_until(has_begun(before) || client_can_read(client));
    wait_until(n_steps() == 1 || n_tasks() > 0 || client_can_read(client));
    return n_steps() == 1 && n_tasks() == 0 && has_begun(before);
}

/* Whoever began it does not wait for it: a task is made all the same. */
static void a_client_that_leaves_is_not_needed(void **state)
{
    uint16_t platform = here.replicas.platform.program.sandbox_port;
    struct client client;

    (void)state;
    for (;;) {
        const char *before = here.run;

        sandbox_forget_requests(platform);
        sandbox_hold(platform, "POST /teststeps");
        if (is_left_at_its_step(&client, before)) {
            break;
        }
        client_close(&client); /* the time of the request was over first: once more */
        sandbox_release_all(platform);
        if (has_begun(before)) {
            (void)deliver_all(1);
        }
    }
    client_close(&client);
    wait_until(n_tasks() == 1);
    sandbox_release_all(platform);
    (void)deliver_all(1);
    assert_int_equal(n_steps(), 1);
}

/* A process that dies in the middle: the task that it had comes once more, to another one. */
static void a_killed_process_loses_no_run(void **state)
{
    struct client client;
    unsigned n_made;

    (void)state;
    (void)begin_run(0, "async=true");
    for (;;) {
        struct task_made task = last_task();

        n_made = n_tasks();
        if (is_carried_out(&client, arena_cstr(arena(), task.path), task.token, STR_EMPTY) &&
            n_tasks() == n_made) {
            break;
        }
        client_close(&client); /* the time of the task was over first: the next one goes on */
    }
    replicas_kill(&here.replicas, 0);
    client_close(&client);
    (void)deliver_all(1);
    assert_true(is_created(1));
    assert_int_equal(n_there(), STEPS);
    replicas_start_one(&here.replicas, 0);
}

/* The queue is away: who began the run is told where to go on; a task is refused, so that it comes again. */
static void nobody_can_be_asked(void **state)
{
    struct task_made task;
    const char *first;

    (void)state;
    (void)begin_run(0, "async=true");
    first = here.run;
    task = last_task();
    here.cloud.seen->is_away = true;
    wait_until(deliver(1, task) == 503 && says("nobody could be asked to go on"));
    (void)begin_run(0, "async=true");
    assert_int_equal(here.replicas.reply.status, 202);
    assert_true(reply_field(&here.replicas.reply, "Link").len > 0);
    program_wait_wrote(&here.replicas.programs[1], "run.not_recalled", WAIT_MS);
    client_ask(here.replicas.programs[1].port, "GET", "/metrics", here.fields, STR_EMPTY,
               &here.replicas.reply);
    assert_true(says("run_recalls_total{result=\"error\"} 1\n"));
    client_ask(here.replicas.programs[1].port, "GET", "/health", here.fields, STR_EMPTY,
               &here.replicas.reply);
    assert_true(says("\"runs.recall\":{\"status\":\"warn\""));
    here.cloud.seen->is_away = false;
    here.run = first; /* the other one has no task */
    wait_until(deliver(1, task) == 204);
    (void)deliver_all(1);
}

static int ask_to_continue(struct str path, const char *fields)
{
    (void)replicas_ask(&here.replicas, 0, "POST", arena_cstr(arena(), path), fields, NULL);
    return here.replicas.reply.status;
}

/* A name alone opens nothing; nor does the right to continue open anything else. */
static void others_are_not_let_in(void **state)
{
    struct task_made task;
    struct str own;

    (void)state;
    (void)begin_run(0, "async=true");
    task = last_task();
    own = arena_printf(arena(), "%s/continue", here.run);
    assert_int_equal(ask_to_continue(task.path, NULL), 401);
    assert_int_equal(ask_to_continue(task.path, token_for("other@qa.iam.gserviceaccount.com")),
                     403);
    assert_int_equal(ask_to_continue(own, task.token), 403);
    assert_int_equal(ask_to_continue(STR("/api/v1/sessions"), task.token), 403);
    (void)replicas_ask(&here.replicas, 0, "GET", here.run, task.token, NULL);
    assert_int_equal(here.replicas.reply.status, 403);
    assert_int_equal(n_steps(), 0);
    (void)deliver_all(0);
}

/* While a lease is let go an answer waits (src/api/gate/rest.c): who is refused before that has nothing done all the same. */
static void who_is_refused_has_nothing_done(void **state)
{
    static const char stranger[] = "X-API-Key: not-a-key-of-anybody\r\n";
    struct task_made task;
    size_t before;

    (void)state;
    (void)begin_run(0, "async=true");
    task = last_task();
    (void)deliver_all(0);
    before = sandbox_count(here.replicas.platform.program.sandbox_port, "", "");
    for (int i = 0; i < 3; i++) {
        (void)replicas_ask(
            &here.replicas, 0, "POST", "/api/v1/tests/run", i == 0 ? stranger : task.token,
            "{\"name\":\"Not mine\",\"steps\":[{\"navigate\":\"https://x.example/\"}]}");
        assert_int_equal(here.replicas.reply.status, i == 0 ? 401 : 403);
        (void)replicas_ask(&here.replicas, 0, "DELETE", here.run, stranger, NULL);
        assert_int_equal(here.replicas.reply.status, 401);
        (void)replicas_ask(&here.replicas, 0, "GET", here.run, task.token, NULL);
        assert_int_equal(here.replicas.reply.status, 403);
        (void)replicas_ask(&here.replicas, 0, "GET", here.run, here.fields, NULL);
        assert_int_equal(here.replicas.reply.status, 200); /* what it held is let go */
    }
    assert_int_equal(sandbox_count(here.replicas.platform.program.sandbox_port, "", ""), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_advances_in_requests),
        cmocka_unit_test(a_request_that_is_too_short_is_told_how_to_go_on),
        cmocka_unit_test(a_second_request_at_the_same_process_is_answered),
        cmocka_unit_test(a_stream_of_events_drives_a_run),
        cmocka_unit_test(without_a_store_it_is_refused),
        cmocka_unit_test(a_queue_that_would_not_do_is_refused),
    };
    const struct CMUnitTest with_tasks[] = {
        cmocka_unit_test(tasks_carry_a_run_on),
        cmocka_unit_test(a_task_that_comes_twice_makes_one_more),
        cmocka_unit_test(a_client_that_leaves_is_not_needed),
        cmocka_unit_test(a_killed_process_loses_no_run),
        cmocka_unit_test(nobody_can_be_asked),
        cmocka_unit_test(others_are_not_let_in),
        cmocka_unit_test(who_is_refused_has_nothing_done),
    };

    if (!redis_server_is_there()) {
        print_message("skipped: no redis-server, so no run outlasts its request\n");
        return 0;
    }
    return cmocka_run_group_tests_name("driven", tests, set_up, tear_down) +
           cmocka_run_group_tests_name("driven by tasks", with_tasks, set_up_tasks,
                                       tear_down_tasks);
}
