/* A new configuration replaces another one while the program runs: which options differ, which of them
 * wait for the next start, and whether the files of a configuration have changed. */
#include <sys/stat.h>

#include "base/mem.h"
#include "config_internal.h"

void loader_note_file(struct loader *loader, const char *path, struct str content)
{
    struct config_box *box = loader->box;
    struct config_file *file;

    box->files = arena_room(&box->arena, box->files, box->n_files, sizeof(*box->files));
    file = &box->files[box->n_files++];
    file->path = arena_cstr(&box->arena, str_from(path));
    digest_of(content, &file->content);
}

static const struct config_box *box_of(const struct config *config)
{
    return (const struct config_box *)config;
}

const char *config_file(const struct config *config, size_t index)
{
    return index < box_of(config)->n_files ? box_of(config)->files[index].path : NULL;
}

static void mix(const struct digest *parts, size_t n, struct digest *out)
{
    digest_of((struct str){(const char *)parts, n * sizeof(*parts)}, out);
}

void config_files_now(const struct config *config, struct digest *out)
{
    const struct config_box *box = box_of(config);
    struct digest *parts = mem_calloc(box->n_files + 1, sizeof(*parts));

    for (size_t i = 0; i < box->n_files; i++) {
        struct error ignored = {0};
        struct buf text;

        buf_init(&text, CONFIG_FILE_MAX);
        (void)!fd_read_file(box->files[i].path, &text, &ignored); /* a missing file is empty */
        digest_of(buf_view(&text), &parts[i]);
        wipe_secret_file(&text);
    }
    mix(parts, box->n_files, out);
    mem_free(parts);
}

void config_files_then(const struct config *config, struct digest *out)
{
    const struct config_box *box = box_of(config);
    struct digest *parts = mem_calloc(box->n_files + 1, sizeof(*parts));

    for (size_t i = 0; i < box->n_files; i++) {
        parts[i] = box->files[i].content;
    }
    mix(parts, box->n_files, out);
    mem_free(parts);
}

void config_files_mark(const struct config *config, struct digest *out)
{
    const struct config_box *box = box_of(config);
    struct digest *parts = mem_calloc(box->n_files + 1, sizeof(*parts));

    for (size_t i = 0; i < box->n_files; i++) {
        struct stat info;
        uint64_t numbers[5] = {0}; /* stay 0 for a missing file */

        if (stat(box->files[i].path, &info) == 0) {
            numbers[0] = (uint64_t)info.st_dev;
            numbers[1] = (uint64_t)info.st_ino;
            numbers[2] = (uint64_t)info.st_size;
            numbers[3] = (uint64_t)info.st_mtim.tv_sec;
            numbers[4] = (uint64_t)info.st_mtim.tv_nsec;
        }
        digest_of((struct str){(const char *)numbers, sizeof(numbers)}, &parts[i]);
    }
    mix(parts, box->n_files, out);
    mem_free(parts);
}

/* The digest of what the file held when the configuration was loaded; NULL: there is no such file. */
static const struct digest *content_of(const struct config *config, struct str path)
{
    const struct config_box *box = box_of(config);

    for (size_t i = 0; i < box->n_files; i++) {
        if (str_is(path, box->files[i].path)) {
            return &box->files[i].content;
        }
    }
    return NULL;
}

static bool is_same_file(const struct config *before, const struct config *after, struct str path)
{
    const struct digest *a = content_of(before, path);
    const struct digest *b = content_of(after, path);

    return (a == NULL) == (b == NULL) && (a == NULL || digest_equal(a, b));
}

/* Have the files that the option names the same content? The texts of the option are equal already. */
static bool are_same_files(const struct config *before, const struct config *after,
                           const struct option_row *row)
{
    const struct config_texts *paths = option_field(after, row);

    if (row->type == OPTION_LISTENERS) {
        return listeners_have_same_files(before, after, is_same_file);
    }
    if (row->type == OPTION_FILE) {
        return is_same_file(before, after, *(const struct str *)option_field(after, row));
    }
    for (size_t i = 0; row->type == OPTION_FILES && i < paths->n; i++) {
        if (!is_same_file(before, after, paths->items[i])) {
            return false;
        }
    }
    return true;
}

