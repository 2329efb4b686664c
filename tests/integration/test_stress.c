/* Many creates against a platform that breaks connections: no step exists twice, every reply that
 * says success is true, every other one says honestly what is known, and the steps of a session
 * stand in order. */
#include "harness/cmocka.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "harness/proxy.h"

enum { CLIENTS = 50, FIRST_CHECKPOINT = 3000000 };

enum outcome { NOT_ASKED, MADE, REFUSED, UNKNOWN };

struct load {
    struct proxy proxy;
    struct client clients[CLIENTS];
    struct str *sessions;
    size_t n_sessions;
    size_t n_rounds;        /* commands per session */
    enum outcome *outcomes; /* [session][round] */
    int64_t *positions;     /* the same: where the step was told to stand */
    size_t counts[UNKNOWN + 1];
};

static void make_checkpoints(struct load *load)
{
    struct buf text;

    buf_init(&text, 1U << 20);
    buf_text(&text, "{\"checkpoints\":[");
    for (size_t i = 0; i < load->n_sessions; i++) {
        buf_printf(&text, "%s%zu", i > 0 ? "," : "", FIRST_CHECKPOINT + i);
    }
    buf_text(&text, "]}");
    sandbox_seed_ids(load->proxy.program.sandbox_port, buf_cstr(&text));
    buf_done(&text);
}

static void make_sessions(struct load *load)
{
    load->sessions = arena_calloc(&load->proxy.arena, load->n_sessions, sizeof(*load->sessions));
    for (size_t i = 0; i < load->n_sessions; i++) {
        struct str body =
            arena_printf(&load->proxy.arena, "{\"checkpoint_id\":%zu}", FIRST_CHECKPOINT + i);
        const struct json *answer =
            proxy_ask_str(&load->proxy, "POST", "/api/v1/sessions", NULL, body);

        load->sessions[i] = json_str(json_get(answer, "session_id"));
    }
}

static enum outcome outcome_of(const struct reply *reply, struct arena *arena)
{
    struct str code;

    if (reply->status == 200) {
        return MADE;
    }
    code = json_str(json_get(reply_json(reply, arena), "code"));
    if (str_is(code, "outcome_unknown") || str_is(code, "upstream_timeout")) {
        return UNKNOWN;
    }
    return REFUSED;
}

static void send_command(struct load *load, size_t at, size_t session, size_t round)
{
    struct arena arena;
    struct str fields;
    struct str body;

    arena_init(&arena);
    fields = arena_printf(&arena, "Content-Type: application/json\r\nX-Session-Id: %.*s\r\n",
                          STR_ARG(load->sessions[session]));
    body = arena_printf(&arena, "{\"command\":\"step-misc comment\",\"args\":[\"n%zu\"]}", round);
    assert_true(client_send_request(&load->clients[at], "POST", "/api/v1/commands/execute",
                                    fields.ptr, body));
    arena_done(&arena);
}

static void take_reply(struct load *load, size_t at, size_t session, size_t round)
{
    struct arena arena;
    enum outcome outcome;

    arena_init(&arena);
    assert_int_equal(client_read(&load->clients[at], false, &load->proxy.reply), CLIENT_OK);
    outcome = outcome_of(&load->proxy.reply, &arena);
    if (outcome == MADE) {
        assert_true(json_to_i64(json_find(reply_json(&load->proxy.reply, &arena), "/data/position"),
                                &load->positions[session * load->n_rounds + round]));
    }
    load->outcomes[session * load->n_rounds + round] = outcome;
    load->counts[outcome]++;
    arena_done(&arena);
}

static void run(struct load *load)
{
    for (size_t round = 0; round < load->n_rounds; round++) {
        for (size_t from = 0; from < load->n_sessions; from += CLIENTS) {
            for (size_t i = 0; i < CLIENTS && from + i < load->n_sessions; i++) {
                send_command(load, i, from + i, round);
            }
            for (size_t i = 0; i < CLIENTS && from + i < load->n_sessions; i++) {
                take_reply(load, i, from + i, round);
            }
        }
    }
}

/* The steps of one session as the platform holds them: numbers rise, none twice; and each outcome
 * is true. */
