/* Remembers the files that the last run left red, for --rerun-failed. The list is in $VIRTUOSO_PROXY_LAST_RUN, else in
 * the user's state folder: one path a line, percent-encoded; the last line is "red N", N being the number of paths.
 * A user without a state folder gets no error from a run: only --rerun-failed says that nothing is remembered. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/percent.h"
#include "gather_internal.h"
#include "run_internal.h"

#define LAST_LINE "red "

enum { LAST_RUN_MAX_BYTES = 4 * 1024 * 1024, FILE_MODE = 0600 };

struct str last_run_path(struct arena *arena)
{
    static const char name[] = "virtuoso-proxy/last-run";
    const char *file = getenv("VIRTUOSO_PROXY_LAST_RUN");
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");

    if (file != NULL && file[0] != '\0') {
        return arena_str(arena, str_from(file));
    }
    if (state != NULL && state[0] == '/') {
        return arena_printf(arena, "%s/%s", state, name);
    }
    return home != NULL && home[0] == '/' ? arena_printf(arena, "%s/.local/state/%s", home, name)
                                          : STR_EMPTY;
}

/* False: `text` is not a whole list. */
static bool take_lines(struct arena *arena, struct str text, struct last_run *out)
{
    struct str rest = text;
    struct str line = STR_EMPTY;
    int64_t n_told = 0;
    size_t n = 0;

    while (str_next(&rest, '\n', &line)) {
        n++;
    }
    if (!str_ends(text, STR("\n")) || !str_starts(line, STR(LAST_LINE)) ||
        !str_to_i64(str_sub(line, sizeof(LAST_LINE) - 1, line.len), 0, LAST_RUN_MAX_BYTES,
                    &n_told) ||
        n != (size_t)n_told + 1) {
        return false;
    }
    out->files = arena_calloc(arena, n, sizeof(*out->files));
    while (out->n < n - 1 && str_next(&text, '\n', &line)) {
        if (!percent_decode(arena, line, false, &out->files[out->n])) {
            return false;
        }
        out->n++;
    }
    return true;
}

enum last_run_state last_run_read(struct arena *arena, struct str path, struct last_run *out)
{
    int fd = path.len > 0 ? open(arena_cstr(arena, path), O_RDONLY | O_CLOEXEC) : -1;
    struct buf text;
    bool ok;

    *out = (struct last_run){0};
    if (fd < 0) {
        return LAST_RUN_NONE;
    }
    buf_init(&text, LAST_RUN_MAX_BYTES);
    ok = fd_read_all(fd, &text);
    (void)close(fd);
    ok = take_lines(arena, arena_take(arena, &text), out) && ok;
    if (!ok) {
        *out = (struct last_run){0};
    }
    return ok ? LAST_RUN_READ : LAST_RUN_DAMAGED;
}

bool last_run_has(const struct last_run *last, struct str file)
{
    for (size_t i = 0; i < last->n; i++) {
        if (str_eq(last->files[i], file)) {
            return true;
        }
    }
    return false;
}

static void put_line(struct buf *out, struct str file)
{
    percent_encode(out, file);
    buf_char(out, '\n');
}

static bool was_run(const struct cli_run *run, const struct str *reals, struct str file)
{
    for (size_t i = 0; i < run->gather.n; i++) {
        if (str_eq(reals[i], file) && run->items[i].verdict != VERDICT_SKIPPED) {
            return true;
        }
    }
    return false;
}

/* ---- writing ---- */

static bool write_in_place(const char *path, struct str bytes)
{
    int fd = fd_create(path, O_TRUNC, FILE_MODE);
    bool ok = fd >= 0 && fd_write_all(fd, bytes);
    int error = errno;

    if (fd >= 0) {
        (void)close(fd);
    }
    errno = error;
    return ok;
}

/* True: the error says that this user cannot have a new file there. */
static bool lacks_place(int error)
{
    return error == EACCES || error == EPERM || error == EROFS || error == ENOENT ||
           error == ENOTDIR;
}

/* Replaces the file. A link or a device stays one: the list is written through it. */
static bool replace(const char *path, const char *part, struct str bytes)
{
    struct stat status;
    bool is_there = lstat(path, &status) == 0;
    int error;

    if (is_there && !S_ISREG(status.st_mode)) {
        return write_in_place(path, bytes);
    }
    if (fd_replace(path, part, bytes, FILE_MODE)) {
        return true;
    }
    error = errno;
    if (is_there && (lacks_place(error) || error == EBUSY)) { /* EBUSY: the file is a mount */
        return write_in_place(path, bytes);
    }
    (void)unlink(path); /* else the list of an earlier run would pass for the last one's */
    errno = error;
    return false;
}

static void put_red(struct cli_run *run, struct str path, struct buf *out)
{
    struct str *reals = arena_calloc(&run->arena, run->gather.n + 1, sizeof(*reals));
    struct last_run last;
    size_t n = 0;

    for (size_t i = 0; i < run->gather.n; i++) {
        reals[i] = gather_real(&run->gather, arena_cstr(&run->arena, run->items[i].source->file));
        if (verdict_is_bad(run->items[i].verdict) && reals[i].len > 0) {
            put_line(out, reals[i]);
            n++;
        }
    }
    (void)last_run_read(&run->arena, path, &last);
    for (size_t i = 0; i < last.n; i++) {
        if (!was_run(run, reals, last.files[i])) {
            put_line(out, last.files[i]);
            n++;
        }
    }
    buf_printf(out, LAST_LINE "%zu\n", n);
}

bool last_run_write(struct cli_run *run)
{
    struct str path = last_run_path(&run->arena);
    struct str part = arena_printf(&run->arena, "%.*s.%ld.part", STR_ARG(path), (long)getpid());
    const char *asked = getenv("VIRTUOSO_PROXY_LAST_RUN");
    bool is_asked = asked != NULL && asked[0] != '\0';
    struct buf text;
    bool ok;
    int error;

    if (path.len == 0 || run->options.dry_run) {
        return true;
    }
    buf_init(&text, LAST_RUN_MAX_BYTES);
    put_red(run, path, &text);
    /* A list that is too long to be read again is written as an empty file. That is read as damaged: all files run. */
    ok = replace(path.ptr, part.ptr, buf_ok(&text) ? buf_view(&text) : STR_EMPTY);
    error = errno;
    buf_done(&text);
    if (!ok && !is_asked && lacks_place(error) && access(path.ptr, F_OK) != 0) {
        return true;
    }
    errno = error;
    return ok;
}
