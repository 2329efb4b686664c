/* Addresses of pages of the platform's user interface: all of them are made here. Every page lies
 * below its project, so without a project id there is no link; nor is there one where no user
 * interface is known (upstream.ui_url is empty, as with the sandbox). */
#ifndef RUN_UI_LINK_H
#define RUN_UI_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* What the page shows; 0: not given. The page of an execution where execution_id is given, else
 * the innermost of goal, journey and checkpoint. The pattern of the latter three is unconfirmed. */
struct ui_place {
    int64_t project_id;
    int64_t goal_id;
    int64_t snapshot_id;
    int64_t journey_id;
    int64_t checkpoint_id;
    int64_t execution_id;
};

/* False: no link, nothing is written. */
bool ui_link(struct str ui_url, const struct ui_place *place, struct buf *out);

#endif
