/* Folders and manifests: the two ways to files that the caller did not name one by one. A file is read
 * only if it lies, with its links resolved, below the folder that was named or that of the manifest. */
#include "gather_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "testfile/testfile.h"

/* ---- folders ---- */

struct walk {
    struct gather *gather;
    struct str real_root;
};

static int by_text(const void *left, const void *right)
{
    const struct str *a = left;
    const struct str *b = right;

    return str_compare(*a, *b);
}

struct names {
    struct str *items;
    size_t n;
};

static bool read_names(struct gather *gather, const char *path, struct names *out)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    bool ok = true;

    if (folder == NULL) {
        (void)error_set(gather_error(gather), ERR_IO, "cannot read the folder %s: %s", path,
                        strerror(errno));
        return false;
    }
    while (ok && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        ok = ++gather->n_names <= GATHER_MAX_NAMES;
        out->items = arena_room(gather->arena, out->items, out->n, sizeof(*out->items));
        out->items[out->n++] = arena_str(gather->arena, str_from(entry->d_name));
    }
    (void)closedir(folder);
    if (!ok) {
        (void)error_set(gather_error(gather), ERR_TOO_BIG, "more than %d names below the folders",
                        GATHER_MAX_NAMES);
    }
    if (out->n > 1) {
        qsort(out->items, out->n, sizeof(*out->items), by_text);
    }
    return ok;
}

/* Folders of packages and of build output, which hold no tests of the user. Add one by adding a word.
 * (Hidden folders need no word: hidden names are passed over without a note.) */
static const char *const foreign_folders[] = {
    "node_modules", "bower_components", "vendor", "build",    "dist",
    "target",       "__pycache__",      "venv",   "coverage",
};

static void note(struct gather *gather, const char *path, const char *why)
{
    gather_pass_over(gather, str_from(path), why);
}

/* A link is followed only to a file below the folder: mounted volumes hold such links. Otherwise a
 * stranger's folder could link to other files of the user and have them sent. */
static void walk_link(const struct walk *walk, const char *path)
{
    const struct test_source source = {.file = str_from(path), .walked = true};
    struct str real = gather_real(walk->gather, path);
    struct stat status;

    if (real.len == 0 || stat(path, &status) != 0) {
        note(walk->gather, path, "a link to nothing");
    } else if (S_ISDIR(status.st_mode)) {
        note(walk->gather, path, "a link to a folder");
    } else if (!gather_is_below(real, walk->real_root)) {
        note(walk->gather, path, "a link out of the folder");
    } else if (S_ISREG(status.st_mode)) {
        (void)gather_file(walk->gather, real.ptr, &source, true);
    } else {
        note(walk->gather, path, "a link to what is no file");
    }
}

static bool walk_folder(const struct walk *walk, const char *path, unsigned depth);

static bool walk_below(const struct walk *walk, const char *path, unsigned depth)
{
    struct str named = str_from(path);
    struct str name = str_sub(named, str_behind_last(named, '/'), named.len);
    const char *why = str_in(name, foreign_folders, ARRAY_LEN(foreign_folders))
                          ? "a folder of a tool; name it to run what is in it"
                      : gather_is_excluded(walk->gather, named) ? "excluded"
                                                                : NULL;

    if (why != NULL) {
        note(walk->gather, path, why);
        return true;
    }
    return walk_folder(walk, path, depth + 1);
}

/* False: the walk ends here; an error was added. */
static bool walk_name(const struct walk *walk, const char *path, unsigned depth)
{
    const struct test_source source = {.file = str_from(path), .walked = true};
    bool wanted = str_ends_nocase(source.file, STR(".yaml")) ||
                  str_ends_nocase(source.file, STR(".yml")) ||
                  str_ends_nocase(source.file, STR(".json"));
    struct stat status;

    if (lstat(path, &status) != 0) {
        note(walk->gather, path, strerror(errno));
    } else if (S_ISDIR(status.st_mode)) {
        return walk_below(walk, path, depth);
    } else if (wanted && gather_is_excluded(walk->gather, source.file)) {
        note(walk->gather, path, "excluded");
    } else if (S_ISLNK(status.st_mode)) {
        if (wanted) {
            walk_link(walk, path);
        }
    } else if (wanted && S_ISREG(status.st_mode)) {
        return gather_file(walk->gather, path, &source, true) || walk->gather->n < GATHER_MAX_FILES;
    } else if (wanted) {
        note(walk->gather, path, "no file to read");
    }
    return true;
}

static bool walk_folder(const struct walk *walk, const char *path, unsigned depth)
{
    struct gather *gather = walk->gather;
    struct names names = {0};
    struct str above = str_is(str_from(path), ".") ? STR_EMPTY : str_from(path);
    struct str slash = above.len == 0 || str_ends(above, STR("/")) ? STR_EMPTY : STR("/");

    if (depth > GATHER_MAX_DEPTH) {
        (void)error_set(gather_error(gather), ERR_TOO_BIG, "folders more than %d deep: %s",
                        GATHER_MAX_DEPTH, path);
        return false;
    }
    if (!read_names(gather, path, &names)) {
        return false;
    }
    for (size_t i = 0; i < names.n; i++) {
        struct str child = arena_printf(gather->arena, "%.*s%.*s%.*s", STR_ARG(above),
                                        STR_ARG(slash), STR_ARG(names.items[i]));

        if (!walk_name(walk, child.ptr, depth)) {
            return false;
        }
    }
    return true;
}

