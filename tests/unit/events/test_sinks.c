/* Sinks of analytics: rows in a file, at an HTTP endpoint and in a table of BigQuery (a stand-in of the port that knows
 * the token). One that is away or refuses holds nobody up; what it has missed comes when it is back, or is counted. */
#include "harness/cmocka.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "data/json.h"
#include "events/artifacts.h"
#include "events/journal.h"
#include "events/sink_internal.h"
#include "harness/collector.h"
#include "harness/wait.h"
#include "observe/metrics.h"
#include "observe/trouble.h"
#include "store/keep.h"
#include "store/store.h"

enum { TEXT_MAX = 8 << 20, INTERVAL_MS = 10, BODIES_MAX = 64 };

struct here {
    struct loop loop;
    uv_timer_t alive; /* deadlines alone do not keep a loop running */
    struct sinks *sinks;
    struct collector receiver;
    struct arena arena;
    char folder[64];
    char file[96];
    struct buf text;
    /* BigQuery */
    struct later_item answer;
    struct sink_google_call *asked;
    int status;       /* of the next answers; 0: it does not answer at all */
    int asked_status; /* of the one that is asked for */
    const char *reply;
    struct str bodies[BODIES_MAX];
    size_t n_bodies;
    struct str path;
    bool closed;
};

static struct here here;

static void on_alive(uv_timer_t *timer)
{
    (void)timer;
}

static bool turn(void)
{
    (void)loop_turn(&here.loop, true);
    return false;
}

static void on_answer(struct later_item *item)
{
    struct sink_google_call *call = here.asked;

    (void)item;
    here.asked = NULL;
    call->on_done(call, here.asked_status, str_from(here.reply),
                  here.asked_status == 0 ? "no route" : NULL);
}

static void google_start(void *context, struct sink_google_call *call)
{
    (void)context;
    assert_null(here.asked); /* one batch on its way */
    here.asked = call;
    here.asked_status = here.status;
    assert_true(here.n_bodies < BODIES_MAX);
    here.bodies[here.n_bodies++] = arena_str(&here.arena, call->body);
    here.path = arena_str(&here.arena, call->path);
    later_add(&here.loop.later, &here.answer, on_answer);
}

static void google_cancel(struct sink_google_call *call)
{
    if (here.asked == call) {
        later_remove(&here.answer);
        here.asked = NULL;
    }
}

static int set_up(void **state)
{
    (void)state;
    here = (struct here){.status = 200, .reply = "{}"};
    (void)signal(SIGPIPE, SIG_IGN);
    metrics_open();
    arena_init(&here.arena);
    buf_init(&here.text, TEXT_MAX);
    collector_start(&here.receiver);
    loop_init(&here.loop);
    assert_int_equal(uv_timer_init(&here.loop.uv, &here.alive), 0);
    assert_int_equal(uv_timer_start(&here.alive, on_alive, 1, 1), 0);
    str_copy(here.folder, sizeof(here.folder), STR("/tmp/vp-sinks-XXXXXX"));
    assert_non_null(mkdtemp(here.folder));
    (void)snprintf(here.file, sizeof(here.file), "%s/events.jsonl", here.folder);
    return 0;
}

static void on_closed(void *context)
{
    (void)context;
    here.closed = true;
}

static void close_sinks(void)
{
    here.closed = false;
    sinks_close(here.sinks, on_closed, NULL);
    wait_until(turn() || here.closed);
    here.sinks = NULL;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    if (here.sinks != NULL) {
        close_sinks();
    }
    uv_close((uv_handle_t *)&here.alive, NULL);
    loop_done(&here.loop);
    collector_done(&here.receiver);
    buf_done(&here.text);
    arena_done(&here.arena);
    metrics_done();
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", here.folder);
    assert_int_equal(system(command), 0);
    return 0;
}

