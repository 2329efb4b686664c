/* Commands through a hop that breaks what passes (harness/planter.h), with Idempotency-Keys and
 * retries: no step exists twice, every success is true, every answer is the caller's own. With
 * VP_LONG=1, and without a sanitizer always, these are 10,000 commands. */
#include "harness/cmocka.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "harness/planter.h"
#include "harness/proxy.h"

enum { CLIENTS = 16, CHECKPOINTS = 16, FIRST_CHECKPOINT = 3000000, TRIES = 4 };

/* UNREADABLE: the step's answer could not be read, or the count before it: a retry with the key tells. */
enum told { NOT_ASKED, MADE, FAILED, UNREADABLE, UNKNOWN };

struct command {
    enum told told;
    int64_t id;
    unsigned n_steps; /* that stand on the platform */
};

struct load {
    struct proxy platform; /* only its sandbox is used */
    struct planter planter;
    struct program program; /* the proxy that is tested */
    struct arena arena;     /* of a round */
    struct reply reply;
    struct client clients[CLIENTS];
    struct str sessions[CHECKPOINTS];
    struct command *commands;
    size_t n_commands;
    size_t n_repeats;
    size_t n_reads;
};

/* Command n goes to this checkpoint, and says so in its text. */
static int64_t checkpoint_of(size_t n)
{
    return FIRST_CHECKPOINT + (int64_t)(n % CHECKPOINTS);
}

static void open_proxy(struct load *load)
{
    const char *args[] = {"serve",
                          "--listen",
                          "127.0.0.1:0",
                          "--set",
                          NULL,
                          "--set",
                          "auth.mode=none",
                          "--set",
                          "drain.notice_ms=0",
                          "--set",
                          "log.level=error",
                          "--set",
                          "upstream.retry_base_ms=1",
                          "--set",
                          "upstream.retry_budget_percent=100",
                          NULL};
    static const char *const env[] = {"VIRTUOSO_API_TOKEN=" SANDBOX_TOKEN, NULL};

    args[4] = arena_printf(&load->platform.arena, "upstream.base_url=http://127.0.0.1:%d/api",
                           (int)load->planter.port)
                  .ptr;
    program_serve(&load->program, args, env);
}

static void seed(struct load *load)
{
    struct buf ids;

    buf_init(&ids, 4096);
    for (size_t i = 0; i < CHECKPOINTS; i++) {
        buf_text(&ids, i > 0 ? "," : "{\"checkpoints\":[");
        buf_int(&ids, checkpoint_of(i));
    }
    buf_text(&ids, "]}");
    sandbox_seed_ids(load->platform.program.sandbox_port, buf_cstr(&ids));
    buf_done(&ids);
}

/* Every other checkpoint is written to by a session. */
static void open_sessions(struct load *load)
{
    for (size_t i = 0; i < CHECKPOINTS; i += 2) {
        struct str body = arena_printf(&load->platform.arena, "{\"checkpoint_id\":%lld}",
                                       (long long)checkpoint_of(i));

        client_ask(load->program.port, "POST", "/api/v1/sessions",
                   "Content-Type: application/json\r\n", body, &load->reply);
        assert_int_equal(load->reply.status, 201);
        load->sessions[i] =
            json_str(json_get(reply_json(&load->reply, &load->platform.arena), "session_id"));
    }
}

/* ---- one command ---- */

static void send(struct load *load, size_t at, size_t n)
{
    struct str session = load->sessions[n % CHECKPOINTS];
    struct str fields = arena_printf(&load->arena,
                                     "Content-Type: application/json\r\nIdempotency-Key: k%zu\r\n"
                                     "%s%.*s%s",
                                     n, session.len > 0 ? "X-Session-Id: " : "", STR_ARG(session),
                                     session.len > 0 ? "\r\n" : "");
    struct str body = arena_printf(
        &load->arena, "{\"command\":\"step-misc comment\",\"args\":[\"c%lld n%zu\"]%s%.*s}",
        (long long)checkpoint_of(n), n, session.len > 0 ? "" : ",\"checkpoint_id\":",
        STR_ARG(session.len > 0 ? STR_EMPTY
                                : arena_printf(&load->arena, "%lld", (long long)checkpoint_of(n))));

    assert_true(client_send_request(&load->clients[at], "POST", "/api/v1/commands/execute",
                                    fields.ptr, body));
}

