/* Foreign clients, to the sandbox itself and through /virtuoso: each request and form that is known
 * of them, and the sequences of the vendor's scripts and of customers' tools, as they send them. */
#include "harness/cmocka.h"

#include <string.h>

#include "harness/foreign.h"
#include "harness/proxy.h"

#define JSON_FIELDS "Content-Type: application/json\r\n"
#define TOKEN       "Authorization: Bearer " SANDBOX_TOKEN "\r\n"

struct here {
    struct proxy proxy;
    struct foreign_ids ids;
};

/* One of the ways to the platform. */
struct way {
    const char *name;
    const char *prefix;
    bool is_direct;
};

static const struct way ways[] = {{"directly", "/api", true},
                                  {"through /virtuoso", "/virtuoso", false},
                                  {"through /virtuoso/api", "/virtuoso/api", false}};

static struct reply *ask(struct here *here, const struct way *way, const char *method,
                         const char *path, const char *body)
{
    struct proxy *proxy = &here->proxy;

    client_ask(way->is_direct ? proxy->program.sandbox_port : proxy->program.port, method,
               arena_printf(&proxy->arena, "%s%s", way->prefix, path).ptr,
               way->is_direct ? TOKEN JSON_FIELDS : JSON_FIELDS, str_from(body), &proxy->reply);
    return &proxy->reply;
}

static const struct json *must(struct here *here, const char *method, const char *path,
                               const char *body)
{
    struct reply *reply = ask(here, &ways[0], method, path, body);

    if (reply->status / 100 != 2) {
        fail_msg("%s %s: %d %.*s", method, path, reply->status, STR_ARG(reply_text(reply)));
    }
    return reply_json(reply, &here->proxy.arena);
}

static int64_t id_at(const struct json *answer, const char *pointers)
{
    int64_t id = 0;

    if (!json_to_i64(json_find(answer, pointers), &id)) {
        fail_msg("no id at %s", pointers);
    }
    return id;
}

static const char *filled(struct here *here, const char *text)
{
    return foreign_text(&here->proxy.arena, &here->ids, text);
}

static void make_things(struct here *here)
{
    struct foreign_ids *ids = &here->ids;

    ids->project =
        id_at(must(here, "POST", "/projects", "{\"name\":\"p\",\"organizationId\":7}"), "/item/id");
    ids->goal = id_at(must(here, "POST", "/goals",
                           filled(here, "{\"projectId\":{P},\"name\":\"g\",\"url\":"
                                        "\"https://x.example\",\"createFirstJourney\":true}")),
                      "/item/id");
    ids->snapshot = id_at(must(here, "GET", filled(here, "/goals/{G}/versions"), NULL),
                          "/item/snapshots/0/snapshotId");
    ids->journey = id_at(
        json_first(json_get(
            must(here, "GET", filled(here, "/testsuites/latest_status?goalId={G}"), NULL), "map")),
        "/journey/id");
    ids->checkpoint =
        id_at(must(here, "GET", filled(here, "/testsuites/{J}"), NULL), "/item/cases/0/id");
    ids->environment =
        id_at(must(here, "POST", "/environments",
                   filled(here, "{\"name\":\"e\",\"projectId\":{P},\"variables\":{\"a\":"
                                "\"b\"}}")),
              "/item/id");
    sandbox_seed_ids(here->proxy.program.sandbox_port, "{\"plans\":[5001],\"apiTests\":[5002]}");
    ids->execution =
        id_at(must(here, "POST", filled(here, "/goals/{G}/execute"), "{}"), "/item/id");
}

static void open_here(struct here *here)
{
    static const char *const sets[] = {"sandbox.execution_ms=0", "cache.enabled=false",
                                       "log.level=warn", NULL};

    *here = (struct here){0};
    proxy_start(&here->proxy, sets);
    make_things(here);
}

/* --- each request and form */

static void look(struct here *here, const struct way *way, const struct foreign *row,
                 const char *path, const char *pointer)
{
    const char *body = row->body != NULL ? filled(here, row->body) : NULL;
    struct reply *reply = ask(here, way, row->method, path, body);
    const struct json *found;

    if (reply->status != row->status) {
        fail_msg("%s %s %s: %d instead of %d: %.*s", row->method, path, way->name, reply->status,
                 row->status, STR_ARG(reply_text(reply)));
    }
    if (pointer == NULL) {
        return;
    }
    found = json_find(reply_json(reply, &here->proxy.arena), filled(here, pointer));
    if ((found == NULL) != (row->is_secret && !way->is_direct && pointer == row->pointer)) {
        fail_msg("%s %s %s: at %s: %.*s", row->method, path, way->name, pointer,
                 STR_ARG(reply_text(reply)));
    }
}

