/* A copy of what a caller sent, being mended (validate.c), and the fixes of single values (mend.c).
 * Each fix says what it did; whether the whole then binds is judged at the end. */
#ifndef CATALOG_DRAFT_H
#define CATALOG_DRAFT_H

#include "catalog_internal.h"

enum { ARGS_MAX = 64 };

struct draft {
    struct arena *arena;
    struct str command;
    struct str args[ARGS_MAX];
    size_t n_args;
    struct json *options;
    struct str checkpoint_id;
    int64_t position;
    struct warning_list *fixes;
    const struct command *row; /* NULL: the name is not known (yet) */
    size_t n_params;
};

void draft_fixed(struct draft *draft, const char *what, struct str detail);
void draft_drop_arg(struct draft *draft, size_t index);
/* mend.c: values; each is called with draft->row set. */
void mend_quotes(struct draft *draft);       /* "\"Sign in\"", and typographic ones */
void mend_pairs(struct draft *draft);        /* "1024 x 768", "500 , 300", 1024 and 768 apart */
void mend_args(struct draft *draft);         /* by type: "2s", "${total}", "example.com" */
void mend_option_names(struct draft *draft); /* "positon", "POSITION" */
void mend_options(struct draft *draft);      /* "yes" for a flag, "TOP_LFET", "30s" */

#endif
