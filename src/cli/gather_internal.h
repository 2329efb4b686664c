/* What the two halves of gather share: reading (gather.c) and folders and manifests
 * (gather_tree.c). */
#ifndef CLI_GATHER_INTERNAL_H
#define CLI_GATHER_INTERNAL_H

#include "gather.h"

struct error *gather_error(struct gather *gather);
/* A note: `path` is not run, and why. */
void gather_pass_over(struct gather *gather, struct str path, const char *why);
/* Does --exclude name the path? */
bool gather_is_excluded(const struct gather *gather, struct str path);
/* The path without links, in `arena`; empty: it does not exist (errno says why). */
struct str gather_real(struct gather *gather, const char *path);
bool gather_is_below(struct str real, struct str real_root);
/* Reads the file at `path` and appends it as an item (file, goal, journey and walked are taken from
 * `source`). `regular_only`: refuses pipes and devices, which could block; a link at `path` is not
 * followed. A walked file that is not a test is passed over.
 * False: an error was added. */
bool gather_file(struct gather *gather, const char *path, const struct test_source *source,
                 bool regular_only);
/* Test files below the folder, in the order of their names. */
void gather_folder(struct gather *gather, const char *path);
/* If the item at `at` is a manifest, replaces it by the files that it names, and returns true. */
bool gather_expand(struct gather *gather, size_t at);

#endif
