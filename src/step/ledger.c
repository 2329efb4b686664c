/* The told ids lie in a ring that is searched from end to end: that happens once for a lost answer,
 * while telling happens for every step. */
#include "step/ledger.h"

#include "base/attr.h"
#include "base/check.h"
#include "base/mem.h"

struct ledger {
    struct list creating; /* marks, oldest first */
    uint64_t next;
    uint64_t last_unknown; /* its number; 0 none */

    /* The number of the last create, by checkpoint_id modulo their number: what shares a place with
     * another one is taken to be not alone more often than it is. 0 none. */
    uint64_t last[LEDGER_CHECKPOINTS];

    uint64_t n_told;

    struct {
        int64_t step_id;
        uint64_t number;
    } told[LEDGER_MAX];
};

struct ledger *ledger_new(void)
{
    struct ledger *ledger = mem_zalloc(sizeof(*ledger));

    list_init(&ledger->creating);
    ledger->next = 1;
    return ledger;
}

void ledger_free(struct ledger *ledger)
{
    CHECK(ledger == NULL || list_is_empty(&ledger->creating));
    mem_free(ledger);
}

static size_t slot_of(int64_t checkpoint_id)
{
    return (size_t)((uint64_t)checkpoint_id % LEDGER_CHECKPOINTS);
}

void ledger_begin(struct ledger *ledger, struct ledger_mark *mark, int64_t checkpoint_id)
{
    CHECK(!list_is_linked(&mark->link));
    mark->number = ledger->next++;
    mark->checkpoint_id = checkpoint_id;
    list_append(&ledger->creating, &mark->link);
    if (checkpoint_id != LEDGER_ANY_CHECKPOINT) {
        ledger->last[slot_of(checkpoint_id)] = mark->number;
    }
}

bool ledger_is_alone(const struct ledger *ledger, int64_t checkpoint_id, uint64_t since)
{
    return ledger->last[slot_of(checkpoint_id)] <= since;
}

uint64_t ledger_look(const struct ledger *ledger, int64_t checkpoint_id)
{
    struct list *link;

    LIST_FOREACH (link, &ledger->creating) { /* oldest first */
        const struct ledger_mark *mark = CONTAINER_OF(link, struct ledger_mark, link);

        if (mark->checkpoint_id == checkpoint_id) {
            return mark->number - 1;
        }
    }
    return ledger->next - 1;
}

void ledger_end(struct ledger_mark *mark)
{
    list_remove(&mark->link);
}

void ledger_end_unknown(struct ledger *ledger, struct ledger_mark *mark)
{
    if (list_is_linked(&mark->link)) {
        ledger_end(mark);
        ledger->last_unknown = ledger->next++;
    }
}

/* The ring's oldest id has been told since then: older ones are overwritten. */
static bool has_forgotten(const struct ledger *ledger, uint64_t since)
{
    return ledger->n_told > LEDGER_MAX && ledger->told[ledger->n_told % LEDGER_MAX].number > since;
}

bool ledger_is_doubtful(const struct ledger *ledger, uint64_t since)
{
    return (ledger->last_unknown >= since && ledger->last_unknown != 0) ||
           has_forgotten(ledger, since);
}

void ledger_tell(struct ledger *ledger, int64_t step_id)
{
    size_t at = (size_t)(ledger->n_told++ % LEDGER_MAX);

    ledger->told[at].step_id = step_id;
    ledger->told[at].number = ledger->next++;
}

uint64_t ledger_now(const struct ledger *ledger)
{
    return ledger->next;
}

static bool is_told(const struct ledger *ledger, int64_t step_id, uint64_t since)
{
    uint64_t n = ledger->n_told < LEDGER_MAX ? ledger->n_told : LEDGER_MAX;

    for (uint64_t i = 0; i < n; i++) {
        if (ledger->told[i].step_id == step_id && ledger->told[i].number >= since) {
            return true;
        }
    }
    return false;
}

enum ledger_answer ledger_ask(const struct ledger *ledger, const struct ledger_question *question)
{
    struct list *link;

    if (has_forgotten(ledger, question->since) ||
        is_told(ledger, question->step_id, question->since)) {
        return LEDGER_TOLD;
    }
    LIST_FOREACH (link, &ledger->creating) {
        const struct ledger_mark *mark = CONTAINER_OF(link, struct ledger_mark, link);

        if (mark->number < question->seen && (mark->checkpoint_id == question->checkpoint_id ||
                                              mark->checkpoint_id == LEDGER_ANY_CHECKPOINT)) {
            return LEDGER_WAIT;
        }
    }
    return LEDGER_FREE;
}
