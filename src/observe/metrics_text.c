/* The exposition formats: Prometheus text 0.0.4 and OpenMetrics 1.0. They differ in how a counter
 * is named in its TYPE line and in the end mark. */
#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "metrics_internal.h"
#include "observe/metrics_shared.h"

enum {
    US_PER_S = 1000000,
    BOUND_MAX = 32,
    DIRECTORY_OWN = 3 /* ".", ".." and the directory itself */
};

static const char prefix[] = "virtuoso_proxy_";

static const char *prefix_of(enum metric metric)
{
    return metric_is_convention(&metric_rows[metric]) ? "" : prefix;
}

struct writer {
    struct buf *out;
    bool openmetrics;
};

static void write_label_value(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            buf_char(out, '\\');
        }
        if (*text == '\n') {
            buf_text(out, "\\n");
        } else {
            buf_char(out, *text);
        }
    }
}

/* {route="/x",method="GET"} of series `at`; `le` empty: none. */
static void write_labels(struct buf *out, enum metric metric, size_t at, struct str le)
{
    size_t index[3];
    char separator = '{';

    metric_indexes(metric, at, index);
    for (size_t i = 0; i < 3; i++) {
        const struct metric_label_set *set = &metric_labels[metric_rows[metric].labels[i]];

        if (metric_rows[metric].labels[i] != LABEL_NONE && set->n > 0) {
            buf_char(out, separator);
            buf_text(out, set->name);
            buf_text(out, "=\"");
            write_label_value(out, set->values[index[i]]);
            buf_char(out, '"');
            separator = ',';
        }
    }
    if (le.len > 0) {
        buf_char(out, separator);
        buf_text(out, "le=\"");
        buf_str(out, le);
        buf_char(out, '"');
        separator = ',';
    }
    if (separator == ',') {
        buf_char(out, '}');
    }
}

static void write_help(const struct writer *w, enum metric metric)
{
    static const char *const kinds[] = {[METRIC_COUNTER] = "counter",
                                        [METRIC_GAUGE] = "gauge",
                                        [METRIC_HISTOGRAM] = "histogram",
                                        [METRIC_SECONDS] = "gauge"};
    const struct metric_row *row = &metric_rows[metric];
    struct str name = str_from(row->name);

    if (w->openmetrics && row->kind == METRIC_COUNTER) {
        name.len -= 6; /* "_total" belongs to the sample, not to the family */
    }
    buf_printf(w->out, "# HELP %s%.*s %s\n# TYPE %s%.*s %s\n", prefix_of(metric), STR_ARG(name),
               row->help, prefix_of(metric), STR_ARG(name), kinds[row->kind]);
}

static void put_seconds(struct buf *out, uint64_t us)
{
    buf_int(out, (int64_t)(us / US_PER_S));
    buf_char(out, '.');
    buf_int_padded(out, (unsigned)(us % US_PER_S), 6);
}

/* The upper bound of a bucket in seconds, without zeros at its end; OpenMetrics writes 1 as 1.0. */
static struct str bound_text(const struct writer *w, size_t bucket, char room[BOUND_MAX])
{
    uint64_t us;
    struct buf text;
    struct str view;

    if (bucket == BUCKET_BOUNDS) {
        return STR("+Inf");
    }
    us = bucket_bounds_us[bucket];
    buf_init_on(&text, room, BOUND_MAX, BOUND_MAX - 1);
    buf_int(&text, (int64_t)(us / US_PER_S));
    if (us % US_PER_S > 0) {
        buf_char(&text, '.');
        buf_int_padded(&text, (unsigned)(us % US_PER_S), 6);
    } else if (w->openmetrics) {
        buf_text(&text, ".0");
    }
    view = buf_view(&text);
    while (us % US_PER_S > 0 && view.ptr[view.len - 1] == '0') {
        view.len--;
    }
    return view;
}

/* Writes the name of a series with `suffix`, its labels, and the blank before the value. */
static void begin_sample(struct buf *out, enum metric metric, const char *suffix, size_t at,
                         struct str le)
{
    buf_text(out, prefix_of(metric));
    buf_text(out, metric_rows[metric].name);
    buf_text(out, suffix);
    write_labels(out, metric, at, le);
    buf_char(out, ' ');
}

static void end_sample(struct buf *out, uint64_t value)
{
    buf_int(out, (int64_t)value);
    buf_char(out, '\n');
}

/* OpenMetrics only: a reader of the older format takes it for an error. */
static void write_exemplar(struct buf *out, const struct exemplar *exemplar)
{
    if (exemplar->trace_id[0] != '\0') {
        buf_text(out, " # {trace_id=\"");
        buf_str(out, (struct str){exemplar->trace_id, TRACE_ID_DIGITS});
        buf_text(out, "\"} ");
        put_seconds(out, exemplar->us);
    }
}

static void write_histogram(const struct writer *w, enum metric metric, size_t at)
{
    struct buf *out = w->out;
    const struct histogram *histogram = &metric_view(metric)->histograms[at];
    uint64_t cumulated = 0;

    for (size_t b = 0; b < BUCKETS_N; b++) {
        char room[BOUND_MAX];

        cumulated += histogram->buckets[b];
        begin_sample(out, metric, "_bucket", at, bound_text(w, b, room));
        buf_int(out, (int64_t)cumulated);
        if (w->openmetrics) {
            write_exemplar(out, &histogram->exemplars[b]);
        }
        buf_char(out, '\n');
    }
    begin_sample(out, metric, "_sum", at, STR_EMPTY);
    put_seconds(out, histogram->sum_us);
    buf_char(out, '\n');
    begin_sample(out, metric, "_count", at, STR_EMPTY);
    end_sample(out, histogram->count);
}