static void open_with(struct sinks_options *options)
{
    struct error err = {0};

    options->interval_ms = INTERVAL_MS;
    options->google = (struct sink_google){google_start, google_cancel, NULL};
    if (sinks_open(&here.loop, options, &here.sinks, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

static struct str url(void)
{
    return arena_printf(&here.arena, "http://127.0.0.1:%u/rows?x=1", here.receiver.port);
}

static void note(unsigned n)
{
    struct fact fact = {.kind = FACT_RUN_FINISHED, .outcome = "passed", .us = 1500, .status = 200};

    fact.ids[0] = (struct fact_id){"project_id", 17};
    (void)snprintf(fact.subject, sizeof(fact.subject), "run_%u", n);
    str_copy(fact.name, sizeof(fact.name), STR("Sign \"in\""));
    fact_note(&fact);
}

static const struct json *parse(struct str text)
{
    struct json *json = NULL;
    struct error err = {0};

    if (json_parse(&here.arena, text, &json_of_ours, &json, &err) != ERR_OK) {
        fail_msg("%s: %.*s", err.text, STR_ARG(text));
    }
    return json;
}

static int64_t metric(const char *name)
{
    struct buf text;
    struct str rest;
    struct str line;
    int64_t value = -1;

    buf_init(&text, 1 << 20);
    metrics_write(&text, false, "1");
    rest = buf_view(&text);
    while (value < 0 && str_next(&rest, '\n', &line)) {
        struct str head;
        struct str tail;

        if (str_cut(line, ' ', &head, &tail) && str_is(head, name)) {
            assert_true(str_to_i64(tail, 0, INT64_MAX, &value));
        }
    }
    buf_done(&text);
    return value;
}

/* --- file */
static unsigned n_lines(const char *file)
{
    struct error err = {0};
    struct str rest;
    struct str line;
    unsigned n = 0;

    buf_clear(&here.text);
    assert_int_equal(fd_read_file(file, &here.text, &err), ERR_OK);
    rest = buf_view(&here.text);
    while (rest.len > 0 && rest.ptr[rest.len - 1] != '\n') {
        rest.len--; /* that line is being written */
    }
    while (str_next(&rest, '\n', &line)) {
        const struct json *event = parse(line);

        assert_true(str_is(json_str(json_get(event, "specversion")), "1.0"));
        assert_true(str_is(json_str(json_find(event, "/data/name")), "Sign \"in\""));
        n++;
    }
    return n;
}

static void a_file_has_a_line_an_event(void **state)
{
    struct sinks_options options = {.file = here.file};

    (void)state;
    open_with(&options);
    for (unsigned i = 0; i < 1200; i++) { /* several batches */
        note(i);
    }
    wait_until(turn() || n_lines(here.file) == 1200);
    assert_true(
        str_is(json_str(json_get(parse(str_sub(buf_view(&here.text), 0,
                                               (size_t)str_find_char(buf_view(&here.text), '\n'))),
                                 "subject")),
               "run_0"));
    note(1200);
    close_sinks(); /* what was noted is written first */
    assert_int_equal(n_lines(here.file), 1201);
}

/* A process that was killed has left half a line: the next one is whole. */
static void a_torn_line_spoils_no_other(void **state)
{
    struct sinks_options options = {.file = here.file};
    int fd = open(here.file, O_WRONLY | O_CREAT, 0600);
    struct str last;

    (void)state;
    assert_true(fd >= 0 && fd_write_all(fd, STR("{\"specversion\":\"1.0\",\"da")));
    assert_int_equal(close(fd), 0);
    open_with(&options);
    note(0);
    close_sinks();
    buf_clear(&here.text);
    assert_int_equal(fd_read_file(here.file, &here.text, &(struct error){0}), ERR_OK);
    (void)str_cut(buf_view(&here.text), '\n', &last, &last);
    assert_true(str_is(json_str(json_get(parse(str_trim(last)), "subject")), "run_0"));
}

static void a_full_file_is_renamed(void **state)
{
    struct sinks_options options = {.file = here.file, .max_bytes = 2000};
    char command[256];

    (void)state;
    open_with(&options);
    for (unsigned i = 0; i < 20; i++) {
        note(i);
        wait_until(turn() || metric("virtuoso_proxy_event_lag_events{consumer=\"file\"}") == 0);
    }
    close_sinks();
    (void)snprintf(command, sizeof(command),
                   "test $(ls '%s' | wc -l) -ge 3 && test $(cat '%s'/* | wc -l) -eq 20",
                   here.folder, here.folder);
    assert_int_equal(system(command), 0);
}

/* What a full disk does not take comes when there is room again: each line once, whole. */
static void a_full_disk_is_counted_and_waited_for(void **state)
{
    struct sinks_options options = {.file = here.file};
    int good;

    (void)state;
    open_with(&options);
    good = here.sinks->sinks[SINK_FILE].file.fd;
    here.sinks->sinks[SINK_FILE].file.fd = open("/dev/full", O_WRONLY | O_APPEND);
    note(0);
    note(1);
    wait_until(
        turn() ||
        metric("virtuoso_proxy_event_sink_batches_total{consumer=\"file\",result=\"error\"}") > 0);
    assert_int_equal(n_lines(here.file), 0);
    assert_string_equal(trouble_now(TROUBLE_SINK_FILE)->why, "No space left on device");
    assert_int_equal(close(here.sinks->sinks[SINK_FILE].file.fd), 0);
    here.sinks->sinks[SINK_FILE].file.fd = good;
    wait_until(turn() || n_lines(here.file) == 2);
    wait_until(turn() || !trouble_is_any()); /* the lines are there before the write is told of */
    assert_int_equal(metric("virtuoso_proxy_event_lost_total{consumer=\"file\"}"), 0);
}

/* Another process writes now: what failed here is no trouble of this one any more. */
static void trouble_ends_with_the_duty(void **state)
{
    const struct store_options with = {
        .prefix = STR("vp:"), .timeout_ms = 10000, .max_bytes = TEXT_MAX};
    struct sinks_options options = {.file = here.file};
    struct store *store;
    struct error err = {0};
    struct sink *sink;
    int good;

    (void)state;
    assert_int_equal(store_open_memory(&here.loop, &with, &store, &err), ERR_OK);
    options.keeps = keeps_open(store);
    options.journal = journal_open(&here.loop, store, true);
    open_with(&options);
    sink = &here.sinks->sinks[SINK_FILE];
    wait_until(turn() || feed_is_open(&sink->feed));
    good = sink->file.fd;
    sink->file.fd = open("/dev/full", O_WRONLY | O_APPEND);
    note(0);
    wait_until(turn() || trouble_is_any());
    assert_string_equal(trouble_now(TROUBLE_SINK_FILE)->why, "No space left on device");
    assert_false(sink->sends);
    duty_yield(&here.sinks->duty);
    assert_false(trouble_is_any());
    assert_int_equal(close(good), 0);
    close_sinks();
    here.closed = false;
    journal_close(options.journal, on_closed, NULL);
    wait_until(turn() || here.closed);
    here.closed = false;
    keeps_close(options.keeps, on_closed, NULL);
    wait_until(turn() || here.closed);
    here.closed = false;
    store_close(store, on_closed, NULL);
    wait_until(turn() || here.closed);
}

/* --- HTTP */
static unsigned n_rows_posted(void)
{
    struct str rest = {here.receiver.seen->bodies, here.receiver.seen->n_bytes};
    unsigned n = 0;

    while (rest.len > 0) {
        struct str line;
        struct str body;

        (void)str_cut(rest, '\n', &line, &rest);
        (void)str_cut(rest, '\n', &body, &rest);
        assert_true(str_is(line, "/rows?x=1"));
        n += (unsigned)json_size(parse(body));
    }
    return n;
}

static void an_endpoint_gets_arrays_of_events(void **state)
{
    const struct upstream_header headers[] = {{STR("Authorization"), STR("Bearer a-secret")}};
    struct sinks_options options = {.url = url(), .headers = headers, .n_headers = 1};
    struct str head;

    (void)state;
    open_with(&options);
    for (unsigned i = 0; i < 700; i++) {
        note(i);
    }
    wait_until(turn() || n_rows_posted() == 700);
    assert_true(here.receiver.seen->n_taken < 10);
    head = str_from(here.receiver.seen->last_head);
    assert_true(str_contains(head, STR("application/cloudevents-batch+json")));
    assert_true(str_contains(head, STR("Authorization: Bearer a-secret")));
}

static void wait_for_posts_behind(unsigned before)
{
    wait_until(turn() || here.receiver.seen->n_posts > before);
}

static void wait_for_rows(unsigned n)
{
    wait_until(turn() || n_rows_posted() == n);
}

static void note_many(unsigned from, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        note(from + k);
    }
}

/* In each bad mood facts go on, and memory is bounded: the batch in hand, and the ring. What the ring has lost meanwhile is
 * counted; the rest comes when the endpoint is back. */
static void an_endpoint_in_a_bad_mood_is_waited_for(void **state)
{
    static const enum collector_mood moods[] = {COLLECTOR_REFUSES, COLLECTOR_CLOSES};
    struct sinks_options options = {.url = url()};
    unsigned n = 0;

    (void)state;
    open_with(&options);
    for (size_t i = 0; i < ARRAY_LEN(moods); i++) {
        unsigned before = here.receiver.seen->n_posts;

        here.receiver.seen->mood = moods[i];
        note(n++);
        wait_for_posts_behind(before);
        note_many(n, 10);
        n += 10;
        here.receiver.seen->mood = COLLECTOR_TAKES;
        wait_for_rows(n);
    }
    here.receiver.seen->mood = COLLECTOR_REFUSES;
    note(n++);
    wait_until(turn() || here.sinks->sinks[SINK_HTTP].is_failing);
    note_many(0, 2 * FACTS_KEPT);
    here.receiver.seen->mood = COLLECTOR_TAKES;
    n += FACTS_KEPT;
    wait_for_rows(n);
    assert_int_equal(metric("virtuoso_proxy_event_lost_total{consumer=\"http\"}"), FACTS_KEPT);
    wait_until(turn() || metric("virtuoso_proxy_event_lag_events{consumer=\"http\"}") == 0);
}

/* After an hour a batch is given up: the events behind it come. */
static void an_hour_of_refusals_ends_a_batch(void **state)
{
    struct sinks_options options = {.url = url()};
    const struct sink *sink;
    unsigned tries = 0;

    (void)state;
    clock_set(clock_now_ms(), clock_wall_ms());
    open_with(&options);
    sink = &here.sinks->sinks[SINK_HTTP];
    here.receiver.seen->mood = COLLECTOR_REFUSES;
    note(0);
    note(1);
    for (; metric("virtuoso_proxy_event_lost_total{consumer=\"http\"}") == 0; tries++) {
        clock_advance(deadline_is_set(&sink->again) ? sink->again.at_ms - clock_now_ms() : 0);
        (void)deadlines_run(&here.loop.deadlines, clock_now_ms());
        wait_until(turn() || !sink->sends);
    }
    assert_in_range(tries, 50, 100); /* a minute apart at most */
    assert_int_equal(metric("virtuoso_proxy_event_lost_total{consumer=\"http\"}"), 2);
    here.receiver.seen->mood = COLLECTOR_TAKES;
    note(2);
    wait_until(turn() || (deadlines_run(&here.loop.deadlines, clock_now_ms()) == SIZE_MAX) ||
               (clock_advance(1), n_rows_posted() == 1));
    clock_release();
}

/* --- BigQuery */
static void a_table_gets_rows_with_insert_ids(void **state)
{
    struct sinks_options options = {.bigquery = STR("example.com:my-project.data_set.events")};
    const struct json *body;
    const struct json *row;
    int64_t number = 0;

    (void)state;
    open_with(&options);
    note(0);
    note(1);
    wait_until(turn() || here.n_bodies == 1);
    assert_true(str_is(here.path, "/bigquery/v2/projects/example.com:my-project/datasets/data_set/"
                                  "tables/events/insertAll"));
    body = parse(here.bodies[0]);
    assert_true(json_true(json_get(body, "skipInvalidRows")));
    assert_int_equal(json_size(json_get(body, "rows")), 2);
    row = json_find(body, "/rows/1");
    assert_true(str_eq(json_str(json_get(row, "insertId")), json_str(json_find(row, "/json/id"))));
    assert_true(str_is(json_str(json_find(row, "/json/type")), "run.finished"));
    assert_true(str_is(json_str(json_find(row, "/json/subject")), "run_1"));
    assert_true(str_is(json_str(json_find(row, "/json/outcome")), "passed"));
    assert_true(json_to_i64(json_find(row, "/json/project_id"), &number) && number == 17);
    assert_true(json_double(json_find(row, "/json/ms")) == 1.5);
    assert_null(json_find(row, "/json/principal"));
}

static void wait_for_bodies(unsigned n)
{
    wait_until(turn() || here.n_bodies >= n);
}

/* Refused rows are counted and not sent again; a refused or lost request is, with the same insertIds. */
static void a_table_that_refuses_is_waited_for(void **state)
{
    struct sinks_options options = {.bigquery = STR("p.d.t")};

    (void)state;
    open_with(&options);
    here.reply = "{\"insertErrors\":[{\"index\":0,\"errors\":[{\"reason\":\"invalid\","
                 "\"message\":\"no such field\"}]}]}";
    note(0);
    note(1);
    wait_until(turn() || metric("virtuoso_proxy_event_lost_total{consumer=\"bigquery\"}") == 1);
    assert_int_equal(here.n_bodies, 1);
    wait_until(turn() || sink_is_idle(&here.sinks->sinks[SINK_BIGQUERY]));
    here.reply = "{}";
    here.status = 503;
    note(2);
    wait_for_bodies(2);
    here.status = 0;
    wait_for_bodies(3);
    here.status = 200;
    wait_for_bodies(4);
    assert_true(str_eq(here.bodies[1], here.bodies[2]));
    assert_true(str_eq(here.bodies[1], here.bodies[3]));
    wait_until(turn() || metric("virtuoso_proxy_event_lag_events{consumer=\"bigquery\"}") == 0);
    assert_int_equal(metric("virtuoso_proxy_event_lost_total{consumer=\"bigquery\"}"), 1);
}

/* As conf/README.md tells them: from 1 s up to a minute. */
static void pauses_grow_to_a_minute(void **state)
{
    static const uint64_t pauses_s[] = {1, 2, 4, 8, 16, 60, 60, 60};

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(pauses_s); i++) {
        assert_int_equal(duty_pause_ms(1000, i + 1), pauses_s[i] * 1000);
    }
    assert_int_equal(duty_pause_ms(500, 6), 16000);
    assert_int_equal(duty_pause_ms(500, 7), 60000);
    assert_int_equal(duty_pause_ms(500, UINT32_MAX), 60000);
}

/* --- together */
/* One that never answers holds up neither the others nor the end. */
static void a_silent_sink_holds_nobody_up(void **state)
{
    struct sinks_options options = {.file = here.file, .url = url(), .bigquery = STR("p.d.t")};

    (void)state;
    here.receiver.seen->mood = COLLECTOR_IS_SILENT;
    open_with(&options);
    for (unsigned i = 0; i < 50; i++) {
        note(i);
    }
    wait_until(turn() || here.receiver.seen->n_posts > 0);
    wait_until(turn() || n_lines(here.file) == 50);
    wait_until(turn() || here.n_bodies > 0);
    close_sinks();
}

/* --- reports of runs, kept elsewhere */
static void count_put(void *context, const struct digest *owner, const char *run_id)
{
    (void)owner;
    (void)run_id;
    ++*(unsigned *)context;
}

static void forget_put(void *context)
{
    (void)context;
}

/* What is given up is not tried again: that trouble is over, too. */
static void reports_that_are_given_up_are_no_trouble(void **state)
{
    unsigned n_puts = 0;
    const struct artifacts_options options = {.port = {count_put, forget_put, &n_puts}};
    struct artifacts *artifacts = artifacts_open(&here.loop, &options);

    (void)state;
    note(0);
    wait_until(turn() || n_puts == 1);
    artifacts_put_done(artifacts, ARTIFACTS_AWAY, "no route");
    assert_string_equal(trouble_now(TROUBLE_ARTIFACTS)->why, "no route");
    wait_until(turn() || n_puts == 2);
    artifacts_put_done(artifacts, ARTIFACTS_REFUSED, "it is too large");
    assert_false(trouble_is_any());
    artifacts_close(artifacts, on_closed, NULL);
    wait_until(turn() || here.closed);
}

int test_sinks(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_has_a_line_an_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_line_spoils_no_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_file_is_renamed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_counted_and_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trouble_ends_with_the_duty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_endpoint_gets_arrays_of_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_endpoint_in_a_bad_mood_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_hour_of_refusals_ends_a_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_gets_rows_with_insert_ids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_that_refuses_is_waited_for, set_up, tear_down),
        cmocka_unit_test(pauses_grow_to_a_minute),
        cmocka_unit_test_setup_teardown(a_silent_sink_holds_nobody_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reports_that_are_given_up_are_no_trouble, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("sinks", tests, NULL, NULL);
}
