/* See batch.h. The rows of one item: [before calls] [count the steps of its checkpoint] main [then
 * calls]. `before` hooks of the plan set what is known only then (the position), `after` hooks
 * keep what came. */
#include "api/command/batch.h"

/* For all commands of a batch together: a cell of two bytes takes two hundred as JSON, so not each of
 * hundreds of commands may have as much as a single one. */
enum { CSV_MAX_BYTES = 512 * 1024 };

static struct batch_cursor *cursor_for(struct batch *batch, struct str checkpoint_id,
                                       bool is_session)
{
    struct batch_cursor *cursor;

    for (cursor = batch->cursors; cursor != NULL; cursor = cursor->next) {
        if (str_eq(cursor->checkpoint_id, checkpoint_id) && cursor->is_session == is_session) {
            return cursor;
        }
    }
    cursor = arena_zalloc(batch->task->arena, sizeof(*cursor));
    cursor->checkpoint_id = checkpoint_id;
    if (!str_to_i64(checkpoint_id, 0, INT64_MAX, &cursor->checkpoint_number)) {
        cursor->checkpoint_number =
            0; /* no id of the platform is so large: the platform refuses the command */
    }
    cursor->position = -1;
    cursor->is_session = is_session;
    cursor->next = batch->cursors;
    batch->cursors = cursor;
    return cursor;
}

/* checkpoint_id of the command, then of the request, then the session's. */
static enum error_code choose_checkpoint(struct batch_item *item, struct error *err)
{
    struct batch *batch = item->batch;
    struct str id =
        item->input.checkpoint_id.len > 0 ? item->input.checkpoint_id : batch->checkpoint_id;
    int64_t number;
    bool is_session = batch->session_id.len > 0 && batch->session.checkpoint_id != 0 &&
                      str_to_i64(id, 0, INT64_MAX, &number) &&
                      number == batch->session.checkpoint_id; /* the session's own, named again */

    if (id.len == 0 && batch->session_id.len > 0) {
        if (batch->session.checkpoint_id == 0) {
            return error_at(
                err, ERR_CHECKPOINT_REQUIRED, "/checkpoint_id",
                "The session has no checkpoint: PATCH it with a checkpoint_id, or give one here");
        }
        id = arena_printf(batch->task->arena, "%lld", (long long)batch->session.checkpoint_id);
        is_session = true;
    }
    if (id.len == 0) {
        return error_at(
            err, ERR_CHECKPOINT_REQUIRED, "/checkpoint_id",
            "A step needs a checkpoint: give checkpoint_id, or session_id (or X-Session-Id) of a session "
            "that has one");
    }
    item->cursor = cursor_for(batch, id, is_session);
    json_set(item->args, STR("checkpoint_id"), json_new_string(batch->task->arena, id));
    if (is_session && batch->session.journey_id != 0) { /* one of the ways to count the steps */
        json_set(item->args, STR("journey_id"),
                 json_new_int(batch->task->arena, batch->session.journey_id));
    }
    return ERR_OK;
}

static struct error_list *item_errors(struct batch_item *item)
{
    if (item->errors == NULL) {
        item->errors = error_list_in(item->batch->task->arena);
    }
    return item->errors;
}

static enum error_code forbid(const struct batch_item *item, struct error *err)
{
    unsigned permission = item->bound.command->permission;

    if (item->batch->is_shown || task_may(item->batch->task, permission)) {
        return ERR_OK;
    }
    return error_at(err, ERR_FORBIDDEN, "/command",
                    "This credential lacks the permission \"%s\" that %s needs",
                    permission_name(permission), item->bound.command->words);
}

/* All items together tell ERROR_LIST_MAX errors in full; each item after that tells its first error, without
 * a proposal. *left: how many may still be told in full. */
static void item_prepare(struct batch_item *item, size_t *left)
{
    struct arena *arena = item->batch->task->arena;
    struct error err = {0};

    item->position = item->input.position;
    item->input.catalog = item->batch->task->api->catalog;
    item->input.defaults = &item->batch->task->platform->defaults;
    item->input.csv_left = item->batch->n_items > 1 ? &item->batch->csv_left : NULL;
    item->input.brief = *left == 0;
    item_errors(item)->max = *left > 0 ? *left : 1;
    if (catalog_bind(&item->input, arena, &item->bound, item_errors(item)) != ERR_OK) {
        *left -= *left < item->errors->n ? *left : item->errors->n;
        item->status = ROW_FAILED;
        item->error = item->errors->items[0];
        return;
    }
    item->args = item->bound.values;
    if (forbid(item, &err) == ERR_OK && item->bound.command->kind == COMMAND_STEP) {
        (void)choose_checkpoint(item, &err);
    }
    if (err.code != ERR_OK) {
        *error_list_add(item_errors(item)) = err;
        item->status = ROW_FAILED;
        item->error = err;
    }
}

struct batch *batch_new(struct task *task, size_t n)
{
    struct batch *batch = arena_zalloc(task->arena, sizeof(*batch));

    batch->task = task;
    batch->items = arena_calloc(task->arena, n, sizeof(*batch->items));
    batch->n_items = n;
    batch->stop_on_error = true;
    return batch;
}

enum error_code batch_prepare_begin(struct batch *batch, struct error *err)
{
    struct task *task = batch->task;

    if (batch->session_id.len > 0) {
        enum error_code code = session_load(task->api->options.sessions, &task->principal.owner,
                                            batch->session_id, task->arena, &batch->session, err);

        if (code != ERR_OK) {
            return code;
        }
        task->exchange->notes.session = batch->session.id;
        if (batch->session.status == SESSION_PAUSED && !batch->is_shown) {
            return session_is_paused(err);
        }
    }
    batch->csv_left = CSV_MAX_BYTES;
    batch->errors_left = ERROR_LIST_MAX;
    return ERR_OK;
}

bool batch_prepare_on(struct batch *batch, size_t n_items)
{
    for (; batch->n_prepared < batch->n_items && n_items > 0; n_items--) {
        struct batch_item *item = &batch->items[batch->n_prepared];

        item->batch = batch;
        item->index = batch->n_prepared++;
        item_prepare(item, &batch->errors_left);
    }
    return batch->n_prepared == batch->n_items;
}

enum error_code batch_prepare(struct batch *batch, struct error *err)
{
    enum error_code code = batch_prepare_begin(batch, err);

    return code == ERR_OK && batch_prepare_on(batch, SIZE_MAX) ? ERR_OK : code;
}
