/* Analytics as JSON. Series of several owners with one name are told as one. */
#include <math.h>
#include <stdlib.h>

#include "analytics_internal.h"
#include "base/json_form.h"
#include "base/mem.h"

enum { SHOWN_MAX = 100, TOP_SHOWN = 10, FLAKY_TURNS = 2 };

static const struct range {
    const char *word;
    size_t tier;
    unsigned n; /* slots */
} ranges[ANALYTICS_N_RANGES] = {
    [ANALYTICS_1H] = {"1h", 0, 60},
    [ANALYTICS_24H] = {"24h", 1, 24},
    [ANALYTICS_7D] = {"7d", 2, 7},
    [ANALYTICS_30D] = {"30d", 2, 30},
};

/* All series of one name and kind. */
struct total {
    enum series_kind kind;
    struct str name;
    struct series *const *series;
    size_t n_series;
    struct slot sum;
    unsigned turns; /* of a test: how often its outcome changed */
};

struct totals {
    struct series **sorted; /* by kind, then name */
    struct total *items;
    size_t n;
};

bool analytics_range_parse(struct str word, enum analytics_range *out)
{
    const struct range *range = ROW_NAMED(word, ranges);

    *out = range != NULL ? (enum analytics_range)(range - ranges) : *out;
    return range != NULL;
}

/* ---- sums ---- */

static uint32_t stamp_now(const struct analytics_wish *wish)
{
    return (uint32_t)(wish->now_ms / analytics_tiers[ranges[wish->range].tier].unit_ms);
}

static const struct slot *slot_at(const struct series *series, const struct analytics_wish *wish,
                                  uint32_t stamp)
{
    const struct tier *tier = &analytics_tiers[ranges[wish->range].tier];
    const struct slot *slot = &series->slots[tier->first + stamp % tier->n];

    return slot->stamp == stamp ? slot : NULL;
}

static unsigned turns_of(const struct series *series)
{
    unsigned turns = 0;

    for (size_t i = 1; i < series->n_last; i++) {
        turns += series->last[i] != series->last[i - 1] ? 1 : 0;
    }
    return turns;
}

static void sum_up(struct total *total, const struct analytics_wish *wish)
{
    uint32_t now = stamp_now(wish);

    for (size_t s = 0; s < total->n_series; s++) {
        for (unsigned back = 0; back < ranges[wish->range].n; back++) {
            const struct slot *slot = slot_at(total->series[s], wish, now - back);

            if (slot != NULL) {
                slot_add(&total->sum, slot);
            }
        }
        total->turns += turns_of(total->series[s]);
    }
}

static int by_name(const void *left, const void *right)
{
    const struct series *a = *(struct series *const *)left;
    const struct series *b = *(struct series *const *)right;

    return a->kind != b->kind ? (int)a->kind - (int)b->kind : str_compare(a->name, b->name);
}

/* Flaky ones first, then the most frequent ones. */
static int by_weight(const void *left, const void *right)
{
    const struct total *a = left;
    const struct total *b = right;

    if (a->kind != b->kind) {
        return (int)a->kind - (int)b->kind;
    }
    if (a->turns != b->turns) {
        return a->turns < b->turns ? 1 : -1;
    }
    if (a->sum.n != b->sum.n) {
        return a->sum.n < b->sum.n ? 1 : -1;
    }
    return str_compare(a->name, b->name);
}

static void totals_init(struct totals *totals, struct analytics *analytics,
                        const struct analytics_wish *wish)
{
    struct series *series;
    size_t n = 0;

    analytics_catch_up(analytics);
    totals->sorted = mem_calloc(ANALYTICS_MAX_SERIES, sizeof(struct series *));
    totals->items = mem_calloc(ANALYTICS_MAX_SERIES, sizeof(struct total));
    totals->n = 0;
    LIST_EACH (series, &analytics->series.order, entry.link) { /* no entry is held: all are here */
        if (wish->owner == NULL || series_is_of(series, wish->owner)) {
            totals->sorted[n++] = series;
        }
    }
    qsort(totals->sorted, n, sizeof(struct series *), by_name);
    for (size_t i = 0; i < n; i++) {
        struct total *last = totals->n > 0 ? &totals->items[totals->n - 1] : NULL;

        series = totals->sorted[i];
        if (last == NULL || last->kind != series->kind || !str_eq(last->name, series->name)) {
            totals->items[totals->n++] = (struct total){
                .kind = series->kind, .name = series->name, .series = &totals->sorted[i]};
            last = &totals->items[totals->n - 1];
        }
        last->n_series++;
    }
    for (size_t i = 0; i < totals->n; i++) {
        sum_up(&totals->items[i], wish);
    }
    qsort(totals->items, totals->n, sizeof(struct total), by_weight);
}

