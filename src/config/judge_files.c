/* Files and sockets that the program writes or makes while it runs. Whether it can is judged before it starts. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/fd.h"
#include "config_internal.h"

struct written {
    const char *key;
    struct str file;  /* empty: none */
    bool is_appended; /* else a new one takes its place */
};

/* The folder of the file. */
static const char *folder_of(struct loader *loader, struct str file)
{
    size_t n = str_behind_last(file, '/');

    return n == 0 ? "." : arena_cstr(&loader->box->arena, str_sub(file, 0, n));
}

bool file_opens(struct loader *loader, const char *key, struct str file)
{
    struct error err = {0};
    int fd = fd_open_regular(arena_cstr(&loader->box->arena, file), &err);

    if (fd < 0) {
        return loader_fail(loader, "%s: cannot read the file %.*s: %s", key, SHOWN_FILE(file),
                           err.text);
    }
    (void)close(fd);
    return true;
}

static void judge_file(struct loader *loader, const struct written *written)
{
    const char *folder = folder_of(loader, written->file);
    const char *path = arena_cstr(&loader->box->arena, written->file);
    struct str shown = url_shown(written->file, SIZE_MAX); /* an address may stand in its place */
    bool is_there = access(path, F_OK) == 0;
    struct error err = {0};
    int fd;

    /* A file that exists is checked itself; its folder tells less. */
    if (is_there) {
        fd = fd_open_regular(path, &err);
        if (fd < 0) {
            loader_fail(loader, "%s: cannot use %.*s: %s", written->key, STR_ARG(shown), err.text);
            return;
        }
        (void)close(fd);
    }
    if (is_there && written->is_appended) {
        if (access(path, W_OK) != 0) {
            loader_fail(loader, "%s: cannot write %.*s: %s", written->key, STR_ARG(shown),
                        strerror(errno));
        }
    } else if (access(folder, W_OK | X_OK) != 0) {
        loader_fail(loader, "%s: cannot write %.*s: %s: %s", written->key, STR_ARG(shown),
                    str_eq(shown, written->file) ? folder : "its folder", strerror(errno));
    }
}

/* The service manager may have made the socket: only that there is a place for it is known. */
static void judge_socket(struct loader *loader, const char *key, struct str address)
{
    char path[ADDRESS_PATH_MAX];
    struct error err = {0};
    const char *folder;

    if (!address_is_unix(address) || address_read_unix(address, path, &err) != ERR_OK) {
        return;
    }
    folder = folder_of(loader, str_from(path));
    if (access(folder, F_OK) != 0) {
        loader_fail(loader, "%s: cannot make the socket %s: %s: %s", key, path, folder,
                    strerror(errno));
    }
}

void config_judge_files(struct loader *loader, const struct config *config)
{
    const struct written files[] = {
        {"sessions.snapshot_file", config->sessions.snapshot_file, false},
        {"audit.file", config->audit.file, true},
        {"analytics.file", config->analytics.file, true},
    };

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (files[i].file.len == 0) {
            continue;
        }
        judge_file(loader, &files[i]);
        for (size_t k = 0; k < i; k++) {
            if (str_eq(files[i].file, files[k].file)) {
                loader_fail(loader, "%s: %s writes this file; each needs one of its own",
                            files[i].key, files[k].key);
            }
        }
    }
    for (size_t i = 0; i < config->server.n_all; i++) {
        judge_socket(loader, "server.listen", config->server.all[i].address);
    }
    judge_socket(loader, "admin.listen", config->admin.listen);
}
