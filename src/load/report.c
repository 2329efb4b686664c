/* Writes the result of a load: as text for people, with a plot in ASCII, and as JSON. */
#include "base/json_form.h"
#include "load_internal.h"

enum { PLOT_WIDTH = 50, PLOT_ROWS_MAX = 24, FIRST_ROW_US = 10, LATE_US = 1000, SHOWN_MAX = 200 };

static const struct {
    const char *name;
    double q;
} quantiles[] = {{"p50", 0.5},  {"p90", 0.9},     {"p95", 0.95},
                 {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}};

static const char *const failure_names[LOAD_N_FAILURES] = {[LOAD_NOT_SENT] = "not_sent",
                                                           [LOAD_CONNECT] = "connect",
                                                           [LOAD_CLOSED] = "closed",
                                                           [LOAD_TIMED_OUT] = "timed_out",
                                                           [LOAD_GARBLED] = "garbled"};

static const char *const failure_texts[LOAD_N_FAILURES] = {
    [LOAD_NOT_SENT] = "not sent: no connection was free in time",
    [LOAD_CONNECT] = "not sent: no connection could be made",
    [LOAD_CLOSED] = "the connection was closed before the answer",
    [LOAD_TIMED_OUT] = "no answer in time",
    [LOAD_GARBLED] = "the answer was not HTTP/1.1"};

static double ms_of(uint64_t us)
{
    return (double)us / 1000.0;
}

static uint64_t mean_of(const struct histogram *histogram)
{
    return histogram->n > 0 ? histogram->sum_us / histogram->n : 0;
}

static double per_second(const struct load_result *result)
{
    return result->elapsed_us > 0 ? (double)result->n_answered * 1e6 / (double)result->elapsed_us
                                  : 0.0;
}

uint64_t load_n_failed(const struct load_result *result)
{
    uint64_t n = 0;

    for (size_t i = 0; i < LOAD_N_FAILURES; i++) {
        n += result->failures[i];
    }
    for (size_t i = 400; i < LOAD_STATUS_END; i++) {
        n += result->statuses[i];
    }
    return n;
}

/* ---- plot ---- */

/* The ends of the rows grow like 10, 14, 20, 28, 40 ... us: two to a doubling. */
static uint64_t row_end(unsigned row)
{
    uint64_t whole = (uint64_t)FIRST_ROW_US << (row / 2);

    return row % 2 == 0 ? whole : whole * 1414 / 1000;
}

static unsigned row_of(uint64_t us)
{
    unsigned row = 0;

    while (row_end(row) <= us) {
        row++;
    }
    return row;
}

static void put_bar(struct buf *out, uint64_t n, uint64_t most)
{
    uint64_t width = most > 0 ? n * PLOT_WIDTH / most : 0;

    for (uint64_t i = 0; i < PLOT_WIDTH; i++) {
        buf_text(out, i < width ? "#" : n > 0 && i == 0 ? "." : " ");
    }
}

static uint64_t in_row(const struct histogram *latency, unsigned row)
{
    uint64_t below = row > 0 ? histogram_below(latency, row_end(row - 1)) : 0;

    return histogram_below(latency, row_end(row)) - below;
}

/* The last row that is shown also counts all latencies above it. */
static void put_plot(struct buf *out, const struct histogram *latency)
{
    unsigned first = row_of(latency->min_us);
    unsigned last = row_of(latency->max_us);
    uint64_t most = 0;
    uint64_t left = latency->n;

    last = last - first < PLOT_ROWS_MAX ? last : first + PLOT_ROWS_MAX - 1;
    for (unsigned row = first; row <= last; row++) {
        uint64_t n = in_row(latency, row);
        most = n > most ? n : most;
    }
    buf_text(out, "\n");
    for (unsigned row = first; row <= last; row++) {
        uint64_t n = row == last ? left : in_row(latency, row);

        buf_printf(out, "  %s %9.2f ms |", row == last ? "from" : "  to",
                   ms_of(row_end(row == last && row > 0 ? row - 1 : row)));
        put_bar(out, n, most);
        buf_printf(out, "| %llu\n", (unsigned long long)n);
        left -= n;
    }
}

/* ---- for people ---- */

static void put_counts(struct buf *out, const struct load_result *result)
{
    uint64_t n_failed = load_n_failed(result);

    buf_printf(out, "answered  %llu of %llu, %.1f a second\n",
               (unsigned long long)result->n_answered, (unsigned long long)result->n_due,
               per_second(result));
    for (size_t i = 0; i < LOAD_STATUS_END; i++) {
        if (result->statuses[i] > 0) {
            buf_printf(out, "  %zu: %llu\n", i, (unsigned long long)result->statuses[i]);
        }
    }
    for (size_t i = 0; i < LOAD_N_FAILURES; i++) {
        if (result->failures[i] > 0) {
            buf_printf(out, "  %s: %llu\n", failure_texts[i],
                       (unsigned long long)result->failures[i]);
        }
    }
    buf_printf(out, "failed    %llu (%.3f %%)\n", (unsigned long long)n_failed,
               result->n_due > 0 ? 100.0 * (double)n_failed / (double)result->n_due : 0.0);
}

