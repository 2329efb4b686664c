/* Many calls begin at once, and no connection rests: few are made in a turn of the loop, and the calls
 * get them in order. */
#include "bench_up.h"

#include "upstream/upstream_internal.h"

int test_opens(void);

enum { N_CALLS = 100, LATE_MS = 10 * 1000 };

static struct bench bench;
static struct probe probes[N_CALLS];

static int begin(void **state)
{
    (void)state;
    bench_begin(&bench);
    bench.options.max_active = N_CALLS;
    bench.options.timeout_ms = 10U * LATE_MS;
    bench_open(&bench);
    return 0;
}

static int end(void **state)
{
    (void)state;
    bench_end(&bench);
    return 0;
}

static void start(size_t n, const char *path, enum call_class class)
{
    for (size_t i = 0; i < n; i++) {
        probe_init(&probes[i], &bench, path, class);
        probe_start(&probes[i]);
    }
}

static bool has_connection(const struct probe *probe)
{
    const struct upstream_transfer *transfer = probe->call.transfer;

    return probe->n_ends > 0 || (transfer != NULL && transfer->connection != NULL);
}

/* Those that have one: no later call is before an earlier one. */
static size_t n_served(void)
{
    size_t n = 0;

    while (n < N_CALLS && has_connection(&probes[n])) {
        n++;
    }
    for (size_t i = n; i < N_CALLS; i++) {
        assert_false(has_connection(&probes[i]));
    }
    return n;
}

static void few_are_opened_in_a_turn_and_in_order(void **state)
{
    uint64_t before;

    (void)state;
    start(N_CALLS, "/slow/20", CALL_CREATE);
    assert_int_equal(upstream_n_active(bench.upstream), N_CALLS); /* the platform may have all */
    assert_int_equal(bench.upstream->n_opened, OPENS_A_TURN);
    do {
        before = bench.upstream->n_opened;
        assert_true(n_served() >= before);
        (void)loop_turn(&bench.loop, true);
        assert_true(bench.upstream->n_opened - before <= OPENS_A_TURN);
    } while (n_served() < N_CALLS);
    for (size_t i = 0; i < N_CALLS; i++) {
        assert_true(bench_run(&bench, &probes[i].n_ends, 1));
        assert_int_equal(probes[i].code, ERR_OK);
    }
    assert_int_equal(bench.platform.n_whole, N_CALLS);
}

/* As if everything that may be opened in this turn had been. */
static void turn_without_opens(void)
{
    bench.upstream->opens_turn = bench.loop.n_turns;
    bench.upstream->n_opens = OPENS_A_TURN;
    (void)loop_turn(&bench.loop, true);
}

static size_t n_ended(size_t n)
{
    size_t ended = 0;

    for (size_t i = 0; i < n; i++) {
        ended += probes[i].n_ends;
    }
    return ended;
}

/* The answer of an earlier one frees a connection. */
static void who_waits_takes_one_that_comes_to_rest(void **state)
{
    uint64_t limit_ms = bench_limit_ms();
    size_t n = OPENS_A_TURN + 4;

    (void)state;
    start(n, "/ok", CALL_CREATE);
    while (n_ended(n) < n && clock_now_ms() < limit_ms) {
        turn_without_opens();
    }
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(probes[i].n_ends, 1);
        assert_int_equal(probes[i].code, ERR_OK);
    }
    assert_int_equal(bench.upstream->n_opened, OPENS_A_TURN);
}