static void each_request_is_answered_alike_in_every_way(void **state)
{
    struct here here;

    (void)state;
    open_here(&here);
    for (size_t i = 0; i < n_foreign_rows; i++) {
        const struct foreign *row = &foreign_rows[i];

        for (size_t k = 0; k < ARRAY_LEN(ways); k++) {
            const char *path = filled(&here, row->path);
            char sign = strchr(path, '?') != NULL ? '&' : '?';

            look(&here, &ways[k], row, path, row->pointer);
            if (row->bare != NULL && row->status != 201) {
                look(&here, &ways[k], row,
                     arena_printf(&here.proxy.arena, "%s%cenvelope=false", path, sign).ptr,
                     row->bare);
            }
        }
    }
    proxy_stop(&here.proxy);
}

/* --- sequences */

/* One request of a script. What it reads of the answer becomes {E} for what follows. */
struct turn {
    const char *method;
    const char *path;
    const char *body;
    int status;
    const char
        *reads; /* pointer to an id; "*": the name of the first member of `jobs`; NULL none */
    const char *wanted; /* pointer that must be there; NULL none */
    const char *value;  /* its text; NULL: any */
};

enum { TURNS_MAX = 8 };

struct script {
    const char *name;
    struct turn turns[TURNS_MAX];
};

