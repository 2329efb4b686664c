#include "api/gate/query.h"

#include "api/gate/task.h"
#include "base/nearest.h"
#include "base/percent.h"
#include "base/utf8.h"
#include "run/run.h"
#include "testfile/testfile.h"

enum {
    PARAMETERS_MAX = 300,
    NAME_SHOWN = 64,
    VALUE_SHOWN = 40,
    VARIABLE_MAX = 1 << 20,
    OFFSET_MAX = INT32_MAX
};

/* ---- the tables ---- */

#define DRY_RUN                                                                                    \
    {                                                                                              \
        .name = "dry_run", .type = PARAM_FLAG,                                                     \
        .about = "true: send nothing; the answer lists the requests to the platform"               \
    }
#define LENIENT                                                                                    \
    {                                                                                              \
        .name = "lenient", .type = PARAM_FLAG,                                                     \
        .about = "true: a step that does not compile becomes a comment; the rest is taken"         \
    }
#define RAW                                                                                        \
    {                                                                                              \
        .name = "raw", .type = PARAM_FLAG,                                                         \
        .about = "true: the platform's own answer, without its secrets"                            \
    }
#define OFFSET                                                                                     \
    {                                                                                              \
        .name = "offset", .type = PARAM_INTEGER, .max = OFFSET_MAX,                                \
        .about = "how many to skip (default 0)"                                                    \
    }
#define LIMIT(most)                                                                                \
    {                                                                                              \
        .name = "limit", .type = PARAM_INTEGER, .min = 1, .max = (most),                           \
        .about = "how many to return (default 50)"                                                 \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }
