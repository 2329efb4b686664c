#include "gather_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "testfile/testfile.h"

struct error *gather_error(struct gather *gather)
{
    return error_list_add(gather->errors);
}

void gather_pass_over(struct gather *gather, struct str path, const char *why)
{
    gather->n_passed_over++;
    (void)error_set(error_list_add(gather->notes), ERR_INVALID, "%.*s: passed over, %s",
                    STR_ARG(path), why);
}

/* A pattern without '/' is compared with the last name of the path, as in a .gitignore. Any other is
 * compared with the path as it was named, and with each rest of the path that begins behind a '/'. */
static bool pattern_matches(const char *pattern, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = strlen(pattern);

    if (strchr(pattern, '/') == NULL) {
        return fnmatch(pattern, slash != NULL ? slash + 1 : path, 0) == 0;
    }
    if (pattern[len - 1] == '/') { /* "fixtures/": the folder and all below it */
        return strstr(path, pattern) != NULL ||
               str_ends(str_from(path), (struct str){pattern, len - 1});
    }
    for (const char *at = path; at != NULL; at = strchr(at, '/')) {
        at += at != path ? 1 : 0;
        if (fnmatch(pattern, at, 0) == 0) {
            return true;
        }
        at += *at == '/' ? 1 : 0;
    }
    return false;
}

bool gather_is_excluded(const struct gather *gather, struct str path)
{
    for (size_t i = 0; i < gather->n_excludes; i++) {
        if (gather->excludes[i][0] != '\0' &&
            pattern_matches(gather->excludes[i], arena_cstr(gather->arena, path))) {
            return true;
        }
    }
    return false;
}

struct str gather_real(struct gather *gather, const char *path)
{
    char room[PATH_MAX];

    return realpath(path, room) != NULL ? arena_str(gather->arena, str_from(room)) : STR_EMPTY;
}

bool gather_is_below(struct str real, struct str real_root)
{
    if (str_is(real_root, "/")) {
        return real.len > 1;
    }
    return str_starts(real, real_root) && real.len > real_root.len &&
           real.ptr[real_root.len] == '/';
}

/* ---- reading ---- */

static bool is_json(struct str file, struct str text)
{
    if (str_starts(text, STR("\xEF\xBB\xBF"))) {
        text = str_sub(text, 3, text.len);
    }
    text = str_trim(text);
    return str_ends(file, STR(".json")) || (text.len > 0 && text.ptr[0] == '{');
}

static bool check_file(int fd, bool regular_only, struct stat *out)
{
    if (fd < 0 || fstat(fd, out) != 0) {
        return false;
    }
    if (S_ISDIR(out->st_mode) || (regular_only && !S_ISREG(out->st_mode))) {
        errno = S_ISDIR(out->st_mode) ? EISDIR : EINVAL;
        return false;
    }
    return true;
}

static void keep_text(struct gather *gather, const struct test_source *source, struct str text,
                      const struct stat *status)
{
    struct test_source made = *source;
    const struct inspect_options options = {
        .dictionary = gather->dictionary,
        .file = source->file,
        .is_json = is_json(source->file, text),
        .variables = gather->variables,
        .n_variables = gather->n_variables,
        .lenient = gather->lenient,
    };

    inspect_file(gather->arena, text, &options, &made.inspection);
    if (made.walked && made.inspection.other != NULL) {
        const char *why = arena_printf(gather->arena, "not a test: %s", made.inspection.other).ptr;

        gather_pass_over(gather, made.file, why);
        return;
    }
    made.is_json = options.is_json;
    made.text = arena_str(gather->arena, text);
    made.device = status->st_dev;
    made.inode = status->st_ino;
    gather->items[gather->n++] = made;
    gather->n_bytes += text.len;
}

