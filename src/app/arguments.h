/* Command line options of a subcommand as rows: parsing, --help and errors come from the same
 * table. */
#ifndef APP_ARGUMENTS_H
#define APP_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct argument {
    const char *name;  /* "listen"; NULL ends the table */
    char letter;       /* 'c'; 0 none */
    const char *value; /* "ADDR:PORT"; NULL: a flag */
    const char *help;
    const char
        *key; /* becomes the configuration's "key=value"; NULL: looked up with arguments_get */
    const char *constant; /* a flag's value for `key` */
    const char *words;    /* all values there are, space separated; NULL: any */
    bool adds; /* `key` is a list: each further value is one more item; blanks in it are left out */
    const char *alone; /* the flag that `letter` means when no NAME=VALUE follows it; NULL: none */
};

enum { ARGUMENTS_MAX = 64, ARGUMENTS_GIVEN_MAX = 256 };

struct arguments {
    const struct argument *table;
    const char *values[ARGUMENTS_MAX]; /* by row; NULL not given; "" for flags; the last one wins */

    struct {
        const struct argument *row;
        const char *value;
    } given[ARGUMENTS_GIVEN_MAX]; /* every option in the order of the words */

    size_t n_given;
    const char *sets[ARGUMENTS_MAX];      /* "key=value", heap */
    const char *set_names[ARGUMENTS_MAX]; /* the option that it came from, heap; NULL: --set */
    size_t n_sets;
    const char *const *operands;
    size_t n_operands;
    bool help;
    struct error error; /* the first one */
};

/* False: `error` says why, and all options that could be read are there. `set` rows (key "*") may repeat.
 * `rest_is_operands`: the first operand ends the options. */
bool arguments_parse(struct arguments *arguments, const struct argument *table, const char *command,
                     bool rest_is_operands, int argc, char **argv);
void arguments_done(struct arguments *arguments);
/* All values of an option that may repeat, at most ARGUMENTS_GIVEN_MAX; returns how many. */
size_t arguments_all(const struct arguments *arguments, const char *name,
                     const char *out[ARGUMENTS_GIVEN_MAX]);
const char *arguments_get(const struct arguments *arguments, const char *name);

/* An option that is a number or, if is_time, a time in ms such as "10s". Where it is not given, *out stays. */
struct argument_number {
    const char *name;
    int64_t min;
    int64_t max;
    unsigned *out;
    bool is_time;
};

enum error_code arguments_numbers(const struct arguments *arguments,
                                  const struct argument_number *rows, size_t n,
                                  struct error *err) MUST_CHECK;
/* `word` is an option of the table as it is typed: -o, --output, --output=json. */
bool arguments_know(const struct arguments *arguments, const char *word);
void arguments_add_set(struct arguments *arguments, const char *key, const char *value);
/* `first`, then `text` in lines of at most 80 columns that begin at column `indent`. */
void arguments_print(const char *first, size_t indent, const char *text);
void arguments_help(const struct argument *table, const char *command, const char *summary,
                    const char *operands);

#endif
