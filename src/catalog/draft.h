/* A copy of what a caller sent, being mended (validate.c): names (mend_names.c), order (mend_order.c)
 * and single values (mend.c).
 * Each fix says what it did; at the end validate.c checks that the mended command binds. */
#ifndef CATALOG_DRAFT_H
#define CATALOG_DRAFT_H

#include "catalog_internal.h"

/* A number with this many digits, or more, can only be the id of a checkpoint. */
enum { ARGS_MAX = 64, CHECKPOINT_DIGITS_SURE = 7 };

struct draft {
    const struct catalog *catalog;
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

/* mend.c */
void draft_fixed(struct draft *draft, const char *what, struct str detail);
void draft_drop_arg(struct draft *draft, size_t index);
/* These mend values; draft->row must be set. */
void mend_quotes(struct draft *draft);  /* "\"Sign in\"", and typographic ones */
void mend_pairs(struct draft *draft);   /* "1024 x 768", "500 , 300", 1024 and 768 apart */
void mend_args(struct draft *draft);    /* by type: "2s", "${total}", "example.com" */
void mend_options(struct draft *draft); /* "positon"; "yes" for a flag, "TOP_LFET", "30s" */

/* mend_names.c */
void draft_find_row(struct draft *draft);
/* "STEP-INTERACT", "step_interact". Changes only the name: what follows it in the same text (see
 * fix_line) may be an address or a variable. */
void fix_case(struct draft *draft);
/* The whole line was sent in "command": step-interact click "Sign in" --position TOP_LEFT. */
void fix_line(struct draft *draft);
/* "click" for "step-interact click": the first command that ends with the word. */
void fix_bare_verb(struct draft *draft);
/* Mends "step-interact clik" and "step-asert equals": takes the nearest name, if it replaces all
 * words of the command. */
void fix_misspelled(struct draft *draft);
/* The first arguments may be the rest of the command's name: "MOUSE", "MOVE-TO". Lowers the case of
 * only as many as are needed to find a command; if none is found, all arguments stay as they are. */
void fix_case_of_args(struct draft *draft);
void fix_flags(struct draft *draft);

/* mend_order.c */
/* The first argument as the id of a checkpoint; empty: it does not look like one. */
struct str checkpoint_digits(const struct draft *draft);
void take_checkpoint(struct draft *draft, struct str digits);
/* The old command line took [checkpoint-id] ... [position] around the arguments. */
void fix_old_positions(struct draft *draft);
/* True for ids, classes longer than a file's extension, attributes with a value, and XPath: people
 * hardly ever type such a text into a field. */
bool looks_like_selector(struct str text);
void fix_swapped(struct draft *draft);

#endif
