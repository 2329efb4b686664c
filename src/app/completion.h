/* What the files of `completion` share: completion.c (bash, zsh and the subcommand) and
 * completion_fish.c. Everything comes from the tables of subcommands, options and commands. */
#ifndef APP_COMPLETION_H
#define APP_COMPLETION_H

#include "base/buf.h"
#include "base/map.h"
#include "catalog/catalog.h"
#include "config/config.h"
#include "config/option.h"
#include "subcommands.h"

enum { WORDS_MAX = 4096 };

/* What may follow the words so far: "step-interact" is followed by "click double-click ...". */
struct prefix {
    struct map_node node;
    struct str words;
    struct buf next;
    const struct command *command; /* the words are a whole command; NULL: not yet */
    struct prefix *after;          /* in the order in which they were met */
};

struct prefixes {
    const struct catalog *catalog;
    struct map map;
    struct prefix *first;
    struct prefix **end;
    struct arena *arena;
};

/* " --position-on-element --variable ..." */
void completion_put_command_options(struct buf *out, const struct command *command);
/* Patterns ("*.yaml *.yml") of the files that an option or a subcommand of this name takes; "*" any. */
const char *completion_file_kind(const char *name);
bool completion_takes_files(const struct subcommand *sub);
bool completion_is_file_option(const struct argument *row);
bool completion_is_set(const struct argument *row);
/* All values that an option of the configuration may have; NULL: too many to list. */
const char *completion_key_words(const struct option_row *row);
/* "serve sandbox ... " */
void completion_put_subcommand_names(struct buf *out);

void completion_put_fish(struct buf *out, const struct prefixes *all);

#endif
