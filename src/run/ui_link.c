#include "run/ui_link.h"

static void put(struct buf *out, const char *what, int64_t id)
{
    if (id != 0) {
        buf_printf(out, "/%s/%lld", what, (long long)id);
    }
}

bool ui_link(struct str ui_url, const struct ui_place *place, struct buf *out)
{
    if (ui_url.len == 0 || place->project_id == 0 ||
        (place->execution_id == 0 && place->goal_id == 0)) {
        return false;
    }
    buf_str(out, ui_url);
    buf_text(out, "/#");
    put(out, "project", place->project_id);
    if (place->execution_id != 0) {
        put(out, "execution", place->execution_id);
        return true;
    }
    put(out, "goal", place->goal_id);
    put(out, "v", place->snapshot_id);
    put(out, "journey", place->journey_id);
    put(out, "checkpoint", place->checkpoint_id);
    return true;
}
