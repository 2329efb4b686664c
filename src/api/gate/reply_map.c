#include "api/gate/reply_map.h"

#include "api/gate/redact.h"
#include "base/check.h"
#include "plan/answer.h"

enum { ANY_DEPTH = 32 };

/* clang-format off */
/* Envelopes of the platform (PLATFORM.md, "Envelopes"): {success, item}, {success, items},
 * {success, map} keyed by id, or the bare thing. Add a mapping by adding its name to
 * catalog/named.h and a row here; `from` lists where the value may stand. */
#define ONE "/item /project /goal /suite /testSuite /testCase /checkpoint /table /environment /execution /job"
static const struct reply_map maps[REPLY_N_NAMED] = {
    [REPLY_USER] = {"/item /user", NULL, {
        {"id", "/id /userId", FIELD_ID, true}, {"name", "/name /fullName", FIELD_TEXT, true}, {"email", "/email", FIELD_TEXT, true}}},
    [REPLY_PROJECT] = {ONE, NULL, {
        {"id", "/id", FIELD_ID, true}, {"name", "/name", FIELD_TEXT, true}}},
    [REPLY_PROJECTS] = {NULL, "/items /item /map /projects", {
        {"id", "/id", FIELD_ID, true}, {"name", "/name", FIELD_TEXT, true}, {"status", "/status /state", FIELD_TEXT, false}}},
    [REPLY_GOAL] = {ONE, NULL, {
        {"id", "/id", FIELD_ID, true}, {"name", "/name", FIELD_TEXT, true}, {"snapshotId", "$snapshot_id", FIELD_ID, true}}},
    [REPLY_GOALS] = {NULL, "/items /item /map /goals", {
        {"id", "/id", FIELD_ID, true}, {"name", "/name", FIELD_TEXT, true}, {"lastRun", "/lastRun /lastExecution/endDate /lastExecution/submitDate", FIELD_TIME, true}}},
    [REPLY_VERSIONS] = {NULL, "/snapshots /item/snapshots /items /item /map", {
        {"id", "/snapshotId /id", FIELD_ID, true}, {"version", "/version /name /number", FIELD_TEXT, true}, {"createdAt", "/createdDate /createdAt /date", FIELD_TIME, true}}},
    [REPLY_JOURNEY] = {ONE, NULL, {
        {"id", "/id", FIELD_ID, true}, {"name", "/title /name", FIELD_TEXT, true}}},
    [REPLY_JOURNEYS] = {NULL, "/map /item /items", {
        {"id", "/journey/id /id", FIELD_ID, true}, {"name", "/journey/title /journey/name /title /name", FIELD_TEXT, true},
        {"outcome", "/lastExecution/statistics/outcome /lastExecution/outcome", FIELD_TEXT, false}}},
    [REPLY_CHECKPOINT] = {ONE, NULL, {
        {"id", "/id", FIELD_ID, true}, {"name", "/title /name", FIELD_TEXT, true}}},
    [REPLY_CHECKPOINTS] = {NULL, CASES_PLACES, {
        {"id", "/id", FIELD_ID, true}, {"name", "/title /name", FIELD_TEXT, true}, {"stepCount", "/steps /testSteps", FIELD_COUNT, true}}},
    [REPLY_STEP] = {"/item/testStep /testStep /item", NULL, {
        {"id", "/id", FIELD_ID, true}, {"action", "/action", FIELD_TEXT, true}, {"value", "/value", FIELD_TEXT, false},
        {"variable", "/variable", FIELD_TEXT, false}, {"canonicalId", "/canonicalId", FIELD_TEXT, false}, {"meta", "/meta", FIELD_ANY, false},
        {"target", "/element/target /target", FIELD_ANY, false}}},
    [REPLY_STEPS] = {NULL, STEPS_PLACES, {
        {"id", "/id", FIELD_ID, true}, {"action", "/action", FIELD_TEXT, true}, {"value", "/value", FIELD_TEXT, false},
        {"variable", "/variable", FIELD_TEXT, false}, {"canonicalId", "/canonicalId", FIELD_TEXT, false},
        {"target", "/element/target/selectors/0/value /target/selectors/0/value", FIELD_CLUE, false}}},
    [REPLY_SIMPLE_STEPS] = {NULL, STEPS_PLACES, {
        {"id", "/id", FIELD_ID, true}, {"action", "/action", FIELD_TEXT, true},
        {"target", "/element/target/selectors/0/value /target/selectors/0/value /value", FIELD_CLUE, true}}},
    [REPLY_EXECUTION] = {ONE, NULL, {
        {"id", "/id /jobId", FIELD_ID, true}, {"status", "/status", FIELD_TEXT, true}, {"outcome", "/outcome", FIELD_TEXT, false},
        {"progress", "/progress /journeyStatistics/progress", FIELD_PERCENT, false}, {"goalId", "/goalId", FIELD_ID, false},
        {"snapshotId", "/snapshotId", FIELD_ID, false}, {"submittedAt", "/submitDate", FIELD_TIME, false},
        {"startedAt", "/startDate", FIELD_TIME, false}, {"endedAt", "/endDate", FIELD_TIME, false}, {"durationMs", "/duration", FIELD_INT, false}}},
    [REPLY_ANALYSIS] = {"/item /analysis", NULL, {
        {"passed", "/passed /successfulTestExecutions /journeyStatistics/countPerOutcome/PASS", FIELD_INT, true},
        {"failed", "/failed /failedTestExecutions /journeyStatistics/countPerOutcome/FAIL", FIELD_INT, true},
        {"errors", "/errors /failures", FIELD_ANY, true}},
        /* which may leave out the outcomes that nothing had */
        "/item/journeyStatistics /analysis/journeyStatistics /journeyStatistics"},
    [REPLY_LIBRARY] = {"/item /libraryCheckpoint /checkpoint", NULL, {
        {"id", "/id /libraryCheckpointId", FIELD_ID, true}, {"name", "/name /title", FIELD_TEXT, true}, {"stepCount", "/steps /testSteps", FIELD_COUNT, false}}},
    [REPLY_LIBRARIES] = {NULL, "/items /item /map /checkpoints", {
        {"id", "/id", FIELD_ID, true}, {"name", "/name /title", FIELD_TEXT, true}, {"stepCount", "/steps /testSteps /stepCount", FIELD_COUNT, true}}},
    [REPLY_TABLE] = {ONE, NULL, {
        {"id", "/id", FIELD_ID, true}, {"name", "/name /title", FIELD_TEXT, true}, {"columns", "/columns /attributes", FIELD_ANY, false},
        {"rowCount", "/rows /values /rowCount", FIELD_COUNT, false}}},
    [REPLY_ENVIRONMENT] = {ONE, NULL, {
        {"id", "/id", FIELD_ID, true}, {"name", "/name", FIELD_TEXT, true}}},
    [REPLY_DONE] = {"/item", NULL, {
        {"id", "/id", FIELD_ID, false}, {"name", "/name /title", FIELD_TEXT, false}}},
};

