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
    ptrdiff_t slash = str_find_last(str_from(path), '/');

    return slash < 0 ? STR(".") : slash == 0 ? STR("/") : str_sub(str_from(path), 0, (size_t)slash);
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
