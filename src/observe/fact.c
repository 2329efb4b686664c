#include "observe/fact.h"

#include "base/check.h"
#include "base/clock.h"

/* Of the process, as the log and the metrics are. Pages that no event has reached cost no memory. */
static struct fact ring[FACTS_KEPT];
static uint64_t newest;
static struct list consumers;

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

void fact_note(const struct fact *fact)
{
    struct fact *kept = &ring[(newest + 1) % FACTS_KEPT];

    CHECK(fact->outcome != NULL && (size_t)fact->kind < FACT_N);
    *kept = *fact;
    kept->number = ++newest;
    kept->wall_ms = clock_wall_ms();
    for (struct list *link = consumers.next; link != NULL && link != &consumers;
         link = link->next) {
        struct fact_consumer *consumer = CONTAINER_OF(link, struct fact_consumer, link);

        later_add(consumer->later, &consumer->soon, tell);
    }
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
