/* Calls that are no commands of their own: before and after rows, and what other rooms need by
 * name. */
#include "rows.h"

#define SNAPSHOT_PLACES                                                                            \
    "/snapshots/0/snapshotId /item/snapshots/0/snapshotId /items/0/snapshotId /item/0/snapshotId /0/snapshotId"

/* clang-format off */
const struct call_spec extra_calls[] = {
    {.name = "count steps", .method = "GET", .path = "/testcases/{checkpoint_id}", .class = CALL_READ, .needs_json = true},
    {.name = "newest snapshot", .method = "GET", .path = "/goals/{goal_id}/versions", .class = CALL_READ, .needs_json = true,
     .captures = {{"snapshot_id", SNAPSHOT_PLACES, true}}},
    {.name = "attach checkpoint", .method = "POST", .path = "/testsuites/{journey_id}/checkpoints/attach",
     .body = JSON({"checkpointId": "$#checkpoint_id", "position": "$#position"}), .class = CALL_CREATE},
    {.name = "execution", .method = "GET", .path = "/executions/{execution_id}", .class = CALL_READ, .needs_json = true},
};
/* clang-format on */

const size_t n_extra_calls = ARRAY_LEN(extra_calls);
