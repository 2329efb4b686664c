/* The command catalogue: every command as a row of a table (src/catalog/table_*.c), what a caller
 * may write for it, and the platform calls it makes. Adding a command is adding a row; nothing else
 * changes. Everything here is pure: no I/O, no state.
 * Owner: a server or a subcommand makes a catalogue, passes it on, and frees it last. A finished catalogue never
 * changes. All catalogues share the constant rows, so a `struct command *` outlives its catalogue; a
 * `struct call *` does not. */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "catalog/named.h"
#include "catalog/types.h"
#include "data/json.h"
#include "plan/call.h"

enum command_kind { COMMAND_STEP, COMMAND_CALL };

enum { COMMAND_MAX_PARAMS = 8, COMMAND_MAX_ALIASES = 6, COMMAND_MAX_CALLS = 4 };

struct command_input;
struct bound_command;

/* The rule of a command whose values need more than a template; there are at most 5 distinct rules (a test counts
 * them). It sets or changes members of `values`; errors go to `errors`. */
typedef void (*command_rule_fn)(const struct command_input *input, struct json *values,
                                struct arena *arena, struct error_list *errors);

/* One further call before or after the main one. */
struct command_call {
    enum named_call named; /* a row of src/catalog/calls.c; CALL_NONE ends */
    const char *when;      /* "name" or "!name", as plan_row.when */
    const char *poll; /* not NULL (the name of the flag): polls until the execution is terminal */
};

struct command {
    const char *words; /* "step-interact click" */
    const char *summary;
    const char *example; /* a command line that works: click "Sign in" */
    enum command_kind kind;
    struct param args[COMMAND_MAX_PARAMS];
    struct param options[COMMAND_MAX_PARAMS];
    const char *aliases[COMMAND_MAX_ALIASES];
    struct call_spec call;
    struct command_call before[COMMAND_MAX_CALLS];
    struct command_call then[COMMAND_MAX_CALLS];
    command_rule_fn special;
    bool orders; /* true: the command moves or removes a step of the library checkpoint in its
                  * first argument; such commands run one at a time for each checkpoint */
    unsigned permission;    /* PERMISSION_* bit, config/permission.h */
    enum named_reply reply; /* COMMAND_CALL */
};

struct unsupported_command {
    const char *words;
    const char *reason;
};

/* Values of the configuration that rows take as defaults. */
struct catalog_defaults {
    struct str organization_id; /* empty: not configured */
};

struct catalog;

/* Checks all rows (template syntax, unknown or unused names, duplicate commands and aliases) and compiles
 * their calls. */
enum error_code catalog_new(struct catalog **out, struct error *err) MUST_CHECK;
void catalog_free(struct catalog *catalog);         /* NULL is fine */
size_t catalog_size(const struct catalog *catalog); /* 87 */
const struct command *catalog_at(const struct catalog *catalog, size_t index);
size_t catalog_index(const struct command *command);
/* The compiled main call. */
const struct call *catalog_call(const struct catalog *catalog, const struct command *command);
const struct call *catalog_named_call(const struct catalog *catalog, enum named_call named);
size_t catalog_n_calls(const struct catalog *catalog); /* of commands, then those of calls.c */
const struct call *catalog_call_at(const struct catalog *catalog, size_t index);
const struct unsupported_command *catalog_unsupported(size_t *out_n);
/* Names of every call_spec, for labels of metrics; index 0 is "other". The strings are constant. */
const char *const *catalog_call_names(const struct catalog *catalog, size_t *out_n);
/* The same for the commands: the label of a command is 1 + its index. */
const char *const *catalog_command_names(const struct catalog *catalog, size_t *out_n);

/* Finds a command by its words (or an alias, told through out_alias). `words` may carry more than
 * the name: *out_n_words says how many of them were the name. NULL: err has unknown_command with
 * "did you mean", or unsupported_command with the reason. Outputs that the caller does not need may be NULL. */
const struct command *catalog_find(const struct catalog *catalog, const struct str *words,
                                   size_t n_words, size_t *out_n_words, bool *out_alias,
                                   struct error *err);

