/* Metrics of several processes: each of them is a child of the test, which writes what it sees to a pipe. */
#include "harness/cmocka.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "observe/metrics.h"
#include "observe/metrics_shared.h"

enum { N_SLOTS = 3, TEXT_MAX = 1 << 20 };

static int memory;

/* A process: counts in its slot, tells, and ends without a word, as one that is killed. */
struct act {
    unsigned slot;
    uint64_t requests;
    int64_t in_flight;
    int64_t config_time;
    uint64_t us;
    uint64_t burns_us; /* of CPU time, at least */
};

static void act(const struct act *what, int out)
{
    struct error err;
    struct buf text;

    if (metrics_share(memory, N_SLOTS, what->slot, &err) != ERR_OK) {
        _exit(2);
    }
    metrics_open();
    metric_add(M_REQUEST_BYTES, 0, 0, 0, what->requests);
    metric_gauge_add(M_IN_FLIGHT, what->in_flight);
    metric_set(M_CONFIG_TIME, what->config_time);
    metric_set(M_KEY_EXPIRY, what->slot == 0 ? 0 : 1000 + what->slot);
    metric_observe_us(M_REQUEST_SECONDS, 0, what->us);
    while (clock_cpu_us() < what->burns_us) {
    }
    buf_init(&text, TEXT_MAX);
    metrics_write(&text, false, "1");
    buf_printf(&text, "sum %llu speaks %d\n", (unsigned long long)metric_sum(M_REQUEST_BYTES),
               metrics_speaks_for_all());
    if (write(out, buf_cstr(&text), text.len) != (ssize_t)text.len) {
        _exit(3);
    }
    _exit(0);
}

/* What it told; valid until the next one. */
static const char *run(struct act what)
{
    static char told[TEXT_MAX];
    size_t len = 0;
    ssize_t n = 0;
    int ends[2];
    int status;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        act(&what, ends[1]);
    }
    (void)close(ends[1]);
    while ((n = read(ends[0], told + len, sizeof(told) - 1 - len)) > 0) {
        len += (size_t)n;
    }
    told[len] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return told;
}

static void assert_told(const char *told, const char *line)
{
    if (strstr(told, line) == NULL) {
        fail_msg("%s is not in:\n%s", line, told);
    }
}

static int set_up(void **state)
{
    struct error err;

    (void)state;
    return metrics_shared_open(N_SLOTS, &memory, &err) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    metrics_shared_close();
    (void)close(memory);
    return 0;
}

static void counters_stay_and_gauges_go_with_their_process(void **state)
{
    const char *told;

    (void)state;
    (void)run((struct act){.slot = 0, .requests = 5, .in_flight = 2, .config_time = 70, .us = 100});
    told =
        run((struct act){.slot = 1, .requests = 7, .in_flight = 1, .config_time = 60, .us = 9000});
    assert_told(told, "virtuoso_proxy_http_request_bytes_total 12\n");
    assert_told(told, "virtuoso_proxy_http_requests_in_flight 3\n");
    assert_told(told, "virtuoso_proxy_config_last_reload_success_timestamp_seconds 60\n");
    assert_told(told, "virtuoso_proxy_key_expiry_timestamp_seconds 1001\n");
    assert_told(told, "le=\"0.001\"} 1\n");
    assert_told(told, "le=\"0.01\"} 2\n");
    assert_told(told, "le=\"+Inf\"} 2\n");
    assert_told(told, "sum 12 speaks 0\n");
    metrics_shared_gone(0);
    metrics_shared_gone(1);
    told = run((struct act){.slot = 1, .requests = 1, .in_flight = 4, .config_time = 90});
    assert_told(told, "virtuoso_proxy_http_request_bytes_total 13\n");
    assert_told(told, "virtuoso_proxy_http_requests_in_flight 4\n");
    assert_told(told, "virtuoso_proxy_config_last_reload_success_timestamp_seconds 90\n");
    assert_told(told, "sum 13 speaks 1\n");
}

/* CPU time is a counter, too. */
static void time_of_the_dead_is_kept(void **state)
{
    const char *line;
    double seconds;

    (void)state;
    (void)run((struct act){.slot = 0, .burns_us = 50000});
    metrics_shared_gone(0);
    line = strstr(run((struct act){.slot = 2}), "\nprocess_cpu_seconds_total ");
    assert_non_null(line);
    seconds = strtod(line + strlen("\nprocess_cpu_seconds_total "), NULL);
    assert_true(seconds >= 0.05);
    assert_told(run((struct act){.slot = 2}), "\nprocess_resident_memory_bytes ");
}

/* Nothing is added up, and nothing is kept. */
static void alone_nothing_is_shared(void **state)
{
    (void)state;
    metrics_open();
    metric_add(M_REQUEST_BYTES, 0, 0, 0, 3);
    metrics_gather();
    assert_int_equal(metric_sum(M_REQUEST_BYTES), 3);
    assert_true(metrics_speaks_for_all());
    metrics_publish();
    metrics_done();
}

int test_metrics_shared(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counters_stay_and_gauges_go_with_their_process, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(time_of_the_dead_is_kept, set_up, tear_down),
        cmocka_unit_test(alone_nothing_is_shared),
    };

    return cmocka_run_group_tests_name("metrics_shared", tests, NULL, NULL);
}