static void check_session(struct load *load, size_t session)
{
    struct arena arena;
    struct str path;
    const struct json *step;
    bool *stands = arena_calloc(&load->proxy.arena, load->n_rounds, sizeof(*stands));
    int64_t last = -1;
    int64_t place = 0;

    arena_init(&arena);
    path = arena_printf(&arena, "/testcases/%zu", FIRST_CHECKPOINT + session);
    JSON_FOREACH (step, json_get(sandbox_call(load->proxy.program.sandbox_port, SANDBOX_TOKEN,
                                              "GET", path.ptr, NULL, &arena),
                                 "steps")) {
        struct str text = json_str(json_get(step, "value"));
        int64_t number;

        assert_true(
            str_to_i64(str_sub(text, 1, text.len), 0, (int64_t)load->n_rounds - 1, &number));
        assert_true(number > last);
        last = number;
        stands[number] = true;
        if (load->outcomes[session * load->n_rounds + (size_t)number] == MADE) {
            assert_int_equal(load->positions[session * load->n_rounds + (size_t)number], place);
        }
        place++;
    }
    for (size_t round = 0; round < load->n_rounds; round++) {
        enum outcome outcome = load->outcomes[session * load->n_rounds + round];

        if ((outcome == MADE && !stands[round]) || (outcome == REFUSED && stands[round])) {
            fail_msg("session %zu, command %zu: told %d, the platform says %d", session, round,
                     (int)outcome, (int)stands[round]);
        }
    }
    arena_done(&arena);
}

static void run_load(size_t n_sessions, size_t n_rounds, const char *const *faults)
{
    static const char *const sets[] = {"log.level=warn", "sessions.max_active=2000",
                                       "upstream.timeout_ms=10000", "sandbox.max_requests_kept=0",
                                       NULL};
    struct load *load = mem_zalloc(sizeof(*load));

    load->n_sessions = n_sessions;
    load->n_rounds = n_rounds;
    load->outcomes = mem_calloc(n_sessions * n_rounds, sizeof(*load->outcomes));
    load->positions = mem_calloc(n_sessions * n_rounds, sizeof(*load->positions));
    proxy_start(&load->proxy, sets);
    make_checkpoints(load);
    make_sessions(load);
    for (; *faults != NULL; faults++) {
        sandbox_fault(load->proxy.program.sandbox_port, *faults);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        client_open(&load->clients[i], load->proxy.program.port);
    }
    run(load);
    sandbox_clear_faults(load->proxy.program.sandbox_port);
    for (size_t i = 0; i < n_sessions; i++) {
        check_session(load, i);
    }
    (void)printf("%zu commands in %zu sessions: %zu made, %zu refused, %zu not known\n",
                 n_sessions * n_rounds, n_sessions, load->counts[MADE], load->counts[REFUSED],
                 load->counts[UNKNOWN]);
    assert_true(load->counts[MADE] > n_sessions * n_rounds / 2);
    for (size_t i = 0; i < CLIENTS; i++) {
        client_close(&load->clients[i]);
    }
    proxy_stop(&load->proxy);
    mem_free(load->outcomes);
    mem_free(load->positions);
    mem_free(load);
}

static void no_step_exists_twice_while_connections_break(void **state)
{
    static const char *const faults[] = {
        "{\"match\":\"POST /teststeps\",\"times\":-1,\"close\":\"before\",\"probability\":0.05}",
        "{\"match\":\"POST /teststeps\",\"times\":-1,\"close\":\"mid\",\"probability\":0.05}",
        "{\"match\":\"POST /teststeps\",\"times\":-1,\"close\":\"after\",\"probability\":0.05}",
        NULL,
    };

    (void)state;
    run_load(100, 100 / client_slowness(), faults);
}

static void a_thousand_sessions_have_no_gap_and_no_duplicate(void **state)
{
    static const char *const faults[] = {
        "{\"match\":\"POST /teststeps\",\"times\":-1,\"status\":503,\"probability\":0.01}",
        "{\"match\":\"POST /teststeps\",\"times\":-1,\"close\":\"before\",\"probability\":0.01}",
        "{\"match\":\"GET /checkpoints\",\"times\":-1,\"status\":503,\"probability\":0.01}",
        NULL,
    };

    (void)state;
    run_load(1000 / client_slowness(), 100, faults);
}

/* ---- equal steps ---- */

