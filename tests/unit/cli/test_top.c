/* top: figures from two reads of /metrics, and pictures that fit their screen. */
#include "harness/cmocka.h"

#include <math.h>

#include "cli/top_draw.h"

enum { TEXT_MAX = 1 << 20, SECOND_US = 1000000 };

#define FAMILIES                                                                                   \
    "# TYPE virtuoso_proxy_http_requests_total counter\n"                                          \
    "# TYPE virtuoso_proxy_connections gauge\n"                                                    \
    "# TYPE virtuoso_proxy_config_last_reload_successful gauge\n"                                  \
    "virtuoso_proxy_config_last_reload_successful 1\n"                                             \
    "process_start_time_seconds 1000.00\n"                                                         \
    "virtuoso_proxy_build_info{version=\"1.2.3\"} 1\n"

#define COUNTED(route, code, n)                                                                    \
    "virtuoso_proxy_http_requests_total{http_route=\"" route                                       \
    "\",http_request_method=\"GET\",code=\"" code "\"} " #n "\n"
#define BUCKETS(route, a, b, c)                                                                    \
    "http_server_request_duration_seconds_bucket{http_route=\"" route "\",le=\"0.1\"} " #a "\n"    \
    "http_server_request_duration_seconds_bucket{http_route=\"" route "\",le=\"0.2\"} " #b "\n"    \
    "http_server_request_duration_seconds_bucket{http_route=\"" route "\",le=\"+Inf\"} " #c "\n"

static void assert_near(double value, double wanted)
{
    if (!(fabs(value - wanted) < 1e-9)) {
        fail_msg("%f instead of %f", value, wanted);
    }
}

static void read_at(struct top_read *out, unsigned seconds, const char *text)
{
    assert_true(top_read(str_from(text), (uint64_t)seconds * SECOND_US, out));
}

static void rates_are_those_between_two_reads(void **state)
{
    struct top_read before;
    struct top_read now;
    double figures[TOP_N_FIGURES];

    (void)state;
    read_at(&before, 10,
            FAMILIES COUNTED("/a", "2xx", 100) BUCKETS("/a", 100, 100, 100)
                COUNTED("/metrics", "2xx", 5));
    read_at(
        &now, 12,
        FAMILIES COUNTED("/a", "2xx", 150) COUNTED("/b/{id}", "5xx", 50) BUCKETS(
            "/a", 130, 150, 150) BUCKETS("/b/{id}", 20, 50, 50) COUNTED("/metrics", "2xx", 7)
            COUNTED("/health/live", "2xx", 900)
                COUNTED("/api/v1/tests/runs/{id}/events", "5xx", 900) BUCKETS(
                    "/api/v1/events", 0, 0,
                    900) "process_cpu_seconds_total 1.00\nvirtuoso_proxy_cpu_limit_cores 2.000\n"
                         "process_resident_memory_bytes 25\n"
                         "virtuoso_proxy_memory_limit_bytes 100\n");
    top_figures(&before, &now, figures);
    assert_near(figures[FIGURE_RATE], 50.0);   /* 100 in 2 s; probes are none */
    assert_near(figures[FIGURE_ERRORS], 50.0); /* 50 of 100 */
    /* 50 of the 100 are below 0.1 s, the others between 0.1 and 0.2 */
    assert_near(figures[FIGURE_P50], 100.0);
    assert_near(figures[FIGURE_P95], 190.0);
    assert_near(figures[FIGURE_CPU], 25.0); /* 1 s of 2 s of 2 cores */
    assert_near(figures[FIGURE_MEMORY], 25.0);
    assert_true(isnan(figures[FIGURE_CALLS]));     /* no such family */
    assert_true(isnan(figures[FIGURE_CALLS_P95])); /* nothing was observed */
    assert_string_equal(now.version, "1.2.3");
    assert_null(top_trouble(&before, &now));
}

static void a_proxy_that_began_anew_counts_from_nothing(void **state)
{
    struct top_read before;
    struct top_read now;
    double figures[TOP_N_FIGURES];

    (void)state;
    read_at(&before, 1, FAMILIES COUNTED("/a", "2xx", 100) BUCKETS("/a", 90, 100, 100));
    read_at(&now, 2, FAMILIES COUNTED("/a", "2xx", 110) BUCKETS("/a", 0, 110, 110));
    now.sums[SUM_STARTED] += 60;
    top_figures(&before, &now, figures);
    assert_near(figures[FIGURE_RATE], 110.0);
    assert_near(figures[FIGURE_P50], 150.0);
}

static void without_an_end_a_bucket_counts_as_its_begin(void **state)
{
    struct top_read before;
    struct top_read now;
    double figures[TOP_N_FIGURES];

    (void)state;
    read_at(&before, 1, FAMILIES);
    read_at(&now, 2, FAMILIES COUNTED("/a", "2xx", 2) BUCKETS("/a", 0, 0, 2));
    top_figures(&before, &now, figures);
    assert_near(figures[FIGURE_P99], 200.0);
}

