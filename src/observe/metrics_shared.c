/* One process writes a number, and all read it. Each number is one word, so no reader sees it half written. A
 * reader may see a histogram between two additions; at its next look it sees both. */
#include "observe/metrics_shared.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "metrics_internal.h"

enum { SLOT_BYTES = 1 << 20, HEAD_BYTES = 4096 };

/* What stands at the beginning of a slot. */
struct head {
    uint64_t pid; /* 0: no process uses the slot */
    int64_t born_us;
    uint64_t past_cpu_us; /* of the processes before in this slot */
    uint64_t cpu_us;
    uint64_t rss_bytes;
    uint64_t virtual_bytes;
    uint64_t open_fds;
};

static struct {
    char *slots; /* NULL: this process counts alone */
    unsigned n_slots;
    struct head *own; /* NULL: the supervisor */
    size_t used_bytes;
    struct metric_family gathered[METRIC_N];
} shared;

/* How a gauge of several processes becomes one; gauges that are not here are added up. */
static const struct {
    enum metric metric;

    enum gauge_rule {
        RULE_SUM,
        RULE_MOST,       /* all processes see the same thing, or the worst counts */
        RULE_LEAST,      /* the process that lags behind counts for all */
        RULE_LEAST_KNOWN /* the same, but 0 means: not known */
    } rule;
} rules[] = {
    {M_LOOP_TURN_CPU, RULE_MOST},     {M_UPSTREAM_LIMIT, RULE_MOST},
    {M_BREAKER_OPEN, RULE_MOST},      {M_DRAINING, RULE_MOST},
    {M_CONFIG_GOOD, RULE_LEAST},      {M_CONFIG_TIME, RULE_LEAST},
    {M_KEY_EXPIRY, RULE_LEAST_KNOWN}, {M_CERTIFICATE_EXPIRY, RULE_LEAST_KNOWN},
};

static struct head *head_of(unsigned slot)
{
    return (struct head *)(void *)(shared.slots + (size_t)slot * SLOT_BYTES);
}

static enum error_code map_slots(int fd, unsigned n_slots, struct error *err)
{
    void *at = mmap(NULL, (size_t)n_slots * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED) {
        return error_set(err, ERR_IO, "the metrics of the workers cannot be mapped: %s",
                         strerror(errno));
    }
    shared.slots = at;
    shared.n_slots = n_slots;
    return ERR_OK;
}

enum error_code metrics_shared_open(unsigned n_slots, int *out_fd, struct error *err)
{
    int fd = memfd_create("virtuoso-proxy-metrics", MFD_CLOEXEC);
    enum error_code code;

    if (fd < 0 || ftruncate(fd, (off_t)n_slots * SLOT_BYTES) != 0) {
        code =
            error_set(err, ERR_IO, "no memory for the metrics of the workers: %s", strerror(errno));
    } else {
        code = map_slots(fd, n_slots, err);
    }
    if (code != ERR_OK && fd >= 0) {
        (void)close(fd);
    }
    *out_fd = fd;
    return code;
}

void metrics_shared_gone(unsigned slot)
{
    struct head *head = head_of(slot);

    head->pid = 0;
    head->past_cpu_us += head->cpu_us;
    head->cpu_us = 0;
}

void metrics_shared_close(void)
{
    if (shared.slots != NULL) {
        (void)munmap(shared.slots, (size_t)shared.n_slots * SLOT_BYTES);
    }
    memset(&shared, 0, sizeof(shared));
}

enum error_code metrics_share(int fd, unsigned n_slots, unsigned slot, struct error *err)
{
    enum error_code code = map_slots(fd, n_slots, err);

    CHECK(slot < n_slots);
    if (code == ERR_OK) {
        shared.own = head_of(slot);
    }
    return code;
}

/* ---- counting in the slot ---- */

bool metrics_are_shared(void)
{
    return shared.own != NULL;
}

void *metrics_shared_take(size_t n, size_t size)
{
    char *at = (char *)shared.own + HEAD_BYTES + shared.used_bytes;

    shared.used_bytes += n * size;
    CHECK(shared.used_bytes <= SLOT_BYTES - HEAD_BYTES);
    return at;
}

static struct metric_family *gathered_of(size_t metric)
{
    struct metric_family *family = &shared.gathered[metric];

    if (family->n_series == 0) {
        *family = metric_families[metric];
        if (family->histograms != NULL) {
            family->histograms = mem_calloc(family->n_series, sizeof(*family->histograms));
        } else {
            family->values = mem_calloc(family->n_series, sizeof(*family->values));
        }
    }
    return family;
}

/* A process begins in its slot: gauges start at 0, counters go on from its predecessor's. */
void metrics_shared_begin(void)
{
    shared.used_bytes = 0;
    for (size_t i = 0; i < METRIC_N; i++) {
        struct metric_family *family = &metric_families[i];

        if (family->values != NULL && metric_rows[i].kind != METRIC_COUNTER) {
            memset(family->values, 0, family->n_series * sizeof(*family->values));
        }
        (void)gathered_of(i);
    }
    if (shared.own->born_us == 0) {
        shared.own->born_us = clock_wall_ms() * 1000;
    }
    shared.own->pid = (uint64_t)getpid();
    metrics_publish();
}

