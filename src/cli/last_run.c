/* The files that the last run left red, for --rerun-failed: one path a line, percent-encoded, in
 * $VIRTUOSO_PROXY_LAST_RUN, else in the user's state folder. A convenience: where it cannot be
 * written nothing is said, and --rerun-failed says so when it is asked. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/percent.h"
#include "gather_internal.h"
#include "run_internal.h"

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

static void take_lines(struct arena *arena, struct str text, struct last_run *out)
{
    struct str rest = text;
    struct str line;

    while (str_next(&rest, '\n', &line)) {
        out->n++;
    }
    out->files = arena_calloc(arena, out->n + 1, sizeof(*out->files));
    out->n = 0;
    while (str_next(&text, '\n', &line)) {
        if (percent_decode(arena, line, false, &out->files[out->n])) {
            out->n++;
        }
    }
}

bool last_run_read(struct arena *arena, struct str path, struct last_run *out)
{
    int fd = path.len > 0 ? open(arena_cstr(arena, path), O_RDONLY | O_CLOEXEC) : -1;
    struct buf text;
    bool ok;

    *out = (struct last_run){0};
    buf_init(&text, LAST_RUN_MAX_BYTES);
    ok = fd >= 0 && fd_read_all(fd, &text);
    if (ok) {
        take_lines(arena, buf_view(&text), out);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    buf_done(&text);
    return ok;
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

void last_run_write(struct cli_run *run)
{
    struct str path = last_run_path(&run->arena);
    struct str *reals = arena_calloc(&run->arena, run->gather.n + 1, sizeof(*reals));
    struct last_run last;
    struct buf text;
    int fd;

    if (path.len == 0 || run->options.dry_run) {
        return;
    }
    buf_init(&text, LAST_RUN_MAX_BYTES);
    for (size_t i = 0; i < run->gather.n; i++) {
        reals[i] = gather_real(&run->gather, arena_cstr(&run->arena, run->items[i].source->file));
        if (verdict_is_bad(run->items[i].verdict) && reals[i].len > 0) {
            put_line(&text, reals[i]);
        }
    }
    (void)last_run_read(&run->arena, path, &last);
    for (size_t i = 0; i < last.n; i++) {
        if (!was_run(run, reals, last.files[i])) {
            put_line(&text, last.files[i]);
        }
    }
    fd = fd_create(arena_cstr(&run->arena, path), O_TRUNC, FILE_MODE);
    if (fd >= 0) {
        (void)!fd_write_all(fd, buf_view(&text));
        (void)close(fd);
    }
    buf_done(&text);
}
