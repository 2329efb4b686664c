#include "api/gate/reply_map.h"

#include "api/gate/redact.h"
#include "base/check.h"
#include "plan/answer.h"

enum { ANY_DEPTH = 32 };

/* clang-format off */
/* Envelopes of the platform (PLATFORM.md, "Envelopes"): {success, item}, {success, items},
 * {success, map} keyed by id, or the bare thing. Add a mapping by adding a row; `from` lists where
 * the value may stand. */
#define ONE "/item /project /goal /suite /testSuite /testCase /checkpoint /table /environment /execution /job"
static const struct reply_map maps[] = {
    {"user", "/item /user", NULL, {
        {"id", "/id /userId", REPLY_ID, true}, {"name", "/name /fullName", REPLY_TEXT, true}, {"email", "/email", REPLY_TEXT, true}}},
    {"project", ONE, NULL, {
        {"id", "/id", REPLY_ID, true}, {"name", "/name", REPLY_TEXT, true}}},
    {"projects", NULL, "/items /item /map /projects", {
        {"id", "/id", REPLY_ID, true}, {"name", "/name", REPLY_TEXT, true}, {"status", "/status /state", REPLY_TEXT, false}}},
    {"goal", ONE, NULL, {
        {"id", "/id", REPLY_ID, true}, {"name", "/name", REPLY_TEXT, true}, {"snapshotId", "$snapshot_id", REPLY_ID, true}}},
    {"goals", NULL, "/items /item /map /goals", {
        {"id", "/id", REPLY_ID, true}, {"name", "/name", REPLY_TEXT, true}, {"lastRun", "/lastRun /lastExecution/endDate /lastExecution/submitDate", REPLY_TIME, true}}},
    {"versions", NULL, "/snapshots /item/snapshots /items /item /map", {
        {"id", "/snapshotId /id", REPLY_ID, true}, {"version", "/version /name /number", REPLY_TEXT, true}, {"createdAt", "/createdDate /createdAt /date", REPLY_TIME, true}}},
    {"journey", ONE, NULL, {
        {"id", "/id", REPLY_ID, true}, {"name", "/title /name", REPLY_TEXT, true}}},
    {"journeys", NULL, "/map /item /items", {
        {"id", "/journey/id /id", REPLY_ID, true}, {"name", "/journey/title /journey/name /title /name", REPLY_TEXT, true},
        {"outcome", "/lastExecution/statistics/outcome /lastExecution/outcome", REPLY_TEXT, false}}},
    {"checkpoint", ONE, NULL, {
        {"id", "/id", REPLY_ID, true}, {"name", "/title /name", REPLY_TEXT, true}}},
    {"checkpoints", NULL, CASES_PLACES, {
        {"id", "/id", REPLY_ID, true}, {"name", "/title /name", REPLY_TEXT, true}, {"stepCount", "/steps /testSteps", REPLY_COUNT, true}}},
    {"step", "/item/testStep /testStep /item", NULL, {
        {"id", "/id", REPLY_ID, true}, {"action", "/action", REPLY_TEXT, true}, {"value", "/value", REPLY_TEXT, false},
        {"variable", "/variable", REPLY_TEXT, false}, {"canonicalId", "/canonicalId", REPLY_TEXT, false}, {"meta", "/meta", REPLY_ANY, false},
        {"target", "/element/target /target", REPLY_ANY, false}}},
    {"steps", NULL, STEPS_PLACES, {
        {"id", "/id", REPLY_ID, true}, {"action", "/action", REPLY_TEXT, true}, {"value", "/value", REPLY_TEXT, false},
        {"variable", "/variable", REPLY_TEXT, false}, {"canonicalId", "/canonicalId", REPLY_TEXT, false},
        {"target", "/element/target/selectors/0/value /target/selectors/0/value", REPLY_CLUE, false}}},
    {"simple steps", NULL, STEPS_PLACES, {
        {"id", "/id", REPLY_ID, true}, {"action", "/action", REPLY_TEXT, true},
        {"target", "/element/target/selectors/0/value /target/selectors/0/value /value", REPLY_CLUE, true}}},
    {"execution", ONE, NULL, {
        {"id", "/id /jobId", REPLY_ID, true}, {"status", "/status", REPLY_TEXT, true}, {"outcome", "/outcome", REPLY_TEXT, false},
        {"progress", "/progress /journeyStatistics/progress", REPLY_PERCENT, false}, {"goalId", "/goalId", REPLY_ID, false},
        {"snapshotId", "/snapshotId", REPLY_ID, false}, {"submittedAt", "/submitDate", REPLY_TIME, false},
        {"startedAt", "/startDate", REPLY_TIME, false}, {"endedAt", "/endDate", REPLY_TIME, false}, {"durationMs", "/duration", REPLY_INT, false}}},
    {"analysis", "/item /analysis", NULL, {
        {"passed", "/passed /successfulTestExecutions /journeyStatistics/countPerOutcome/PASS", REPLY_INT, true},
        {"failed", "/failed /failedTestExecutions /journeyStatistics/countPerOutcome/FAIL", REPLY_INT, true},
        {"errors", "/errors /failures", REPLY_ANY, true}}},
    {"library", "/item /libraryCheckpoint /checkpoint", NULL, {
        {"id", "/id /libraryCheckpointId", REPLY_ID, true}, {"name", "/name /title", REPLY_TEXT, true}, {"stepCount", "/steps /testSteps", REPLY_COUNT, false}}},
    {"libraries", NULL, "/items /item /map /checkpoints", {
        {"id", "/id", REPLY_ID, true}, {"name", "/name /title", REPLY_TEXT, true}, {"stepCount", "/steps /testSteps /stepCount", REPLY_COUNT, true}}},
    {"table", ONE, NULL, {
        {"id", "/id", REPLY_ID, true}, {"name", "/name /title", REPLY_TEXT, true}, {"columns", "/columns /attributes", REPLY_ANY, false},
        {"rowCount", "/rows /values /rowCount", REPLY_COUNT, false}}},
    {"environment", ONE, NULL, {
        {"id", "/id", REPLY_ID, true}, {"name", "/name", REPLY_TEXT, true}}},
    {"done", "/item", NULL, {
        {"id", "/id", REPLY_ID, false}, {"name", "/name /title", REPLY_TEXT, false}}},
};