static void totals_done(struct totals *totals)
{
    mem_free(totals->items);
    mem_free(totals->sorted);
}

/* ---- JSON ---- */

static double quantile_ms(const struct slot *sum, double quantile)
{
    uint64_t counts[BUCKETS_N];

    for (size_t i = 0; i < BUCKETS_N; i++) {
        counts[i] = sum->buckets[i];
    }
    return buckets_quantile_us(counts, quantile) / 1e3;
}

static void write_ms(struct json_writer *w, const char *name, double ms)
{
    jw_key(w, name);
    jw_double(w, round(ms * 1e3) / 1e3);
}

static void write_mean(struct json_writer *w, const struct slot *sum)
{
    write_ms(w, "mean_ms", sum->n > 0 ? (double)sum->us / (double)sum->n / 1e3 : NAN);
}

static void write_counts(struct json_writer *w, const struct slot *sum)
{
    jw_form(w, "count:%i, failed:%i", sum->n, sum->failed);
    write_mean(w, sum);
    write_ms(w, "p50_ms", quantile_ms(sum, 0.5));
    write_ms(w, "p95_ms", quantile_ms(sum, 0.95));
}

static void begin(struct json_writer *w, const struct analytics *analytics,
                  const struct analytics_wish *wish)
{
    jw_form(w, "{time_range:%s", ranges[wish->range].word);
    jw_kv_time(w, "counted_since", analytics->began_ms);
    jw_kv_int(w, "events_lost", (int64_t)analytics->n_lost);
}

static void write_list(struct json_writer *w, const struct totals *totals, enum series_kind kind,
                       const char *name, size_t most)
{
    jw_key(w, name);
    jw_array(w);
    for (size_t i = 0; i < totals->n && most > 0; i++) {
        const struct total *total = &totals->items[i];

        if (total->kind == kind && total->sum.n > 0) {
            jw_form(w, "{name:%s", total->name);
            write_counts(w, &total->sum);
            jw_end(w);
            most--;
        }
    }
    jw_end(w);
}

static struct slot sum_of(const struct totals *totals, enum series_kind kind)
{
    struct slot sum = {0};

    for (size_t i = 0; i < totals->n; i++) {
        if (totals->items[i].kind == kind) {
            slot_add(&sum, &totals->items[i].sum);
        }
    }
    return sum;
}

static void write_runs(struct json_writer *w, const struct slot *sum)
{
    uint32_t judged = sum->passed + sum->failed;

    jw_form(w, "runs:%i, passed:%i, failed:%i, pass_rate:%d", sum->n, sum->passed, sum->failed,
            judged > 0 ? (double)sum->passed / (double)judged : NAN);
}

static struct slot sum_at(const struct total *items, size_t n, const struct analytics_wish *wish,
                          enum series_kind kind, uint32_t stamp)
{
    struct slot sum = {0};

    for (size_t i = 0; i < n; i++) {
        const struct total *total = &items[i];

        for (size_t s = 0; s < total->n_series && total->kind == kind; s++) {
            const struct slot *slot = slot_at(total->series[s], wish, stamp);

            if (slot != NULL) {
                slot_add(&sum, slot);
            }
        }
    }
    return sum;
}

