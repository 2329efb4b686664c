/* The told ids lie in a ring that is searched from end to end: that happens once for a lost answer,
 * while telling happens for every step. */
#include "run/ledger.h"

#include "base/attr.h"
#include "base/check.h"
#include "base/mem.h"

struct ledger {
    struct list creating; /* marks, oldest first */
    uint64_t next;
    uint64_t last_unknown; /* its number; 0 none */

    /* By checkpoint_id modulo their number; a newer one takes the place of another. */
    struct {
        int64_t checkpoint_id;
        uint64_t number; /* of the last create; 0 none */
    } last[LEDGER_CHECKPOINTS];

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
        size_t slot = slot_of(checkpoint_id);

        ledger->last[slot].checkpoint_id = checkpoint_id;
        ledger->last[slot].number = mark->number;
    }
}

enum ledger_others ledger_others(const struct ledger *ledger, int64_t checkpoint_id, uint64_t since)
{
    size_t slot = slot_of(checkpoint_id);

    if (ledger->last[slot].number <= since) {
        return LEDGER_NO_OTHERS; /* nor has one of another checkpoint taken its place since then */
    }
    return ledger->last[slot].checkpoint_id == checkpoint_id ? LEDGER_OTHERS
                                                             : LEDGER_PERHAPS_OTHERS;
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

bool ledger_is_doubtful(const struct ledger *ledger, uint64_t since)
{
    return ledger->last_unknown >= since && ledger->last_unknown != 0;
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

    if (is_told(ledger, question->step_id, question->since)) {
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
