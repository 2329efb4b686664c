/* Reports of test runs in a folder, in S3 and in Cloud Storage: what is put there, links in the run and in its event, screenshots, a
 * bucket that is away, and a process that is killed before it has put them there. And the audit in a bucket. */
#include "harness/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "events/audit.h"
#include "harness/cloud_server.h"
#include "harness/replicas.h"
#include "harness/runs.h"
#include "harness/wait.h"

enum {
    SETS_MAX = 16,
    NAME_MAX_BYTES = 256,
    RUNS = 5,
    TRIES = 5,
    FILES = 3,
    LINES = 200,
    WRITES = 6,
    TEXT_MAX = 4 << 20
};

#define TEST_FILE                                                                                  \
    "name: Sign in\nsteps:\n  - navigate: \"https://x.example/\"\n  - click: \"Sign in\"\n"

static struct proxy proxy;
static struct cloud_server server;
static char folder[64];

static const char *format(const char *pattern, ...) PRINTF_LIKE(1, 2);

static const char *format(const char *pattern, ...)
{
    struct buf out;
    const char *copy;
    va_list args;

    buf_init(&out, TEXT_MAX);
    va_start(args, pattern);
    buf_vprintf(&out, pattern, args);
    va_end(args);
    copy = arena_cstr(&proxy.arena, buf_view(&out));
    buf_done(&out);
    return copy;
}

static int set_up(void **state)
{
    (void)state;
    str_copy(folder, sizeof(folder), STR("/tmp/vp-artifacts-XXXXXX"));
    assert_non_null(mkdtemp(folder));
    cloud_server_start(&server, NULL);
    return 0;
}

static int tear_down(void **state)
{
    char command[96];

    (void)state;
    cloud_server_done(&server);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
    return 0;
}

static const char *place_of(const char *pattern)
{
    static char text[NAME_MAX_BYTES + sizeof("artifacts.url=")];

    (void)snprintf(text, sizeof(text), "artifacts.url=%s", pattern);
    return text;
}

static const char *in_folder(const char *before)
{
    static char text[NAME_MAX_BYTES];

    (void)snprintf(text, sizeof(text), "%s%s/", before, folder);
    return text;
}

static const char *sink(void)
{
    static char text[NAME_MAX_BYTES];

    (void)snprintf(text, sizeof(text), "analytics.file=%s/events.jsonl", folder);
    return text;
}

static void start(const char *url, const char *const *more)
{
    const char *sets[SETS_MAX] = {url, "runs.poll_ms=10", "sandbox.execution_ms=50"};
    size_t n = 3;

    for (; more != NULL && *more != NULL; more++) {
        sets[n++] = *more;
    }
    proxy_start_env(&proxy, sets, cloud_server_env(&server, "keys", ""));
}

static void stop(void)
{
    proxy_stop(&proxy);
    assert_int_equal(server.seen->n_refused, 0);
}

static struct str run_one(const char *query)
{
    struct str id = runs_text(runs_start(&proxy, query, TEST_FILE), "/id");

    assert_true(id.len > 0);
    return id;
}

static int64_t metric(const char *name)
{
    struct str text;
    ptrdiff_t at;
    int64_t value = -1;
    struct str line;

    client_ask(proxy.program.port, "GET", "/metrics", "", STR_EMPTY, &proxy.reply);
    text = buf_view(&proxy.reply.body);
    at = str_find(text, str_from(format("\n%s ", name)));
    if (at >= 0) {
        (void)str_cut(str_sub(text, (size_t)at + strlen(name) + 2, text.len), '\n', &line, &text);
        (void)!str_to_i64(line, 0, INT64_MAX, &value);
    }
    return value;
}

#define STORED    "virtuoso_proxy_artifact_runs_total{result=\"ok\"}"
#define LOST      "virtuoso_proxy_artifact_runs_total{result=\"error\"}"
#define AUDIT_LAG "virtuoso_proxy_event_lag_events{consumer=\"audit\"}"
#define FAILURES  "virtuoso_proxy_artifact_failures_total"

/* --- a folder */
static bool is_there(struct str id, const char *name)
{
    return access(format("%s/%.*s/%s", folder, STR_ARG(id), name), R_OK) == 0;
}

static struct str file(struct str id, const char *name)
{
    struct error err = {0};
    struct buf text;

