#include "step/read_back.h"

#include <stdlib.h>

static const char steps_at[] = "/item/steps /steps /testCase/steps /item/testSteps /testSteps";
static const char id_at[] = "/item/id /id /testCase/id";

const struct json *read_back_sent(struct arena *arena, const struct call *call,
                                  const struct json *args, const struct json *variables)
{
    const struct scope outer = scope_of_object(variables, NULL);
    const struct scope scope = scope_of_object(args, &outer);
    struct json *body = NULL;

    if (call->body == NULL || template_expand(call->body, &scope, arena, &body, NULL) != ERR_OK) {
        return NULL;
    }
    return json_get(body, "parsedStep");
}

/* What its first selector names (GUESS: the clue of the JSON text in it); NULL: no element. */
static const struct json *clue_of(struct arena *arena, const struct json *step)
{
    const struct json *selector =
        json_find(step, "/target/selectors/0/value /element/target/selectors/0/value");
    struct json *guess = NULL;

    if (json_type(selector) != JSON_STRING ||
        json_parse(arena, json_str(selector), NULL, &guess, NULL) != ERR_OK) {
        return selector;
    }
    return json_get(guess, "clue") != NULL ? json_get(guess, "clue") : guess;
}

/* Details that both have must agree; the platform adds some of its own. */
static bool meta_agrees(const struct json *stored, const struct json *sent)
{
    const struct json *want;

    JSON_FOREACH (want, json_get(sent, "meta")) {
        const struct json *have = json_get_str(json_get(stored, "meta"), json_name(want));

        if (have != NULL && !json_equal(have, want)) {
            return false;
        }
    }
    return true;
}

/* The stored form is flat and richer than what was sent: what was sent must be in it. */
static bool looks_like(struct arena *arena, const struct json *stored, const struct json *sent)
{
    static const char *const compared[] = {"action", "value", "variable"};
    const struct json *clue = clue_of(arena, sent);
    const struct json *stored_clue = clue_of(arena, stored);

    for (size_t i = 0; i < ARRAY_LEN(compared); i++) {
        const struct json *want = json_get(sent, compared[i]);

        if (want != NULL && !json_equal(json_get(stored, compared[i]), want)) {
            return false;
        }
    }
    return sent != NULL && stored != NULL && meta_agrees(stored, sent) &&
           (clue == NULL || stored_clue == NULL || json_equal(clue, stored_clue));
}

bool read_back_is_final(const struct error *lost)
{
    return lost->code == ERR_UPSTREAM_ERROR && lost->upstream_status == 500;
}

void read_back_not_known(enum read_back_result result, const struct error *lost, struct error *err)
{
    const char *text = "a step like this one stands in the checkpoint, but it may be older, or "
                       "another request's";

    if (result == READ_BACK_MISSING) {
        text = "the step was not in the checkpoint when it was read back; it may still appear";
    } else if (result == READ_BACK_BLIND) {
        text = "what the platform says about the checkpoint tells nothing";
    }
    (void)error_set(err, ERR_OUTCOME_UNKNOWN,
                    "The platform's answer was lost, and %s: look at the checkpoint before sending "
                    "the step again",
                    text);
    err->late = lost->late;
    err->upstream_status = lost->upstream_status;
}

int64_t step_id_of(const struct json *id)
{
    int64_t number;

    return json_to_i64(id, &number) || str_to_i64(json_str(id), 1, INT64_MAX, &number) ? number : 0;
}

