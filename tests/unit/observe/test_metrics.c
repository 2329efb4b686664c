/* Metrics: what is counted is what is told, in a text that a scraper can read. */
#include "harness/cmocka.h"

#include <string.h>
#include <unistd.h>

#include "observe/metrics.h"

int test_metrics(void);

static const char *const routes[] = {"unmatched", "/a", "/b\"\\\n"};

static int begin(void **state)
{
    (void)state;
    metrics_label_values(LABEL_ROUTE, routes, ARRAY_LEN(routes));
    metrics_open();
    return 0;
}

static int end(void **state)
{
    (void)state;
    metrics_done();
    return 0;
}

static void what_is_added_is_summed_and_gauges_are_set(void **state)
{
    (void)state;
    metric_add(M_REQUESTS, 1, METHOD_LABEL_GET, CLASS_2XX, 2);
    metric_add(M_REQUESTS, 1, METHOD_LABEL_POST, CLASS_5XX, 1);
    assert_int_equal(metric_sum(M_REQUESTS), 3);
    metric_set(M_SESSIONS, 7);
    metric_gauge_add(M_SESSIONS, -2);
    assert_int_equal(metric_value(M_SESSIONS), 5);
    assert_int_equal(metric_class_of(204), CLASS_2XX);
    assert_int_equal(metric_class_of(499), CLASS_499);
    assert_int_equal(metric_method_of(STR("PATCH")), METHOD_LABEL_PATCH);
    assert_int_equal(metric_method_of(STR("BREW")), METHOD_LABEL_OTHER);
}

static void quantiles_lie_where_the_observations_are(void **state)
{
    (void)state;
    assert_true(metric_quantile_seconds(M_REQUEST_SECONDS, 0.5) == 0.0); /* nothing, yet */
    for (int i = 0; i < 100; i++) {
        metric_observe_us(M_REQUEST_SECONDS, 1, 3000);
    }
    assert_true(metric_quantile_seconds(M_REQUEST_SECONDS, 0.5) == 0.003); /* of 1 to 5 ms */
    metric_observe_us(M_REQUEST_SECONDS, 2, UINT64_C(60000000));
    assert_true(metric_quantile_seconds(M_REQUEST_SECONDS, 1.0) == 30.0); /* or longer */
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':';
}

/* name{label="value",...} number: the grammar of the text format, by hand. */
static bool is_sample(struct str line)
{
    size_t at = 0;
    double number;

    while (at < line.len && is_name_char(line.ptr[at])) {
        at++;
    }
    if (at == 0) {
        return false;
    }
    if (at < line.len && line.ptr[at] == '{') {
        bool quoted = false;

        for (at++; at < line.len && (quoted || line.ptr[at] != '}'); at++) {
            if (quoted && line.ptr[at] == '\\') {
                at++;
            } else if (line.ptr[at] == '"') {
                quoted = !quoted;
            }
        }
        at++;
    }
    return at < line.len && line.ptr[at] == ' ' &&
           str_to_double(str_sub(line, at + 1, line.len), &number);
}

/* A sample belongs to the family that was announced last. */
static void check_sample(struct str line, struct str family)
{
    if (!is_sample(line) || !str_starts(line, family)) {
        fail_msg("not a sample of %.*s: %.*s", STR_ARG(family), STR_ARG(line));
    }
}

static void check_lines(struct str text)
{
    struct str line = STR_EMPTY;
    struct str family = STR_EMPTY;
    size_t n_samples = 0;

    while (str_cut(text, '\n', &line, &text)) {
        if (str_starts(line, STR("# HELP "))) {
            struct str rest = str_sub(line, 7, line.len);

            (void)str_next(&rest, ' ', &family);
        } else if (!str_starts(line, STR("# "))) {
            check_sample(line, family);
            n_samples++;
        }
    }
    assert_int_equal(text.len, 0); /* the last line ends in a line feed too */
    assert_true(n_samples > 20);
}