/* clang-format on */

const struct reply_map *reply_map_of(enum named_reply named)
{
    CHECK(named > REPLY_NONE && named < REPLY_N_NAMED);
    return &maps[named];
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
                                 enum field_type type)
{
    struct json *copy = NULL;
    int64_t ms;

    switch (type) {
    case FIELD_ID:
    case FIELD_TEXT:
        return json_new_string(arena, json_plain(value, arena));
    case FIELD_TIME:
        return json_to_i64(value, &ms) ? json_new_string(arena, arena_time(arena, ms))
                                       : json_copy(arena, value);
    case FIELD_PERCENT:
        return reduce_percent(arena, value);
    case FIELD_COUNT:
        return json_new_int(arena, json_int(value, (int64_t)json_size(value)));
    case FIELD_CLUE:
        return reduce_clue(arena, value);
    case FIELD_INT:
    case FIELD_BOOL:
    case FIELD_ANY:
        copy = with_ids_as_texts(arena, value, ANY_DEPTH);
        redact(copy, arena, STR_EMPTY, REDACT_SHOWS_NOTHING);
    }
    return copy;
}

/* An id is a whole number, or a text: anything else in its place is none. */
static bool is_told(const struct json *value, enum field_type type)
{
    return type == FIELD_ID ? id_number(value) > 0 || json_str(value).len > 0
                            : json_type(value) != JSON_NULL;
}

