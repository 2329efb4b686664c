/* The exposition formats: Prometheus text 0.0.4 and OpenMetrics 1.0. They differ in how a counter
 * is named in its TYPE line and in the end mark. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "metrics_internal.h"

static const char prefix[] = "virtuoso_proxy_";

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

/* {route="/x",method="GET"} of series `at`; `le` NULL: none. */
static void write_labels(struct buf *out, enum metric metric, size_t at, const char *le)
{
    const struct metric_family *family = &metric_families[metric];
    const size_t index[3] = {at / (family->width[1] * family->width[2]),
                             at / family->width[2] % family->width[1], at % family->width[2]};
    const char *separator = "{";

    for (size_t i = 0; i < 3; i++) {
        const struct metric_label_set *set = &metric_labels[metric_rows[metric].labels[i]];

        if (metric_rows[metric].labels[i] != LABEL_NONE && set->n > 0) {
            buf_printf(out, "%s%s=\"", separator, set->name);
            write_label_value(out, set->values[index[i]]);
            buf_char(out, '"');
            separator = ",";
        }
    }
    if (le != NULL) {
        buf_printf(out, "%sle=\"%s\"", separator, le);
        separator = ",";
    }
    if (separator[0] == ',') {
        buf_char(out, '}');
    }
}

static void write_help(const struct writer *w, enum metric metric)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const struct metric_row *row = &metric_rows[metric];
    struct str name = str_from(row->name);

    if (w->openmetrics && row->kind == METRIC_COUNTER) {
        name.len -= 6; /* "_total" belongs to the sample, not to the family */
    }
    buf_printf(w->out, "# HELP %s%.*s %s\n# TYPE %s%.*s %s\n", prefix, STR_ARG(name), row->help,
               prefix, STR_ARG(name), kinds[row->kind]);
}

static void write_histogram(struct buf *out, enum metric metric, size_t at)
{
    const struct histogram *histogram = &metric_families[metric].histograms[at];
    const char *name = metric_rows[metric].name;
    uint64_t cumulated = 0;

    for (size_t b = 0; b <= HISTOGRAM_BOUNDS; b++) {
        char le[32] = "+Inf";

        cumulated += histogram->buckets[b];
        if (b < HISTOGRAM_BOUNDS) {
            struct buf text;

            buf_init(&text, sizeof(le) - 1);
            buf_printf(&text, "%g", (double)histogram_bounds_us[b] / 1e6);
            str_copy(le, sizeof(le), buf_view(&text));
            buf_done(&text);
        }
        buf_printf(out, "%s%s_bucket", prefix, name);
        write_labels(out, metric, at, le);
        buf_printf(out, " %llu\n", (unsigned long long)cumulated);
    }
    buf_printf(out, "%s%s_sum", prefix, name);
    write_labels(out, metric, at, NULL);
    buf_printf(out, " %.6f\n%s%s_count", (double)histogram->sum_us / 1e6, prefix, name);
    write_labels(out, metric, at, NULL);
    buf_printf(out, " %llu\n", (unsigned long long)histogram->count);
}

static void write_family(const struct writer *w, enum metric metric)
{
    const struct metric_family *family = &metric_families[metric];
    bool has_labels = family->n_series > 1;

    write_help(w, metric);
    for (size_t at = 0; at < family->n_series; at++) {
        if (family->histograms != NULL) {
            if (family->histograms[at].count > 0 || !has_labels) {
                write_histogram(w->out, metric, at);
            }
        } else if (family->values != NULL && (family->values[at] != 0 || !has_labels)) {
            buf_printf(w->out, "%s%s", prefix, metric_rows[metric].name);
            write_labels(w->out, metric, at, NULL);
            buf_printf(w->out, " %lld\n", (long long)family->values[at]);
        }
    }
}

static void write_process(const struct writer *w, const char *version)
{
    struct process_figures process;
    const char *cpu = w->openmetrics ? "process_cpu_seconds" : "process_cpu_seconds_total";

    process_figures_read(&process);
    buf_printf(w->out,
               "# HELP %s CPU time used.\n# TYPE %s counter\nprocess_cpu_seconds_total %.2f\n", cpu,
               cpu, process.cpu_seconds);
    buf_printf(
        w->out,
        "# HELP process_resident_memory_bytes Resident memory.\n# TYPE process_resident_memory_bytes gauge\n"
        "process_resident_memory_bytes %llu\n"
        "# HELP process_virtual_memory_bytes Virtual memory.\n# TYPE process_virtual_memory_bytes gauge\n"
        "process_virtual_memory_bytes %llu\n",
        (unsigned long long)process.rss_bytes, (unsigned long long)process.virtual_bytes);
    buf_printf(
        w->out,
        "# HELP process_open_fds Open descriptors.\n# TYPE process_open_fds gauge\nprocess_open_fds %llu\n"
        "# HELP process_max_fds Limit of descriptors.\n# TYPE process_max_fds gauge\nprocess_max_fds %llu\n"
        "# HELP process_start_time_seconds Start time, Unix.\n# TYPE process_start_time_seconds gauge\n"
        "process_start_time_seconds %.2f\n",
        (unsigned long long)process.open_fds, (unsigned long long)process.max_fds,
        process.start_time_seconds);
    buf_printf(
        w->out,
        "# HELP %sbuild_info Version.\n# TYPE %sbuild_info gauge\n%sbuild_info{version=\"%s\"} 1\n",
        prefix, prefix, prefix, version);
}

void metrics_write(struct buf *out, bool openmetrics, const char *version)
{
    const struct writer w = {out, openmetrics};

    for (size_t i = 0; i < METRIC_N; i++) {
        write_family(&w, (enum metric)i);
    }
    write_process(&w, version);
    if (openmetrics) {
        buf_text(out, "# EOF\n");
    }
}

/* ---- /proc/self ---- */

static struct str read_proc(struct arena *arena, const char *name)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    char *text = arena_alloc(arena, 4096);
    ssize_t n = fd < 0 ? 0 : read(fd, text, 4096);

    if (fd >= 0) {
        (void)close(fd);
    }
    return (struct str){text, n > 0 ? (size_t)n : 0};
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

static uint64_t count_fds(void)
{
    uint64_t n = 0;
    struct rlimit limit = {.rlim_cur = 1024};

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    for (int fd = 0; fd < 65536 && (rlim_t)fd < limit.rlim_cur; fd++) {
        n += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return n;
}

void process_figures_read(struct process_figures *out)
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
        .rss_bytes = nth_number(statm, 1) * page,
        .cpu_seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
        .open_fds = count_fds(),
        .max_fds = limit.rlim_cur,
        .start_time_seconds = (double)clock_wall_ms() / 1000.0 - up + started,
    };
    arena_done(&arena);
}