static void deadlines_and_cancels_reach_those_that_wait(void **state)
{
    struct probe *late = &probes[OPENS_A_TURN];
    struct probe *cancelled = &probes[OPENS_A_TURN + 1];
    struct probe *last = &probes[OPENS_A_TURN + 2];

    (void)state;
    start(OPENS_A_TURN, "/ok", CALL_CREATE);
    for (struct probe *probe = late; probe <= last; probe++) {
        probe_init(probe, &bench, "/ok", CALL_CREATE);
        probe->call.request.deadline_ms = probe == late ? LATE_MS : 0;
        probe_start(probe);
        assert_false(has_connection(probe));
    }
    assert_int_equal(deadlines_run(&bench.loop.deadlines, clock_now_ms() + 2 * (uint64_t)LATE_MS),
                     1);
    upstream_cancel(&cancelled->call);
    assert_true(bench_run(&bench, &last->n_ends, 1));
    assert_int_equal(last->code, ERR_OK);
    assert_int_equal(late->n_ends, 1);
    assert_int_equal(late->code, ERR_OVERLOADED); /* not the platform's fault */
    assert_false(late->call.may_have_left);
    assert_non_null(strstr(late->call.error.text, "nothing was sent"));
    assert_int_equal(cancelled->n_ends, 0);
    assert_true(list_is_empty(&bench.upstream->unopened));
}

/* A read whose kept connection turns out to be dead is sent once more, and not on another kept one. */
static void what_met_a_dead_connection_waits_for_a_new_one(void **state)
{
    (void)state;
    start(2, "/second",
          CALL_READ); /* two connections come to rest; each resets its second request */
    assert_true(bench_run(&bench, &probes[0].n_ends, 1));
    assert_true(bench_run(&bench, &probes[1].n_ends, 1));
    assert_int_equal(bench.upstream->n_opened, 2);
    probe_init(&probes[0], &bench, "/second", CALL_READ);
    probe_start(&probes[0]);
    while (!probes[0].call.transfer->repeated) {
        assert_int_equal(probes[0].n_ends, 0);
        turn_without_opens();
    }
    assert_false(has_connection(&probes[0]));
    assert_false(list_is_empty(&bench.upstream->resting));
    assert_true(bench_run(&bench, &probes[0].n_ends, 1));
    assert_int_equal(probes[0].code, ERR_OK);
    assert_int_equal(bench.upstream->n_opened, 3);
}

#define OK200 "HTTP/1.1 200 OK\r\n"
#define OWN   OK200 "Content-Length: 3\r\n\r\nown"

static void send_second_part(void)
{
    struct platform_link *one;

    LIST_EACH (one, &bench.platform.links, link) {
        if (one->row != NULL) {
            assert_int_equal(uv_timer_start(&one->timer, link_timer, 0, 0), 0);
        }
    }
}

/* The request is repeated when a part of the doubted answer has come. */
static void what_a_doubted_connection_has_begun_is_forgotten(void **state)
{
    static const struct script_row rows[] = {
        {.first = STR_INIT(OWN)},
        {.first = STR_INIT(OK200 "Content-Length: 9\r\n\r\nforei"),
         .pause_ms = BENCH_LIMIT_MS,
         .second = STR_INIT("gner")},
        {.first = STR_INIT(OWN)},
    };
    struct probe first;
    struct probe second;

    (void)state;
    bench.platform.script = rows;
    bench.platform.n_rows = ARRAY_LEN(rows);
    probe_run_ok(&first, &bench, "/script", CALL_READ);
    probe_init(&second, &bench, "/script", CALL_READ);
    probe_start(&second);
    bench_until(&bench, second.n_ends > 0 || second.call.transfer->body.len > 0);
    assert_int_equal(second.n_ends, 0);
    upstream_doubt_answer(&first.call);
    send_second_part();
    assert_true(bench_run(&bench, &second.n_ends, 1));
    assert_int_equal(second.code, ERR_OK);
    assert_string_equal(second.body, "own");
}

int test_opens(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(few_are_opened_in_a_turn_and_in_order),
        T(who_waits_takes_one_that_comes_to_rest),
        T(deadlines_and_cancels_reach_those_that_wait),
        T(what_met_a_dead_connection_waits_for_a_new_one),
        T(what_a_doubted_connection_has_begun_is_forgotten),
#undef T
    };

    return cmocka_run_group_tests_name("connections at once", tests, NULL, NULL);
}