/* What the reply says of command n. */
static enum told take(struct load *load, size_t at, size_t n)
{
    struct command *command = &load->commands[n];
    const struct json *answer;
    int64_t id;

    load->clients[at].timeout_ms = 60000;
    assert_int_equal(client_read(&load->clients[at], false, &load->reply), CLIENT_OK);
    answer = reply_json(&load->reply, &load->arena);
    if (load->reply.status != 200) {
        struct str code = json_str(json_get(answer, "code"));

        return str_is(code, "outcome_unknown")       ? UNKNOWN
               : str_is(code, "upstream_unreadable") ? UNREADABLE
                                                     : FAILED;
    }
    assert_true(str_to_i64(json_str(json_find(answer, "/data/step_id")), 1, INT64_MAX, &id));
    assert_true(command->told != MADE || command->id == id); /* a replay names the same step */
    assert_int_equal(command->id != 0 ? command->id : id, id);
    command->id = id;
    return MADE;
}

static bool is_replay(const struct load *load)
{
    return str_is(reply_field(&load->reply, "Idempotency-Replayed"), "true");
}

/* The reply to command n; a key that is held gives the same one again. */
static void take_told(struct load *load, size_t at, size_t n)
{
    struct command *command = &load->commands[n];
    enum told before = command->told;

    command->told = take(load, at, n);
    if (before == MADE || before == UNKNOWN) {
        assert_true(is_replay(load));
        assert_int_equal(command->told, before);
        load->n_repeats++;
    }
}

/* Sends each of the commands first..first+n, and again what failed; some that did not, too. */
static void one_round(struct load *load, size_t first, size_t n)
{
    for (int try = 0; try < TRIES; try++) {
        bool asks[CLIENTS] = {false};

        for (size_t i = 0; i < n; i++) {
            enum told told = load->commands[first + i].told;

            asks[i] = try == 0 || told == FAILED || told == UNREADABLE || (try == 1 && i % 4 == 0);
            if (asks[i]) {
                send(load, i, first + i);
            }
        }
        for (size_t i = 0; i < n; i++) {
            if (asks[i]) {
                take_told(load, i, first + i);
            }
        }
    }
}

/* A look at a checkpoint in between: whatever comes is about that one. */
static void look(struct load *load, size_t n)
{
    struct str path = arena_printf(&load->arena, "/virtuoso/testcases/%lld?envelope=false",
                                   (long long)checkpoint_of(n));
    struct str wanted = arena_printf(&load->arena, "c%lld ", (long long)checkpoint_of(n));
    struct json *answer = NULL;
    const struct json *step;

    if (!client_send_request(&load->clients[0], "GET", path.ptr, NULL, STR_EMPTY) ||
        client_read(&load->clients[0], false, &load->reply) != CLIENT_OK) {
        client_close(&load->clients[0]); /* a streamed answer that was cut */
        client_open(&load->clients[0], load->program.port);
        return;
    }
    if (load->reply.status == 200 &&
        json_parse(&load->arena, reply_text(&load->reply), NULL, &answer, NULL) == ERR_OK) {
        JSON_FOREACH (step, json_get(answer, "steps")) {
            assert_true(str_starts(json_str(json_get(step, "value")), wanted));
        }
        load->n_reads += json_get(answer, "steps") != NULL;
    }
}

/* ---- judging ---- */

static void take_step(struct load *load, const struct json *step, int64_t checkpoint)
{
    struct str text = json_str(json_get(step, "value"));
    struct str head;
    struct str number;
    int64_t n;
    int64_t id;

    assert_true(str_cut(text, 'n', &head, &number));
    assert_true(str_to_i64(number, 0, (int64_t)load->n_commands - 1, &n));
    assert_true(json_to_i64(json_get(step, "id"), &id));
    assert_int_equal(checkpoint_of((size_t)n), checkpoint);
    load->commands[n].n_steps++;
    if (load->commands[n].told == MADE) {
        assert_int_equal(load->commands[n].id, id);
    }
}

