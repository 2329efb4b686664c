/* Writes what was changed here: a second later, at once when a use waits for it, and at the end. */
#include "base/random.h"
#include "observe/log.h"
#include "share.h"

enum { CONFLICTS_MAX = 3 };

static void write_later(struct session_share *share, uint64_t ms);

/* A read ends first: at a slow store, uses that wait for it would wait for one write after the other. */
static void on_behind(struct deadline *deadline)
{
    struct session_share *share = CONTAINER_OF(deadline, struct session_share, behind);

    if (share->writes) {
        return;
    }
    if (store_is_running(&share->read)) {
        write_later(share, WRITE_BEHIND_MS);
    } else {
        share_write_now(share);
    }
}

static void write_later(struct session_share *share, uint64_t ms)
{
    deadline_set(share->store->deadlines, &share->behind, ms, on_behind);
}

void share_note(struct session_share *share)
{
    const struct session_use *use;

    LIST_EACH (use, &share->uses, link) {
        if (use->lease.uses) {
            /* A lease that is lost must end with its users: it is not asked for again before. */
            if (share->lease.keep == NULL && keep_lasts(&use->lease, 0)) {
                keep_join(&use->lease, &share->lease);
            }
            if (!share->dirty) {
                share->dirty = true;
                write_later(share, WRITE_BEHIND_MS);
            }
            return;
        }
    }
}

static void written(struct session_share *share, const struct error *error)
{
    struct session_store *store = share->store;

    share->n_busy++;
    share_tell_all(&share->saving, error);
    if (!share->writes && !list_is_empty(&share->to_save)) {
        share_write_now(share);
    }
    if (!share->writes && !list_is_empty(&share->loading) && !store_is_running(&share->read)) {
        share_read_for_waiting(share);
    }
    if (share->writes) {
        /* the end of that write comes here */
    } else if (share->dirty && store->on_stopped == NULL) {
        write_later(share, WRITE_BEHIND_MS);
    } else {
        share->dirty = false;
        keep_leave(&share->lease);
    }
    share->n_busy--;
    share_free_if_unused(share);
    share_stop_if_written(store);
}

static void on_reread(struct store_op *op, const struct store_result *result)
{
    struct session_share *share = CONTAINER_OF(op, struct session_share, read);
    struct session_record read = {0};
    char write_id[WRITE_ID_LEN + 1];
    struct error error = {0};

    if (result->error.code == ERR_OK && document_read(result->bytes, &read, write_id)) {
        bool is_ours = str_is(str_from(write_id), share->write_id);

        record_drop_texts(&read);
        if (is_ours) { /* our write is there; only its answer was lost */
            share->writes = false;
            share->version = result->version;
            share->saved_steps = read.steps_added;
            written(share, NULL);
            return;
        }
    }
    share->dirty = true;
    share->writes = false;
    share_take_document(share, result, &error);
    if (error.code == ERR_OK && !list_is_empty(&share->saving)) {
        (void)error_set(&error, ERR_CONFLICT,
                        "Another process has changed this session at the same time; send the "
                        "request again");
    }
    if (error.code != ERR_OK || share_record(share) == NULL) {
        share->dirty = error.code == ERR_CONFLICT;
        written(share, error.code != ERR_OK ? &error : NULL);
        return;
    }
    share_write_now(share);
}

static void on_written(struct store_op *op, const struct store_result *result)
{
    struct session_share *share = CONTAINER_OF(op, struct session_share, write);
    struct error error = result->error;

    share->writes = false;
    if (error.code == ERR_OK) {
        share->version = result->version;
        share->saved_steps = share->writing_steps;
        share->n_conflicts = 0;
        written(share, NULL);
        return;
    }
    if (error.code == ERR_CONFLICT && share->n_conflicts++ < CONFLICTS_MAX) {
        share->writes = true;
        share_read_document(share, on_reread);
        return;
    }
    share->n_conflicts = 0;
    if (!list_is_empty(
            &share->saving)) { /* the owner learns of the failure: the stored document stands */
        share->fence = 0;
    }
    share->dirty = error.code == ERR_STORE_AWAY;
    if (!share->dirty) {
        log_event(LOG_WARN, "sessions.not_saved", F_TEXT("session", share->id),
                  F_TEXT("error", error.text));
    }
    written(share, &error);
}

void share_write_now(struct session_share *share)
{
    struct session_record *record = share_record(share);

    deadline_clear(&share->behind);
    store_cancel(&share->read); /* `written` reads again, for those that wait */
    list_append_all(&share->saving, &share->to_save);
    share->dirty = false;
    if (record == NULL || share->version == 0) {
        written(share, NULL);
        return;
    }
    share->writes = true;
    share->writing_steps = record->steps_added;
    random_hex(share->write_id, WRITE_ID_LEN);
    share_put(share->store, record, &(struct share_write){share->write_id, share->version},
              &share->write, on_written);
}

static void on_end_soon(struct later_item *item)
{
    struct session_use *use = CONTAINER_OF(item, struct session_use, soon);

    use->on_done(use, NULL);
}

void share_end_soon(struct session_use *use)
{
    later_add(use->store->later, &use->soon, on_end_soon);
}

void session_use_save(struct session_use *use, session_use_fn on_saved)
{
    struct session_share *share = use->share;

    use->on_done = on_saved;
    if (!share->writes && (share_record(share) == NULL || share->version == 0)) {
        share_end_soon(use);
        return;
    }
    list_remove(&use->link);
    list_append(&share->to_save, &use->link);
    if (!share->writes) {
        share_write_now(share);
    }
}

/* --- the end */
static void on_stopped(struct later_item *item)
{
    struct session_store *store = CONTAINER_OF(item, struct session_store, stopped);

    store->on_stopped(store->stop_context);
}

void share_stop_if_written(struct session_store *store)
{
    struct map_node *node;

    if (store->on_stopped == NULL) {
        return;
    }
    MAP_FOREACH (node, &store->shares) {
        const struct session_share *share = CONTAINER_OF(node, struct session_share, node);

        if (share->dirty || share->writes || store_is_running(&share->read)) {
            return;
        }
    }
    later_add(store->later, &store->stopped, on_stopped);
}

void session_store_stop(struct session_store *store, void (*on_end)(void *context), void *context)
{
    struct map_node *node;
    struct map_node *after;

    store->on_stopped = on_end;
    store->stop_context = context;
    MAP_FOREACH_SAFE (node, after, &store->shares) {
        struct session_share *share = CONTAINER_OF(node, struct session_share, node);

        if (share->dirty && !share->writes) {
            share_write_now(share);
        }
    }
    share_stop_if_written(store);
}