#define TABLE(name, ...)                                                                           \
    static const struct member name##_rows[] = {__VA_ARGS__};                                      \
    const struct query name = {QUERY_TABLE, name##_rows}

TABLE(query_none, END);
TABLE(query_change, DRY_RUN, END);
TABLE(query_simple, RAW, END);
TABLE(query_simple_change, DRY_RUN, RAW, END);
TABLE(query_command,
      {.name = "session_id",
       .type = PARAM_TEXT,
       .about = "the session, if neither the body nor X-Session-Id names one"},
      DRY_RUN, END);
TABLE(query_project_list,
      {.name = "organizationId",
       .type = PARAM_ID,
       .about = "of this organization (default: the configured one, or the first of the token)"},
      LIMIT(100000), OFFSET, RAW, END);
TABLE(query_analysis,
      {.name = "ai", .type = PARAM_FLAG, .about = "true: with the platform's AI insights"}, RAW,
      END);
TABLE(query_compile,
      {.name = "to",
       .type = PARAM_ENUM,
       .words = "commands upstream simplified sentences",
       .about = "what to show (default commands)"},
      LENIENT, DRY_RUN, END);
TABLE(query_validate, LENIENT, DRY_RUN, END);
TABLE(query_run_list, LIMIT(200), OFFSET, END);
TABLE(query_run_continue,
      {.name = "timeout",
       .type = PARAM_INTEGER,
       .min = 1,
       .max = 86400,
       .about = "answer after so many seconds at the latest"},
      {.name = "recall",
       .type = PARAM_INTEGER,
       .min = 1,
       .max = 1000,
       .about = "the service's own, where it asks itself to go on (runs.recall)"},
      DRY_RUN, END);
TABLE(query_run_events,
      {.name = "last_event_id",
       .type = PARAM_INTEGER,
       .about = "the same as Last-Event-ID, for clients that cannot set headers"},
      END);
TABLE(query_cache_events,
      {.name = "limit",
       .type = PARAM_INTEGER,
       .min = 1,
       .max = 100000,
       .about = "how many events to send before the stream ends (default: it does not end)"},
      END);

TABLE(query_events,
      {.name = "types",
       .type = PARAM_TEXT,
       .about = "only events of these types, with commas: command.executed,run.finished"},
      {.name = "limit",
       .type = PARAM_INTEGER,
       .min = 1,
       .max = 100000,
       .about = "how many events to send before the stream ends (default: it does not end)"},
      {.name = "last_event_id",
       .type = PARAM_TEXT,
       .about = "the same as Last-Event-ID, for clients that cannot set headers"},
      END);
TABLE(query_analytics,
      {.name = "time_range",
       .type = PARAM_ENUM,
       .words = "1h 24h 7d 30d",
       .about = "how far back (default 24h)"},
      END);
TABLE(query_audit,
      {.name = "since",
       .type = PARAM_TEXT,
       .about = "not older than this date: 2027-01-31T12:00:00Z"},
      {.name = "principal", .type = PARAM_TEXT, .about = "only of the key with this name"},
      {.name = "action",
       .type = PARAM_TEXT,
       .about = "only this command, or this route: /api/v1/sessions"},
      LIMIT(1000), END);
TABLE(query_session_list,
      {.name = "status",
       .type = PARAM_ENUM,
       .words = "active paused",
       .about = "only sessions with this status"},
      LIMIT(500), OFFSET, END);
TABLE(query_run,
      {.name = "async",
       .type = PARAM_FLAG,
       .about = "true: answer 202 at once; Location says where to look"},
      {.name = "execute",
       .type = PARAM_FLAG,
       .about = "true: run the goals on the platform once the steps exist"},
      {.name = "wait",
       .type = PARAM_FLAG,
       .about = "with execute: follow the execution to its end (default true)"},
      LENIENT, DRY_RUN,
      {.name = "attach",
       .type = PARAM_FLAG,
       .about = "true: the checkpoint of checkpoint_id is not attached to journey_id yet"},
      {.name = "continue_on_error",
       .type = PARAM_FLAG,
       .about = "true: go on after a failed step; overrides the file"},
      {.name = "project",
       .type = PARAM_TEXT,
       .about = "name of the project; created if there is none"},
      {.name = "goal", .type = PARAM_TEXT, .about = "name of the goal; created if there is none"},
      {.name = "journey", .type = PARAM_TEXT, .about = "name of the journey"},
      {.name = "checkpoint", .type = PARAM_TEXT, .about = "title of the checkpoint"},
      {.name = "starting_url", .type = PARAM_URL, .about = "address at which a new goal begins"},
      {.name = "project_id", .type = PARAM_ID, .about = "use this project"},
      {.name = "goal_id", .type = PARAM_ID, .about = "use this goal"},
      {.name = "environment_id",
       .type = PARAM_ID,
       .about = "with execute: the platform's environment to run in (default: the goal's)"},
      {.name = "retries",
       .type = PARAM_INTEGER,
       .min = 0,
       .max = RUN_MAX_RETRIES,
       .about = "with execute: how many times a red execution is started again"},
      {.name = "snapshot_id",
       .type = PARAM_ID,
       .about = "use this snapshot of goal_id (default: the newest)"},
      {.name = "journey_id", .type = PARAM_ID, .about = "use this journey"},
      {.name = "checkpoint_id", .type = PARAM_ID, .about = "add the steps to this checkpoint"},
      {.name = "session_id",
       .type = PARAM_TEXT,
       .about = "add the steps at the position of this session"},
      {.name = "test",
       .type = PARAM_INTEGER,
       .min = 1,
       .max = TESTFILE_MAX_STEPS,
       .about = "begin with this test of the file, counted from 1"},
      {.name = "from",
       .type = PARAM_INTEGER,
       .min = 1,
       .max = TESTFILE_MAX_STEPS,
       .about = "begin with this step of that test, counted from 1"},
      {.name = "timeout",
       .type = PARAM_INTEGER,
       .min = 1,
       .max = 86400,
       .about = "seconds for the whole run"},
      {.name = "tag",
       .type = PARAM_ARRAY,
       .about = "only tests with this tag; may be given several times"},
      {.name = "var.NAME",
       .type = PARAM_TEXT,
       .may_be_empty = true,
       .max = VARIABLE_MAX,
       .about = "the value of the file's variable NAME"},
      END);

static const struct member relayed_rows[] = {DRY_RUN, END};

static const struct member ready_rows[] = {
    {.name = "deep",
     .type = PARAM_FLAG,
     .about = "true: 503 also while the platform is away, for checks that choose between regions"},
    END};

const struct query query_ready = {QUERY_KNOWN, ready_rows};
const struct query query_ignored = {QUERY_IGNORED, query_none_rows};
const struct query query_relayed = {QUERY_RELAYED, relayed_rows};

/* ---- reading ---- */

const struct member *route_query_rows(const struct route *route)
{
    bool is_ours = route->query->rule == QUERY_TABLE || route->query->rule == QUERY_KNOWN ||
                   (route->query->rule == QUERY_RELAYED && !str_is(STR("GET"), route->method));

    return is_ours ? route->query->members : query_none_rows;
}

/* "var.NAME" stands for every name that begins with "var.". */
static bool query_name_is_open(const struct member *member)
{
    return str_ends(str_from(member->name), STR(".NAME"));
}

static const struct member *find(const struct member *members, struct str name)
{
    for (; members->name != NULL; members++) {
        struct str row = str_from(members->name);

        if (query_name_is_open(members)) {
            struct str prefix = str_sub(row, 0, row.len - (sizeof("NAME") - 1));

            if (name.len > prefix.len && str_starts(name, prefix)) {
                return members;
            }
        } else if (str_eq(row, name)) {
            return members;
        }
    }
    return NULL;
}

/* dry_run had a second spelling from the start. */
static struct str normal_name(struct str name)
{
    return str_is(name, "dry-run") ? STR("dry_run") : name;
}

static void unknown(struct task *task, struct str name)
{
    struct error *err = error_list_add(task_errors(task));
    const char *pointer = arena_cstr(task->arena, utf8_clip(name, NAME_SHOWN));
    struct str known = STR_EMPTY;
    struct nearest nearest;

    nearest_init(&nearest, name);
    for (const struct member *row = task->route->query->members; row->name != NULL; row++) {
        nearest_offer(&nearest, str_from(row->name));
        arena_join(task->arena, &known, ", ", str_from(row->name));
    }
    if (nearest.best.len > 0) {
        (void)error_at(err, ERR_UNKNOWN_PARAMETER, pointer,
                       "Unknown query parameter \"%s\"; did you mean \"%.*s\"?", pointer,
                       STR_ARG(nearest.best));
    } else if (known.len > 0) {
        (void)error_at(err, ERR_UNKNOWN_PARAMETER, pointer,
                       "Unknown query parameter \"%s\"; this route takes: %.*s", pointer,
                       STR_ARG(known));
    } else {
        (void)error_at(err, ERR_UNKNOWN_PARAMETER, pointer,
                       "Unknown query parameter \"%s\"; this route takes none", pointer);
    }
}

static void refuse(struct task *task, struct str name, const char *what)
{
    const char *pointer = arena_cstr(task->arena, utf8_clip(name, NAME_SHOWN));

    (void)error_at(error_list_add(task_errors(task)), ERR_INVALID, pointer, "%s: %s", pointer,
                   what);
}

/* ?name, ?name=, ?name=true and the like. */
static void read_bool(struct task *task, struct json *query, struct str name, struct str value)
{
    bool yes = true;

    if (value.len == 0 || str_to_bool(value, &yes)) {
        json_set(query, name, json_new_bool(task->arena, yes));
        return;
    }
    refuse(task, name,
           arena_cstr(task->arena, arena_printf(task->arena, "must be true or false, not \"%.*s\"",
                                                STR_ARG(utf8_clip(value, VALUE_SHOWN)))));
}

static void read_value(struct task *task, const struct member *row, struct json *query,
                       struct str name, struct str value)
{
    struct member named = *row;

    if (query_name_is_open(row)) {
        named.name = arena_cstr(task->arena, name);
    }
    if (row->type == PARAM_FLAG) {
        read_bool(task, query, name, value);
    } else {
        (void)member_take(&named, json_new_string(task->arena, value),
                          arena_cstr(task->arena, utf8_clip(name, NAME_SHOWN)), query,
                          task_errors(task), task->arena);
    }
}

/* `texts` has what was written, for comparing; values are not quoted, they may be secrets. */
static void take(struct task *task, struct json *query, struct json *texts, struct str name,
                 struct str value)
{
    const struct member *row = find(task->route->query->members, name);
    const struct json *before = json_get_str(texts, name);

    if (row == NULL) {
        unknown(task, name);
        return;
    }
    if (row->type == PARAM_ARRAY) {
        struct json *list = unconst(json_get_str(query, name));

        if (list == NULL) {
            list = json_new_array(task->arena);
            json_set(query, name, list);
        }
        json_append(list, json_new_string(task->arena, value));
        return;
    }
    if (before != NULL && !str_eq(json_str(before), value)) {
        refuse(task, name, "is given twice with different values; give it once");
        return;
    }
    if (before == NULL) {
        json_set(texts, name, json_new_string(task->arena, value));
        read_value(task, row, query, name, value);
    }
}

static bool is_text(struct str text)
{
    return utf8_valid(text) && str_find_char(text, '\0') < 0;
}

/* One pair, decoded; false: an error was noted. */
static bool decode(struct task *task, struct str pair, struct str *out_name, struct str *out_value)
{
    struct str name;
    struct str value;

    (void)str_cut(pair, '=', &name, &value);
    if (!percent_decode(task->arena, name, true, out_name) ||
        !percent_decode(task->arena, value, true, out_value)) {
        refuse(task, STR("query"), "holds a broken percent escape; write a percent sign as %25");
        return false;
    }
    if (!is_text(*out_name) || !is_text(*out_value)) {
        refuse(task, STR("query"), "holds a NUL or bytes that are not UTF-8");
        return false;
    }
    *out_name = normal_name(*out_name);
    return true;
}

static void read_table(struct task *task, struct json *query)
{
    struct json *texts = json_new_object(task->arena);
    struct str rest = task->exchange->request.query;
    struct str pair;
    struct str name;
    struct str value;
    size_t n = 0;

    while (str_next(&rest, '&', &pair)) {
        if (n++ == PARAMETERS_MAX) {
            refuse(task, STR("query"), "has more than 300 parameters");
            return;
        }
        if (decode(task, pair, &name, &value)) {
            take(task, query, texts, name, value);
        }
    }
}

/* dryRun, DRY-RUN, dry.run, isDryRun, dry_rnu: who writes one of these means dry_run. Only letters
 * count: they must hold "dryrun", or be one slip away from it. */
static bool is_nearly_dry_run(struct str name)
{
    const struct str want = STR("dryrun");
    char letters[NAME_SHOWN];
    struct str squeezed = {letters, 0};

    for (size_t i = 0; i < name.len && squeezed.len < sizeof(letters); i++) {
        char c = char_lower(name.ptr[i]);

        if (c >= 'a' && c <= 'z') {
            letters[squeezed.len++] = c;
        }
    }
    return str_contains(squeezed, want) || edit_distance(squeezed, want, 1) <= 1;
}

static bool is_known(const struct task *task, struct str name)
{
    return find(task->route->query->members, name) != NULL;
}

static bool is_for_us(const struct task *task, struct str name)
{
    (void)task;
    return is_nearly_dry_run(name);
}

/* Parameters that are not ours are passed over; of a relayed request they go to the platform unchanged. */
static void read_some(struct task *task, struct json *query,
                      bool (*is_ours)(const struct task *task, struct str name))
{
    struct json *texts = json_new_object(task->arena);
    struct str rest = task->exchange->request.query;
    struct str pair;

    while (str_next(&rest, '&', &pair)) {
        struct str name;
        struct str value;

        (void)str_cut(pair, '=', &name, &value);
        if (percent_decode(task->arena, name, true, &name) && is_ours(task, name) &&
            decode(task, pair, &name, &value)) {
            take(task, query, texts, name, value);
        }
    }
}

bool task_only_reads(const struct task *task)
{
    struct str method = task->exchange->request.method;

    return str_is(method, "GET") || str_is(method, "HEAD");
}

bool query_read(struct task *task)
{
    struct json *query;

    if (task->exchange->request.query.len == 0) {
        return true; /* a query that is not there is asked as one that is empty */
    }
    query = json_new_object(task->arena);
    switch (task->route->query->rule) {
    case QUERY_TABLE:
        read_table(task, query);
        break;
    case QUERY_RELAYED:
        if (!task_only_reads(task)) {
            read_some(task, query, is_for_us);
        }
        break;
    case QUERY_KNOWN:
        read_some(task, query, is_known);
        break;
    case QUERY_IGNORED:
        break;
    }
    task->query = query;
    return task->errors == NULL || task->errors->n == 0;
}

const struct json *task_query(const struct task *task, const char *name)
{
    return json_get(task->query, name);
}

struct str task_query_text(const struct task *task, const char *name)
{
    return json_str(task_query(task, name));
}

int64_t task_query_number(const struct task *task, const char *name, int64_t otherwise)
{
    int64_t number;

    return json_to_i64(task_query(task, name), &number) ? number : otherwise;
}
