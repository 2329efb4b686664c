/* From the FILE and DIR words of the command line to the texts of test files: folders are walked,
 * suite manifests are replaced by the files that they name.
 *
 * Owner: everything lives in the arena given. All errors are reported, not only the first; with any
 * error nothing may be run. What is left out of a folder and is no error becomes a note: files that
 * are not tests (a compose file, package.json), links out of the folder, names of --exclude, and
 * folders of tools and packages (gather_tree.c has the list). A file that the caller named is left out
 * only if --exclude names it, with a note too.
 * Limits: 1,000 files, 256 MiB of text, folders 16 deep, 100,000 names in all. Hidden names are
 * passed over without a note. Linked folders are not entered (so there are no loops), linked files are
 * read only when they lie below the folder that was named, a manifest's files only below its folder. */
#ifndef CLI_GATHER_H
#define CLI_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "inspect.h"

enum {
    GATHER_MAX_FILES = 1000,
    GATHER_MAX_DEPTH = 16,
    GATHER_MAX_NAMES = 100000,
    GATHER_MAX_BYTES = 256 * 1024 * 1024,
    GATHER_READ_ROOM = 65536 /* read beyond the limit of a test file: a file that is a little larger
                              * is refused by the compiler, which names the limit */
};

struct test_source {
    struct str file;    /* as named, or the folder as named and the path below it */
    struct str goal;    /* of the manifest; empty: none */
    struct str journey; /* of the manifest; empty: none */
    struct str text;
    bool is_json;
    struct inspection inspection;
    /* private */
    bool walked; /* found in a folder: dropped where a manifest or the caller names it too */
    dev_t device;
    ino_t inode;
};

struct gather {
    struct dictionary *dictionary; /* manifests are read by testfile */
    struct arena *arena;
    const char *const *excludes; /* patterns of --exclude */
    size_t n_excludes;
    const struct testfile_variable *variables; /* of --var */
    size_t n_variables;
    bool lenient;
    struct test_source *items;
    size_t n;
    struct error_list *errors; /* what stops the run */
    struct error_list *notes;
    size_t n_passed_over; /* in folders; each has a note while there is room for notes */
    size_t n_names;       /* seen so far in folders */
    size_t n_bytes;
};

/* True: at least one file, no error. */
bool gather_paths(struct gather *gather, const char *const *paths, size_t n_paths);

#endif