void metrics_shared_end(void)
{
    for (size_t i = 0; i < METRIC_N; i++) {
        mem_free(shared.gathered[i].values);
        mem_free(shared.gathered[i].histograms);
    }
    metrics_shared_close();
}

bool metrics_speaks_for_all(void)
{
    for (unsigned slot = 0; shared.own != NULL && slot < shared.n_slots; slot++) {
        if (head_of(slot)->pid != 0) {
            return head_of(slot) == shared.own;
        }
    }
    return true;
}

/* ---- adding up ---- */

static enum gauge_rule rule_of(size_t metric)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (rules[i].metric == metric) {
            return rules[i].rule;
        }
    }
    return RULE_SUM;
}

static int64_t joined(enum gauge_rule rule, int64_t so_far, int64_t value, bool is_first)
{
    switch (rule) {
    case RULE_SUM:
        return is_first ? value : so_far + value;
    case RULE_MOST:
        return is_first || value > so_far ? value : so_far;
    case RULE_LEAST:
        return is_first || value < so_far ? value : so_far;
    case RULE_LEAST_KNOWN:
        return so_far == 0 || (value != 0 && value < so_far) ? value : so_far;
    }
    return so_far;
}

/* The same place in another slot. */
static void *in_slot(unsigned slot, const void *own)
{
    return (char *)head_of(slot) + ((const char *)own - (const char *)shared.own);
}

static void gather_values(size_t metric, struct metric_family *sum)
{
    bool counts = metric_rows[metric].kind == METRIC_COUNTER;
    enum gauge_rule rule = rule_of(metric);
    bool is_first = true;

    memset(sum->values, 0, sum->n_series * sizeof(*sum->values));
    for (unsigned slot = 0; slot < shared.n_slots; slot++) {
        const int64_t *values = in_slot(slot, metric_families[metric].values);

        if (counts ? head_of(slot)->born_us == 0 : head_of(slot)->pid == 0) {
            continue;
        }
        for (size_t at = 0; at < sum->n_series; at++) {
            sum->values[at] = joined(rule, sum->values[at], values[at], is_first);
        }
        is_first = false;
    }
}

static void add_histogram(struct histogram *sum, const struct histogram *one)
{
    for (size_t b = 0; b < BUCKETS_N; b++) {
        sum->buckets[b] += one->buckets[b];
        sum->count +=
            one->buckets[b]; /* one->count may differ from the sum of the buckets that were read */
    }
    sum->sum_us += one->sum_us;
}

/* Exemplars are only this process's own: they are longer than a word, so others may be half written. */
static void gather_histograms(size_t metric, struct metric_family *sum)
{
    const struct histogram *own = metric_families[metric].histograms;

    for (size_t at = 0; at < sum->n_series; at++) {
        memset(&sum->histograms[at], 0, sizeof(sum->histograms[at]));
        mem_copy(sum->histograms[at].exemplars, own[at].exemplars, sizeof(own[at].exemplars));
    }
    for (unsigned slot = 0; slot < shared.n_slots; slot++) {
        const struct histogram *histograms = in_slot(slot, own);

        for (size_t at = 0; head_of(slot)->born_us != 0 && at < sum->n_series; at++) {
            add_histogram(&sum->histograms[at], &histograms[at]);
        }
    }
}

void metrics_gather(void)
{
    for (size_t i = 0; shared.own != NULL && i < METRIC_N; i++) {
        struct metric_family *sum = gathered_of(i);

        if (sum->histograms != NULL) {
            gather_histograms(i, sum);
        } else {
            gather_values(i, sum);
        }
    }
}

const struct metric_family *metric_view(size_t metric)
{
    return shared.own != NULL ? &shared.gathered[metric] : &metric_families[metric];
}

/* ---- what the processes take of the machine ---- */

void metrics_publish(void)
{
    struct process_figures figures;

    if (shared.own != NULL) {
        process_figures_read_own(&figures);
        shared.own->cpu_us = (uint64_t)(figures.cpu_seconds * 1e6);
        shared.own->rss_bytes = figures.rss_bytes;
        shared.own->virtual_bytes = figures.virtual_bytes;
        shared.own->open_fds = figures.open_fds;
    }
}

/* Figures of all processes together. Each process has its own limit of descriptors, so the figure is that of the
 * process with the most open. Counters begin when the first process began. */
void process_figures_read(struct process_figures *out)
{
    uint64_t cpu_us = 0;

    process_figures_read_own(out);
    if (shared.own == NULL) {
        return;
    }
    metrics_publish();
    out->rss_bytes = 0;
    out->virtual_bytes = 0;
    out->open_fds = 0;
    for (unsigned slot = 0; slot < shared.n_slots; slot++) {
        const struct head *head = head_of(slot);

        cpu_us += head->past_cpu_us + head->cpu_us;
        if (head->born_us != 0 && (double)head->born_us / 1e6 < out->start_time_seconds) {
            out->start_time_seconds = (double)head->born_us / 1e6;
        }
        if (head->pid != 0) {
            out->rss_bytes += head->rss_bytes;
            out->virtual_bytes += head->virtual_bytes;
            out->open_fds = head->open_fds > out->open_fds ? head->open_fds : out->open_fds;
        }
    }
    out->cpu_seconds = (double)cpu_us / 1e6;
}