/* clang-format on */

const struct reply_map *reply_map_find(const char *name)
{
    return ROW_NAMED(str_from(name), maps);
}

/* The platform tells progress as 0..1; a figure above 1 is taken as a percentage already. */
static struct json *reduce_percent(struct arena *arena, const struct json *value)
{
    double share = json_double(value);
    double percent = share <= 1.0 ? share * 100.0 : share;

    return json_new_double(arena, (double)(int64_t)(percent * 10.0 + 0.5) / 10.0);
}

static struct json *reduce_clue(struct arena *arena, const struct json *value)
{
    struct str text = json_plain(value, arena);
    struct json *selector = NULL;

    if (str_starts(text, STR("{")) && json_parse(arena, text, NULL, &selector, NULL) == ERR_OK &&
        json_get(selector, "clue") != NULL) {
        return json_copy(arena, json_get(selector, "clue"));
    }
    return json_new_string(arena, text);
}

static bool names_an_id(struct str name)
{
    return str_is(name, "id") || (name.len > 2 && str_ends(name, STR("Id")));
}

/* Ids are texts in every answer of ours (src/api/README.md, "Contract"). */
static struct json *with_ids_as_texts(struct arena *arena, const struct json *value, int depth)
{
    struct json *out;
    const struct json *child;

    if (depth == 0 || (json_type(value) != JSON_OBJECT && json_type(value) != JSON_ARRAY)) {
        return json_copy(arena, value);
    }
    out = json_type(value) == JSON_OBJECT ? json_new_object(arena) : json_new_array(arena);
    JSON_FOREACH (child, value) {
        if (json_type(value) == JSON_ARRAY) {
            json_append(out, with_ids_as_texts(arena, child, depth - 1));
        } else if (json_type(child) == JSON_NUMBER && names_an_id(json_name(child))) {
            json_set(out, json_name(child), json_new_string(arena, json_number_text(child, arena)));
        } else {
            json_set(out, json_name(child), with_ids_as_texts(arena, child, depth - 1));
        }
    }
    return out;
}