static void put_latency(struct buf *out, const struct histogram *latency)
{
    buf_printf(out, "latency   min %.3f ms, mean %.3f ms\n", ms_of(latency->min_us),
               ms_of(mean_of(latency)));
    for (size_t i = 0; i < ARRAY_LEN(quantiles); i++) {
        buf_printf(out, "  %-7s %10.3f ms\n", quantiles[i].name,
                   ms_of(histogram_quantile(latency, quantiles[i].q)));
    }
    buf_printf(out, "  %-7s %10.3f ms\n", "max", ms_of(latency->max_us));
}

void load_write_text(const struct load_options *options, const struct load_result *result,
                     struct buf *out)
{
    uint64_t late_us = histogram_quantile(&result->late, 0.99);

    buf_printf(out, "%.*s %.*s\n", STR_ARG(options->method),
               STR_ARG(str_sub(options->url, 0, SHOWN_MAX)));
    if (options->rate > 0) {
        buf_printf(out, "%u a second, ", options->rate);
    }
    buf_printf(out, "%u connection%s; took %.1f s%s\n", options->connections,
               options->connections == 1 ? "" : "s", (double)result->elapsed_us / 1e6,
               result->stopped ? ", stopped before the end" : "");
    buf_char(out, '\n');
    put_counts(out, result);
    if (result->latency.n > 0) {
        put_latency(out, &result->latency);
        put_plot(out, &result->latency);
    }
    if (late_us > LATE_US) {
        buf_printf(
            out,
            "\nnote: this program itself sent one request in a hundred %.1f ms late or more; "
            "it needs a core of its own, or a lower rate\n",
            ms_of(late_us));
    }
}

/* ---- JSON ---- */

static void put_json_latency(struct json_writer *w, const struct histogram *latency)
{
    jw_form(w, "latency_ms:{min:%d, mean:%d", ms_of(latency->min_us), ms_of(mean_of(latency)));
    for (size_t i = 0; i < ARRAY_LEN(quantiles); i++) {
        jw_key(w, quantiles[i].name);
        jw_double(w, ms_of(histogram_quantile(latency, quantiles[i].q)));
    }
    jw_form(w, "max:%d}", ms_of(latency->max_us));
}

static void put_json_histogram(struct json_writer *w, const struct histogram *latency)
{
    jw_shape(w, "histogram:[");
    for (unsigned row = row_of(latency->min_us); latency->n > 0 && row <= row_of(latency->max_us);
         row++) {
        jw_form(w, "{below_ms:%d, n:%i}", ms_of(row_end(row)), in_row(latency, row));
    }
    jw_end(w);
}

static void put_json_counts(struct json_writer *w, const struct load_result *result)
{
    char digits[DIGITS_MAX];

    jw_form(w, "due:%i, answered:%i, failed:%i, statuses:{", result->n_due, result->n_answered,
            load_n_failed(result));
    for (size_t i = 0; i < LOAD_STATUS_END; i++) {
        if (result->statuses[i] > 0) {
            jw_key_str(w, str_of_int((int64_t)i, digits));
            jw_int(w, (int64_t)result->statuses[i]);
        }
    }
    jw_shape(w, "}, failures:{");
    for (size_t i = 0; i < LOAD_N_FAILURES; i++) {
        jw_kv_int(w, failure_names[i], (int64_t)result->failures[i]);
    }
    jw_form(w, "}, answered_per_second:%d, bytes:%i", per_second(result), result->bytes);
}

void load_write_json(const struct load_options *options, const struct load_result *result,
                     struct buf *out)
{
    struct json_writer w;

    jw_init(&w, out);
    jw_form(&w, "{url:%s, method:%s, rate:%i, connections:%i, seconds:%d, stopped:%b", options->url,
            options->method, options->rate, options->connections, (double)result->elapsed_us / 1e6,
            result->stopped);
    put_json_counts(&w, result);
    put_json_latency(&w, &result->latency);
    jw_form(&w, "generator_late_ms:{p99:%d, max:%d}",
            ms_of(histogram_quantile(&result->late, 0.99)), ms_of(result->late.max_us));
    put_json_histogram(&w, &result->latency);
    jw_end(&w);
    buf_char(out, '\n');
}