static void trouble_is_told(void **state)
{
    static const struct {
        const char *line;
        const char *said;
    } rows[] = {
        {"virtuoso_proxy_draining 1\n", "drains"},
        {"virtuoso_proxy_upstream_breaker_open 1\n", "away"},
        {"virtuoso_proxy_upstream_token_refused_total 1\n", "401"},
    };
    struct top_read before;

    (void)state;
    read_at(&before, 1, FAMILIES);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct top_read now;
        struct buf text;

        buf_init(&text, TEXT_MAX);
        buf_printf(&text, "%s%s", FAMILIES, rows[i].line);
        read_at(&now, 2, buf_cstr(&text));
        assert_non_null(strstr(top_trouble(&before, &now), rows[i].said));
        buf_done(&text);
    }
}

static void what_is_not_of_a_proxy_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "<html>\n",
        "# TYPE up gauge\nup 1\n",
        "virtuoso_proxy_connections{ 1\n",
        "{\"a\": 1}\n",
        "virtuoso_proxy_http_requests_total{http_route=\"\n\n \n} \n"};
    struct top_read read;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_false(top_read(str_from(texts[i]), 0, &read));
    }
}

static void fill(struct top_picture *picture, struct top_history *history)
{
    *picture = (struct top_picture){.url = STR("http://127.0.0.1:9090"),
                                    .trouble = STR("the platform is away"),
                                    .version = "1.2.3",
                                    .up_s = 100000,
                                    .history = history};
    for (size_t n = 0; n < TOP_HISTORY + 5; n++) {
        for (size_t i = 0; i < TOP_N_FIGURES; i++) {
            picture->figures[i] = n % 7 == 3 ? NAN : (double)(n * n) * 1.7;
        }
        top_history_add(history, picture->figures);
    }
}

/* All that is drawn is one column wide; text_columns would count bars as two. */
static size_t n_characters(struct str line)
{
    size_t n = 0;

    for (size_t i = 0; i < line.len; i++) {
        n += ((unsigned char)line.ptr[i] & 0xC0U) != 0x80U;
    }
    return n;
}

static void assert_fits(const struct top_picture *picture)
{
    struct buf out;
    struct str rest;
    struct str line;
    size_t n = 0;

    buf_init(&out, TEXT_MAX);
    top_draw(&out, picture);
    assert_true(buf_ok(&out));
    for (rest = buf_view(&out); rest.len > 0; n++) {
        (void)str_cut(rest, '\n', &line, &rest);
        if (n_characters(line) > picture->columns) {
            fail_msg("%zu columns: %.*s", picture->columns, STR_ARG(line));
        }
    }
    assert_true(n > 0 && n <= picture->lines);
    buf_done(&out);
}

static void a_picture_fits_its_screen(void **state)
{
    static struct top_history history;
    struct top_picture picture;

    (void)state;
    history.n = 0;
    fill(&picture, &history);
    assert_int_equal(history.n, TOP_HISTORY);
    for (picture.columns = TOP_MIN_COLUMNS; picture.columns < 700; picture.columns += 11) {
        for (picture.lines = 1; picture.lines < 70; picture.lines += 3) {
            assert_fits(&picture);
        }
    }
}

static void colour_is_for_what_is_not_well(void **state)
{
    static struct top_history history;
    struct top_picture picture = {.version = "1", .history = &history, .columns = 80, .lines = 24};
    struct buf out;

    (void)state;
    history.n = 0;
    picture.up_s = -1;
    picture.figures[FIGURE_ERRORS] = 7;
    picture.figures[FIGURE_P95] = 201;
    buf_init(&out, TEXT_MAX);
    top_draw(&out, &picture);
    assert_false(str_contains(buf_view(&out), STR("\x1b")));
    buf_clear(&out);
    picture.color = true;
    top_draw(&out, &picture);
    assert_true(str_contains(buf_view(&out), STR("\x1b[31m7.00 %\x1b[0m")));
    assert_true(str_contains(buf_view(&out), STR("\x1b[33m201 ms\x1b[0m")));
    buf_done(&out);
}

int test_top(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_those_between_two_reads),
        cmocka_unit_test(a_proxy_that_began_anew_counts_from_nothing),
        cmocka_unit_test(without_an_end_a_bucket_counts_as_its_begin),
        cmocka_unit_test(trouble_is_told),
        cmocka_unit_test(what_is_not_of_a_proxy_is_refused),
        cmocka_unit_test(a_picture_fits_its_screen),
        cmocka_unit_test(colour_is_for_what_is_not_well),
    };

    return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
