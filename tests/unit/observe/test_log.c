/* The log: no line is lost without being counted, and people can read it. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness/cmocka.h"
#include "harness/wait.h"

#include "base/clock.h"
#include "harness/count.h"
#include "observe/log.h"
#include "observe/log_internal.h"
#include "observe/metrics.h"
#include "observe/trouble.h"

#define SCRATCH VP_SCRATCH_DIR "/test_log"

enum { TEXT_MAX = 8 * 1024 * 1024 };

static void read_all(int fd, struct buf *out)
{
    ssize_t n = 1;

    while (n > 0) {
        char *room = buf_reserve(out, 65536);

        assert_non_null(room);
        n = read(fd, room, 65536);
        buf_grew(out, n > 0 ? (size_t)n : 0);
    }
}

static void write_lines(int n, bool flush)
{
    for (int i = 0; i < n; i++) {
        log_event(LOG_INFO, "test.line", F_INT("number", i));
        if (flush) {
            log_flush();
        }
    }
    log_flush();
}

static int open_scratch(void)
{
    int fd = open(SCRATCH, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    return fd;
}

static void lines_for_a_full_disk_are_counted(void **state)
{
    int disk = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int file = open_scratch();
    uint64_t before = log_dropped();
    struct buf text;

    (void)state;
    assert_true(disk >= 0);
    metrics_open();
    log_open(disk, LOG_INFO, LOG_JSON);
    write_lines(1500, true);
    write_lines(1500, false);
    assert_int_equal(log_dropped() - before, 3000);
    assert_int_equal(metric_value(M_LOG_DROPPED), 3000);
    assert_true(trouble_is_any());
    assert_string_equal(trouble_now(TROUBLE_LOG)->why, "No space left on device");
    assert_true(trouble_now(TROUBLE_LOG)->since_wall_ms > 0);

    assert_int_equal(dup2(file, disk), disk); /* there is room again */
    write_lines(2, true);
    write_lines(2, true);
    log_close();
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    buf_init(&text, TEXT_MAX);
    read_all(file, &text);
    assert_int_equal(str_count(buf_view(&text), "\"test.line\""), 4);
    assert_int_equal(str_count(buf_view(&text), "\"log.recovered\""), 1);
    assert_int_equal(str_count(buf_view(&text), "\"lines_lost\":3000"), 1);
    assert_false(trouble_is_any());
    assert_int_equal(log_dropped() - before, 3000);
    buf_done(&text);
    metrics_done();
    assert_int_equal(close(disk), 0);
    assert_int_equal(close(file), 0);
    assert_int_equal(unlink(SCRATCH), 0);
}

static void trouble_of_several_lasts_while_one_fails(void **state)
{
    bool fails[2] = {false, false};

    (void)state;
    trouble_tell_of(TROUBLE_RUNS, &fails[0], "no room");
    trouble_tell_of(TROUBLE_RUNS, &fails[0], "no room");
    trouble_tell_of(TROUBLE_RUNS, &fails[1], "no room");
    trouble_tell_of(TROUBLE_RUNS, &fails[0], NULL);
    trouble_tell_of(TROUBLE_RUNS, &fails[0], NULL);
    assert_true(trouble_is_any());
    trouble_tell_of(TROUBLE_RUNS, &fails[1], NULL);
    assert_false(trouble_is_any());
}

/* The disk takes half of a line: the other lines stay whole. */
static void a_line_that_was_cut_spoils_no_other(void **state)
{
    struct rlimit limit;
    struct rlimit small;
    int file = open_scratch();
    uint64_t before = log_dropped();
    struct buf text;
    struct str rest;
    struct str line;
    size_t n_whole = 0;

    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 1000;
    log_open(file, LOG_INFO, LOG_JSON);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    write_lines(50, true);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    write_lines(10, true);
    log_close();
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    buf_init(&text, TEXT_MAX);
    read_all(file, &text);
    rest = buf_view(&text);
    while (str_next(&rest, '\n', &line)) {
        n_whole += str_starts(line, STR("{\"time\"")) && str_ends(line, STR("}")) &&
                           str_count(line, "\"time\"") == 1 && str_contains(line, STR("test.line"))
                       ? 1
                       : 0;
    }
    assert_int_equal(n_whole + (log_dropped() - before), 60);
    assert_int_equal(str_count(buf_view(&text), "\"log.recovered\""), 1);
    assert_true(n_whole >= 20);
    buf_done(&text);
    assert_int_equal(close(file), 0);
    assert_int_equal(unlink(SCRATCH), 0);
}

/* The disk takes all of a line but its end: no line is lost, and the trouble ends with the next line. */
static void a_line_end_that_was_cut_is_no_trouble_for_ever(void **state)
{
    struct rlimit limit;
    struct rlimit small;
    int file = open_scratch();
    uint64_t before = log_dropped();

    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    log_open(file, LOG_INFO, LOG_JSON);
    write_lines(1, true);
    small.rlim_cur = 2 * (rlim_t)lseek(file, 0, SEEK_END) - 1;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    write_lines(1, true);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_string_equal(trouble_now(TROUBLE_LOG)->why, "File too large");
    assert_int_equal(log_dropped(), before);
    write_lines(1, true);
    assert_false(trouble_is_any());
    log_close();
    assert_int_equal(close(file), 0);
    assert_int_equal(unlink(SCRATCH), 0);
}

