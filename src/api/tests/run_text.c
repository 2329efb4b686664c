#include "api/tests/run_text.h"

#include "api/gate/setup.h"
#include "api/gate/task.h"
#include "base/mem.h"
#include "run/share.h"

enum { STEPS_A_TURN = 100, ID_LONGEST = 31, PATIENCE_MS = 60000 };

struct run_text {
    struct api *api;
    struct digest owner;
    char id[ID_LONGEST + 1];
    run_text_fn on_done;
    void *context;
    struct platform *platform; /* held: where the run is looked for, or was found */
    bool seeks;
    struct run_seek seek;
    struct run_watcher watcher; /* so that the run stays */
    struct run_writing at;
    struct json_writer writer;
    struct buf text;
    struct later_item soon;
    struct deadline patience; /* for a run of another process, whose end may not come here */
};

static void leave_platform(struct run_text *text)
{
    if (text->platform != NULL) {
        platform_release(text->platform);
    }
    text->platform = NULL;
}

void run_text_cancel(struct run_text *text)
{
    if (text == NULL) {
        return;
    }
    if (text->seeks) {
        run_seek_cancel(&text->seek);
    }
    later_remove(&text->soon);
    deadline_clear(&text->patience);
    run_unwatch(&text->watcher);
    leave_platform(text);
    buf_done(&text->text);
    mem_free(text);
}

static void finish(struct run_text *text, const struct error *error)
{
    run_text_fn on_done = text->on_done;
    void *context = text->context;
    struct buf bytes = text->text;

    text->text = (struct buf){0};
    run_text_cancel(text);
    on_done(context, buf_view(&bytes), error);
    buf_done(&bytes);
}

static void fail(struct run_text *text, enum error_code code, const char *what)
{
    struct error err = {0};

    (void)error_set(&err, code, "%s", what);
    finish(text, &err);
}

static void on_patience(struct deadline *deadline)
{
    fail(CONTAINER_OF(deadline, struct run_text, patience), ERR_STORE_AWAY,
         "its end has not come here yet");
}

/* --- written */
static void write_on(struct later_item *item)
{
    struct run_text *text = CONTAINER_OF(item, struct run_text, soon);
    bool done = run_write(text->watcher.run, &text->at, STEPS_A_TURN, &text->writer);

    if (!buf_ok(&text->text)) {
        fail(text, ERR_TOO_BIG, "the report of the run is too long");
    } else if (done) {
        finish(text, NULL);
    } else {
        later_add(text->api->options.later, &text->soon, write_on);
    }
}

static void on_change(struct run_watcher *watcher)
{
    struct run_text *text = CONTAINER_OF(watcher, struct run_text, watcher);

    if (run_is_over(watcher->run) && !text->at.begun) {
        later_add(text->api->options.later, &text->soon, write_on);
    }
}

static void take(struct run_text *text, struct run *run)
{
    text->watcher.on_change = on_change;
    run_watch(run, &text->watcher);
    on_change(&text->watcher);
}

/* --- found */
static void seek_next(struct run_text *text);

static void on_sought(struct run_seek *seek, struct run *run, const struct error *error)
{
    struct run_text *text = CONTAINER_OF(seek, struct run_text, seek);

    text->seeks = false;
    if (run != NULL) {
        take(text, run);
    } else if (error->code == ERR_NOT_FOUND) {
        seek_next(text);
    } else {
        finish(text, error);
    }
}

/* The run is of one of the accounts; it is not known of which. */
static bool next_platform(struct run_text *text)
{
    struct platform *next = platform_next(text->api, text->platform);

    leave_platform(text);
    text->platform = next != NULL ? platform_hold(next) : NULL;
    return next != NULL;
}

static void seek_next(struct run_text *text)
{
    if (!next_platform(text)) {
        fail(text, ERR_NOT_FOUND, "the run is not kept any more");
        return;
    }
    text->seeks = true;
    run_seek_start(text->platform->runs, &text->owner, str_from(text->id), &text->seek, on_sought);
}

static void find(struct later_item *item)
{
    struct run_text *text = CONTAINER_OF(item, struct run_text, soon);

    while (next_platform(text)) {
        struct run *run = run_find(text->platform->runs, &text->owner, str_from(text->id));

        if (run != NULL && !run_is_elsewhere(run)) {
            take(text, run);
            return;
        }
    }
    if (run_is_shared(platform_next(text->api, NULL)->runs)) {
        seek_next(text);
    } else {
        fail(text, ERR_NOT_FOUND, "the run is not kept any more");
    }
}

struct run_text *run_text_start(struct api *api, const struct digest *owner, struct str id,
                                run_text_fn on_done, void *context)
{
    struct run_text *text = mem_zalloc(sizeof(*text));

    text->api = api;
    text->owner = *owner;
    text->on_done = on_done;
    text->context = context;
    str_copy(text->id, sizeof(text->id), id);
    buf_init(&text->text, RUN_TEXT_MAX);
    jw_init(&text->writer, &text->text);
    later_add(api->options.later, &text->soon, find);
    deadline_set(api->options.deadlines, &text->patience, PATIENCE_MS, on_patience);
    return text;
}
