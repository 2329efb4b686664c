#include "observe/fact.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"

/* One ring for the process, like the log and the metrics. Pages that no fact has reached cost no memory. */
static struct fact ring[FACTS_KEPT];
static uint64_t newest;
static struct list consumers;
static void (*divert)(void *context, const struct fact *fact);
static void *divert_context;
static uint64_t n_diverted;

static const char *const types[] = {
#define X(id, type, help) [id] = (type),
    FACT_TABLE(X)
#undef X
};

static void tell(struct later_item *item)
{
    struct fact_consumer *consumer = CONTAINER_OF(item, struct fact_consumer, soon);

    consumer->on_news(consumer);
}

/* Where the next fact is written: in the ring, or, if there is a `divert`, in a place for that call. */
static struct fact *next_place(void)
{
    static struct fact given;

    return divert != NULL ? &given : &ring[(newest + 1) % FACTS_KEPT];
}

struct fact *fact_begin(enum fact_kind kind, const char *outcome)
{
    struct fact *fact = next_place();

    CHECK(outcome != NULL && (size_t)kind < FACT_N);
    /* Texts are not cleared: a first byte of 0 makes each of them empty. That saves 360 bytes. */
    memset(fact, 0, offsetof(struct fact, subject));
    fact->subject[0] = '\0';
    fact->principal[0] = '\0';
    fact->peer[0] = '\0';
    fact->request_id[0] = '\0';
    fact->name[0] = '\0';
    fact->kind = kind;
    fact->outcome = outcome;
    return fact;
}

static void wake_all(void)
{
    for (struct list *link = consumers.next; link != NULL && link != &consumers;
         link = link->next) {
        struct fact_consumer *consumer = CONTAINER_OF(link, struct fact_consumer, link);

        if (consumer->patience == 0 || newest % consumer->patience == 0) {
            later_add(consumer->later, &consumer->soon, tell);
        }
    }
}

/* The ring is larger than the caches near the processor: so the memory of the next fact is fetched while other
 * work goes on. */
static void fetch_next_place(void)
{
    enum { LINE_BYTES = 64 };

    const char *place = (const char *)&ring[(newest + 1) % FACTS_KEPT];

    for (size_t at = 0; at < sizeof(struct fact); at += LINE_BYTES) {
        __builtin_prefetch(place + at, 1);
    }
}

void fact_end(struct fact *fact)
{
    CHECK(fact == next_place());
    fact->wall_ms = clock_turn_wall_ms();
    if (divert != NULL) {
        fact->number = ++n_diverted;
        divert(divert_context, fact);
        return;
    }
    fact->number = ++newest;
    fetch_next_place();
    wake_all();
}

void fact_note(const struct fact *fact)
{
    struct fact *kept = fact_begin(fact->kind, fact->outcome);

    *kept = *fact;
    fact_end(kept);
}

void facts_divert(void (*take)(void *context, const struct fact *fact), void *context)
{
    divert = take;
    divert_context = context;
}

void facts_tell(const struct fact *fact)
{
    struct fact *kept = &ring[(newest + 1) % FACTS_KEPT];

    *kept = *fact;
    kept->number = ++newest;
    wake_all();
}

uint64_t facts_until(uint64_t position)
{
    uint64_t from = facts_oldest();
    uint64_t to = newest + 1;

    while (from < to) { /* positions grow: finds the first fact behind it */
        uint64_t middle = from + (to - from) / 2;

        if (ring[middle % FACTS_KEPT].position <= position) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from - 1;
}

void facts_listen(struct fact_consumer *consumer, struct later *later)
{
    if (consumers.next == NULL) {
        list_init(&consumers);
    }
    consumer->later = later;
    list_append(&consumers, &consumer->link);
}

void facts_again(struct fact_consumer *consumer)
{
    later_add(consumer->later, &consumer->soon, tell);
}

void facts_leave(struct fact_consumer *consumer)
{
    list_remove(&consumer->link);
    later_remove(&consumer->soon);
}

uint64_t facts_newest(void)
{
    return newest;
}

uint64_t facts_oldest(void)
{
    return newest < FACTS_KEPT ? 1 : newest - FACTS_KEPT + 1;
}

const struct fact *fact_at(uint64_t number)
{
    const struct fact *fact = &ring[number % FACTS_KEPT];

    return number > 0 && fact->number == number ? fact : NULL;
}

const char *fact_type(enum fact_kind kind)
{
    CHECK((size_t)kind < FACT_N);
    return types[kind];
}
