/* Analytics: what is counted, for whom, and for how long it is told. */
#include "harness/cmocka.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "data/json.h"
#include "events/analytics.h"
#include "observe/fact.h"

enum { TEXT_MAX = 4 << 20, MINUTE_MS = 60000, HOUR_MS = 3600000 };

#define BEGAN_MS INT64_C(1900000000000)

typedef void (*write_fn)(struct analytics *analytics, const struct analytics_wish *wish,
                         struct json_writer *w);

struct here {
    struct later later;
    struct analytics *analytics;
    struct arena arena;
};

static int set_up(void **state)
{
    static struct here here;

    clock_set(1000, BEGAN_MS);
    later_init(&here.later);
    arena_init(&here.arena);
    here.analytics = analytics_open(&here.later);
    *state = &here;
    return 0;
}

static int tear_down(void **state)
{
    struct here *here = *state;

    analytics_close(here->analytics);
    arena_done(&here->arena);
    clock_release();
    return 0;
}

static void command(const char *name, const char *outcome, uint64_t us, uint8_t owner)
{
    struct fact fact = {.kind = FACT_COMMAND, .action = name, .outcome = outcome, .us = us};

    fact.owner[0] = owner;
    fact_note(&fact);
}

static void run(const char *name, const char *outcome)
{
    struct fact fact = {.kind = FACT_RUN_FINISHED, .outcome = outcome, .us = 2000000};

    fact.owner[0] = 1;
    str_copy(fact.name, sizeof(fact.name), str_from(name));
    fact_note(&fact);
}

static const struct json *told(struct here *here, write_fn write, enum analytics_range range,
                               const uint8_t *owner)
{
    const struct analytics_wish wish = {range, owner, clock_wall_ms()};
    struct json *json = NULL;
    struct json_writer w;
    struct buf text;

    buf_init(&text, TEXT_MAX);
    jw_init(&w, &text);
    write(here->analytics, &wish, &w);
    assert_true(buf_ok(&text));
    assert_int_equal(
        json_parse(&here->arena, arena_str(&here->arena, buf_view(&text)), NULL, &json, NULL),
        ERR_OK);
    buf_done(&text);
    return json;
}

static int64_t number(const struct json *json, const char *pointer)
{
    int64_t value = -1;

    assert_true(json_to_i64(json_find(json, pointer), &value));
    return value;
}

static void counts_and_times_are_those_of_the_range(void **state)
{
    struct here *here = *state;
    const struct json *json;

    for (unsigned i = 0; i < 9; i++) {
        command("step-navigate to", "done", 30000, 1);
    }
    command("step-navigate to", "failed", 400000, 1);
    json = told(here, analytics_write_commands, ANALYTICS_1H, NULL);
    assert_string_equal(json_str(json_find(json, "/commands/0/name")).ptr, "step-navigate to");
    assert_int_equal(number(json, "/commands/0/count"), 10);
    assert_int_equal(number(json, "/commands/0/failed"), 1);
    assert_true(json_double(json_find(json, "/commands/0/mean_ms")) == 67.0);
    assert_true(json_double(json_find(json, "/commands/0/p50_ms")) == 38.889); /* of 25 to 50 */
    assert_true(json_double(json_find(json, "/commands/0/p95_ms")) == 350.0);  /* of 200 to 500 */
    clock_advance(UINT64_C(61) * MINUTE_MS);
    json = told(here, analytics_write_commands, ANALYTICS_1H, NULL);
    assert_int_equal(json_size(json_get(json, "commands")), 0);
    json = told(here, analytics_write_commands, ANALYTICS_24H, NULL);
    assert_int_equal(number(json, "/commands/0/count"), 10);
    clock_advance(UINT64_C(6) * 24 * HOUR_MS);
    command("step-navigate to", "done", 30000, 1); /* into a slot that held other times */
    json = told(here, analytics_write_dashboard, ANALYTICS_24H, NULL);
    assert_int_equal(number(json, "/commands/count"), 1);
    assert_int_equal(json_size(json_get(json, "over_time")), 24);
    assert_int_equal(number(json, "/over_time/23/commands"), 1);
    json = told(here, analytics_write_dashboard, ANALYTICS_7D, NULL);
    assert_int_equal(number(json, "/commands/count"), 11);
    clock_advance(UINT64_C(31) * 24 * HOUR_MS);
    json = told(here, analytics_write_dashboard, ANALYTICS_30D, NULL);
    assert_int_equal(number(json, "/commands/count"), 0);
    assert_int_equal(json_type(json_find(json, "/commands/p50_ms")), JSON_NULL);
}