static struct json *reduce_one(struct arena *arena, const struct reply_map *map,
                               const struct json *thing, const struct json *variables)
{
    struct json *out = json_new_object(arena);

    for (const struct reply_field *field = map->fields; field->to != NULL; field++) {
        const struct json *value = field->from[0] == '$' ? json_get(variables, field->from + 1)
                                                         : json_find(thing, field->from);

        if (is_told(value, field->type)) {
            json_set(out, str_from(field->to), reduce_value(arena, value, field->type));
        } else if (field->always) {
            json_set(out, str_from(field->to), json_new_null(arena));
        }
    }
    return out;
}

/* True: things by id. The answer to another request may hold things too, but by their names. */
static bool is_map_by_id(const struct json *map)
{
    const struct json *member;
    int64_t id;

    JSON_FOREACH (member, map) {
        if (!str_to_i64(json_name(member), 1, INT64_MAX, &id)) {
            return false;
        }
    }
    return json_type(map) == JSON_OBJECT;
}

/* The list, or the map by id, that the answer is or holds; NULL: there is none. */
static const struct json *things_of(const struct reply_map *map, const struct json *answer)
{
    const struct json *things =
        json_type(answer) == JSON_ARRAY ? answer : json_find(answer, map->many);

    if (things == NULL) {
        things = answer;
    }
    if (json_type(things) == JSON_ARRAY || is_map_by_id(things)) {
        return things;
    }
    return json_type(things) == JSON_OBJECT && things == json_get(answer, "map") ? things : NULL;
}

/* NULL: this is no thing with an id. In a map the id may stand before the thing alone. */
static struct json *reduce_element(struct arena *arena, const struct reply_map *map,
                                   const struct json *thing, const struct json *variables)
{
    const char *id = map->fields[0].to;
    struct json *out;
    int64_t number;

    if (json_type(thing) != JSON_OBJECT) {
        return NULL;
    }
    out = reduce_one(arena, map, thing, variables);
    if (json_str(json_get(out, id)).len > 0) {
        return out;
    }
    if (!str_to_i64(json_name(thing), 1, INT64_MAX, &number)) {
        return NULL;
    }
    json_set(out, str_from(id), json_new_string(arena, json_name(thing)));
    return out;
}

static struct json *reduce_many(struct arena *arena, const struct reply_map *map,
                                const struct json *answer, const struct json *variables)
{
    const struct json *things = things_of(map, answer);
    struct json *out = json_new_array(arena);
    const struct json *thing;

    if (things == NULL) {
        return NULL;
    }
    JSON_FOREACH (thing, things) {
        struct json *reduced = reduce_element(arena, map, thing, variables);

        if (reduced == NULL) {
            return NULL;
        }
        json_append(out, reduced);
    }
    return out;
}

bool reply_tells(const struct reply_map *map, const struct json *answer, const struct json *reply)
{
    const struct json *member;

    JSON_FOREACH (member, reply) {
        if (json_type(member) != JSON_NULL) {
            return true;
        }
    }
    return map->tells != NULL && json_find(answer, map->tells) != NULL;
}

struct json *reply_reduce(struct arena *arena, const struct reply_map *map,
                          const struct json *answer, const struct json *variables)
{
    const struct json *thing;

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
