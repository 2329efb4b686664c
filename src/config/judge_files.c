/* Judges before the start whether the program can write its files and make its sockets. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "base/fd.h"
#include "config_internal.h"

struct written {
    const char *key;
    struct str file;  /* empty: none */
    bool is_appended; /* else a new file replaces it */
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
    struct str shown = url_shown(written->file, SIZE_MAX); /* it may be an address by mistake */
    bool is_there = access(path, F_OK) == 0;
    struct error err = {0};
    int fd;

    /* A file that exists is checked itself, since its folder proves less. */
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

/* ---- where sockets listen ---- */

struct listening {
    const char *key;
    struct str address;
};

/* The service manager may have made the socket, so our rights do not count. Only two things are checked: the folder
 * exists, and no other kind of file is in the place. */
static void judge_socket(struct loader *loader, const struct listening *place)
{
    char path[ADDRESS_PATH_MAX];
    struct error err = {0};
    struct stat status;
    const char *folder;

    if (!address_is_unix(place->address) ||
        address_read_unix(place->address, path, &err) != ERR_OK) {
        return;
    }
    folder = folder_of(loader, str_from(path));
    if (access(folder, F_OK) != 0) {
        loader_fail(loader, "%s: cannot make the socket %s: %s: %s", place->key, path, folder,
                    strerror(errno));
    } else if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode)) {
        loader_fail(loader, "%s: cannot make the socket %s: what is there is no socket", place->key,
                    path);
    }
}

static bool is_any(const struct address *address)
{
    return str_is(str_from(address->host), address->is_v6 ? "::" : "0.0.0.0");
}

/* Do both listen at one address? 0.0.0.0 includes every IPv4 address, and :: every address. Port 0 never clashes, as
 * each socket then gets a free port. */
static bool are_same(struct str a, struct str b)
{
    struct address x = {.host = ""};
    struct address y = {.host = ""};

    if (address_is_unix(a) || address_is_unix(b)) {
        return str_eq(a, b);
    }
    if (address_read(a, &x, NULL) != ERR_OK || address_read(b, &y, NULL) != ERR_OK ||
        x.port != y.port || x.port == 0) {
        return false;
    }
    return str_eq(str_from(x.host), str_from(y.host)) || (is_any(&x) && (x.is_v6 || !y.is_v6)) ||
           (is_any(&y) && (y.is_v6 || !x.is_v6));
}

static void judge_listening(struct loader *loader, const struct config *config)
{
    struct listening *all =
        arena_calloc(&loader->box->arena, config->server.n_all + 2, sizeof(*all));
    bool has_first = !str_is(config->server.listen, "none");
    /* LISTEN_FDS: a service manager opened the server's sockets, and the addresses in the options do not count. */
    bool are_passed = environment_get(loader, STR("LISTEN_FDS")).len > 0;
    size_t n = 0;

    for (; n < config->server.n_all && !are_passed; n++) {
        all[n].key = n == 0 && has_first ? "server.listen" : "server.listeners";
        all[n].address = config->server.all[n].address;
    }
    if (config->admin.listen.len > 0) {
        all[n++] = (struct listening){"admin.listen", config->admin.listen};
    }
    if (config->sandbox.enabled) {
        all[n++] = (struct listening){"sandbox.listen", config->sandbox.listen};
    }
    for (size_t i = 0; i < n; i++) {
        judge_socket(loader, &all[i]);
        for (size_t k = 0; k < i; k++) {
            if (are_same(all[i].address, all[k].address)) {
                loader_fail(loader,
                            "%s: at %.*s another one listens (%s: %.*s); each needs an address of "
                            "its own",
                            all[i].key, SHOWN(all[i].address), all[k].key, SHOWN(all[k].address));
            }
        }
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
    judge_listening(loader, config);
}
