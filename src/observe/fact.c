#include "observe/fact.h"

#include "base/check.h"
#include "base/clock.h"

/* Of the process, as the log and the metrics are. Pages that no event has reached cost no memory. */
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

static void wake_all(void)
{
    for (struct list *link = consumers.next; link != NULL && link != &consumers;
         link = link->next) {
        struct fact_consumer *consumer = CONTAINER_OF(link, struct fact_consumer, link);

        later_add(consumer->later, &consumer->soon, tell);
    }
}

static void give_away(const struct fact *fact)
{
    struct fact given = *fact;

    given.number = ++n_diverted;
    given.wall_ms = clock_turn_wall_ms();
    divert(divert_context, &given);
}

void fact_note(const struct fact *fact)
{
    struct fact *kept = &ring[(newest + 1) % FACTS_KEPT];

    CHECK(fact->outcome != NULL && (size_t)fact->kind < FACT_N);
    if (divert != NULL) {
        give_away(fact);
        return;
    }
    *kept = *fact;
    kept->number = ++newest;
    kept->wall_ms = clock_turn_wall_ms();
    wake_all();
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

    while (from < to) { /* positions grow: the first one behind it */
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
