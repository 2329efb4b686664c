#include "watch.h"

#include "base/check.h"
#include "base/mem.h"
#include "observe/log.h"

enum { WATCH_MAX = 32, FOLDER_MAX = 4096 };

struct folder {
    uv_fs_event_t handle;
    struct watch *watch;
    char *path;
    bool wanted;
};

struct watch {
    struct loop *loop;
    void (*on_event)(void *context);
    void *context;
    struct folder *folders[WATCH_MAX];
    size_t n_open; /* handles, those that are being closed included */
    bool closing;
};

struct watch *watch_open(struct loop *loop, void (*on_event)(void *context), void *context)
{
    struct watch *watch = mem_zalloc(sizeof(*watch));

    *watch = (struct watch){.loop = loop, .on_event = on_event, .context = context};
    return watch;
}

static void on_closed(uv_handle_t *handle)
{
    struct folder *folder = handle->data;

    folder->watch->n_open--;
    mem_free(folder->path);
    mem_free(folder);
}

static void on_change(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct folder *folder = handle->data;

    (void)name;
    (void)events;
    (void)status;
    if (!folder->watch->closing) {
        folder->watch->on_event(folder->watch->context);
    }
}

static void folder_close(struct folder **slot)
{
    struct folder *folder = *slot;

    *slot = NULL;
    uv_close((uv_handle_t *)&folder->handle, on_closed);
}

static void folder_open(struct watch *watch, struct folder **slot, struct str path)
{
    struct folder *folder = mem_zalloc(sizeof(*folder));
    int status;

    folder->watch = watch;
    folder->path = str_dup(path);
    folder->wanted = true;
    CHECK(uv_fs_event_init(&watch->loop->uv, &folder->handle) == 0);
    folder->handle.data = folder;
    watch->n_open++;
    *slot = folder;
    status = uv_fs_event_start(&folder->handle, on_change, folder->path, 0);
    if (status != 0) {
        log_event(
            LOG_WARN, "config.not_watched", F_TEXT("folder", folder->path),
            F_TEXT("error", uv_strerror(status)),
            F_TEXT("effect", "changes are seen when the files are looked at (reload.look_s)"));
    }
    uv_unref((uv_handle_t *)&folder->handle);
}

static struct str folder_of(const char *path)
{
    struct str text = str_from(path);
    size_t end = str_behind_last(text, '/');

    return end == 0 ? STR(".") : end == 1 ? STR("/") : str_sub(text, 0, end - 1);
}

static void want(struct watch *watch, struct str path)
{
    struct folder **free_slot = NULL;

    for (size_t i = 0; i < WATCH_MAX; i++) {
        struct folder *folder = watch->folders[i];

        if (folder != NULL && str_is(path, folder->path)) {
            folder->wanted = true;
            return;
        }
        free_slot = folder == NULL && free_slot == NULL ? &watch->folders[i] : free_slot;
    }
    if (free_slot != NULL) {
        folder_open(watch, free_slot, path);
    }
}

void watch_files(struct watch *watch, const struct config *config)
{
    const char *path;

    for (size_t i = 0; i < WATCH_MAX; i++) {
        if (watch->folders[i] != NULL) {
            watch->folders[i]->wanted = false;
        }
    }
    for (size_t i = 0; (path = config_file(config, i)) != NULL; i++) {
        want(watch, folder_of(path));
    }
    for (size_t i = 0; i < WATCH_MAX; i++) {
        if (watch->folders[i] != NULL && !watch->folders[i]->wanted) {
            folder_close(&watch->folders[i]);
        }
    }
}

void watch_close(struct watch *watch)
{
    watch->closing = true;
    for (size_t i = 0; i < WATCH_MAX; i++) {
        if (watch->folders[i] != NULL) {
            folder_close(&watch->folders[i]);
        }
    }
}

bool watch_is_closed(const struct watch *watch)
{
    return watch->n_open == 0;
}

void watch_free(struct watch *watch)
{
    CHECK(watch->n_open == 0);
    mem_free(watch);
}

/* ---- look ---- */

struct look {
    struct loop *loop;
    look_fn on_seen;
    void *context;
    uv_work_t work;
    const struct config *config; /* of the look that runs, held; NULL: none does */
    const struct config *next;   /* of the one that follows, held; NULL: none */
    struct digest now;
    bool closing;
};

struct look *look_open(struct loop *loop, look_fn on_seen, void *context)
{
    struct look *look = mem_zalloc(sizeof(*look));

    *look = (struct look){.loop = loop, .on_seen = on_seen, .context = context};
    return look;
}

/* In a thread: touches nothing but the list of files, which does not change, and `now`. */
static void read_files(uv_work_t *work)
{
    struct look *look = CONTAINER_OF(work, struct look, work);

    config_files_now(look->config, &look->now);
}

static void on_looked(uv_work_t *work, int status);

static void begin(struct look *look, const struct config *config)
{
    look->config = config;
    CHECK(uv_queue_work(&look->loop->uv, &look->work, read_files, on_looked) == 0);
}

static void on_looked(uv_work_t *work, int status)
{
    struct look *look = CONTAINER_OF(work, struct look, work);
    const struct config *next = look->next;

    config_release(unconst(look->config));
    look->config = NULL;
    look->next = NULL;
    if (look->closing) {
        config_release(unconst(next));
    } else if (next != NULL) {
        begin(look, next);
    } else if (status == 0) {
        look->on_seen(look->context, &look->now);
    }
}

void look_start(struct look *look, const struct config *config)
{
    if (look->closing) {
        return;
    }
    if (look->config == NULL) {
        begin(look, config_hold(config));
        return;
    }
    config_release(unconst(look->next));
    look->next = config_hold(config);
}

void look_close(struct look *look)
{
    look->closing = true;
    if (look->config != NULL) {
        (void)uv_cancel((uv_req_t *)&look->work); /* or it ends by itself */
    }
}

bool look_is_closed(const struct look *look)
{
    return look->config == NULL;
}

void look_free(struct look *look)
{
    CHECK(look->config == NULL);
    mem_free(look);
}