static int64_t id_of(const struct json *step)
{
    return step_id_of(json_get(step, "id"));
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

const int64_t *read_back_ids(struct arena *arena, const struct json *steps, size_t *out_n)
{
    int64_t *ids = arena_calloc(arena, json_size(steps) + 1, sizeof(*ids));
    const struct json *step;
    size_t n = 0;

    JSON_FOREACH (step, steps) {
        ids[n++] = id_of(step);
    }
    qsort(ids, n, sizeof(*ids), compare_ids);
    *out_n = n;
    return ids;
}

static bool is_older(const struct read_back *look, int64_t id)
{
    return look->old != NULL &&
           bsearch(&id, look->old, look->n_old, sizeof(id), compare_ids) != NULL;
}

/* May this step, which is not certainly older, be told as ours, as far as its place tells? */
static bool may_be_ours(const struct read_back *look, int64_t id, int64_t position)
{
    return id != 0 && !ledger_is_doubtful(look->ledger, look->since) &&
           (look->old != NULL ||
            (look->was_end && position == look->position &&
             ledger_is_alone(look->ledger, look->checkpoint_id, look->number)));
}

/* FOUND, WAIT, or OTHER when somebody else was told of it. */
static enum read_back_result ask_ledger(struct read_back *look, int64_t id)
{
    struct ledger_question question = {
        .step_id = id, .checkpoint_id = look->checkpoint_id, .since = look->since};

    if (look->candidate != id) {
        look->candidate = id;
        look->seen = ledger_now(look->ledger);
    }
    question.seen = look->seen;
    switch (ledger_ask(look->ledger, &question)) {
    case LEDGER_FREE:
        ledger_tell(look->ledger, id);
        return READ_BACK_FOUND;
    case LEDGER_WAIT:
        return READ_BACK_WAIT;
    case LEDGER_TOLD:
        break;
    }
    return READ_BACK_OTHER;
}

const struct json *read_back_steps(const struct json *answer, int64_t checkpoint_id)
{
    const struct json *steps = json_find(answer, steps_at);
    const struct json *id = json_find(answer, id_at);
    const struct json *step;

    if (json_type(steps) != JSON_ARRAY || (id != NULL && step_id_of(id) != checkpoint_id)) {
        return NULL;
    }
    JSON_FOREACH (step, steps) {
        if (id_of(step) == 0) {
            return NULL;
        }
    }
    return steps;
}

/* Does the answer leave out what stood there? Then a step that it does not show may stand there all
 * the same. */
static bool leaves_out(const struct read_back *look, const struct json *steps)
{
    const struct json *step;
    size_t n_old = 0;

    if (look->old == NULL) {
        return (int64_t)json_size(steps) < look->position;
    }
    JSON_FOREACH (step, steps) {
        n_old += is_older(look, id_of(step)) ? 1 : 0;
    }
    return n_old < look->n_old;
}

/* Looks at each step, or only at that of the id. One that looks like ours, wherever it stands, and
 * is not certainly older keeps the answer open. */
static enum read_back_result scan(struct read_back *look, struct arena *arena,
                                  const struct json *steps, int64_t only,
                                  struct read_back_step *out)
{
    enum read_back_result result = READ_BACK_MISSING;
    const struct json *step;
    int64_t position = 0;

    JSON_FOREACH (step, steps) {
        int64_t at = position++;
        int64_t id = id_of(step);
        enum read_back_result one = READ_BACK_OTHER;

        if ((only != 0 && id != only) || is_older(look, id) ||
            !looks_like(arena, step, look->sent)) {
            continue;
        }
        if (may_be_ours(look, id, at)) {
            one = ask_ledger(look, id);
        }
        if (one != READ_BACK_OTHER || result == READ_BACK_MISSING || at == look->position) {
            *out = (struct read_back_step){step, at};
            result = one;
        }
        if (one != READ_BACK_OTHER) {
            break;
        }
    }
    return result;
}

enum read_back_result read_back_look(struct read_back *look, struct arena *arena,
                                     const struct json *answer, struct read_back_step *out)
{
    const struct json *steps = read_back_steps(answer, look->checkpoint_id);
    enum read_back_result result = READ_BACK_MISSING;

    if (steps == NULL) {
        return READ_BACK_BLIND;
    }
    if (look->candidate != 0) {
        result = scan(look, arena, steps, look->candidate, out);
    }
    if (result == READ_BACK_FOUND || result == READ_BACK_WAIT) {
        return result;
    }
    result = scan(look, arena, steps, 0, out);
    return result == READ_BACK_MISSING && leaves_out(look, steps) ? READ_BACK_BLIND : result;
}