static bool is_same_text(const struct config *before, const struct config *after,
                         const struct option_row *row)
{
    struct buf a;
    struct buf b;
    bool same;

    buf_init(&a, CONFIG_FILE_MAX);
    buf_init(&b, CONFIG_FILE_MAX);
    option_kind_of(row)->print(&a, before, row);
    option_kind_of(row)->print(&b, after, row);
    same = str_eq(buf_view(&a), buf_view(&b));
    buf_done(&a);
    buf_done(&b);
    return same;
}

static bool is_same(const struct config *before, const struct config *after,
                    const struct option_row *row)
{
    if (row->type == OPTION_SECRET) {
        return str_eq(secret_reveal(option_field(before, row)),
                      secret_reveal(option_field(after, row)));
    }
    return (map_list_of(row) != NULL ? maps_are_same(before, after, row)
                                     : is_same_text(before, after, row)) &&
           are_same_files(before, after, row);
}

bool config_changes(const struct config *before, const struct config *after,
                    config_change_fn on_change, void *context)
{
    size_t n;
    const struct option_row *rows = config_options(&n);
    bool any = false;

    for (size_t i = 0; i < n; i++) {
        if (!is_same(before, after, &rows[i])) {
            any = true;
            on_change(context, &rows[i]);
        }
    }
    return any;
}

bool config_is_tls(const struct option_row *row)
{
    struct str key = str_from(row->key);

    return str_starts(key, STR("server.tls_")) || str_starts(key, STR("server.client_")) ||
           row->type == OPTION_LISTENERS;
}

bool config_change_waits(const struct config *running, const struct config *fresh,
                         const struct option_row *row)
{
    bool has_none = running->server.tls_certificate_file.len == 0 ||
                    fresh->server.tls_certificate_file.len == 0;

    if (row->type == OPTION_LISTENERS) {
        return !config_same_places(running, fresh);
    }
    return row->at_start || (config_is_tls(row) && has_none);
}

struct config_texts texts_copy(struct arena *arena, const struct str *items, size_t n)
{
    struct str *copy = arena_calloc(arena, n + 1, sizeof(*copy));

    for (size_t i = 0; i < n; i++) {
        copy[i] = arena_str(arena, items[i]);
    }
    return (struct config_texts){copy, n};
}

static void keep(struct config *fresh, const struct config *running, const struct option_row *row)
{
    struct arena *arena = &((struct config_box *)fresh)->arena;
    size_t bytes = option_kind_of(row)->bytes;
    const void *from = option_field(running, row);
    void *to = option_field(fresh, row);

    if (row->type == OPTION_SECRET) {
        secret_set(to, secret_reveal(from));
    } else if (bytes > 0) { /* OPTION_WORDS, too: a list by its text, but bits in memory */
        mem_copy(to, from, bytes);
    } else if (option_is_list(row)) {
        const struct config_texts *texts = from;

        *(struct config_texts *)to = texts_copy(arena, texts->items, texts->n);
    } else {
        *(struct str *)to = arena_str(arena, *(const struct str *)from);
    }
}

void config_keep(struct config *fresh, const struct config *running)
{
    bool waits[OPTIONS_MAX]; /* all are judged before the first one is put back */
    size_t n;
    const struct option_row *rows = config_options(&n);

    for (size_t i = 0; i < n; i++) {
        waits[i] = rows[i].type != OPTION_LISTENERS && /* kept by listeners_keep */
                   config_change_waits(running, fresh, &rows[i]);
    }
    for (size_t i = 0; i < n; i++) {
        if (waits[i]) {
            keep(fresh, running, &rows[i]);
        }
    }
    listeners_keep((struct config_box *)fresh, running);
}
