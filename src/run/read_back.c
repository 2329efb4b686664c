/* A create whose answer was lost: does what stands at its place look like what was sent? */
#include "run/run.h"

static const char steps_at[] = "/item/steps /steps /testCase/steps /item/testSteps /testSteps";

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
    return sent != NULL && (clue == NULL || stored_clue == NULL || json_equal(clue, stored_clue));
}

const struct json *read_back_find(struct arena *arena, const struct json *answer, int64_t position,
                                  const struct json *sent)
{
    const struct json *stored =
        position < 0 ? NULL : json_at(json_find(answer, steps_at), (size_t)position);

    return stored != NULL && looks_like(arena, stored, sent) ? stored : NULL;
}

bool read_back_count(const struct json *answer, int64_t *out)
{
    const struct json *steps = json_find(answer, steps_at);

    *out = (int64_t)json_size(steps);
    return json_type(steps) == JSON_ARRAY;
}
