/* Metrics as OTLP JSON (https://opentelemetry.io/docs/specs/otlp/). A histogram's buckets are not
 * cumulated here, unlike in Prometheus' text, and there is one more of them than bounds. */
#include "base/json_form.h"
#include "metrics_internal.h"
#include "observe/metrics_shared.h"

enum { CUMULATIVE = 2, NAME_MAX_BYTES = 96 };

struct period {
    int64_t start_us;
    int64_t now_us;
};

static void write_count(struct json_writer *w, uint64_t value)
{
    jw_format(w, "%llu", (unsigned long long)value);
}

static void write_times(struct json_writer *w, const struct period *period)
{
    jw_key(w, "startTimeUnixNano");
    jw_format(w, "%lld000", (long long)period->start_us);
    jw_key(w, "timeUnixNano");
    jw_format(w, "%lld000", (long long)period->now_us);
}

/* Is there a family of this name? */
static bool is_family(struct str name)
{
    for (size_t i = 0; i < METRIC_N; i++) {
        if (str_is(name, metric_rows[i].name)) {
            return true;
        }
    }
    return false;
}

/* Cuts "_total" and the unit, which has its own member, from a name. A suffix stays if another family has the
 * name without it. */
static struct str cut_unit(struct str name, const char **unit)
{
    static const struct {
        const char *suffix;
        const char *unit;
    } units[] = {{"_total", "1"}, {"_seconds", "s"}, {"_bytes", "By"}};

    *unit = "1";
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        struct str suffix = str_from(units[i].suffix);

        if (str_ends(name, suffix) && !is_family(str_sub(name, 0, name.len - suffix.len))) {
            name.len -= suffix.len;
            *unit = i == 0 ? *unit : units[i].unit;
        }
    }
    return name;
}

static void put_dotted(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        buf_char(out, (char)(text.ptr[i] == '_' ? '.' : text.ptr[i]));
    }
}

static void begin_metric(struct json_writer *w, const struct metric_row *row)
{
    char text[NAME_MAX_BYTES];
    const char *unit;
    struct str name = cut_unit(str_from(row->name), &unit);
    struct buf room;

    buf_init_on(&room, text, sizeof(text), sizeof(text) - 1);
    if (metric_is_convention(row)) {
        put_dotted(&room, name);
    } else {
        buf_text(&room, "virtuoso_proxy.");
        buf_str(&room, name);
    }
    jw_form(w, "{name:%s, description:%s, unit:%s", buf_view(&room), row->help, unit);
    buf_done(&room);
}

static void write_attribute(struct json_writer *w, const struct metric_label_set *set, size_t index)
{
    char text[NAME_MAX_BYTES];
    struct buf room;
    struct str name = str_from(set->name);

    buf_init_on(&room, text, sizeof(text), sizeof(text) - 1);
    if (str_starts(name, STR("http_"))) {
        put_dotted(&room, name);
    } else {
        buf_str(&room, name);
    }
    jw_form(w, "{key:%s, value:{stringValue:%s}}", buf_view(&room), set->values[index]);
    buf_done(&room);
}

static void write_attributes(struct json_writer *w, enum metric metric, size_t at)
{
    size_t index[3];

    metric_indexes(metric, at, index);
    jw_shape(w, "attributes:[");
    for (size_t i = 0; i < 3; i++) {
        const struct metric_label_set *set = &metric_labels[metric_rows[metric].labels[i]];

        if (metric_rows[metric].labels[i] != LABEL_NONE && set->n > 0) {
            write_attribute(w, set, index[i]);
        }
    }
    jw_end(w);
}

static void write_histogram(struct json_writer *w, const struct histogram *histogram)
{
    jw_key(w, "count");
    write_count(w, histogram->count);
    jw_form(w, "sum:%d, bucketCounts:[", (double)histogram->sum_us / 1e6);
    for (size_t b = 0; b < BUCKETS_N; b++) {
        write_count(w, histogram->buckets[b]);
    }
    jw_shape(w, "], explicitBounds:[");
    for (size_t b = 0; b < BUCKET_BOUNDS; b++) {
        jw_double(w, (double)bucket_bounds_us[b] / 1e6);
    }
    jw_end(w);
}

static void write_point(struct json_writer *w, enum metric metric, size_t at,
                        const struct period *period)
{
    const struct metric_family *family = metric_view(metric);

    jw_object(w);
    write_attributes(w, metric, at);
    write_times(w, period);
    if (family->histograms != NULL) {
        write_histogram(w, &family->histograms[at]);
    } else if (metric_rows[metric].kind == METRIC_SECONDS) {
        jw_form(w, "asDouble:%d", (double)family->values[at] / 1e6);
    } else {
        jw_key(w, "asInt");
        write_count(w, (uint64_t)family->values[at]);
    }
    jw_end(w);
}

static void write_family(struct json_writer *w, enum metric metric, const struct period *period)
{
    static const char *const kinds[] = {[METRIC_COUNTER] = "sum",
                                        [METRIC_GAUGE] = "gauge",
                                        [METRIC_HISTOGRAM] = "histogram",
                                        [METRIC_SECONDS] = "gauge"};
    const struct metric_row *row = &metric_rows[metric];

    begin_metric(w, row);
    jw_key(w, kinds[row->kind]);
    jw_object(w);
    if (row->kind == METRIC_COUNTER || row->kind == METRIC_HISTOGRAM) {
        jw_kv_int(w, "aggregationTemporality", CUMULATIVE);
    }
    if (row->kind == METRIC_COUNTER) {
        jw_kv_bool(w, "isMonotonic", true);
    }
    jw_shape(w, "dataPoints:[");
    for (size_t at = 0; at < metric_view(metric)->n_series; at++) {
        if (metric_has_series(metric, at)) {
            write_point(w, metric, at, period);
        }
    }
    jw_shape(w, "]}");
    jw_end(w);
}

/* What the process uses, by the names of the semantic conventions. */
static void write_process_metric(struct json_writer *w, const char *name, const char *unit,
                                 bool is_sum, double value, const struct period *period)
{
    jw_form(w,
            "{name:%s, unit:%s, sum:{aggregationTemporality:%i, isMonotonic:%b, "
            "dataPoints:[{",
            name, unit, CUMULATIVE, is_sum);
    write_times(w, period);
    jw_form(w, "asDouble:%d}]}}", value);
}

void metrics_write_otlp(struct buf *out, int64_t start_us, int64_t now_us)
{
    const struct period period = {start_us, now_us};
    struct process_figures process;
    struct json_writer w;

    metrics_gather();
    jw_init(&w, out);
    jw_array(&w);
    for (size_t i = 0; i < METRIC_N; i++) {
        write_family(&w, (enum metric)i, &period);
    }
    process_figures_read(&process);
    write_process_metric(&w, "process.cpu.time", "s", true, process.cpu_seconds, &period);
    write_process_metric(&w, "process.memory.usage", "By", false, (double)process.rss_bytes,
                         &period);
    write_process_metric(&w, "process.unix.file_descriptor.count", "{file_descriptor}", false,
                         (double)process.open_fds, &period);
    jw_end(&w);
}