bool gather_file(struct gather *gather, const char *path, const struct test_source *source,
                 bool regular_only)
{
    struct stat status;
    struct buf text;
    int fd;
    bool ok;

    if (gather->n >= GATHER_MAX_FILES || gather->n_bytes > GATHER_MAX_BYTES) {
        (void)error_set(gather_error(gather), ERR_TOO_BIG,
                        "more than %d files or %d MiB of text at once: stopped at %.*s",
                        GATHER_MAX_FILES, GATHER_MAX_BYTES >> 20, STR_ARG(source->file));
        return false;
    }
    fd = str_is(str_from(path), "-")
             ? dup(STDIN_FILENO)
             : open(path, O_RDONLY | O_CLOEXEC | (regular_only ? O_NONBLOCK | O_NOFOLLOW : 0));
    buf_init(&text, TESTFILE_MAX_BYTES + GATHER_READ_ROOM);
    ok = check_file(fd, regular_only, &status) && fd_read_all(fd, &text);
    if (ok) {
        keep_text(gather, source, buf_view(&text), &status);
    } else if (source->walked && errno == EFBIG) {
        gather_pass_over(gather, source->file, "too large for a test");
        ok = true;
    } else {
        (void)error_set(gather_error(gather), ERR_IO, "cannot read %.*s: %s", STR_ARG(source->file),
                        strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    buf_done(&text);
    return ok;
}

/* ---- all ---- */

static void gather_word(struct gather *gather, const char *path)
{
    struct stat status;
    struct test_source source = {.file = str_is(str_from(path), "-") ? STR("(standard input)")
                                                                     : str_from(path)};

    if (gather_is_excluded(gather, source.file)) {
        gather_pass_over(gather, source.file, "excluded");
    } else if (!str_is(str_from(path), "-") && stat(path, &status) == 0 &&
               S_ISDIR(status.st_mode)) {
        gather_folder(gather, path);
    } else {
        (void)gather_file(gather, path, &source, false);
    }
}

/* True: the item was found in a folder, and the same file is named by a manifest or the caller, or was found
 * before. The other item is the one that runs. */
static bool is_extra(const struct gather *gather, size_t at)
{
    const struct test_source *item = &gather->items[at];

    for (size_t i = 0; item->walked && i < gather->n; i++) {
        const struct test_source *other = &gather->items[i];

        if (i != at && item->device == other->device && item->inode == other->inode &&
            (!other->walked || i < at)) {
            return true;
        }
    }
    return false;
}

static void drop_extras(struct gather *gather)
{
    struct test_source *kept = arena_calloc(gather->arena, GATHER_MAX_FILES, sizeof(*kept));
    size_t n = 0;

    for (size_t i = 0; i < gather->n; i++) {
        if (!is_extra(gather, i)) {
            kept[n++] = gather->items[i];
        }
    }
    gather->items = kept;
    gather->n = n;
}

static void say_nothing_there(struct gather *gather)
{
    if (gather->n_passed_over > 0) {
        (void)error_set(gather_error(gather), ERR_INVALID,
                        "no test files there; %zu %s passed over (--verbose tells why)",
                        gather->n_passed_over, gather->n_passed_over == 1 ? "name" : "names");
    } else {
        (void)error_set(gather_error(gather), ERR_INVALID,
                        "no test files there: *.yaml, *.yml or *.json are looked for in folders");
    }
}

bool gather_paths(struct gather *gather, const char *const *paths, size_t n_paths)
{
    gather->items = arena_calloc(gather->arena, GATHER_MAX_FILES, sizeof(*gather->items));
    gather->n = 0;
    for (size_t i = 0; i < n_paths; i++) {
        gather_word(gather, paths[i]);
    }
    for (size_t at = 0; at < gather->n;) {
        at += gather_expand(gather, at) ? 0 : 1; /* no manifest comes in its place, so this ends */
    }
    drop_extras(gather);
    if (gather->n == 0 && gather->errors->n == 0) {
        say_nothing_there(gather);
    }
    return gather->errors->n == 0;
}