static void lines_for_a_pipe_that_nobody_reads_are_counted(void **state)
{
    int ends[2];
    uint64_t before = log_dropped();
    struct buf text;
    const int n = 30000;
    size_t n_read;

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    log_open(ends[1], LOG_INFO, LOG_JSON);
    write_lines(n, true);
    assert_true(log_dropped() > before);
    buf_init(&text, TEXT_MAX);
    for (int i = 0; i < 1000 && str_count(buf_view(&text), "\"log.recovered\"") == 0; i++) {
        read_all(ends[0], &text);
        log_flush();
    }
    assert_int_equal(str_count(buf_view(&text), "\"log.recovered\""), 1);
    n_read = str_count(buf_view(&text), "\"test.line\"");
    assert_int_equal(n_read + (log_dropped() - before), n);
    buf_done(&text);
    log_close();
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
}

static void write_text(struct buf *out, const char *name, const struct log_field *fields, size_t n,
                       bool color)
{
    const struct log_event event = {.level = LOG_INFO,
                                    .name = name,
                                    .fields = fields,
                                    .n = n,
                                    .wall_ms = INT64_C(1801396800250)};

    buf_init(out, TEXT_MAX);
    log_line_text(out, &event, color);
}

static void text_is_short_and_safe(void **state)
{
    const struct log_field started[] = {F_TEXT("version", "1.2"), F_TEXT("file", "my file"),
                                        F_INT("n", 3), F_BOOL("ok", true),
                                        F_TEXT("bad", "\033[2J")};
    struct log_field access[] = {
        F_TEXT("server", "proxy"),     F_TEXT("request_id", "abc"),
        F_TEXT("method", "POST"),      F_TEXT("path", "/x"),
        F_INT("status", 200),          F_MS("ms", 12340),
        F_TEXT("peer", "127.0.0.1:5"), F_TEXT("command", "step-interact click")};
    struct buf text;

    (void)state;
    write_text(&text, "server.started", started, ARRAY_LEN(started), false);
    assert_string_equal(
        buf_cstr(&text),
        "2027-01-31 12:00:00Z info  server.started version=1.2 file=\"my file\" n=3 "
        "ok=true bad=\\u001B[2J\n");
    buf_done(&text);
    write_text(&text, "access", access, ARRAY_LEN(access), false);
    assert_string_equal(buf_cstr(&text), "2027-01-31 12:00:00Z info  POST /x 200 12.3 ms "
                                         "command=\"step-interact click\"\n");
    buf_done(&text);
    access[4] = F_INT("status", 503);
    write_text(&text, "access", access, ARRAY_LEN(access), true);
    assert_true(str_contains(buf_view(&text), STR("\033[31m503\033[0m")));
    assert_true(str_contains(buf_view(&text), STR("request_id=abc")));
    buf_done(&text);
}

static void no_line_is_longer_than_the_limit(void **state)
{
    static char long_text[3000];
    struct log_field fields[8];
    struct buf text;

    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        fields[i] = F_TEXT("long", long_text);
    }
    write_text(&text, "test", fields, ARRAY_LEN(fields), true);
    assert_true(text.len <= LOG_LINE_MAX);
    assert_int_equal(str_count(buf_view(&text), "\n"), 1);
    buf_done(&text);
}

static void write_aws(struct buf *text, enum log_level level, const char *name,
                      const struct log_field *fields, size_t n)
{
    const struct log_event event = {level, name, fields, n, 1250};

    buf_init(text, TEXT_MAX);
    log_line_aws(text, &event, STR("8476a536"));
}