/* clang-format off */
static const struct script scripts[] = {
    {"SH: run a goal, then ask both status routes", {
        {"POST", "/goals/{G}/execute?envelope=false", "{}", 200, "/id", NULL, NULL},
        {"GET", "/executions/{E}/status?envelope=false", NULL, 200, NULL, "/status", "FINISHED"},
        {"GET", "/jobs/{E}/status?envelope=false", NULL, 200, NULL, "/outcome", "PASS"}}},
    {"PY goal: run, look for the project of the link, poll", {
        {"POST", "/goals/{G}/execute?envelope=false", "{\"initialData\":{\"user\":\"ann\"}}", 200, "/id", NULL, NULL},
        {"GET", "/goals/{G}?envelope=false", NULL, 200, NULL, "/projectId", NULL},
        {"GET", "/executions/{E}/status?envelope=false", NULL, 200, NULL, "/outcome", "PASS"}}},
    {"PY snapshot", {
        {"POST", "/goals/{G}/snapshots/{S}/execute?envelope=false", "{}", 200, "/id", NULL, NULL},
        {"GET", "/executions/{E}/status?envelope=false", NULL, 200, NULL, "/status", "FINISHED"}}},
    {"PY plan: PUT, one job of each goal", {
        {"PUT", "/plans/executions/5001/execute?envelope=false", "{}", 200, "*", "/jobs", NULL},
        {"GET", "/executions/{E}/status?envelope=false", NULL, 200, NULL, "/status", "FINISHED"}}},
    {"a newer plan script: POST, status of the plan's run", {
        {"POST", "/plans/executions/5001/execute", NULL, 200, "/item/id", "/item/jobs", NULL},
        {"GET", "/plans/executions/status/{E}", NULL, 200, NULL, "/item/status", "FINISHED"}}},
    {"ROBOT: goals by name, versions, journeys, run some", {
        {"GET", "/goals/?projectId={P}&archived=false&envelope=false", NULL, 200, NULL, "/{G}/name", "g"},
        {"GET", "/goals/{G}/versions?envelope=false", NULL, 200, NULL, "/snapshots/0/snapshotId", NULL},
        {"GET", "/snapshots/{S}/goals/{G}/testsuites?envelope=false", NULL, 200, NULL, "/{J}/title", NULL},
        {"POST", "/goals/{G}/snapshots/{S}/execute?envelope=false", "{\"tags\":[],\"suiteIds\":[{J}]}", 200, "/id", NULL, NULL},
        {"GET", "/executions/{E}/status?envelope=false", NULL, 200, NULL, "/outcome", "PASS"},
        {"POST", "/plans/executions/5001/execute?envelope=false", "{}", 200, "*", NULL, NULL},
        {"GET", "/jobs/{E}/status?envelope=false", NULL, 200, NULL, "/status", "FINISHED"}}},
    {"RPT: reports of goals, plans and jobs", {
        {"GET", "/testsuites/latest_status?goalId={G}&includeSequencesDetails=true&envelope=false", NULL, 200, NULL, "/{J}/lastExecution/statistics/outcome", "PASS"},
        {"GET", "/plans/executions/5001?envelope=false", NULL, 200, NULL, "/name", NULL},
        {"GET", "/projects/{P}/jobs?dateBegin=0&dateEnd=99999999999999&planIds%5B%5D=5001&envelope=false", NULL, 200, NULL, NULL, NULL},
        {"POST", "/goals/{G}/execute?envelope=false", "{}", 200, "/id", NULL, NULL},
        {"GET", "/projects/{P}/jobs?envelope=false", NULL, 200, NULL, "/{E}/totalTestExecutions", NULL}}},
    {"a collection: attach a checkpoint, with ids as texts; put it into the library", {
        {"POST", "/testcases", "{\"goalId\":\"{G}\",\"snapshotId\":\"{S}\",\"title\":\"a{N}\"}", 201, "/item/id", NULL, NULL},
        {"POST", "/testsuites/{J}/checkpoints/attach", "{\"checkpointId\":\"{E}\",\"position\":\"2\"}", 200, NULL, "/item/cases/1/id", NULL},
        {"POST", "/testcases/{E}/add-to-library", NULL, 200, "/item/libraryCheckpointId", NULL, NULL},
        {"POST", "/testsuites/{J}/checkpoints/attach?envelope=false", "{\"libraryCheckpointId\":{E},\"position\":3}", 200, NULL, "/cases/2/title", NULL},
        {"GET", "/library/checkpoints/{E}", NULL, 200, NULL, "/item/title", NULL},
        {"PUT", "/library/checkpoints/{E}", "{\"name\":\"Shared\"}", 200, NULL, NULL, NULL}}},
    {"a collection: a table, its columns, rows, a new name, a copy", {
        {"POST", "/testdata/tables/create", "{\"projectId\":\"{P}\",\"name\":\"t\",\"title\":\"d\",\"csv\":\"a,b\\r\\n1,2\",\"csvHasHeaders\":true}", 201, "/item/id", NULL, NULL},
        {"GET", "/testdata/tables/{E}", NULL, 200, NULL, "/item/columns/1", "b"},
        {"GET", "/testdata/tables/{E}?envelope=false", NULL, 200, NULL, "/attributes/0/name", "a"},
        {"POST", "/testdata/tables/{E}/import", "{\"data\":[[\"3\",\"4\"]]}", 200, NULL, "/item/rowsImported", NULL},
        {"PUT", "/testdata/tables/{E}", "{\"name\":\"new\"}", 200, NULL, "/item/name", "new"},
        {"POST", "/testdata/tables/clone", "{\"tableId\":\"{E}\",\"name\":\"copy\"}", 200, NULL, "/item/name", "copy"},
        {"DELETE", "/testdata/tables/{E}", NULL, 204, NULL, NULL, NULL}}},
    {"a collection: an extension", {
        {"POST", "/scripts?envelope=false", "{\"projectId\":{P},\"name\":\"sum\",\"script\":\"return 1\",\"inputs\":[\"a\"],\"async\":true}", 200, "/id", NULL, NULL},
        {"GET", "/scripts/{E}?includeBody=true", NULL, 200, NULL, "/item/script", "return 1"},
        {"GET", "/scripts/{E}?includeBody=True&envelope=FALSE", NULL, 200, NULL, "/script", "return 1"},
        {"PUT", "/scripts/{E}", "{\"name\":\"total\"}", 200, NULL, "/item/name", "total"},
        {"GET", "/projects/{P}/scripts", NULL, 200, NULL, "/items/0/name", NULL},
        {"DELETE", "/scripts/{E}", NULL, 204, NULL, NULL, NULL},
        {"GET", "/scripts/{E}", NULL, 404, NULL, "/error/message", NULL}}},
    {"a collection: a step's way through executions", {
        {"GET", "/checkpoints/{C}/teststeps?envelope=false", NULL, 200, "/0/id", NULL, NULL},
        {"GET", "/timelines/journeys/{J}/checkpoints/{C}/steps/{E}?pageSize=20", NULL, 200, NULL, "/items/0/outcome", "PASS"},
        {"GET", "/timelines/journeys/{J}/checkpoints/{C}/steps/{E}?envelope=false", NULL, 200, NULL, "/0/jobId", NULL}}},
    {"a collection: change a step by its own route", {
        {"POST", "/teststeps?envelope=false", "{\"checkpointId\":{C},\"stepIndex\":0,\"parsedStep\":{\"action\":\"CLICK\"}}", 200, "/testStep/id", NULL, NULL},
        {"GET", "/teststeps/{E}?envelope=False", NULL, 200, NULL, "/action", "CLICK"},
        {"PUT", "/teststeps/{E}", "{\"id\":\"{E}\",\"action\":\"NAVIGATE\",\"value\":\"https://x.example\",\"meta\":{}}", 200, NULL, "/item/action", "NAVIGATE"},
        {"PUT", "/teststeps/{E}/properties", "{\"canonicalId\":\"of another step\",\"action\":\"NAVIGATE\"}", 400, NULL, "/error/message", NULL},
        {"DELETE", "/testcases/{C}/steps/{E}", NULL, 204, NULL, NULL, NULL}}},
    {"a collection: delete a journey, a goal, a project", {
        {"POST", "/goals?envelope=false", "{\"projectId\":{P},\"name\":\"x\",\"url\":\"https://x.example\",\"createFirstJourney\":true}", 201, "/id", NULL, NULL},
        {"DELETE", "/goals/{E}", NULL, 204, NULL, NULL, NULL},
        {"GET", "/goals/{E}", NULL, 404, NULL, "/error/message", NULL},
        {"POST", "/testsuites", "{\"goalId\":{G},\"snapshotId\":{S},\"title\":\"x\"}", 200, "/item/id", NULL, NULL},
        {"DELETE", "/testsuites/{E}", NULL, 204, NULL, NULL, NULL},
        {"DELETE", "/testsuites/{E}", NULL, 404, NULL, "/error/message", NULL},
        {"POST", "/projects", "{\"name\":\"x\",\"organizationId\":7}", 201, "/item/id", NULL, NULL},
        {"DELETE", "/projects/{E}", NULL, 204, NULL, NULL, NULL}}},
    {"REST-J: export, run a journey, its report", {
        {"GET", "/goals/{G}/versions", NULL, 200, NULL, "/item/snapshots/0/snapshotId", NULL},
        {"GET", "/goals/{G}/export/{S}", NULL, 200, NULL, "/item/suites/0/title", NULL},
        {"POST", "/testsuites/{J}/execute", NULL, 200, "/item/id", NULL, NULL},
        {"GET", "/executions/{E}/status", NULL, 200, NULL, "/item/status", "FINISHED"},
        {"GET", "/testsuites/execution?suiteId={J}&jobId={E}&includeJourneyDetails=true", NULL, 200, NULL, "/item/outcome", "PASS"}}},
};

