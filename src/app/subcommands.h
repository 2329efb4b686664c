/* The subcommands as rows (main.c): dispatch, --help, shell completion and the man page come from
 * the same table. */
#ifndef APP_SUBCOMMANDS_H
#define APP_SUBCOMMANDS_H

#include "arguments.h"

struct subcommand {
    const char *name;
    const char *summary;
    const char *operands; /* "FILE...", or "" for none */
    const struct argument *arguments;
    int (*run)(struct arguments *arguments);
};

const struct subcommand *subcommands_all(size_t *out_n);

/* completion.c: `completion bash|zsh|fish`, a script on standard output. */
int run_completion(struct arguments *arguments);
/* man.c: the manual page as roff on standard output. */
int run_man(struct arguments *arguments);

#endif
