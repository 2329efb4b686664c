/* The rows. Add an endpoint by adding one here and its route in routes.c (a test holds the two
 * together). */
#include "api/simple/simple.h"

/* clang-format off */
#define TEXT(name_) {(name_), PARAM_TEXT, .required = true}
#define TEXT_OPTIONAL(name_) {(name_), PARAM_TEXT, .may_be_empty = true}
#define ID(name_) {(name_), PARAM_ID, .required = true}
#define ID_OPTIONAL(name_) {(name_), PARAM_ID}
#define END {.name = NULL}
#define PROJECT {CALL_PROJECT_OF_GOAL, NULL, false, false, true}

static const struct member project_members[] = {TEXT("name"), ID_OPTIONAL("organizationId"), END};
static const struct member goal_members[] = {TEXT("name"), ID("projectId"), {"url", PARAM_URL}, END};
static const struct member run_members[] = {{"startingUrl", PARAM_URL}, {"wait", PARAM_FLAG}, END};
static const struct member journey_members[] = {TEXT("name"), ID("goalId"), ID_OPTIONAL("snapshotId"), END};
static const struct member copy_members[] = {{"name", PARAM_TEXT}, END};
static const struct member checkpoint_members[] = {TEXT("name"), ID("journeyId"), {"position", PARAM_INTEGER, .min = 2, .max = 10000}, END};
static const struct member execution_members[] = {ID("goalId"), TEXT_OPTIONAL("environment"), END};
static const struct member library_members[] = {{"name", PARAM_TEXT}, {"steps", PARAM_ARRAY, .min = 1, .max = 200}, ID_OPTIONAL("goalId"), ID_OPTIONAL("snapshotId"), ID_OPTIONAL("checkpointId"), END};
static const struct member table_members[] = {TEXT("name"), {"columns", PARAM_ARRAY, .required = true, .min = 1, .max = 100}, {"rows", PARAM_ARRAY, .max = 5000}, END};
static const struct member environment_members[] = {TEXT("name"), {"variables", PARAM_OBJECT, .required = true}, END};

/* A copy of a journey: own checkpoints are made anew with their steps, those of the library are attached again. The
 * title of a checkpoint is unique in its goal (PLATFORM.md, "Structure"), so each copied title gets the id of the new
 * journey behind it. Selectors stand under `target`, but under `element` for a wait and an upload. */
static const struct simple_each steps_of_copy = {
    "/steps /testSteps", 0,
    {{"action", "/action"}, {"value", "/value"}, {"variable", "/variable"}, {"expression", "/expression"}, {"meta", "/meta"},
     {"optional", "/optional"}, {"ignoreOutcome", "/ignoreOutcome"}, {"skip", "/skip"},
     {"target", "/element/target /target", NULL, "WAIT UPLOAD", true}, {"element", "/element", NULL, "WAIT UPLOAD"}},
    {{CALL_COPY_STEP, .makes_step = true}}, .kind = "/action"};
static const struct simple_each checkpoints_of_copy = {
    "/source/item/cases /source/cases /source/item/testCases /source/testCases", 2,
    {{"name", "/title /name", "journey_id"}, {"library_checkpoint_id", "/libraryCheckpointId"}},
    {{CALL_CREATE_CHECKPOINT, "!library_checkpoint_id", .makes_checkpoint = true}, {CALL_ATTACH_CHECKPOINT, "!library_checkpoint_id"},
     {CALL_LIBRARY_ATTACH, "library_checkpoint_id"}},
    &steps_of_copy, "library_checkpoint_id", .words = {"copy from", "checkpoints and steps", "copied"}};