static void write_family(const struct writer *w, enum metric metric)
{
    const struct metric_family *family = metric_view(metric);

    write_help(w, metric);
    for (size_t at = 0; at < family->n_series; at++) {
        if (!metric_has_series(metric, at)) {
            continue;
        }
        if (family->histograms != NULL) {
            write_histogram(w, metric, at);
        } else {
            begin_sample(w->out, metric, "", at, STR_EMPTY);
            if (metric_rows[metric].kind == METRIC_SECONDS) {
                put_seconds(w->out, (uint64_t)family->values[at]);
            } else {
                buf_int(w->out, family->values[at]);
            }
            buf_char(w->out, '\n');
        }
    }
}

static void write_process(const struct writer *w, const char *version)
{
    struct process_figures process;
    const char *cpu = w->openmetrics ? "process_cpu_seconds" : "process_cpu_seconds_total";

    process_figures_read(&process);

    const struct {
        const char *prefix, *name, *help;
        int decimals;
        double value;
    } gauges[] = {
        {"", "process_resident_memory_bytes", "Resident memory.", 0, (double)process.rss_bytes},
        {"", "process_virtual_memory_bytes", "Virtual memory.", 0, (double)process.virtual_bytes},
        {"", "process_open_fds", "Open descriptors.", 0, (double)process.open_fds},
        {"", "process_max_fds", "Limit of descriptors.", 0, (double)process.max_fds},
        {"", "process_start_time_seconds", "Start time, Unix.", 2, process.start_time_seconds},
        {prefix, "cpu_limit_cores", "Cores that the process may use.", 3, process.cpu_limit_cores},
        {prefix, "memory_limit_bytes", "Memory that the process may use.", 0,
         (double)process.memory_limit_bytes},
    };

    buf_printf(w->out,
               "# HELP %s CPU time used.\n# TYPE %s counter\nprocess_cpu_seconds_total %.2f\n", cpu,
               cpu, process.cpu_seconds);
    for (size_t i = 0; i < ARRAY_LEN(gauges); i++) {
        const char *before = gauges[i].prefix;
        const char *name = gauges[i].name;

        buf_printf(w->out, "# HELP %s%s %s\n# TYPE %s%s gauge\n%s%s %.*f\n", before, name,
                   gauges[i].help, before, name, before, name, gauges[i].decimals, gauges[i].value);
    }
    buf_printf(
        w->out,
        "# HELP %sbuild_info Version.\n# TYPE %sbuild_info gauge\n%sbuild_info{version=\"%s\"} 1\n",
        prefix, prefix, prefix, version);
}

void metrics_write(struct buf *out, bool openmetrics, const char *version)
{
    const struct writer w = {out, openmetrics};

    metrics_gather();
    for (size_t i = 0; i < METRIC_N; i++) {
        write_family(&w, (enum metric)i);
    }
    write_process(&w, version);
    if (openmetrics) {
        buf_text(out, "# EOF\n");
    }
}

/* ---- /proc/self ---- */

enum { PROC_BYTES = 4096 };

static struct str read_proc(struct arena *arena, const char *name)
{
    return fd_read_kernel(name, arena_alloc(arena, PROC_BYTES), PROC_BYTES);
}

static uint64_t nth_number(struct str text, size_t nth)
{
    struct str word = STR_EMPTY;
    int64_t value = 0;

    for (size_t i = 0; i <= nth; i++) {
        if (!str_next(&text, ' ', &word)) {
            return 0;
        }
    }
    return str_to_i64(str_trim(word), 0, INT64_MAX, &value) ? (uint64_t)value : 0;
}

/* Since Linux 6.2 the size of the directory is their number; before, its entries are counted. */
static uint64_t count_fds(void)
{
    struct stat seen = {0};
    uint64_t n = 0;
    DIR *directory;

    if (stat("/proc/self/fd", &seen) == 0 && seen.st_size > 0) {
        return (uint64_t)seen.st_size;
    }
    directory = opendir("/proc/self/fd");
    while (directory != NULL && readdir(directory) != NULL) {
        n++;
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return n > DIRECTORY_OWN ? n - DIRECTORY_OWN : 0;
}

void process_figures_read_own(struct process_figures *out)
{
    struct arena arena;
    struct rusage usage = {0};
    struct rlimit limit = {0};
    struct str statm;
    struct str uptime;
    struct str stat;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    double up = 0;
    double started;

    arena_init(&arena);
    statm = read_proc(&arena, "/proc/self/statm");
    stat = read_proc(&arena, "/proc/self/stat");
    uptime = read_proc(&arena, "/proc/uptime");
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    (void)str_cut(uptime, ' ', &uptime, &(struct str){0});
    if (!str_to_double(uptime, &up)) {
        up = 0;
    }
    /* Field 22; the name in field 2 may hold spaces, so count from its closing parenthesis. */
    stat = str_sub(stat, (size_t)(str_find(stat, STR(") ")) + 2), stat.len);
    started = (double)nth_number(stat, 19) / (double)sysconf(_SC_CLK_TCK);
    *out = (struct process_figures){
        .virtual_bytes = nth_number(statm, 0) * page,
        .cpu_limit_cores = cpu_limit_cores(),
        .memory_limit_bytes = memory_limit_bytes(),
        .rss_bytes = nth_number(statm, 1) * page,
        .cpu_seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
        .open_fds = count_fds(),
        .max_fds = limit.rlim_cur,
        .start_time_seconds = (double)clock_wall_ms() / 1000.0 - up + started,
    };
    arena_done(&arena);
}
