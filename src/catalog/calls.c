/* Calls that are not commands: those before and after the main call of a command, and those that
 * other rooms use by name. */
#include "rows.h"

#define SNAPSHOT_PLACES                                                                            \
    "/snapshots/0/snapshotId /item/snapshots/0/snapshotId /items/0/snapshotId /item/0/snapshotId /0/snapshotId"

/* Places where an answer may name the first organization that a token sees. */
#define ORGANIZATION_PLACES                                                                        \
    "/item/organizationId /organizationId /item/organization/id /organization/id "                 \
    "/item/organizations/0/id /organizations/0/id /item/organizationIds/0 /organizationIds/0 "     \
    "/item/organizations/0/organizationId /organizations/0/organizationId"

/* clang-format off */
const struct call_spec extra_calls[] = {
    {.name = "count steps", .method = "GET", .path = "/checkpoints/{checkpoint_id}/teststeps", .class = CALL_READ, .needs_json = true,
     .lists = STEPS_PLACES, .or_else = "count steps in the journey"},
    {.name = "count steps in the journey", .method = "GET", .path = "/testsuites/{journey_id}", .class = CALL_READ, .needs_json = true,
     .needs = "journey_id", .lists = CASES_PLACES, .or_else = "count steps in the test case"},
    {.name = "count steps in the test case", .method = "GET", .path = "/testcases/{checkpoint_id}", .class = CALL_READ, .needs_json = true,
     .lists = STEPS_PLACES},
    {.name = "create environment elsewhere", .method = "POST", .path = "/environments/create", .class = CALL_CREATE,
     .body = JSON({"name": "$name", "description": "$description", "variables": "$variables"}),
     .needs_json = true, .captures = {{"environment_id", ID_PLACES, true}}, .repeats = {"name", NAME_PLACES, false}},
    {.name = "newest snapshot", .method = "GET", .path = "/goals/{goal_id}/versions", .class = CALL_READ, .needs_json = true,
     .captures = {{"snapshot_id", SNAPSHOT_PLACES, true}}},
    {.name = "attach checkpoint", .method = "POST", .path = "/testsuites/{journey_id}/checkpoints/attach",
     .body = JSON({"checkpointId": "$#checkpoint_id", "position": "$#position"}), .class = CALL_CREATE},
    {.name = "create goal of a test", .method = "POST", .path = "/goals", .class = CALL_CREATE, .needs_json = true,
     .body = JSON({"projectId": "$#project_id", "name": "$name", "environmentId": null, "url": "$url", "deviceSize": {"width": "$width", "height": "$height"}, "meta": {"onlyManagersCanPublishJourneys": null, "disableSameOrigin": false, "disableEventLogs": false, "bridgeClientUuid": null, "defaultMaxParallelism": null, "maxParallelism": null, "legacyElementSelection": null, "clientSideLibraryShimsEnabled": false, "popupAutoDismiss": true, "waitForNetworkTraffic": null, "failScriptOnNavigate": null}, "createFirstJourney": true}),
     .captures = {{"goal_id", ID_PLACES, true}}, .repeats = {"name", NAME_PLACES, false}},
    {.name = "create journey of a test", .method = "POST", .path = "/testsuites", .class = CALL_CREATE, .needs_json = true,
     .body = JSON({"snapshotId": "$#snapshot_id", "goalId": "$#goal_id", "name": "$name", "title": "$name", "archived": false, "draft": "$draft"}),
     .captures = {{"journey_id", ID_PLACES, true}}, .repeats = {"name", TITLE_PLACES " " NAME_PLACES, false}},
    {.name = "checkpoints of goal", .method = "GET", .path = "/goals/{goal_id}/checkpoints", .class = CALL_READ, .needs_json = true},
    {.name = "goal versions", .method = "GET", .path = "/goals/{goal_id}/versions", .class = CALL_READ, .needs_json = true},
    {.name = "organization of the token", .method = "GET", .path = "/user", .class = CALL_READ, .needs_json = true,
     .hint = "configure upstream.organization_id", .captures = {{"organization_id", ORGANIZATION_PLACES, true}}},
    {.name = "user", .method = "GET", .path = "/user", .class = CALL_READ, .needs_json = true},
    {.name = "add to library", .method = "POST", .path = "/testcases/{checkpoint_id}/add-to-library", .class = CALL_CREATE, .needs_json = true,
     .captures = {{"library_checkpoint_id", "/libraryCheckpointId /item/libraryCheckpointId /id /item/id", true}}},
    {.name = "list library", .method = "GET", .path = "/library/checkpoints", .class = CALL_READ, .needs_json = true},
    {.name = "journey of", .method = "GET", .path = "/testsuites/{journey_id}", .class = CALL_READ, .needs_json = true, .about = "journey_id",
     .captures = {{"goal_id", "/goalId /item/goalId /goal/id /item/goal/id", true},
                  {"snapshot_id", "/snapshotId /item/snapshotId /snapshot/id /item/snapshot/id", true}}},
    {.name = "journey to copy", .method = "GET", .path = "/testsuites/{source_id}", .class = CALL_READ, .needs_json = true, .about = "source_id",
     .captures = {{"goal_id", "/goalId /item/goalId /goal/id /item/goal/id", true},
                  {"snapshot_id", "/snapshotId /item/snapshotId /snapshot/id /item/snapshot/id", true},
                  {"name", "/title /item/title /name /item/name", true}}},
    {.name = "copy step", .method = "POST", .path = "/teststeps", .query = "envelope=false", .class = CALL_CREATE, .needs_json = true,
     .body = JSON({"checkpointId": "$#checkpoint_id", "stepIndex": "$#position", "parsedStep": {"action": "$action", "value": "$?value", "variable": "$?variable", "expression": "$?expression", "meta": "$?meta", "optional": "$?optional", "ignoreOutcome": "$?ignoreOutcome", "skip": "$?skip", "target": "$?target", "element": "$?element"}}),
     .captures = {{"step_id", ID_PLACES, true}}},
    {.name = "start execution", .method = "POST", .path = "/goals/{goal_id}/snapshots/{snapshot_id}/execute",
     .body = JSON({"goalId": "$#goal_id", "snapshotId": "$#snapshot_id", "startingUrl": "$?starting_url", "environmentId": "$?environment"}),
     .class = CALL_CREATE, .needs_json = true, .captures = {{"execution_id", ID_PLACES, true}}},
    {.name = "executions of project", .method = "GET", .path = "/projects/{project_id}/jobs", .class = CALL_READ, .needs_json = true,
     .query = "dateBegin={date_begin}&dateEnd={date_end}"},
    {.name = "project of goal", .method = "GET", .path = "/goals/{goal_id}", .class = CALL_READ, .needs_json = true, .about = "goal_id"},
    {.name = "execution state", .method = "GET", .path = "/executions/{execution_id}/status", .class = CALL_READ, .needs_json = true,
     .about = "execution_id", .tells = "/item/status /status"},
    {.name = "execution", .method = "GET", .path = "/executions/{execution_id}", .class = CALL_READ, .needs_json = true, .about = "execution_id"},
};
/* clang-format on */

const size_t n_extra_calls = ARRAY_LEN(extra_calls);

#define AS_NAME(value, name) [value] = (name),
const char *const named_call_names[CALL_N_NAMED] = {NAMED_CALLS(AS_NAME)};