/* clang-format on */

static int64_t id_read(struct here *here, const struct json *answer, const char *pointer)
{
    int64_t id = 0;

    if (strcmp(pointer, "*") != 0) {
        return id_at(answer, pointer);
    }
    if (!str_to_i64(json_name(json_first(json_get(answer, "jobs"))), 1, INT64_MAX, &id)) {
        fail_msg("no job: %.*s", STR_ARG(reply_text(&here->proxy.reply)));
    }
    return id;
}

static void take_turn(struct here *here, const struct way *way, const struct script *script,
                      const struct turn *turn)
{
    const char *path = filled(here, turn->path);
    struct reply *reply =
        ask(here, way, turn->method, path, turn->body != NULL ? filled(here, turn->body) : NULL);
    const struct json *answer =
        reply_text(reply).len > 0 ? reply_json(reply, &here->proxy.arena) : NULL;
    const struct json *found =
        turn->wanted != NULL ? json_find(answer, filled(here, turn->wanted)) : NULL;

    if (reply->status != turn->status || (turn->wanted != NULL && found == NULL) ||
        (turn->value != NULL && !str_is(json_str(found), turn->value))) {
        fail_msg("%s, %s: %s %s: %d %.*s", script->name, way->name, turn->method, path,
                 reply->status, STR_ARG(reply_text(reply)));
    }
    if (turn->reads != NULL) {
        here->ids.execution = id_read(here, answer, turn->reads);
    }
}

static void the_scripts_of_others_run_in_every_way(void **state)
{
    struct here here;

    (void)state;
    open_here(&here);
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        for (size_t k = 0; k < ARRAY_LEN(ways); k++) {
            const struct turn *turn = scripts[i].turns;

            for (; turn < scripts[i].turns + TURNS_MAX && turn->method != NULL; turn++) {
                take_turn(&here, &ways[k], &scripts[i], turn);
            }
        }
    }
    proxy_stop(&here.proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_is_answered_alike_in_every_way),
        cmocka_unit_test(the_scripts_of_others_run_in_every_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