void gather_folder(struct gather *gather, const char *path)
{
    const struct walk walk = {.gather = gather, .real_root = gather_real(gather, path)};

    (void)walk_folder(&walk, path, 1);
}

/* ---- manifests ---- */

static const char *refusal_of(struct str path)
{
    struct str rest = path;
    struct str part;

    if (str_find_char(path, '\0') >= 0) {
        return "holds a NUL";
    }
    if (str_starts(path, STR("/"))) {
        return "is absolute; it must be relative to the manifest";
    }
    while (str_next(&rest, '/', &part)) {
        if (str_is(part, "..")) {
            return "holds \"..\"; only files below the manifest's folder are read";
        }
    }
    return NULL;
}

static void entry_error(struct gather *gather, const struct test_source *manifest,
                        const struct testfile_manifest_entry *entry, const char *why)
{
    (void)error_set(gather_error(gather), ERR_INVALID, "%.*s:%u:%u: \"%.*s\" %s",
                    STR_ARG(manifest->file), entry->line, entry->column, STR_ARG(entry->path), why);
}

static void add_entry(struct gather *gather, const struct test_source *manifest,
                      const struct testfile_manifest_entry *entry)
{
    /* The folder of the manifest, with its '/'; empty for a manifest in the working folder. */
    struct str folder = str_sub(manifest->file, 0, str_behind_last(manifest->file, '/'));
    struct str root = gather_real(gather, folder.len > 0 ? arena_cstr(gather->arena, folder) : ".");
    const char *why = refusal_of(entry->path);
    struct test_source source = {.goal = entry->goal, .journey = entry->journey};
    struct str real;

    if (why != NULL) {
        entry_error(gather, manifest, entry, why);
        return;
    }
    source.file = arena_printf(gather->arena, "%.*s%.*s", STR_ARG(folder), STR_ARG(entry->path));
    real = gather_real(gather, source.file.ptr);
    if (real.len == 0) {
        entry_error(gather, manifest, entry, "does not exist");
    } else if (!gather_is_below(real, root)) {
        entry_error(gather, manifest, entry, "is a link out of the manifest's folder");
    } else {
        (void)gather_file(gather, real.ptr, &source, true);
    }
}

static void add_problems(struct gather *gather, const struct test_source *manifest,
                         const struct testfile_problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        const struct testfile_problem *problem = &problems->items[i];

        if (problem->severity == TESTFILE_ERROR) {
            (void)error_set(gather_error(gather), ERR_UNPROCESSABLE, "%.*s:%u:%u: %.*s",
                            STR_ARG(manifest->file), problem->line, problem->column,
                            STR_ARG(problem->detail));
        }
    }
}

static bool compile(struct gather *gather, const struct test_source *source, struct testfile *out,
                    struct testfile_problems *problems)
{
    const struct testfile_options options = {
        .file = source->file, .kind = source->is_json ? TESTFILE_JSON : TESTFILE_YAML};

    *out = (struct testfile){0};
    /* A text without this word is no manifest. inspect_file has compiled it as a test already. */
    if (!str_contains(source->text, STR("goals"))) {
        return false;
    }
    return (testfile_compile(gather->dictionary, gather->arena, source->text, &options, out,
                             problems) == ERR_OK ||
            problems->n_errors > 0) && /* a manifest with errors is still one */
           out->format == TESTFILE_FORMAT_SUITE;
}

/* Moves the last `n` items to `at`; they keep their order. */
static void move_to(struct gather *gather, size_t at, size_t n)
{
    struct test_source *from = &gather->items[gather->n - n];
    struct test_source *last = mem_dup(from, n * sizeof(*last));

    memmove(&gather->items[at + n], &gather->items[at],
            (gather->n - n - at) * sizeof(*gather->items));
    mem_copy(&gather->items[at], last, n * sizeof(*last));
    mem_free(last);
}

bool gather_expand(struct gather *gather, size_t at)
{
    const struct test_source manifest = gather->items[at];
    struct testfile_problems problems = {0};
    struct testfile file;
    size_t n_before;
    bool nested = false;

    if (manifest.goal.len > 0 || manifest.journey.len > 0 ||
        !compile(gather, &manifest, &file, &problems)) {
        return false;
    }
    gather->n--;
    memmove(&gather->items[at], &gather->items[at + 1], (gather->n - at) * sizeof(manifest));
    add_problems(gather, &manifest, &problems);
    n_before = gather->n;
    for (size_t i = 0; i < file.n_manifest; i++) {
        add_entry(gather, &manifest, &file.manifest[i]);
    }
    for (size_t i = n_before; i < gather->n; i++) {
        if (compile(gather, &gather->items[i], &(struct testfile){0},
                    &(struct testfile_problems){0})) {
            nested = true;
            (void)error_set(gather_error(gather), ERR_INVALID,
                            "%.*s names %.*s, which is a manifest too; name its files instead",
                            STR_ARG(manifest.file), STR_ARG(gather->items[i].file));
        }
    }
    gather->n = nested ? n_before : gather->n; /* a manifest that names itself would never end */
    move_to(gather, at, gather->n - n_before);
    return true;
}