/* The words name something that the platform has no step for; err (may be NULL) says why. */
bool catalog_is_unsupported(const struct str *words, size_t n_words, struct error *err);

/* What a caller wrote. */
struct command_input {
    const struct catalog *catalog;
    struct str command;         /* the words of the name, or only its group */
    const struct json *args;    /* array or NULL */
    const struct json *params;  /* object or NULL; both: error */
    const struct json *options; /* object or NULL */
    struct str checkpoint_id;   /* already resolved by the caller, or empty */
    int64_t position;           /* -1: not given */
    const struct catalog_defaults *defaults;
    bool shows_forms; /* keep the values as they were given, too: room forms shows them */
    bool brief;       /* errors without "did you mean": the batch has shown enough of them */
    size_t *csv_left; /* bytes of CSV left for this and all later commands; NULL: no limit */
};

struct warning_list {
    struct str *items;
    size_t n;
};

void warning_add(struct warning_list *list, struct arena *arena, struct str text);

struct bound_command {
    const struct command *command;
    const struct call *call;  /* its main call */
    struct json *values;      /* object: every template name but checkpoint_id and position */
    const struct json *given; /* the values before the row's rule, where the input shows forms */
    struct warning_list warnings; /* in the arena */
};

/* The request of the main call, in a form for people (call_show). `known` has the values that are not the command's
 * own. {}: a value is of the wrong kind. */
struct json *bound_request(const struct bound_command *bound, const struct json *known,
                           struct arena *arena);

/* Checks everything and reports every error at once (pointers "/args/0", "/options/new_tab",
 * "/command"). The result lives in `arena`. Does not need checkpoint_id or position: the caller
 * adds those. */
enum error_code catalog_bind(const struct command_input *input, struct arena *arena,
                             struct bound_command *out, struct error_list *errors) MUST_CHECK;

/* As catalog_bind, but also tries to mend common slips (swapped selector and text, "1024 x 768",
 * "500 , 300", upper-case verbs, quotes left around values, --flag inside args, trailing position,
 * the old [checkpoint-id] … [position] arguments). *out_corrected:
 * {"command","args","options",checkpoint_id?, position?} that binds, or NULL; out_fixes: what was
 * mended, in words. */
enum error_code catalog_validate(const struct command_input *input, struct arena *arena,
                                 struct bound_command *out, struct error_list *errors,
                                 struct json **out_corrected,
                                 struct warning_list *out_fixes) MUST_CHECK;

/* Reads the old command line, [checkpoint-id] arguments... [position], as it was meant: mends this order as
 * catalog_validate does, and nothing else. NULL: the order is not the old one, or the command still does not bind. */
struct json *catalog_from_old(const struct command_input *input, struct arena *arena,
                              struct warning_list *out_fixes);

/* A shell-like line ("step-interact click 'Sign in' --position TOP_LEFT") to command, args,
 * options. Quotes and backslashes as in POSIX sh; no expansion of any kind. */
enum error_code command_line_parse(const struct catalog *catalog, struct arena *arena,
                                   struct str text, struct json **out,
                                   struct error *err) MUST_CHECK;

/* Makes such a line of a shell's argument list: words that begin with -- stay options. */
struct str command_line_join(struct arena *arena, const char *const *words, size_t n_words);

/* The inverse of command_line_parse: a line that it reads as these args and options, whatever they hold
 * (a list whose items have commas is written as JSON, which a list takes as well). Empty: the line
 * would be too long. */
struct str command_line_write(struct arena *arena, const struct command *command,
                              const struct json *args, const struct json *options);

/* Writes one word so that sh reads it back, in single quotes where needed. */
void word_write(struct buf *out, struct str word);

/* True: the option is the x or the y of a command whose argument is a point. */
bool is_part_of_point(const struct command *command, const struct param *option);
/* "step-interact click TARGET [--position PLACE]", for help. */
struct str command_usage(const struct command *command, struct arena *arena);
/* The row as JSON for GET /api/v1/commands: an object that the caller ends. */
void catalog_describe(const struct command *command, struct arena *arena, struct json_writer *w);

#endif