static void the_text_is_well_formed_in_both_formats(void **state)
{
    struct buf text;

    (void)state;
    metric_add(M_REQUESTS, 2, METHOD_LABEL_GET, CLASS_2XX, 1);
    metric_observe_us(M_REQUEST_SECONDS, 2, 1500);
    metric_set(M_LOOP_TURN_CPU, 12345);
    for (int openmetrics = 0; openmetrics < 2; openmetrics++) {
        buf_init(&text, 1 << 20);
        metrics_write(&text, openmetrics == 1, "1.2.3");
        assert_true(buf_ok(&text));
        check_lines(buf_view(&text));
        assert_int_equal(str_ends(buf_view(&text), STR("\n# EOF\n")), openmetrics == 1);
        assert_true(str_contains(buf_view(&text), STR("http_route=\"/b\\\"\\\\\\n\"")));
        assert_true(str_contains(buf_view(&text), STR("le=\"+Inf\"} 1\n")));
        assert_true(str_contains(buf_view(&text), STR("le=\"0.001\"} 0\n")));
        assert_true(str_contains(buf_view(&text), openmetrics == 1 ? STR("le=\"30.0\"} 1\n")
                                                                   : STR("le=\"30\"} 1\n")));
        assert_true(str_contains(buf_view(&text),
                                 STR("_seconds_sum{http_route=\"/b\\\"\\\\\\n\"} 0.001500\n")));
        assert_true(str_contains(buf_view(&text), STR("turn_cpu_seconds_max 0.012345\n")));
        assert_false(str_contains(buf_view(&text), STR("http_route=\"/a\""))); /* never touched */
        buf_done(&text);
    }
}

static size_t count_of(struct str text, const char *what)
{
    size_t n = 0;
    ptrdiff_t at;

    while ((at = str_find(text, str_from(what))) >= 0) {
        text = str_sub(text, (size_t)at + 1, text.len);
        n++;
    }
    return n;
}

/* Each metric is announced also while it has no series, and few have any before the first
 * request. */
static void an_idle_process_tells_little(void **state)
{
    struct buf text;
    struct str line;
    struct str rest;
    size_t n_series = 0;

    (void)state;
    buf_init(&text, 1 << 20);
    metrics_write(&text, false, "1.2.3");
    rest = buf_view(&text);
    while (str_cut(rest, '\n', &line, &rest)) {
        n_series += str_starts(line, STR("#")) ? 0 : 1;
    }
    assert_in_range(n_series, 50, 200);
    assert_int_equal(count_of(buf_view(&text), "# TYPE "), count_of(buf_view(&text), "# HELP "));
    assert_true(str_contains(buf_view(&text),
                             STR("\n# TYPE http_server_request_duration_seconds histogram\n")));
    assert_true(str_contains(buf_view(&text),
                             STR("\n# TYPE http_client_request_duration_seconds histogram\n")));
    assert_int_equal(count_of(buf_view(&text), "\nvirtuoso_proxy_loop_lag_seconds_bucket"), 12);
    buf_done(&text);
}

/* Only OpenMetrics knows them; each bucket has its last one. */
static void a_bucket_shows_a_trace(void **state)
{
    static const char first[] = "0af7651916cd43dd8448eb211c80319c";
    static const char last[] = "4bf92f3577b34da6a3ce929d0e0e4736";
    struct buf text;

    (void)state;
    metric_observe_traced(M_REQUEST_SECONDS, 1, 150000, str_from(first));
    metric_observe_traced(M_REQUEST_SECONDS, 1, 160000, str_from(last));
    metric_observe_us(M_REQUEST_SECONDS, 1, 170000);
    buf_init(&text, 1 << 20);
    metrics_write(&text, true, "1.2.3");
    assert_true(str_contains(
        buf_view(&text),
        STR("http_server_request_duration_seconds_bucket{http_route=\"/a\",le=\"0.2\"} 3 # "
            "{trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"} 0.160000\n")));
    assert_int_equal(count_of(buf_view(&text), "trace_id"), 1);
    buf_clear(&text);
    metrics_write(&text, false, "1.2.3");
    assert_int_equal(count_of(buf_view(&text), "trace_id"), 0);
    buf_done(&text);
}

static void the_limits_of_the_process_are_told(void **state)
{
    struct process_figures figures;

    (void)state;
    process_figures_read(&figures);
    assert_true(figures.cpu_limit_cores > 0 &&
                figures.cpu_limit_cores <= (double)sysconf(_SC_NPROCESSORS_CONF));
    assert_in_range(figures.memory_limit_bytes, figures.rss_bytes,
                    (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
}

static void nothing_happens_before_open(void **state)
{
    (void)state;
    metric_add(M_REQUESTS, 1, METHOD_LABEL_GET, CLASS_2XX, 1);
    metric_set(M_SESSIONS, 3);
    metric_observe_us(M_REQUEST_SECONDS, 0, 1);
    assert_int_equal(metric_sum(M_REQUESTS), 0);
}

int test_metrics(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_happens_before_open),
        T(an_idle_process_tells_little),
        T(a_bucket_shows_a_trace),
        T(the_limits_of_the_process_are_told),
        T(what_is_added_is_summed_and_gauges_are_set),
        T(quantiles_lie_where_the_observations_are),
        T(the_text_is_well_formed_in_both_formats),
    };
#undef T

    return cmocka_run_group_tests_name("observe: metrics", tests, NULL, NULL);
}