    buf_init(&text, TEXT_MAX);
    assert_int_equal(fd_read_file(format("%s/%.*s/%s", folder, STR_ARG(id), name), &text, &err),
                     ERR_OK);
    return arena_take(&proxy.arena, &text);
}

static const struct json *json_file(struct str id, const char *name)
{
    struct error err = {0};
    struct json *root = NULL;

    assert_int_equal(json_parse(&proxy.arena, file(id, name), &json_of_ours, &root, &err), ERR_OK);
    return root;
}

static void assert_links(const struct json *links, const char *base, struct str id)
{
    assert_string_equal(runs_text(links, "/json").ptr,
                        format("%s/%.*s/report.json", base, STR_ARG(id)));
    assert_string_equal(runs_text(links, "/junit").ptr,
                        format("%s/%.*s/junit.xml", base, STR_ARG(id)));
    assert_string_equal(runs_text(links, "/html").ptr,
                        format("%s/%.*s/report.html", base, STR_ARG(id)));
}

/* The event of the end of this run, in the sink of events; NULL: it is not there yet. */
static const struct json *event_of(struct str id)
{
    struct error err = {0};
    struct json *event = NULL;
    struct buf text;
    struct str rest;
    struct str line;

    buf_init(&text, TEXT_MAX);
    assert_int_equal(fd_read_file(format("%s/events.jsonl", folder), &text, &err), ERR_OK);
    rest = arena_take(&proxy.arena, &text);
    while (str_next(&rest, '\n', &line)) {
        if (str_contains(line, STR("\"run.finished\"")) && str_contains(line, id) &&
            json_parse(&proxy.arena, line, &json_of_ours, &event, &err) == ERR_OK) {
            return event;
        }
    }
    return NULL;
}

static void reports_are_put_into_a_folder(void **state)
{
    const char *base;
    const struct json *run;
    struct str id;

    (void)state;
    start(place_of(in_folder("file://")),
          (const char *const[]){sink(), "analytics.interval_ms=10", NULL});
    base = format("file://%s", folder);
    id = run_one("execute=true&wait=true");
    assert_int_equal(proxy.reply.status, 200);
    wait_until(is_there(id, "report.html"));
    run = runs_get(&proxy, id);
    assert_links(json_get(run, "artifacts"), base, id);
    run = json_file(id, "report.json");
    assert_true(str_eq(runs_text(run, "/id"), id));
    assert_true(str_is(runs_text(run, "/status"), "passed"));
    assert_links(json_get(run, "artifacts"), base, id);
    assert_true(str_contains(file(id, "junit.xml"), STR("name=\"Sign in\"")));
    assert_true(str_contains(file(id, "report.html"), STR("<h2>Sign in</h2>")));
    wait_until(event_of(id) != NULL);
    assert_links(json_find(event_of(id), "/data/artifacts"), base, id);
    wait_until(metric(STORED) == 1);
    assert_int_equal(metric(LOST), 0); /* an alert needs its zero */
    assert_int_equal(metric(FAILURES), 0);
    stop();
}

/* The run is known by whoever asks for it, not by whoever waits for its reports. */
/* Whether /health has such a check, which is there while something fails. It needs no key, so it does not say
 * which bucket or file. */
static bool is_in_trouble(const char *check)
{
    char place[64];
    const struct json *health = proxy_ask(&proxy, "GET", "/health", NULL, "");
    struct str status;

    (void)snprintf(place, sizeof(place), "/checks/%s/status", check);
    status = json_str(json_find(health, place));
    assert_true(status.len == 0 || str_is(status, "warn"));
    (void)snprintf(place, sizeof(place), "/checks/%s/last_error", check);
    assert_null(json_find(health, place));
    assert_false(str_contains(reply_text(&proxy.reply), STR("qa-bucket")));
    return status.len > 0;
}

