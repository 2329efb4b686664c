#include <string.h>

#include "analytics_internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "observe/metrics.h"

enum { PATIENCE = FACTS_KEPT / 16 };

const struct tier analytics_tiers[N_TIERS] = {
    {60000, 60, 0}, {3600000, 24, 60}, {86400000, 30, 84}};

/* One thing that happened to a series. */
struct sample {
    uint64_t us;
    uint32_t minute; /* Unix */
    bool passed;
    bool failed;
};

/* ---- slots ---- */

/* Adds the open minute to the tiers. */
static void close_minute(struct series *series)
{
    int64_t wall_ms = (int64_t)series->open.stamp * analytics_tiers[0].unit_ms;

    for (size_t i = 0; i < N_TIERS && series->open.n > 0; i++) {
        const struct tier *tier = &analytics_tiers[i];
        uint32_t stamp = (uint32_t)(wall_ms / tier->unit_ms);
        struct slot *slot = &series->slots[tier->first + stamp % tier->n];

        if (slot->stamp != stamp) {
            *slot = (struct slot){.stamp = stamp};
        }
        slot_add(slot, &series->open);
    }
    series->open = (struct slot){0};
}

void slot_add(struct slot *sum, const struct slot *slot)
{
    sum->n += slot->n;
    sum->passed += slot->passed;
    sum->failed += slot->failed;
    sum->us += slot->us;
    for (size_t i = 0; i < BUCKETS_N; i++) {
        sum->buckets[i] += slot->buckets[i];
    }
}

static void add(struct series *series, const struct sample *sample)
{
    struct slot *slot = &series->open;

    if (slot->stamp != sample->minute) {
        close_minute(series);
        slot->stamp = sample->minute;
    }
    slot->n++;
    slot->passed += sample->passed ? 1 : 0;
    slot->failed += sample->failed ? 1 : 0;
    slot->us += sample->us;
    slot->buckets[bucket_of_us(sample->us)]++;
    if (series->kind == SERIES_TEST && (sample->passed || sample->failed)) {
        if (series->n_last == SERIES_LAST) {
            memmove(series->last, series->last + 1, SERIES_LAST - 1);
            series->n_last--;
        }
        series->last[series->n_last++] = sample->passed ? 'p' : 'f';
    }
}

/* ---- series ---- */

bool series_is_of(const struct series *series, const uint8_t *owner)
{
    return memcmp(series->key + 1, owner, FACT_OWNER_BYTES) == 0;
}

static void drop(struct analytics *analytics, struct series *series)
{
    for (size_t i = 0; i < SERIES_RECENT; i++) {
        if (analytics->recent[series->kind][i] == series) {
            analytics->recent[series->kind][i] = NULL;
        }
    }
    lru_remove(&analytics->series, &series->entry);
    mem_free(series);
}

static struct series *make(struct analytics *analytics, enum series_kind kind, struct str key)
{
    struct series *series = mem_zalloc(sizeof(*series));

    while (lru_size(&analytics->series) >= ANALYTICS_MAX_SERIES) {
        drop(analytics, LRU_OLDEST(&analytics->series, struct series, entry));
    }
    series->kind = kind;
    mem_copy(series->key, key.ptr, key.len);
    series->name = (struct str){series->key + 1 + FACT_OWNER_BYTES, key.len - 1 - FACT_OWNER_BYTES};
    lru_add(&analytics->series, &series->entry, (struct str){series->key, key.len});
    return series;
}

static bool is_for_ever(enum series_kind kind)
{
    return kind == SERIES_COMMAND || kind == SERIES_ROUTE;
}

static bool fits(const struct series *series, const struct fact *fact, const char *first,
                 const char *second)
{
    return series_is_of(series, fact->owner) &&
           (is_for_ever(series->kind) ? series->first == first && series->second == second
                                      : str_is(series->name, first));
}

static struct series *find(struct analytics *analytics, enum series_kind kind,
                           const struct fact *fact, const char *first, const char *second)
{
    char bytes[SERIES_KEY_MAX + 1];
    struct series *series;
    struct buf key;
    struct str name;

    buf_init_on(&key, bytes, sizeof(bytes), SERIES_KEY_MAX);
    buf_char(&key, (char)kind);
    buf_append(&key, fact->owner, FACT_OWNER_BYTES);
    name = utf8_clip(str_from(first), SERIES_NAME_MAX / 2 - 1);
    buf_str(&key, name);
    if (second[0] != '\0') {
        buf_char(&key, ' ');
        buf_str(&key, utf8_clip(str_from(second), SERIES_NAME_MAX / 2));
    }
    series = LRU_FIND(&analytics->series, buf_view(&key), struct series, entry);
    if (series == NULL) {
        series = make(analytics, kind, buf_view(&key));
    } else {
        lru_touch(&analytics->series, &series->entry);
    }
    if (is_for_ever(kind)) {
        series->first = first;
        series->second = second;
    }
    buf_done(&key);
    return series;
}