static void each_sees_what_is_theirs(void **state)
{
    struct here *here = *state;
    uint8_t first[FACT_OWNER_BYTES] = {1};
    uint8_t third[FACT_OWNER_BYTES] = {3};
    const struct json *json;

    command("step-wait time", "done", 1000, 1);
    command("step-wait time", "done", 1000, 2);
    json = told(here, analytics_write_commands, ANALYTICS_24H, first);
    assert_int_equal(number(json, "/commands/0/count"), 1);
    json = told(here, analytics_write_commands, ANALYTICS_24H, third);
    assert_int_equal(json_size(json_get(json, "commands")), 0);
    json = told(here, analytics_write_commands, ANALYTICS_24H, NULL);
    assert_int_equal(json_size(json_get(json, "commands")), 1); /* one name, whosever */
    assert_int_equal(number(json, "/commands/0/count"), 2);
}

static void tests_that_change_their_mind_are_flaky(void **state)
{
    struct here *here = *state;
    const struct json *json;

    for (unsigned i = 0; i < 30; i++) {
        run("steady", "passed");
        run("flaky", i % 3 == 0 ? "failed" : "passed");
        run("broken", i < 5 ? "passed" : "failed");
    }
    run("steady", "created"); /* was not executed: neither passed nor failed */
    json = told(here, analytics_write_tests, ANALYTICS_24H, NULL);
    assert_int_equal(json_size(json_get(json, "tests")), 3);
    assert_true(str_is(json_str(json_find(json, "/tests/0/name")), "flaky"));
    assert_true(json_true(json_find(json, "/tests/0/flaky")));
    assert_int_equal(json_size(json_find(json, "/tests/0/last")), 20);
    assert_int_equal(number(json, "/tests/0/passed"), 20);
    assert_true(str_is(json_str(json_find(json, "/tests/1/name")), "steady"));
    assert_int_equal(number(json, "/tests/1/runs"), 31);
    assert_true(json_double(json_find(json, "/tests/1/pass_rate")) == 1.0);
    assert_false(json_true(json_find(json, "/tests/1/flaky")));
    assert_false(json_true(json_find(json, "/tests/2/flaky")));
    assert_int_equal(number(json, "/tests/2/over_time/0/failed"), 25);
}

static void memory_is_bounded_and_losses_are_told(void **state)
{
    struct here *here = *state;
    const struct json *json;
    char name[FACT_TEXT_MAX];

    for (unsigned i = 0; i < 3 * ANALYTICS_MAX_SERIES; i++) {
        (void)snprintf(name, sizeof(name), "test %u", i);
        run(name, "passed");
    }
    json = told(here, analytics_write_dashboard, ANALYTICS_1H, NULL);
    assert_int_equal(number(json, "/tests/runs"), ANALYTICS_MAX_SERIES);
    assert_int_equal(number(json, "/events_lost"), 0);
    for (unsigned i = 0; i < FACTS_KEPT + 7; i++) {
        command("step-wait time", "done", 1000, 1);
    }
    json = told(here, analytics_write_dashboard, ANALYTICS_1H, NULL);
    assert_int_equal(number(json, "/commands/count"), FACTS_KEPT);
    assert_int_equal(number(json, "/events_lost"), 7);
}

int test_analytics(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counts_and_times_are_those_of_the_range, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_sees_what_is_theirs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tests_that_change_their_mind_are_flaky, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_is_bounded_and_losses_are_told, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("analytics", tests, NULL, NULL);
}