static void nobody_waits_for_a_bucket_that_is_away(const char *url, const char *base)
{
    struct str ids[RUNS];
    unsigned n_items = server.seen->n_items;

    start(url, NULL);
    server.seen->is_away = true;
    for (size_t i = 0; i < RUNS; i++) {
        ids[i] = run_one("");
        (void)runs_wait(&proxy, ids[i]);
        assert_links(json_get(runs_get(&proxy, ids[i]), "artifacts"), base, ids[i]);
    }
    wait_until(metric(FAILURES) > 0);
    assert_int_equal(metric(STORED), 0);
    program_wait_wrote(&proxy.program, "artifacts.away", WAIT_MS);
    assert_true(is_in_trouble("artifacts"));
    server.seen->lost = 1; /* an answer is lost: the same is put there once more */
    server.seen->slow_downs = 1;
    server.seen->is_away = false;
    wait_until(metric(STORED) == RUNS);
    assert_int_equal(server.seen->n_items, n_items + RUNS * FILES);
    program_wait_wrote(&proxy.program, "artifacts.back", WAIT_MS);
    assert_false(is_in_trouble("artifacts"));
    assert_int_equal(metric(LOST), 0);
    stop();
}

static void reports_are_put_into_s3(void **state)
{
    (void)state;
    nobody_waits_for_a_bucket_that_is_away("artifacts.url=s3://qa-bucket/reports",
                                           "s3://qa-bucket/reports");
}

static void reports_are_put_into_cloud_storage(void **state)
{
    (void)state;
    nobody_waits_for_a_bucket_that_is_away("artifacts.url=gs://qa-bucket", "gs://qa-bucket");
}

static void a_process_that_ends_puts_them_there_first(void **state)
{
    unsigned n_put = 0;

    (void)state;
    /* It has three seconds for that: too few for a busy machine, but not each time. */
    for (int i = 0; i < TRIES && n_put != FILES; i++) {
        unsigned before = server.seen->n_items;

        start("artifacts.url=s3://qa-bucket/reports", NULL);
        server.seen->delay_ms = 100;
        (void)runs_wait(&proxy, run_one(""));
        stop();
        server.seen->delay_ms = 0;
        n_put = server.seen->n_items - before;
    }
    assert_int_equal(n_put, FILES);
}

static void screenshots_are_put_there_when_they_are_asked_for(void **state)
{
    static const char *const more[] = {"artifacts.screenshots=true",
                                       "artifacts.public_url=https://reports.example/qa/", NULL};
    const struct json *run;
    struct str id;

    (void)state;
    start(place_of(in_folder("file://")), more);
    id = run_one("execute=true&wait=true");
    wait_until(is_there(id, "report.html"));
    run = json_file(id, "report.json");
    assert_links(json_get(run, "artifacts"), "https://reports.example/qa", id);
    assert_true(str_starts(file(id, "1-1.png"), STR("\x89PNG\r\n")));
    assert_true(str_starts(file(id, "1-2.png"), STR("\x89PNG\r\n")));
    assert_string_equal(runs_text(run, "/tests/0/steps/1/screenshot").ptr,
                        format("https://reports.example/qa/%.*s/1-2.png", STR_ARG(id)));
    assert_true(str_contains(file(id, "report.html"), STR("src=\"1-2.png\"")));
    stop();
}

/* A screenshot that cannot be had is no reason to have no report. */
static void a_report_comes_without_screenshots_that_are_gone(void **state)
{
    static const char *const more[] = {"artifacts.screenshots=true", NULL};
    struct str id;

    (void)state;
    start(place_of(in_folder("file://")), more);
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"GET /pictures\",\"times\":1,\"status\":404}");
    id = run_one("execute=true&wait=true");
    wait_until(is_there(id, "report.html"));
    assert_false(is_there(id, "1-1.png"));
    assert_true(is_there(id, "1-2.png"));
    assert_true(str_starts(runs_text(json_file(id, "report.json"), "/tests/0/steps/0/screenshot"),
                           STR("http://127.0.0.1")));
    assert_true(program_wrote(&proxy.program, "artifacts.screenshot"));
    stop();
}

/* --- the audit in a bucket */
static void new_session(struct proxy *at)
{
    (void)proxy_ask(at, "POST", "/api/v1/sessions", "", "{\"name\":\"a\"}");
    assert_int_equal(at->reply.status, 201);
}