static void write_over_time(struct json_writer *w, const struct totals *totals,
                            const struct analytics_wish *wish)
{
    int64_t unit_ms = analytics_tiers[ranges[wish->range].tier].unit_ms;
    uint32_t now = stamp_now(wish);

    jw_shape(w, "over_time:[");
    for (unsigned back = ranges[wish->range].n; back-- > 0;) {
        struct slot commands = sum_at(totals->items, totals->n, wish, SERIES_COMMAND, now - back);
        struct slot runs = sum_at(totals->items, totals->n, wish, SERIES_TEST, now - back);

        jw_object(w);
        jw_kv_time(w, "from", (int64_t)(now - back) * unit_ms);
        jw_form(w, "commands:%i, commands_failed:%i, runs:%i, runs_passed:%i, runs_failed:%i}",
                commands.n, commands.failed, runs.n, runs.passed, runs.failed);
    }
    jw_end(w);
}

static void write_test(struct json_writer *w, const struct total *total,
                       const struct analytics_wish *wish)
{
    int64_t unit_ms = analytics_tiers[ranges[wish->range].tier].unit_ms;
    uint32_t now = stamp_now(wish);

    jw_form(w, "{name:%s", total->name);
    write_runs(w, &total->sum);
    write_mean(w, &total->sum);
    jw_kv_bool(w, "flaky", total->turns >= FLAKY_TURNS);
    jw_shape(w, "last:[");
    for (size_t s = 0; s < total->n_series; s++) {
        for (size_t i = 0; i < total->series[s]->n_last; i++) {
            jw_text(w, total->series[s]->last[i] == 'p' ? "passed" : "failed");
        }
    }
    jw_end(w);
    jw_shape(w, "over_time:[");
    for (unsigned back = ranges[wish->range].n; back-- > 0;) {
        struct slot sum = sum_at(total, 1, wish, SERIES_TEST, now - back);

        if (sum.n > 0) { /* a test runs seldom: only slots in which it ran */
            jw_object(w);
            jw_kv_time(w, "from", (int64_t)(now - back) * unit_ms);
            write_runs(w, &sum);
            jw_end(w);
        }
    }
    jw_shape(w, "]}");
}

/* ---- answers ---- */

void analytics_write_dashboard(struct analytics *analytics, const struct analytics_wish *wish,
                               struct json_writer *w)
{
    struct totals totals;
    struct slot sums[SERIES_N];

    totals_init(&totals, analytics, wish);
    for (size_t i = 0; i < SERIES_N; i++) {
        sums[i] = sum_of(&totals, (enum series_kind)i);
    }
    begin(w, analytics, wish);
    jw_shape(w, "commands:{");
    write_counts(w, &sums[SERIES_COMMAND]);
    jw_shape(w, "}, requests:{");
    write_counts(w, &sums[SERIES_ROUTE]);
    jw_shape(w, "}, tests:{");
    write_runs(w, &sums[SERIES_TEST]);
    jw_end(w);
    write_list(w, &totals, SERIES_COMMAND, "top_commands", TOP_SHOWN);
    write_over_time(w, &totals, wish);
    jw_end(w);
    totals_done(&totals);
}

void analytics_write_commands(struct analytics *analytics, const struct analytics_wish *wish,
                              struct json_writer *w)
{
    struct totals totals;

    totals_init(&totals, analytics, wish);
    begin(w, analytics, wish);
    write_list(w, &totals, SERIES_COMMAND, "commands", SHOWN_MAX);
    write_list(w, &totals, SERIES_ROUTE, "routes", SHOWN_MAX);
    write_list(w, &totals, SERIES_PRINCIPAL, "principals", SHOWN_MAX);
    write_list(w, &totals, SERIES_PROJECT, "projects", SHOWN_MAX);
    jw_end(w);
    totals_done(&totals);
}

void analytics_write_tests(struct analytics *analytics, const struct analytics_wish *wish,
                           struct json_writer *w)
{
    struct totals totals;
    size_t left = SHOWN_MAX;

    totals_init(&totals, analytics, wish);
    begin(w, analytics, wish);
    jw_shape(w, "tests:[");
    for (size_t i = 0; i < totals.n && left > 0; i++) {
        if (totals.items[i].kind == SERIES_TEST && totals.items[i].sum.n > 0) {
            write_test(w, &totals.items[i], wish);
            left--;
        }
    }
    jw_shape(w, "]}");
    totals_done(&totals);
}
