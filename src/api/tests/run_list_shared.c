/* The list of runs where processes share them: their names are read from the store, newest first; then one
 * run after the other is looked up, here or in the store. */
#include "api/gate/query.h"
#include "base/json_form.h"
#include "base/sizes.h"
#include "run/share.h"
#include "runs.h"

struct listing {
    struct run_names names;
    struct run_seek seek;
    struct task *task;
    struct platform *platform; /* whose runs are listed now */
    bool all;
    size_t offset, limit;
    size_t at, n_skipped, n_written, total;
    struct json_writer writer;
    struct buf text;
};

static void begin_platform(struct listing *listing);

static void end_listing(struct listing *listing)
{
    listing->task->on_cancel = NULL;
    listing->task->state = NULL;
}

static void fail(struct listing *listing, const struct error *error)
{
    end_listing(listing);
    buf_done(&listing->text);
    listing->task->error = *error;
    (void)task_fail(listing->task);
}

static void next_platform(struct listing *listing)
{
    listing->platform = listing->all ? platform_next(listing->task->api, listing->platform) : NULL;
    if (listing->platform != NULL) {
        begin_platform(listing);
        return;
    }
    end_listing(listing);
    jw_form(&listing->writer, "], total:%i, limit:%i, offset:%i}", listing->total, listing->limit,
            listing->offset);
    (void)task_reply_text(listing->task, 200, "application/json; charset=utf-8", &listing->text);
}

static void look_at_next(struct listing *listing);

/* A run that is gone meanwhile, or cannot be read, is left out. */
static void on_found(struct run_seek *seek, struct run *run, const struct error *error)
{
    struct listing *listing = CONTAINER_OF(seek, struct listing, seek);

    if (run != NULL) {
        run_write_summary(run, &listing->writer);
        listing->n_written++;
    } else if (error->code == ERR_STORE_AWAY) {
        fail(listing, error);
        return;
    }
    look_at_next(listing);
}

static void look_at_next(struct listing *listing)
{
    while (listing->at < listing->names.n && listing->n_skipped < listing->offset) {
        listing->at++;
        listing->n_skipped++;
    }
    if (listing->at == listing->names.n || listing->n_written == listing->limit) {
        next_platform(listing);
        return;
    }
    run_seek_name(listing->platform->runs, listing->names.items[listing->at++], &listing->seek,
                  on_found);
}

static void on_names(struct run_names *names, const struct error *error)
{
    struct listing *listing = CONTAINER_OF(names, struct listing, names);

    if (error != NULL) {
        fail(listing, error);
        return;
    }
    listing->at = 0;
    listing->total += names->n;
    look_at_next(listing);
}

static void begin_platform(struct listing *listing)
{
    const struct task *task = listing->task;

    run_names_start(listing->platform->runs, listing->all ? NULL : &task->principal.owner,
                    task->arena, &listing->names, on_names);
}

static void gone(struct task *task)
{
    struct listing *listing = task->state;

    run_names_cancel(&listing->names);
    run_seek_cancel(&listing->seek);
    buf_done(&listing->text);
}

enum stage_verdict run_list_shared(struct task *task, bool all)
{
    struct listing *listing = arena_zalloc(task->arena, sizeof(*listing));

    *listing = (struct listing){.task = task,
                                .all = all,
                                .limit = (size_t)task_query_number(task, "limit", 50),
                                .offset = (size_t)task_query_number(task, "offset", 0)};
    listing->platform = all ? platform_next(task->api, NULL) : task->platform;
    buf_init(&listing->text, LONGEST_ANSWER);
    jw_init(&listing->writer, &listing->text);
    jw_shape(&listing->writer, "{runs:[");
    task->state = listing;
    task->on_cancel = gone;
    begin_platform(listing);
    return STAGE_WAIT;
}