static struct json *reduce_value(struct arena *arena, const struct json *value,
                                 enum reply_type type)
{
    struct json *copy = NULL;
    int64_t ms;

    switch (type) {
    case REPLY_ID:
    case REPLY_TEXT:
        return json_new_string(arena, json_plain(value, arena));
    case REPLY_TIME:
        return json_to_i64(value, &ms) ? json_new_string(arena, arena_time(arena, ms))
                                       : json_copy(arena, value);
    case REPLY_PERCENT:
        return reduce_percent(arena, value);
    case REPLY_COUNT:
        return json_new_int(arena, json_int(value, (int64_t)json_size(value)));
    case REPLY_CLUE:
        return reduce_clue(arena, value);
    case REPLY_INT:
    case REPLY_BOOL:
    case REPLY_ANY:
        copy = with_ids_as_texts(arena, value, ANY_DEPTH);
        redact(copy, arena, STR_EMPTY, REDACT_SHOWS_NOTHING);
    }
    return copy;
}

static struct json *reduce_one(struct arena *arena, const struct reply_map *map,
                               const struct json *thing, const struct json *variables)
{
    struct json *out = json_new_object(arena);

    for (const struct reply_field *field = map->fields; field->to != NULL; field++) {
        const struct json *value = field->from[0] == '$' ? json_get(variables, field->from + 1)
                                                         : json_find(thing, field->from);

        if (json_type(value) != JSON_NULL) {
            json_set(out, str_from(field->to), reduce_value(arena, value, field->type));
        } else if (field->always) {
            json_set(out, str_from(field->to), json_new_null(arena));
        }
    }
    return out;
}

/* A bare map keyed by id has only objects as members. */
static bool is_map_of_things(const struct json *answer)
{
    const struct json *member;

    JSON_FOREACH (member, answer) {
        if (json_type(member) != JSON_OBJECT) {
            return false;
        }
    }
    return json_type(answer) == JSON_OBJECT;
}

static struct json *reduce_many(struct arena *arena, const struct reply_map *map,
                                const struct json *answer, const struct json *variables)
{
    const struct json *list =
        json_type(answer) == JSON_ARRAY ? answer : json_find(answer, map->many);
    struct json *out;
    const struct json *thing;

    if (list == NULL && is_map_of_things(answer)) {
        list = answer;
    }
    if (json_type(list) != JSON_ARRAY && json_type(list) != JSON_OBJECT) {
        return NULL;
    }
    out = json_new_array(arena);
    JSON_FOREACH (thing, list) {
        json_append(out, reduce_one(arena, map, thing, variables));
    }
    return out;
}

struct json *reply_reduce(struct arena *arena, const char *map_name, const struct json *answer,
                          const struct json *variables)
{
    const struct reply_map *map = reply_map_find(map_name == NULL ? "done" : map_name);
    const struct json *thing;

    CHECK(map != NULL);
    if (map->many != NULL) {
        return reduce_many(arena, map, answer, variables);
    }
    /* A bare thing may hold others (an execution its goal): what has an id itself is no
     * envelope. */
    thing = json_get(answer, "id") == NULL ? json_find(answer, map->one) : NULL;
    thing = json_type(thing) == JSON_OBJECT ? thing : answer;
    return json_type(thing) == JSON_OBJECT && json_size(thing) > 0
               ? reduce_one(arena, map, thing, variables)
               : NULL;
}