/* How many lines the chain "a" has for sessions that were made; ERR_INVALID: `out` has a change. */
static size_t exported(const char *url, struct audit_check *out, enum error_code wanted)
{
    const char *const args[] = {"audit", "export", "a", "--set", "sandbox.enabled=true",
                                "--set", url,      NULL};
    struct error err = {0};
    struct program program;
    struct buf lines;
    struct str rest;
    struct str line;
    size_t n = 0;

    *out = (struct audit_check){0};
    buf_init(&lines, TEXT_MAX);
    assert_int_equal(program_run(&program, args, cloud_server_env(&server, "keys", "")), 0);
    program_output(&program, &lines);
    program_assert_clean(&program);
    program_done(&program);
    if (audit_check_text(out, buf_view(&lines), &err) != wanted) {
        fail_msg("%s\n%s", err.text, buf_cstr(&lines));
    }
    rest = buf_view(&lines);
    while (str_next(&rest, '\n', &line)) {
        n += str_contains(line, STR("\"action\":\"/api/v1/sessions\""));
    }
    buf_done(&lines);
    return n;
}

static void begin_audit(struct proxy *at, const char *url)
{
    proxy_start_env(at, (const char *const[]){url, "audit.chain=a", NULL},
                    cloud_server_env(&server, "keys", ""));
}

/* Over restarts, while the bucket is away, and when an answer of it is lost. */
static void audit_in(const char *url)
{
    struct audit_check check;
    unsigned n_items = server.seen->n_items;

    server.seen->is_away = true;
    begin_audit(&proxy, url);
    new_session(&proxy);
    program_wait_wrote(&proxy.program, "\"audit.failed\"", WAIT_MS);
    assert_true(is_in_trouble("audit"));
    server.seen->is_away = false;
    wait_until(server.seen->n_items >= n_items + 1);
    wait_until(!is_in_trouble("audit"));
    server.seen->lost = 1;
    new_session(&proxy);
    wait_until(server.seen->n_items >= n_items + 2);
    new_session(&proxy); /* what was lost is seen to be there: this comes behind it, once */
    wait_until(server.seen->n_items >= n_items + 3);
    stop();
    assert_int_equal(exported(url, &check, ERR_OK), 3);
    assert_int_equal(check.n_lines, check.last);
    begin_audit(&proxy, url);
    for (unsigned i = 0; i < 2 * LINES; i++) {
        new_session(&proxy);
    }
    wait_until(metric(AUDIT_LAG) == 0);
    stop();
    assert_int_equal(exported(url, &check, ERR_OK), 3 + 2 * LINES);
    assert_int_equal(check.first, 1);
    assert_int_equal(check.n_lines, check.last);
}

static void the_audit_is_put_into_a_bucket(void **state)
{
    (void)state;
    audit_in("audit.url=s3://qa-bucket/audit");
    audit_in("audit.url=gs://qa-bucket");
}

/* Two that were given one name, by mistake: each goes on behind the other, and nothing is overwritten. */
static void two_writers_of_a_chain_lose_nothing(void **state)
{
    static const char url[] = "audit.url=s3://qa-bucket/two";
    struct audit_check check;
    struct proxy other;
    unsigned n_before = server.seen->n_items;

    (void)state;
    begin_audit(&proxy, url);
    begin_audit(&other, url);
    wait_until(server.seen->n_items == n_before + 2); /* each has said audit.started */
    for (unsigned i = 0; i < WRITES; i++) {
        unsigned n_items = server.seen->n_items;

        new_session(i % 2 == 0 ? &proxy : &other);
        wait_until(server.seen->n_items > n_items);
    }
    proxy_stop(&other);
    stop();
    assert_int_equal(exported(url, &check, ERR_OK), WRITES);
    assert_int_equal(check.n_lines, check.last);
}

/* An object that was changed is found, also when others came behind it. */
static void a_changed_object_is_found(void **state)
{
    static const char url[] = "audit.url=s3://qa-bucket/changed";
    struct audit_check check;

    (void)state;
    for (unsigned life = 0; life < 3; life++) {
        unsigned n_items = server.seen->n_items;

        begin_audit(&proxy, url);
        wait_until(server.seen->n_items > n_items); /* audit.started */
        server.seen->foreign = life == 1;
        new_session(&proxy);
        wait_until(server.seen->n_items > n_items + 1);
        stop();
        server.seen->foreign = false;
    }
    assert_true(exported(url, &check, ERR_INVALID) >= 2);
}

/* --- several processes */
static struct replicas replicas;

