/* What the files of `completion` share: completion.c (bash, zsh and the subcommand) and
 * completion_fish.c. Everything comes from the tables of subcommands, options and commands. */
#ifndef APP_COMPLETION_H
#define APP_COMPLETION_H

#include "base/buf.h"
#include "base/map.h"
#include "catalog/catalog.h"
#include "config/config.h"
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
    struct map map;
    struct prefix *first;
    struct prefix **end;
    struct arena *arena;
};

void completion_put_command_options(struct buf *out, const struct command *command);
bool completion_is_file_option(const struct argument *row);
bool completion_is_set(const struct argument *row);
/* "server.listen= auth.mode= ..." */
void completion_put_keys(struct buf *out);

void completion_put_fish(struct buf *out, const struct prefixes *all);

#endif