static void judge(struct load *load)
{
    size_t counts[UNKNOWN + 1] = {0};
    size_t n_exist = 0;

    for (size_t i = 0; i < CHECKPOINTS; i++) {
        struct str path =
            arena_printf(&load->arena, "/testcases/%lld", (long long)checkpoint_of(i));
        const struct json *step;

        JSON_FOREACH (step,
                      json_get(sandbox_call(load->platform.program.sandbox_port, SANDBOX_TOKEN,
                                            "GET", path.ptr, NULL, &load->arena),
                               "steps")) {
            take_step(load, step, checkpoint_of(i));
        }
    }
    for (size_t n = 0; n < load->n_commands; n++) {
        const struct command *command = &load->commands[n];

        if (command->n_steps > 1 || (command->told == MADE && command->n_steps != 1) ||
            (command->told == FAILED && command->n_steps != 0)) {
            fail_msg("command %zu: told %d, stands there %u times", n, (int)command->told,
                     command->n_steps);
        }
        counts[command->told == UNREADABLE ? UNKNOWN : command->told]++;
        n_exist += command->told == UNKNOWN || command->told == UNREADABLE ? command->n_steps : 0;
    }
    (void)printf("%zu commands: %zu made, %zu failed, %zu not known (%zu of them made); "
                 "%zu repeats, %zu looks\n",
                 load->n_commands, counts[MADE], counts[FAILED], counts[UNKNOWN], n_exist,
                 load->n_repeats, load->n_reads);
    assert_int_equal(counts[NOT_ASKED], 0);
    assert_true(counts[MADE] > load->n_commands * 3 / 4);
    assert_true(load->n_reads > 0 && load->n_repeats > 0);
}

/* Every kind of fault was met. */
static void judge_planter(const struct planter *planter)
{
    for (int plant = PLANT_NOTHING + 1; plant < PLANT_N; plant++) {
        (void)printf("%u ", planter->shared->n[plant]);
    }
    (void)printf("faults by kind, %u connections\n", planter->shared->n_connections);
    for (int plant = PLANT_NOTHING + 1; plant < PLANT_N; plant++) {
        assert_true(planter->shared->n[plant] > 0 || plant == PLANT_AWAY);
    }
}

static void no_fault_makes_a_step_twice_or_a_success_false(void **state)
{
    static const char *const sets[] = {"log.level=error", "sandbox.max_requests_kept=0", NULL};
    struct load *load = mem_zalloc(sizeof(*load));

    (void)state;
    load->n_commands = getenv("VP_LONG") != NULL || client_slowness() <= 1 ? 10000
                       : client_slowness() > 5                             ? 320
                                                                           : 1600;
    load->commands = mem_calloc(load->n_commands, sizeof(*load->commands));
    arena_init(&load->arena);
    reply_init(&load->reply);
    proxy_start(&load->platform, sets);
    planter_start(&load->planter, load->platform.program.sandbox_port, 20240229);
    open_proxy(load);
    seed(load);
    open_sessions(load);
    for (size_t i = 0; i < CLIENTS; i++) {
        client_open(&load->clients[i], load->program.port);
    }
    for (size_t n = 0; n < load->n_commands; n += CLIENTS) {
        size_t left = load->n_commands - n;

        one_round(load, n, left < CLIENTS ? left : CLIENTS);
        look(load, n / CLIENTS);
        arena_reset(&load->arena);
    }
    load->planter.shared->on = false;
    judge(load);
    judge_planter(&load->planter);
    for (size_t i = 0; i < CLIENTS; i++) {
        client_close(&load->clients[i]);
    }
    program_stop(&load->program);
    program_done(&load->program);
    planter_done(&load->planter);
    proxy_stop(&load->platform);
    reply_done(&load->reply);
    arena_done(&load->arena);
    mem_free(load->commands);
    mem_free(load);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_fault_makes_a_step_twice_or_a_success_false),
    };

    return cmocka_run_group_tests_name("planted", tests, NULL, NULL);
}