/* Everybody makes the same step in the same checkpoint, without a session: nothing but the
 * platform's ids tells one from another. Each success names a step of its own that stands there. */
struct equals {
    struct proxy proxy;
    struct client clients[CLIENTS];
    int64_t *ids; /* told with success */
    size_t n_ids;
    size_t n_unknown;
    size_t n_found; /* when they were read back */
};

static void take_equal(struct equals *load, size_t at)
{
    struct arena arena;
    const struct json *answer;
    int64_t id;

    arena_init(&arena);
    assert_int_equal(client_read(&load->clients[at], false, &load->proxy.reply), CLIENT_OK);
    answer = reply_json(&load->proxy.reply, &arena);
    if (load->proxy.reply.status == 200) {
        assert_true(str_to_i64(json_str(json_find(answer, "/data/step_id")), 1, INT64_MAX, &id));
        load->ids[load->n_ids++] = id;
        load->n_found += json_size(json_get(answer, "warnings"));
    } else {
        assert_true(str_is(json_str(json_get(answer, "code")), "outcome_unknown"));
        load->n_unknown++;
    }
    arena_done(&arena);
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void check_equals(struct equals *load)
{
    struct arena arena;
    const struct json *step;
    size_t n_steps = 0;
    size_t n_named = 0;

    qsort(load->ids, load->n_ids, sizeof(*load->ids), compare_ids);
    for (size_t i = 1; i < load->n_ids; i++) {
        assert_true(load->ids[i - 1] != load->ids[i]);
    }
    arena_init(&arena);
    JSON_FOREACH (step, json_get(sandbox_call(load->proxy.program.sandbox_port, SANDBOX_TOKEN,
                                              "GET", "/testcases/3000000", NULL, &arena),
                                 "steps")) {
        int64_t id;

        assert_true(json_to_i64(json_get(step, "id"), &id));
        n_named += bsearch(&id, load->ids, load->n_ids, sizeof(id), compare_ids) != NULL;
        n_steps++;
    }
    (void)printf("%zu equal steps: %zu told, %zu not known\n", n_steps, load->n_ids,
                 load->n_unknown);
    assert_int_equal(n_named, load->n_ids);
    assert_true(load->n_found > 0 && load->n_unknown > 0); /* faults were met, both kinds */
    assert_int_equal(n_steps, load->n_ids);                /* whatever was made was told of */
    arena_done(&arena);
}

static void each_of_many_equal_steps_is_told_once(void **state)
{
    static const char *const sets[] = {"log.level=warn", "sandbox.max_requests_kept=0", NULL};
    static const char *const faults[] = {"before", "mid", "after"};
    static const char body[] = "{\"command\":\"step-interact click\",\"args\":[\"Sign in\"],"
                               "\"checkpoint_id\":3000000}";
    struct equals *load = mem_zalloc(sizeof(*load));
    size_t rounds = 20 / client_slowness();

    (void)state;
    load->ids = mem_calloc(CLIENTS * rounds, sizeof(*load->ids));
    proxy_start(&load->proxy, sets);
    sandbox_seed_ids(load->proxy.program.sandbox_port, "{\"checkpoints\":[3000000]}");
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        sandbox_fault(load->proxy.program.sandbox_port,
                      arena_printf(&load->proxy.arena,
                                   "{\"match\":\"POST /teststeps\",\"times\":-1,\"close\":\"%s\","
                                   "\"probability\":0.05}",
                                   faults[i])
                          .ptr);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        client_open(&load->clients[i], load->proxy.program.port);
    }
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < CLIENTS; i++) {
            assert_true(client_send_request(&load->clients[i], "POST", "/api/v1/commands/execute",
                                            "Content-Type: application/json\r\n", str_from(body)));
        }
        for (size_t i = 0; i < CLIENTS; i++) {
            take_equal(load, i);
        }
    }
    sandbox_clear_faults(load->proxy.program.sandbox_port);
    check_equals(load);
    for (size_t i = 0; i < CLIENTS; i++) {
        client_close(&load->clients[i]);
    }
    proxy_stop(&load->proxy);
    mem_free(load->ids);
    mem_free(load);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_step_exists_twice_while_connections_break),
        cmocka_unit_test(a_thousand_sessions_have_no_gap_and_no_duplicate),
        cmocka_unit_test(each_of_many_equal_steps_is_told_once),
    };

    return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