/* The line of a request only, and of none that is a probe. */
static void cloudwatch_finds_metrics_in_the_line_of_a_request(void **state)
{
    const struct log_event lost = {LOG_ERROR, "run.lost", NULL, 0, 0};
    struct log_field access[] = {F_TEXT("server", "proxy"), F_TEXT("route", "/api/user"),
                                 F_INT("status", 200),      F_MS("ms", 1500),
                                 F_TEXT("method", "GET"),   F_TEXT("path", "/x")};
    struct buf text;

    (void)state;
    write_aws(&text, LOG_INFO, "access", access, ARRAY_LEN(access));
    assert_string_equal(
        buf_cstr(&text),
        "{\"timestamp\":\"1970-01-01T00:00:01.250Z\",\"level\":\"INFO\",\"message\":\"GET /x\","
        "\"requestId\":\"8476a536\",\"event\":\"access\","
        "\"_aws\":{\"Timestamp\":1250,\"CloudWatchMetrics\":[{\"Namespace\":\"virtuoso-proxy\","
        "\"Dimensions\":[[\"server\"],[\"server\",\"route\"]],\"Metrics\":["
        "{\"Name\":\"ms\",\"Unit\":\"Milliseconds\"},{\"Name\":\"errors\",\"Unit\":\"Count\"}]}]},"
        "\"errors\":0,\"server\":\"proxy\",\"route\":\"/api/user\",\"status\":200,\"ms\":1.5,"
        "\"method\":\"GET\",\"path\":\"/x\"}\n");
    buf_clear(&text);
    log_line_aws(&text, &lost, STR_EMPTY);
    assert_string_equal(buf_cstr(&text),
                        "{\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"level\":\"ERROR\","
                        "\"message\":\"run.lost\",\"event\":\"run.lost\"}\n");
    buf_done(&text);
    access[1] = F_TEXT("route", "");
    access[2] = F_INT("status", 502);
    write_aws(&text, LOG_INFO, "access", access, ARRAY_LEN(access));
    assert_true(str_contains(buf_view(&text), STR("\"Dimensions\":[[\"server\"]],")));
    assert_true(str_contains(buf_view(&text), STR("\"errors\":1,")));
    buf_done(&text);
    write_aws(&text, LOG_DEBUG, "access", access, ARRAY_LEN(access));
    assert_false(str_contains(buf_view(&text), STR("_aws")));
    buf_done(&text);
    write_aws(&text, LOG_INFO, "server.started", access, ARRAY_LEN(access));
    assert_false(str_contains(buf_view(&text), STR("_aws")));
    buf_done(&text);
}

static void google_cloud_finds_the_names_that_it_knows(void **state)
{
    static char long_text[2 * LOG_LINE_MAX];
    const struct log_field error[] = {F_TEXT("error", "no such file"), F_INT("n", 7)};
    const struct log_field access[] = {
        F_TEXT("request_id", "0af7"), F_TEXT("span_id", "b7ad"),  F_TEXT("method", "GET"),
        F_TEXT("path", "/x"),         F_INT("status", 404),       F_TEXT("peer", "::1"),
        F_INT("request_bytes", 1),    F_INT("response_bytes", 2), F_MS("ms", 1500),
        F_TEXT("route", "other")};
    struct log_field many[12];
    struct log_event event = {LOG_WARN, "config.refused", error, ARRAY_LEN(error), 0};
    struct buf text;

    (void)state;
    buf_init(&text, TEXT_MAX);
    log_line_gcp(&text, &event, STR("p"));
    assert_string_equal(buf_cstr(&text),
                        "{\"time\":\"1970-01-01T00:00:00.000Z\",\"severity\":\"WARNING\","
                        "\"message\":\"config.refused: no such file\",\"event\":\"config.refused\","
                        "\"error\":\"no such file\",\"n\":7}\n");
    buf_clear(&text);
    event = (struct log_event){LOG_INFO, "access", access, ARRAY_LEN(access), 0};
    log_line_gcp(&text, &event, STR_EMPTY);
    assert_string_equal(
        buf_cstr(&text),
        "{\"time\":\"1970-01-01T00:00:00.000Z\",\"severity\":\"INFO\",\"message\":\"GET /x\","
        "\"event\":\"access\",\"httpRequest\":{\"requestMethod\":\"GET\",\"requestUrl\":\"/x\","
        "\"remoteIp\":\"::1\",\"status\":404,\"requestSize\":\"1\",\"responseSize\":\"2\","
        "\"latency\":\"0.001500s\"},\"logging.googleapis.com/trace\":\"0af7\","
        "\"logging.googleapis.com/spanId\":\"b7ad\",\"request_id\":\"0af7\",\"ms\":1.5,\"route\":\"other\"}\n");
    buf_clear(&text);
    memset(long_text, 'x', sizeof(long_text) - 1);
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = F_TEXT(i == 0 ? "error" : "long", long_text);
    }
    event = (struct log_event){LOG_ERROR, "test", many, ARRAY_LEN(many), 0};
    log_line_gcp(&text, &event, STR_EMPTY);
    assert_true(text.len <= LOG_LINE_MAX);
    assert_int_equal(str_count(buf_view(&text), "\"truncated\":true}\n"), 1);
    buf_done(&text);
}

int test_log(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_for_a_full_disk_are_counted),
        cmocka_unit_test(trouble_of_several_lasts_while_one_fails),
        cmocka_unit_test(a_line_that_was_cut_spoils_no_other),
        cmocka_unit_test(a_line_end_that_was_cut_is_no_trouble_for_ever),
        cmocka_unit_test(lines_for_a_pipe_that_nobody_reads_are_counted),
        cmocka_unit_test(text_is_short_and_safe),
        cmocka_unit_test(no_line_is_longer_than_the_limit),
        cmocka_unit_test(cloudwatch_finds_metrics_in_the_line_of_a_request),
        cmocka_unit_test(google_cloud_finds_the_names_that_it_knows),
    };

    scratch_lock();
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
