/* Latencies and faults of the sandbox as texts: what is taken, what is refused, and in which words. */
#include "fixture.h"

#include "base/arena.h"

static void times_that_vary_are_read_and_printed(void **state)
{
    static const struct {
        const char *set;
        unsigned ms, spread_ms;
        const char *printed;
    } rows[] = {
        {"sandbox.latency=50ms+-10ms", 50, 10, "latency: 50ms+-10ms\n"},
        {"sandbox.latency=50 +- 10", 50, 10, "latency: 50ms+-10ms\n"},
        {"sandbox.latency=2s", 2000, 0, "latency: 2000ms\n"},
        {"sandbox.latency=0", 0, 0, "latency: 0ms\n"},
        {"sandbox.latency=600s+-600s", 600000, 600000, "latency: 600000ms+-600000ms\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const sets[] = {rows[i].set, "sandbox.enabled=true", NULL};
        struct loaded loaded = load_all(NULL, sets);
        struct buf text;

        assert_taken(&loaded);
        assert_int_equal(loaded.config->sandbox.latency.ms, rows[i].ms);
        assert_int_equal(loaded.config->sandbox.latency.spread_ms, rows[i].spread_ms);
        buf_init(&text, TEXT_MAX);
        config_print(loaded.config, &text);
        assert_true(str_contains(buf_view(&text), str_from(rows[i].printed)));
        buf_done(&text);
        done(&loaded);
    }
}

static void what_is_no_fault_or_time_is_refused(void **state)
{
    static const struct {
        const char *set;
        const char *says;
    } rows[] = {
        {"sandbox.latency=soon", "\"soon\" is no time; write 50ms, 2s or 50ms+-10ms"},
        {"sandbox.latency=-5", "\"-5\" is no time"},
        {"sandbox.latency=601s", "up to 600s"},
        {"sandbox.latency=5ms+-", "is no time"},
        {"sandbox.latency=5ms+-6ms", "would begin below 0"},
        {"sandbox.latency=", "\"\" is no time"},
        {"sandbox.faults=POST/x", "has no colon before the effect"},
        {"sandbox.faults=x:503", "\"x\" is no method and path; write \"POST /teststeps\""},
        {"sandbox.faults=P*/x:503", "is no method and path"},
        {"sandbox.faults=/x:99", "\"99\" is no effect; write a status (503), a delay"},
        {"sandbox.faults=/x:600", "\"600\" is no effect"},
        {"sandbox.faults=/x:601s", "\"601s\" is no effect"},
        {"sandbox.faults=/x:503@1", "\"1\" is no share of the requests; write 1% or 0.5%"},
        {"sandbox.faults=/x:503@0%", "\"0%\" is no share"},
        {"sandbox.faults=/x:503@101%", "\"101%\" is no share"},
        {"sandbox.seed=-1", "is not a whole number from 0 to"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const sets[] = {rows[i].set, "sandbox.enabled=true", NULL};
        struct loaded loaded = load_all(NULL, sets);

        assert_says(&loaded, rows[i].says);
        done(&loaded);
    }
}

static void faults_are_read(void **state)
{
    static const struct {
        const char *text;
        struct config_fault fault;
    } rows[] = {
        {"POST /teststeps:503@1%",
         {STR_INIT("POST"), STR_INIT("/teststeps"), CONFIG_FAULT_STATUS, 503, 0, 0.01}},
        {"POST/teststeps:503@1%",
         {STR_INIT("POST"), STR_INIT("/teststeps"), CONFIG_FAULT_STATUS, 503, 0, 0.01}},
        {"* /a:b : 250ms @ 100%", {STR_INIT("*"), STR_INIT("/a:b"), CONFIG_FAULT_DELAY, 0, 250, 1}},
        {"/goals/*/x:close-before",
         {STR_INIT("*"), STR_INIT("/goals/*/x"), CONFIG_FAULT_CLOSE_BEFORE, 0, 0, 1}},
        {"GET/:close-mid@0.5%",
         {STR_INIT("GET"), STR_INIT("/"), CONFIG_FAULT_CLOSE_MID, 0, 0, 0.005}},
        {"GET/:close-after", {STR_INIT("GET"), STR_INIT("/"), CONFIG_FAULT_CLOSE_AFTER, 0, 0, 1}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config_fault fault;
        struct error err = {0};

        if (config_fault_read(str_from(rows[i].text), &fault, &err) != ERR_OK) {
            fail_msg("%s: %s", rows[i].text, err.text);
        }
        assert_true(str_eq(fault.method, rows[i].fault.method));
        assert_true(str_eq(fault.path, rows[i].fault.path));
        assert_int_equal(fault.effect, rows[i].fault.effect);
        assert_int_equal(fault.status, rows[i].fault.status);
        assert_int_equal(fault.delay_ms, rows[i].fault.delay_ms);
        assert_true(fault.probability == rows[i].fault.probability);
    }
}

int test_disturb(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_that_vary_are_read_and_printed),
        cmocka_unit_test(what_is_no_fault_or_time_is_refused),
        cmocka_unit_test(faults_are_read),
    };

    return cmocka_run_group_tests_name("disturbances of the sandbox", tests, NULL, NULL);
}
