#include "step/look.h"

#include <stdlib.h>

#include "base/mem.h"
#include "lane_internal.h"
#include "plan/answer.h"

static const char id_at[] = "/item/id /id /testCase/id";

const struct json *step_sent(struct arena *arena, const struct call *call, const struct json *args,
                             const struct json *variables)
{
    const struct scope outer = scope_of_object(variables, NULL);
    const struct scope scope = scope_of_object(args, &outer);
    struct json *body = NULL;

    if (call->body == NULL || template_expand(call->body, &scope, arena, &body, NULL) != ERR_OK) {
        return NULL;
    }
    return json_get(body, "parsedStep");
}

/* What the first selector of a step names (GUESS: the clue in its JSON text); NULL: the step has no element. */
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

/* Members of `meta` that both steps have must agree; the platform adds members. */
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
bool step_looks_like(struct arena *arena, const struct json *stored, const struct json *sent)
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

bool look_is_final(const struct error *lost)
{
    return lost->code == ERR_UPSTREAM_ERROR && lost->upstream_status == 500;
}

void look_not_known(enum look_result result, const struct error *lost, struct error *err)
{
    const char *text = "a step like this one stands in the checkpoint, but it may be older, or "
                       "another request's";

    if (result == LOOK_MISSING) {
        text = "the step was not in the checkpoint when it was read back; it may still appear";
    } else if (result == LOOK_BLIND) {
        text = "the platform's answer about the checkpoint cannot be used";
    }
    (void)error_set(err, ERR_OUTCOME_UNKNOWN,
                    "The platform's answer was lost, and %s: look at the checkpoint before sending "
                    "the step again",
                    text);
    err->late = lost->late;
    err->upstream_status = lost->upstream_status;
}

static int64_t id_of(const struct json *step)
{
    return id_number(json_get(step, "id"));
}

/* The checkpoint in the answer about its journey; any other answer is the checkpoint itself, or its
 * steps. */
static const struct json *checkpoint_in(const struct json *answer, int64_t checkpoint_id)
{
    const struct json *cases = json_find(answer, CASES_PLACES);
    const struct json *checkpoint;

    if (json_type(cases) != JSON_ARRAY) {
        return answer;
    }
    JSON_FOREACH (checkpoint, cases) {
        if (id_of(checkpoint) == checkpoint_id) {
            return checkpoint;
        }
    }
    return NULL;
}

/* Each step has an id, and no two have the same one. */
static bool ids_are_sound(const struct json *steps)
{
    size_t n = json_size(steps);
    int64_t *ids = mem_calloc(n + 1, sizeof(*ids));
    const struct json *step;
    size_t at = 0;
    bool sound = true;

    JSON_FOREACH (step, steps) {
        ids[at++] = id_of(step);
    }
    qsort(ids, n, sizeof(*ids), lane_compare_ids);
    for (size_t i = 0; i < n && sound; i++) {
        sound = ids[i] > 0 && (i == 0 || ids[i] != ids[i - 1]);
    }
    mem_free(ids);
    return sound;
}

const struct json *checkpoint_steps(const struct json *answer, int64_t checkpoint_id)
{
    const struct json *checkpoint = checkpoint_in(answer, checkpoint_id);
    const struct json *steps = answer_list(checkpoint, STEPS_PLACES);
    const struct json *id = json_find(checkpoint, id_at);

    if (steps == NULL || (steps == answer && json_size(steps) == 0) ||
        (id != NULL && id_number(id) != checkpoint_id)) {
        return NULL;
    }
    return ids_are_sound(steps) ? steps : NULL;
}

enum look_result look_at(const struct look *look, struct arena *arena, const struct json *answer,
                         struct look_seen *out)
{
    const struct json *steps = checkpoint_steps(answer, look->checkpoint_id);
    const struct json *step;
    size_t n_alike = 0;
    size_t n_known = 0;
    bool any_unreadable = false; /* a new step that cannot be read may be ours */
    int64_t position = 0;

    *out = (struct look_seen){.steps = steps};
    if (steps == NULL) {
        return LOOK_BLIND;
    }
    JSON_FOREACH (step, steps) {
        int64_t at = position++;

        if (lane_has(look->lane, id_of(step))) {
            n_known++;
        } else if (json_type(json_get(step, "action")) != JSON_STRING) {
            any_unreadable = true;
        } else if (step_looks_like(arena, step, look->sent) &&
                   (n_alike++ == 0 || at == look->position)) {
            out->step = step;
            out->position = at;
        }
    }
    if (n_alike > 0) {
        return look->certain && n_alike == 1 ? LOOK_FOUND : LOOK_OTHER;
    }
    /* If the answer leaves out steps that exist, it may leave out ours as well. An empty list where nobody knows what
     * stood there may have left out all. */
    return any_unreadable || n_known < lane_n_ids(look->lane) ||
                   (!look->certain && (position < look->position || position == 0))
               ? LOOK_BLIND
               : LOOK_MISSING;
}