/* Counts a sample for the series with the name `first`, blank, `second`; `second` may be empty. */
static void count(struct analytics *analytics, enum series_kind kind, const struct fact *fact,
                  const char *first, const char *second, const struct sample *sample)
{
    size_t at = fact->owner[0] + (is_for_ever(kind) ? (uintptr_t)first / 8 : 0);
    struct series **recent = &analytics->recent[kind][at % SERIES_RECENT];

    if (*recent != NULL && fits(*recent, fact, first, second)) {
        lru_touch(&analytics->series, &(*recent)->entry);
    } else {
        *recent = find(analytics, kind, fact, first, second);
    }
    add(*recent, sample);
}

/* ---- facts ---- */

static struct sample sample_of(const struct fact *fact)
{
    static const char *const failures[] = {"failed", "unknown", "timed_out"};
    struct str outcome = str_from(fact->outcome);
    bool is_good = str_eq(outcome, STR("done")) || str_eq(outcome, STR("ok")); /* most are */

    return (struct sample){.us = fact->us,
                           .minute = (uint32_t)(fact->wall_ms / analytics_tiers[0].unit_ms),
                           .passed = !is_good && str_is(outcome, "passed"),
                           .failed = !is_good && str_in(outcome, failures, ARRAY_LEN(failures))};
}

/* What the client did wrong is no failure of ours: a failed request is one with 5xx. */
static void count_request(struct analytics *analytics, const struct fact *fact)
{
    enum { FIRST_OURS = 500 };
    struct sample sample = sample_of(fact);

    sample.failed = fact->status >= FIRST_OURS;
    if (fact->action != NULL && fact->method != NULL) {
        count(analytics, SERIES_ROUTE, fact, fact->method, fact->action, &sample);
    }
    if (fact->principal[0] != '\0') {
        count(analytics, SERIES_PRINCIPAL, fact, fact->principal, "", &sample);
    }
}

/* Of a command or a run: a red run counts as failed. */
static void count_project(struct analytics *analytics, const struct fact *fact,
                          const struct sample *sample)
{
    for (size_t i = 0; i < FACT_IDS && fact->ids[i].name != NULL; i++) {
        char digits[DIGITS_MAX];
        char name[DIGITS_MAX + 1];

        if (strcmp(fact->ids[i].name, "project_id") == 0) {
            str_copy(name, sizeof(name), str_of_int(fact->ids[i].value, digits));
            count(analytics, SERIES_PROJECT, fact, name, "", sample);
        }
    }
}

static void take(struct analytics *analytics, const struct fact *fact)
{
    struct sample sample;

    if (fact->kind == FACT_REQUEST) {
        count_request(analytics, fact);
    } else if (fact->kind == FACT_COMMAND && fact->action != NULL) {
        sample = sample_of(fact);
        count(analytics, SERIES_COMMAND, fact, fact->action, "", &sample);
        count_project(analytics, fact, &sample);
    } else if (fact->kind == FACT_RUN_FINISHED && fact->name[0] != '\0') {
        sample = sample_of(fact);
        count(analytics, SERIES_TEST, fact, fact->name, "", &sample);
        count_project(analytics, fact, &sample);
    }
}

static void take_all(struct analytics *analytics)
{
    uint64_t oldest = facts_oldest();
    const struct fact *fact;

    if (analytics->seen + 1 < oldest) {
        analytics->n_lost += oldest - analytics->seen - 1;
        metric_add(M_EVENTS_LOST, CONSUMER_ANALYTICS, 0, 0, oldest - analytics->seen - 1);
        analytics->seen = oldest - 1;
    }
    while ((fact = fact_at(analytics->seen + 1)) != NULL) {
        analytics->seen++;
        take(analytics, fact);
    }
}

void analytics_catch_up(struct analytics *analytics)
{
    struct series *series;

    take_all(analytics);
    LIST_EACH (series, &analytics->series.order, entry.link) { /* no entry is held: all are here */
        close_minute(series);
    }
}

static void on_news(struct fact_consumer *consumer)
{
    take_all(CONTAINER_OF(consumer, struct analytics, consumer));
}

struct analytics *analytics_open(struct later *later)
{
    struct analytics *analytics = mem_zalloc(sizeof(*analytics));

    lru_init(&analytics->series);
    analytics->seen = facts_newest();
    analytics->began_ms = clock_wall_ms();
    analytics->consumer.on_news = on_news;
    analytics->consumer.patience = PATIENCE; /* readers catch up by themselves */
    facts_listen(&analytics->consumer, later);
    return analytics;
}

void analytics_close(struct analytics *analytics)
{
    struct series *series;

    if (analytics == NULL) {
        return;
    }
    facts_leave(&analytics->consumer);
    while ((series = LRU_OLDEST(&analytics->series, struct series, entry)) != NULL) {
        drop(analytics, series);
    }
    lru_done(&analytics->series);
    mem_free(analytics);
}