static const struct simple_row rows[] = {
    {"GET", "/api/user", NULL, {{NULL}},
     {{CALL_USER, NULL, true}}, REPLY_USER, SIMPLE_MAPPED, 200},
    {"GET", "/api/projects", NULL, {{"organizationId", "organization_id", "configured"}, {"limit", "limit", "50"}, {"offset", "offset", NULL}},
     {{CALL_ORGANIZATION_OF_THE_TOKEN, "!organization_id"}, {CALL_LIST_PROJECTS, NULL, true}}, REPLY_PROJECTS, SIMPLE_MAPPED, 200},
    {"POST", "/api/projects", project_members, {{"name", "name", NULL}, {"organizationId", "organization_id", "configured"}},
     {{CALL_ORGANIZATION_OF_THE_TOKEN, "!organization_id"}, {CALL_CREATE_PROJECT, NULL, true}}, REPLY_PROJECT, SIMPLE_MAPPED, 201},
    {"GET", "/api/projects/{id}/goals", NULL, {{"id", "project_id", NULL}},
     {{CALL_LIST_GOALS, NULL, true}}, REPLY_GOALS, SIMPLE_MAPPED, 200},
    {"POST", "/api/goals", goal_members, {{"name", "name", NULL}, {"projectId", "project_id", NULL}, {"url", "url", "https://www.example.com"}},
     {{CALL_CREATE_GOAL, NULL, true}, {CALL_NEWEST_SNAPSHOT}}, REPLY_GOAL, SIMPLE_MAPPED, 201},
    {"GET", "/api/goals/{id}/versions", NULL, {{"id", "goal_id", NULL}},
     {{CALL_GOAL_VERSIONS, NULL, true}}, REPLY_VERSIONS, SIMPLE_MAPPED, 200, .keep = KEEP_SNAPSHOTS},
    {"POST", "/api/goals/{id}/execute", run_members, {{"id", "goal_id", NULL}, {"startingUrl", "starting_url", NULL}, {"wait", "wait", NULL}},
     {{CALL_NEWEST_SNAPSHOT}, {CALL_START_EXECUTION, NULL, true}, {CALL_EXECUTION_STATE, "wait", true, true}, PROJECT}, REPLY_EXECUTION, SIMPLE_JOB, 200},
    {"POST", "/api/goals/{id}/snapshots/{snapshot}/execute", run_members,
     {{"id", "goal_id", NULL}, {"snapshot", "snapshot_id", NULL}, {"startingUrl", "starting_url", NULL}, {"wait", "wait", NULL}},
     {{CALL_START_EXECUTION, NULL, true}, {CALL_EXECUTION_STATE, "wait", true, true}, PROJECT}, REPLY_EXECUTION, SIMPLE_JOB, 200},
    {"POST", "/api/journeys", journey_members, {{"name", "name", NULL}, {"goalId", "goal_id", NULL}, {"snapshotId", "snapshot_id", NULL}},
     {{CALL_NEWEST_SNAPSHOT, "!snapshot_id"}, {CALL_CREATE_JOURNEY, NULL, true}}, REPLY_JOURNEY, SIMPLE_MAPPED, 201},
    {"POST", "/api/journeys/{id}/duplicate", copy_members, {{"id", "source_id", NULL}, {"name", "name", NULL}},
     {{CALL_JOURNEY_TO_COPY, .save_as = "source"}, {CALL_CREATE_JOURNEY, NULL, true, .each = &checkpoints_of_copy}}, REPLY_JOURNEY, SIMPLE_MAPPED, 201},
    {"POST", "/api/checkpoints", checkpoint_members, {{"name", "name", NULL}, {"journeyId", "journey_id", NULL}, {"position", "position", "2"}},
     {{CALL_JOURNEY_OF}, {CALL_CREATE_CHECKPOINT, NULL, true}, {CALL_ATTACH_CHECKPOINT}}, REPLY_CHECKPOINT, SIMPLE_MAPPED, 201},
    {"GET", "/api/checkpoints/{id}/steps", NULL, {{"id", "checkpoint_id", NULL}},
     {{CALL_LIST_CHECKPOINT_STEPS, NULL, true}}, REPLY_SIMPLE_STEPS, SIMPLE_MAPPED, 200},
    {"POST", "/api/executions", execution_members, {{"goalId", "goal_id", NULL}, {"environment", "environment", NULL}},
     {{CALL_NEWEST_SNAPSHOT}, {CALL_START_EXECUTION, NULL, true}, PROJECT}, REPLY_EXECUTION, SIMPLE_EXECUTION, 201, "/api/executions/"},
    {"GET", "/api/executions/{id}", NULL, {{"id", "execution_id", NULL}},
     {{CALL_EXECUTION_STATE, NULL, true}, PROJECT}, REPLY_EXECUTION, SIMPLE_EXECUTION, 200, .keep = KEEP_FINISHED},
    {"GET", "/api/executions/{id}/analysis", NULL, {{"id", "execution_id", NULL}, {"ai", "ai_insights", NULL}},
     {{CALL_GET_EXECUTION_ANALYSIS, NULL, true}}, REPLY_ANALYSIS, SIMPLE_MAPPED, 200, .keep = KEEP_NOT},
    {"GET", "/api/library/checkpoints", NULL, {{NULL}},
     {{CALL_LIST_LIBRARY, NULL, true}}, REPLY_LIBRARIES, SIMPLE_MAPPED, 200},
    {"POST", "/api/library/checkpoints", library_members,
     {{"name", "name", NULL}, {"goalId", "goal_id", NULL}, {"snapshotId", "snapshot_id", NULL}, {"checkpointId", "checkpoint_id", NULL}},
     {{CALL_NEWEST_SNAPSHOT, "wants_snapshot"}, {CALL_CREATE_CHECKPOINT, "!checkpoint_id", .makes_checkpoint = true},
      {CALL_ADD_TO_LIBRARY, NULL, true}, {CALL_LIBRARY_UPDATE, "name"}}, REPLY_PROJECT, SIMPLE_MAPPED, 201, .prepare = simple_prepare_library, .tells_name = true},
    {"POST", "/api/testdata/tables", table_members, {{"name", "name", NULL}, {"columns", "columns", NULL}, {"description", "description", ""}},
     {{CALL_CREATE_TEST_DATA_TABLE, NULL, true}, {CALL_IMPORT_TEST_DATA, "rows"}}, REPLY_PROJECT, SIMPLE_MAPPED, 201, .prepare = simple_prepare_table},
    {"POST", "/api/environments", environment_members, {{"name", "name", NULL}, {"variables", "variables", NULL}, {"description", "description", ""}},
     {{CALL_CREATE_ENVIRONMENT, NULL, true}}, REPLY_ENVIRONMENT, SIMPLE_MAPPED, 201},
};

/* clang-format on */

const struct simple_row *simple_row_of(const struct route *route)
{
    return row_of_route(route, rows, ARRAY_LEN(rows), sizeof(rows[0]));
}