/* Sessions of which a process knows that they were made. */
static size_t n_known(size_t i)
{
    const struct json *answer = replicas_ask(
        &replicas, i, "GET", "/api/v1/audit?action=/api/v1/sessions&limit=100", NULL, NULL);

    return json_size(json_get(answer, "events"));
}

/* The one that writes the audit of all is killed while the bucket is away: another one writes what both have noted. */
static void the_audit_goes_on_after_a_kill(void **state)
{
    static const char url[] = "audit.url=s3://qa-bucket/shared-audit";
    static const char *const sets[] = {url, "audit.chain=a", NULL};
    struct audit_check check;
    unsigned n_items = server.seen->n_items;
    size_t writer;

    (void)state;
    if (!redis_server_is_there()) {
        skip();
    }
    replicas_start(&replicas,
                   &(struct replicas_options){
                       .n = 2, .sets = sets, .env = cloud_server_env(&server, "keys", "")});
    wait_until(server.seen->n_items > n_items); /* audit.started */
    writer = program_wrote(&replicas.programs[0], "consumer:audit") ? 0 : 1;
    server.seen->is_away = true;
    for (size_t i = 0; i < WRITES; i++) {
        (void)replicas_ask(&replicas, i % 2, "POST", "/api/v1/sessions", NULL, "{\"name\":\"a\"}");
        assert_int_equal(replicas.reply.status, 201);
    }
    wait_until(program_wrote(&replicas.programs[writer], "\"audit.failed\"") ||
               program_wrote(&replicas.programs[1 - writer], "\"audit.failed\""));
    writer = program_wrote(&replicas.programs[writer], "\"audit.failed\"") ? writer : 1 - writer;
    wait_until(n_known(1 - writer) == WRITES); /* all are in Redis */
    replicas_kill(&replicas, writer);
    server.seen->is_away = false;
    n_items = server.seen->n_items;
    wait_until(server.seen->n_items > n_items + 1); /* audit.started, and the lines */
    replicas_stop(&replicas);
    assert_true(exported(url, &check, ERR_OK) >= WRITES);
    assert_int_equal(check.n_lines, check.last);
}

/* The run has ended, its reports could not be put there, and its process is killed: another one puts them there. */
static void the_next_process_goes_on(void **state)
{
    static const char *const sets[] = {"artifacts.url=s3://qa-bucket/shared", NULL};
    unsigned n_items = server.seen->n_items;
    const struct json *run;
    struct str id;

    (void)state;
    if (!redis_server_is_there()) {
        skip();
    }
    replicas_start(&replicas,
                   &(struct replicas_options){
                       .n = 2, .sets = sets, .env = cloud_server_env(&server, "keys", "")});
    wait_until(program_wrote(&replicas.programs[0], "consumer:artifacts") ||
               program_wrote(&replicas.programs[1], "consumer:artifacts"));
    server.seen->is_away = true;
    run = replicas_ask(&replicas, 0, "POST", "/api/v1/tests/run", NULL,
                       "{\"name\":\"one\",\"steps\":[{\"click\":\"Sign in\"}]}");
    id = arena_str(&replicas.platform.arena, runs_text(run, "/id"));
    assert_true(id.len > 0);
    wait_until(program_wrote(&replicas.programs[0], "artifacts.away") ||
               program_wrote(&replicas.programs[1], "artifacts.away"));
    replicas_kill(&replicas, program_wrote(&replicas.programs[0], "artifacts.away") ? 0 : 1);
    server.seen->is_away = false;
    wait_until(server.seen->n_items == n_items + FILES);
    replicas_stop(&replicas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_are_put_into_a_folder),
        cmocka_unit_test(reports_are_put_into_s3),
        cmocka_unit_test(reports_are_put_into_cloud_storage),
        cmocka_unit_test(a_process_that_ends_puts_them_there_first),
        cmocka_unit_test(screenshots_are_put_there_when_they_are_asked_for),
        cmocka_unit_test(a_report_comes_without_screenshots_that_are_gone),
        cmocka_unit_test(the_audit_is_put_into_a_bucket),
        cmocka_unit_test(two_writers_of_a_chain_lose_nothing),
        cmocka_unit_test(a_changed_object_is_found),
        cmocka_unit_test(the_audit_goes_on_after_a_kill),
        cmocka_unit_test(the_next_process_goes_on),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
