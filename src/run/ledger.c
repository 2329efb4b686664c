/* The told ids lie in a ring that is searched from end to end: that happens once for a lost answer,
 * while telling happens for every step. */
#include "run/ledger.h"

#include "base/attr.h"
#include "base/check.h"
#include "base/mem.h"

struct ledger {
    struct list creating; /* marks, oldest first */
    uint64_t next;
    uint64_t n_told;
    int64_t told[LEDGER_MAX];
};

struct ledger *ledger_new(void)
{
    struct ledger *ledger = mem_zalloc(sizeof(*ledger));

    list_init(&ledger->creating);
    return ledger;
}

void ledger_free(struct ledger *ledger)
{
    CHECK(ledger == NULL || list_is_empty(&ledger->creating));
    mem_free(ledger);
}

void ledger_begin(struct ledger *ledger, struct ledger_mark *mark, int64_t checkpoint_id)
{
    CHECK(!list_is_linked(&mark->link));
    mark->number = ledger->next++;
    mark->checkpoint_id = checkpoint_id;
    list_append(&ledger->creating, &mark->link);
}

void ledger_end(struct ledger_mark *mark)
{
    list_remove(&mark->link);
}

void ledger_tell(struct ledger *ledger, int64_t step_id)
{
    ledger->told[ledger->n_told++ % LEDGER_MAX] = step_id;
}

uint64_t ledger_now(const struct ledger *ledger)
{
    return ledger->next;
}

static bool is_told(const struct ledger *ledger, int64_t step_id)
{
    uint64_t n = ledger->n_told < LEDGER_MAX ? ledger->n_told : LEDGER_MAX;

    for (uint64_t i = 0; i < n; i++) {
        if (ledger->told[i] == step_id) {
            return true;
        }
    }
    return false;
}

enum ledger_answer ledger_ask(const struct ledger *ledger, int64_t step_id, int64_t checkpoint_id,
                              uint64_t number)
{
    struct list *link;

    if (is_told(ledger, step_id)) {
        return LEDGER_TOLD;
    }
    LIST_FOREACH (link, &ledger->creating) {
        const struct ledger_mark *mark = CONTAINER_OF(link, struct ledger_mark, link);

        if (mark->number < number && mark->checkpoint_id == checkpoint_id) {
            return LEDGER_WAIT;
        }
    }
    return LEDGER_FREE;
}
