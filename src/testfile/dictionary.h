/* The table of verbs as it is used: read from the rows of verbs_table.c when its owner's first file is
 * compiled, and constant from then on. Names of fields are numbers here, lists of names are arrays,
 * and a word finds its verb by one look-up, so that a step costs no search of the table's text. */
#ifndef TESTFILE_DICTIONARY_H
#define TESTFILE_DICTIONARY_H

#include "base/map.h"
#include "catalog/catalog.h"
#include "testfile/testfile.h"

enum { NAME_SET_WORDS = 4, NAME_IDS_MAX = NAME_SET_WORDS * 64, FORM_MAX_COMMANDS = 4 };

/* A set of field names by their numbers. */
struct name_set {
    uint64_t bits[NAME_SET_WORDS];
};

static inline bool name_set_has(const struct name_set *set, unsigned id)
{
    return id > 0 && (set->bits[id / 64] >> (id % 64) & 1) != 0;
}

static inline void name_set_add(struct name_set *set, unsigned id)
{
    if (id > 0) {
        set->bits[id / 64] |= UINT64_C(1) << (id % 64);
    }
}

static inline void name_set_join(struct name_set *set, const struct name_set *other)
{
    for (size_t i = 0; i < NAME_SET_WORDS; i++) {
        set->bits[i] |= other->bits[i];
    }
}

/* One way to find a value; see the language at the top of verbs_table.c. */
enum alias_kind {
    ALIAS_FIELD,
    ALIAS_MEMBER, /* a.b */
    ALIAS_VALUE,  /* . */
    ALIAS_PAIR_KEY,
    ALIAS_PAIR_VALUE,
    ALIAS_STEP, /* @: the fields of the whole step */
    ALIAS_FIXED /* =TEXT */
};

struct alias {
    enum alias_kind kind;
    unsigned id;     /* of the field */
    bool is_twin;    /* another name of the element: no error beside the field that counts */
    struct str text; /* of a field its name, of a.b the b, of =TEXT the text */
};

struct alias_list {
    const struct alias *items;
    size_t n;
    struct name_set fields;
    bool is_locator;
    bool has_plain;  /* one of them is the plain value */
    bool is_of_step; /* one of them is the whole step */
};

enum value_kind {
    VALUE_TEXT,
    VALUE_XY,
    VALUE_SIZE,
    VALUE_UP,
    VALUE_DOWN,
    VALUE_VARIABLE,
    VALUE_MS,
    VALUE_SECONDS,
    VALUE_REGEX,
    VALUE_TAB,
    VALUE_URL,
    VALUE_FILE_URL,
    VALUE_UNQUOTED,
    VALUE_SPLIT,   /* text that may become several steps */
    VALUE_LAST,    /* the element clicked last */
    VALUE_NAMED,   /* text, but not true or false without quotes */
    VALUE_OPTION,  /* the same, but `true` stands for any option */
    VALUE_POSITION /* of a library checkpoint: counted when it is not given */
};

/* One argument or option of a command. */
struct item {
    bool is_optional;
    enum value_kind kind;
    struct str option; /* its name; empty for an argument */
    struct alias_list list;
};

enum condition_kind { HAS_FIELD, HAS_NO_FIELD, SAYS_WORD, IS_PAIR, IS_TIME };

struct condition {
    enum condition_kind kind;
    bool is_optional; /* ~: the field belongs to the form, but may be missing */
    struct alias_list list;
    const unsigned *words; /* numbers of words, SAYS_WORD */
    size_t n_words;
    struct str text; /* the words as the table has them */
};

struct form_command {
    struct str words;
    const struct item *args;
    size_t n_args;
};

/* One row of the table. */
struct form {
    const char *refusal; /* why it is refused; NULL */
    const char *example;
    const struct condition *conditions;
    size_t n_conditions;
    struct form_command commands[FORM_MAX_COMMANDS];
    size_t n_commands;
    const struct item *options;
    size_t n_options;
    const char *written;
    const struct form *next_written; /* the next form that writes the same command */
};

/* A step may name a group and a command in it: {type: wait, command: element}. `field` is the field of
 * the group's verb that takes the command's name; NULL: the command's name is the verb. */
struct group_row {
    const char *group;
    const char *field;
};

struct verb {
    struct map_node node; /* key: the folded word */
    const struct form **forms;
    size_t n_forms;
    struct name_set fields; /* that any of its forms knows */
    struct name_set said;   /* those of them that take words of a closed list in some form */
    const struct condition **sayings; /* the conditions of all forms that want such a word */
    size_t n_sayings;
    bool says_plain;     /* the plain value takes such words too */
    const char *example; /* of the last form, which is the plainest */
    const struct group_row *group;
    bool is_control; /* use, run, include, if, loop */
};

/* Keys that have a fixed role in a step. */
enum key_role {
    ROLE_NONE,
    ROLE_STEP_TYPE,
    ROLE_TYPE,
    ROLE_ACTION,
    ROLE_COMMAND,
    ROLE_SUB_ACTION,
    ROLE_OPERATION,
    ROLE_ARGS,
    ROLE_OPTIONS,
    ROLE_CONTROL, /* use, run, include, if, loop */
    N_ROLES
};

/* What is known of a key as it is written. */
struct key {
    struct map_node node;
    unsigned id; /* as the name of a field; 0: of none */
    enum key_role role;
    bool is_beside; /* may stand beside any verb */
    bool is_habit;  /* old dialects put it beside nearly anything */
    bool is_common; /* may stand beside a verb and is no sign of a second verb */
    const struct verb *verb;
};

struct grammar; /* of sentences; sentence_words.c */

enum { VERBS_MAX = 160, KEYS_MAX = 512 };

struct dictionary {
    const struct catalog *catalog;
    struct arena arena;
    bool is_open;
    struct grammar *grammar;
    struct map keys;
    struct key *key_list[KEYS_MAX]; /* every key that a step may have, in the order of the tables */
    size_t n_keys;
    struct map words;
    struct map verbs;
    struct verb *verb_list[VERBS_MAX]; /* groups and control words too, in the order of the table */
    size_t n_verbs;
    struct str names[NAME_IDS_MAX]; /* of fields, by number */
    unsigned n_names;
    struct verb *own_verbs; /* of commands, by index in the catalogue; more names behind */
    struct map own_names;   /* index in own_verbs by each name of a command, folded */
    const struct form **written_forms; /* by index in the catalogue */
};

/* Reads the tables at the first call; from then on the dictionary does not change. Each function that
 * other rooms call with a dictionary calls this one first. */
const struct dictionary *dictionary_opened(struct dictionary *dictionary);

/* NULL: in no row */
const struct key *key_find(const struct dictionary *dictionary, struct str name);
/* 0: of no field */
unsigned name_id(const struct dictionary *dictionary, struct str name);
/* In any spelling; NULL: none. */
const struct verb *verb_find(const struct dictionary *dictionary, struct str word);
/* The number of a word of a condition, in any spelling; 0: no condition has it. */
unsigned word_id(const struct dictionary *dictionary, struct str word);
/* A command of the catalogue as a verb. It has one form, whose fields are the arguments by their names. */
const struct verb *verb_of_command(const struct dictionary *dictionary,
                                   const struct command *command);
/* The command with this name, as a verb. The name may be in any spelling, with its group or without; `head`
 * holds its first words, or is empty. NULL: no command that makes a step is called so. */
const struct verb *verb_own(const struct dictionary *dictionary, struct str head, struct str name);
/* The first of the forms that write the command; NULL: it has none. */
const struct form *form_writing(const struct dictionary *dictionary, const struct command *command);

#endif
