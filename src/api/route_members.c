/* Which table of members belongs to which route: for documents. The handlers check bodies against
 * the same. */
#include "api/gate/members.h"

#include "base/attr.h"

const struct route_members *route_members(size_t *out_n)
{
    static const struct route_members tables[] = {
        {"POST", "/api/v1/commands/execute", execute_members},
        {"POST", "/api/v1/commands/step/{command*}", path_members},
        {"POST", "/api/v1/commands/batch", batch_members},
        {"POST", "/api/v1/commands/validate", validate_members},
        {"POST", "/api/v1/sessions", session_create_members},
        {"PATCH", "/api/v1/sessions/{id}", session_patch_members},
        {"POST", "/api/steps", simple_step_members},
        {"POST", "/api/library/checkpoints", simple_library_members},
        {"POST", "/api/testdata/tables", simple_table_members},
    };

    *out_n = ARRAY_LEN(tables);
    return tables;
}
