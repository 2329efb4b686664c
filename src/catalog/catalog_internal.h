/* What the files of room catalog share. */
#ifndef CATALOG_INTERNAL_H
#define CATALOG_INTERNAL_H

#include "base/map.h"
#include "catalog/catalog.h"
#include "config/permission.h"

enum { MAX_WORDS = 6, NAME_MAX_BYTES = 96 };

extern const struct command step_commands[], call_commands[];
extern const size_t n_step_commands, n_call_commands;

/* calls.c: calls made before or after the main call of a command; other rooms use them by name. */
extern const struct call_spec extra_calls[];
extern const size_t n_extra_calls;
extern const char *const named_call_names[CALL_N_NAMED];

/* rules.c */
void rule_click(const struct command_input *input, struct json *values, struct arena *arena,
                struct error_list *errors);
void rule_key(const struct command_input *input, struct json *values, struct arena *arena,
              struct error_list *errors);
void rule_answer(const struct command_input *input, struct json *values, struct arena *arena,
                 struct error_list *errors);

/* check.c: a check of the rows of the table; tests give it bad rows. */
enum error_code catalog_check_row(const struct command *command, struct error *err) MUST_CHECK;

enum { COMMANDS_MAX = 128, CALLS_MAX = 192 };

struct catalog {
    struct arena arena;
    struct map names; /* of commands, and aliases: find.c */
    const struct command *commands[COMMANDS_MAX];
    size_t n;
    struct call calls[CALLS_MAX]; /* of the commands in their order, then those of calls.c */
    size_t n_calls;
    const char *call_names[CALLS_MAX];
    size_t n_call_names;
    const char *command_names[COMMANDS_MAX + 1];
    const struct call *named[CALL_N_NAMED];
};

/* find.c */
enum error_code names_add(struct catalog *catalog, const struct command *command,
                          struct error *err) MUST_CHECK;

/* The first command whose last words these are, in any case; NULL: none. */
const struct command *catalog_by_verb(const struct catalog *catalog, struct str verb);

/* The command that misspelled words were meant to name; *out_n_words: how many of the words are its
 * name. NULL: it is more than a slip, so the guess is not certain enough. */
const struct command *catalog_meant(const struct catalog *catalog, const struct str *words,
                                    size_t n, size_t *out_n_words);

/* params.c, param_csv.c: values by type. They put the value into place->values; false: the error was added. */
typedef bool param_take_fn(const struct param_place *place, const struct json *value);
param_take_fn take_text, take_integer, take_url, take_pair, take_variable, take_enum, take_upper,
    take_list, take_object, take_id, take_target, take_csv, take_flag, take_array, take_any;

/* mend.c: the value of this type that was probably meant; NULL: nothing to mend, or no guess. */
typedef struct json *param_mend_fn(const struct param *param, const struct json *value,
                                   struct arena *arena);
param_mend_fn mend_integer, mend_url, mend_variable, mend_enum, mend_flag;

/* types.c */
struct param_row {
    const char *name; /* as catalog_describe tells it */
    param_take_fn *take;
    param_mend_fn *mend;  /* NULL: nothing is mended */
    const char *rule;     /* what a mended value broke: "times are milliseconds" */
    const char *parts[2]; /* names of what is made of the value: x and y of a point; NULL: none */
    char separator;       /* between the two parts; 0: no pair */
    bool is_bare;         /* a sentence shows the value without quotes */
    const char *schema;   /* JSON type; NULL: any */
};

const struct param_row *param_row(enum param_type type);
bool param_default(const struct param_place *place); /* false: it has none */
/* Names that templates may use for a parameter of this type; `fn` is called for each. */
void param_names(const struct param *param, void (*fn)(void *context, struct str name),
                 void *context);
/* params.c: is `text` one of the words, as PARAM_ENUM reads them? Case is ignored, and - counts as _. */
bool word_is_one_of(const char *words, struct str text);

/* param_names.c */
const struct param *option_lookup(const struct command *command, struct str name,
                                  struct arena *arena);
/* The parameter whose name (or old flag) is nearest to this one; NULL: none is near, or two are
 * equally near. */
const struct param *param_nearest(const struct param *params, struct str name, struct arena *arena,
                                  struct str *out_name);

size_t params_count(const struct param *params);
/* "--new-tab", "new-tab" and "new_tab" are one. */
struct str option_folded(struct str name, struct arena *arena);

/* params.c */
bool param_refuse(const struct param_place *place, const char *what, struct str shown);
bool param_put(const struct param_place *place, const char *name, struct json *value);
bool param_put_text(const struct param_place *place, struct str text);

/* known_words.c */

/* False: no key has this name; *out_near: the nearest name, or empty. A single character and a text
 * with a variable count as known. */
bool key_is_known(struct str key, struct str *out_near);
bool key_is_modifier(struct str word); /* Ctrl, shift */
/* True: `type` is not a type of element, but is spelled nearly like one (*out_near). */
bool element_type_is_near(struct str type, struct str *out_near);

#endif
