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

/* clang-format off */
#define DRY_RUN \
    {"dry_run", PARAM_FLAG, "true: send nothing; the answer lists the requests to the platform"}
#define LENIENT \
    {"lenient", PARAM_FLAG, "true: a step that does not compile becomes a comment; the rest is taken"}
#define RAW {"raw", PARAM_FLAG, "true: the platform's own answer, without its secrets"}
#define OFFSET {"offset", PARAM_INTEGER, "how many to skip (default 0)", .max = OFFSET_MAX}
#define LIMIT(most) \
    {"limit", PARAM_INTEGER, "how many to return (default 50)", .min = 1, .max = (most)}
#define EVENTS \
    {"limit", PARAM_INTEGER, \
     "how many events to send before the stream ends (default: it does not end)", \
     .min = 1, .max = 100000}
#define END {.name = NULL}
/* clang-format on */

#define TABLE(name, ...)                                                                           \
    static const struct member name##_rows[] = {__VA_ARGS__};                                      \
    const struct query name = {QUERY_TABLE, name##_rows}

TABLE(query_none, END);
TABLE(query_change, DRY_RUN, END);
TABLE(query_simple, RAW, END);
TABLE(query_simple_change, DRY_RUN, RAW, END);
TABLE(query_command,
      {"session_id", PARAM_TEXT, "the session, if neither the body nor X-Session-Id names one"},
      DRY_RUN, END);
TABLE(query_project_list,
      {"organizationId", PARAM_ID,
       "of this organization (default: the configured one, or the first of the token)"},
      LIMIT(100000), OFFSET, RAW, END);
TABLE(query_analysis, {"ai", PARAM_FLAG, "true: with the platform's AI insights"}, RAW, END);
TABLE(query_compile,
      {"to", PARAM_ENUM, "what to show (default commands)",
       .words = "commands upstream simplified sentences"},
      LENIENT, DRY_RUN, END);
TABLE(query_validate, LENIENT, DRY_RUN, END);
TABLE(query_run_list, LIMIT(200), OFFSET, END);
TABLE(query_run_continue,
      {"timeout", PARAM_INTEGER, "answer after so many seconds at the latest", .min = 1,
       .max = 86400},
      {"recall", PARAM_INTEGER, "the service's own, where it asks itself to go on (runs.recall)",
       .min = 1, .max = 1000},
      DRY_RUN, END);
TABLE(query_run_events,
      {"last_event_id", PARAM_INTEGER,
       "the same as Last-Event-ID, for clients that cannot set headers"},
      END);
TABLE(query_cache_events, EVENTS, END);

TABLE(query_events,
      {"types", PARAM_TEXT,
       "only events of these types, with commas: command.executed,run.finished"},
      EVENTS,
      {"last_event_id", PARAM_TEXT,
       "the same as Last-Event-ID, for clients that cannot set headers"},
      END);
TABLE(query_analytics,
      {"time_range", PARAM_ENUM, "how far back (default 24h)", .words = "1h 24h 7d 30d"}, END);
TABLE(query_audit, {"since", PARAM_TEXT, "not older than this date: 2027-01-31T12:00:00Z"},
      {"principal", PARAM_TEXT, "only of the key with this name"},
      {"action", PARAM_TEXT, "only this command, or this route: /api/v1/sessions"}, LIMIT(1000),
      END);
TABLE(query_session_list,
      {"status", PARAM_ENUM, "only sessions with this status", .words = "active paused"},
      LIMIT(500), OFFSET, END);
TABLE(query_run, {"async", PARAM_FLAG, "true: answer 202 at once; Location says where to look"},
      {"execute", PARAM_FLAG, "true: run the goals on the platform once the steps exist"},
      {"wait", PARAM_FLAG, "with execute: follow the execution to its end (default true)"}, LENIENT,
      DRY_RUN,
      {"attach", PARAM_FLAG,
       "true: the checkpoint of checkpoint_id is not attached to journey_id yet"},
      {"continue_on_error", PARAM_FLAG, "true: go on after a failed step; overrides the file"},
      {"project", PARAM_TEXT, "name of the project; created if there is none"},
      {"goal", PARAM_TEXT, "name of the goal; created if there is none"},
      {"journey", PARAM_TEXT, "name of the journey"},
      {"checkpoint", PARAM_TEXT, "title of the checkpoint"},
      {"starting_url", PARAM_URL, "address at which a new goal begins"},
      {"project_id", PARAM_ID, "use this project"}, {"goal_id", PARAM_ID, "use this goal"},
      {"environment_id", PARAM_ID,
       "with execute: the platform's environment to run in (default: the goal's)"},
      {"retries", PARAM_INTEGER, "with execute: how many times a red execution is started again",
       .min = 0, .max = RUN_MAX_RETRIES},
      {"snapshot_id", PARAM_ID, "use this snapshot of goal_id (default: the newest)"},
      {"journey_id", PARAM_ID, "use this journey"},
      {"checkpoint_id", PARAM_ID, "add the steps to this checkpoint"},
      {"session_id", PARAM_TEXT, "add the steps at the position of this session"},
      {"test", PARAM_INTEGER, "begin with this test of the file, counted from 1", .min = 1,
       .max = TESTFILE_MAX_STEPS},
      {"from", PARAM_INTEGER, "begin with this step of that test, counted from 1", .min = 1,
       .max = TESTFILE_MAX_STEPS},
      {"timeout", PARAM_INTEGER, "seconds for the whole run", .min = 1, .max = 86400},
      {"tag", PARAM_ARRAY, "only tests with this tag; may be given several times"},
      {"var.NAME", PARAM_TEXT, "the value of the file's variable NAME", .may_be_empty = true,
       .max = VARIABLE_MAX},
      END);

static const struct member relayed_rows[] = {DRY_RUN, END};

static const struct member ready_rows[] = {
    {"deep", PARAM_FLAG,
     "true: 503 also while the platform is away, for checks that choose between regions"},
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
           arena_printf(task->arena, "must be true or false, not \"%.*s\"",
                        STR_ARG(utf8_clip(value, VALUE_SHOWN)))
               .ptr);
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

/* `texts` has the values as written, to compare them. The error does not quote a value: it may be a secret. */
static void take(struct task *task, struct json *query, struct json *texts, struct str name,
                 struct str value)
{
    const struct member *row = find(task->route->query->members, name);
    const struct json *before = json_get_str(texts, name);

    if (row == NULL) {
        member_unknown(task->arena, task->route->query->members, ERR_UNKNOWN_PARAMETER, name,
                       arena_cstr(task->arena, utf8_clip(name, NAME_SHOWN)), task_errors(task));
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
    *out_name = str_is(*out_name, "dry-run") ? STR("dry_run") : *out_name; /* an old spelling */
    return true;
}

/* dryRun, DRY-RUN, dry.run, isDryRun, dry_rnu: a caller who writes one of these means dry_run. Only letters
 * count: they must hold "dryrun", or be one slip away from it. */
static bool is_nearly_dry_run(const struct task *task, struct str name)
{
    const struct str want = STR("dryrun");
    char letters[NAME_SHOWN];
    struct str squeezed = {letters, 0};

    (void)task;
    for (size_t i = 0; i < name.len && squeezed.len < sizeof(letters); i++) {
        char c = char_lower(name.ptr[i]);

        if (c >= 'a' && c <= 'z') {
            letters[squeezed.len++] = c;
        }
    }
    return str_contains(squeezed, want) || edit_distance(squeezed, want, 1) <= 1;
}

typedef bool (*is_ours_fn)(const struct task *task, struct str name);

static bool is_known(const struct task *task, struct str name)
{
    return find(task->route->query->members, name) != NULL;
}

static bool names_ours(struct task *task, struct str pair, is_ours_fn is_ours)
{
    struct str name;
    struct str value;

    (void)str_cut(pair, '=', &name, &value);
    return percent_decode(task->arena, name, true, &name) && is_ours(task, name);
}

/* `is_ours` NULL: all parameters must be ours. Else foreign ones are skipped; those of a relayed request go to the
 * platform unchanged. */
static void read_pairs(struct task *task, struct json *query, is_ours_fn is_ours)
{
    struct json *texts = json_new_object(task->arena);
    struct str rest = task->exchange->request.query;
    struct str pair;
    struct str name;
    struct str value;
    size_t n = 0;

    while (str_next(&rest, '&', &pair)) {
        if (is_ours == NULL && n++ == PARAMETERS_MAX) {
            refuse(task, STR("query"), "has more than 300 parameters");
            return;
        }
        if ((is_ours == NULL || names_ours(task, pair, is_ours)) &&
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
        return true; /* task->query NULL is read as an empty query */
    }
    query = json_new_object(task->arena);
    switch (task->route->query->rule) {
    case QUERY_TABLE:
        read_pairs(task, query, NULL);
        break;
    case QUERY_RELAYED:
        if (!task_only_reads(task)) {
            read_pairs(task, query, is_nearly_dry_run);
        }
        break;
    case QUERY_KNOWN:
        read_pairs(task, query, is_known);
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
    return json_int(task_query(task, name), otherwise);
}
