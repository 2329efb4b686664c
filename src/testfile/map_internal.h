/* What bag.c, values.c and map_verb.c share: finding and reading the fields of a step. */
#ifndef TESTFILE_MAP_INTERNAL_H
#define TESTFILE_MAP_INTERNAL_H

#include "testfile_internal.h"

/* What an alias list led to: a node, or a fixed text. */
struct found {
    const struct node *node; /* NULL: `text` */
    struct str text;
    struct place place;
    struct field *field; /* NULL: the plain value, or fixed */
    bool is_value;
};

bool is_empty(const struct node *node); /* `key:` with nothing behind it */
size_t bag_size(const struct bag *bag);
bool bag_resolve(struct bag *bag, const struct alias_list *list, struct found *out);
void found_use(struct bag *bag, const struct found *found);
bool form_holds(struct compile *c, struct bag *bag, const struct form *form);
/* The same if one of its conditions held; NULL: as it is. */
bool form_would_hold(struct compile *c, struct bag *bag, const struct form *form,
                     const struct condition *without);
void form_use_conditions(struct compile *c, struct bag *bag, const struct form *form);
/* Whether a key may stand beside the verb without being a second one. */
bool verb_takes(const struct verb *verb, const struct key *key);
struct str field_nearest(const struct dictionary *dictionary, const struct verb *verb,
                         struct str field);
struct str other_field_nearest(const struct dictionary *dictionary, const struct verb *verb,
                               struct str field);
/* The words that some form of the verb wants in a field; empty: any text. */
struct str field_words(const struct compile *c, const struct verb *verb, struct str field);

/* --- slips.c --- */

/* Of a field that is a map, which members have no part in what the form finds in it. */
void check_member_field(struct compile *c, const struct form *form, const struct field *field);

/* --- near_word.c: slips in words of closed lists --- */

/* A place of a step: a field by its number, or 0 for the plain value of the verb. Of the words that the
 * forms of the verb want there the one that is near to `text`; empty: none. */
struct str said_near(const struct verb *verb, unsigned place, struct str text);
/* Warns where the form takes as text what is nearly a word of another form: `scroll: botom`. */
void check_near_words(struct compile *c, struct bag *bag, const struct form *form);
/* A field that was taken as text and nearly says true, false, yes or no, as it may: where something is left
 * over beside it, that is the slip. NULL: none. */
const struct field *misspelt_truth(const struct compile *c, struct bag *bag, struct str *out_meant);

/* --- dictionary.c, dictionary_rows.c and dictionary_commands.c, while the dictionary is made --- */

struct arena *dictionary_arena(struct dictionary *dictionary);
unsigned name_made(struct dictionary *dictionary, struct str name); /* the number of a field */
unsigned word_made(struct dictionary *dictionary, struct str word);
struct form *form_read(struct dictionary *dictionary, const struct verb_row *row);
struct form *form_of_command(struct dictionary *dictionary, const struct command *command);

/* --- values.c --- */

bool text_is_time(struct str text, bool plain);
/* place.text as a time of at most max_ms; a number without a unit counts
 * `unit_ms`; 0: as 1, without the warning that a small one is taken as seconds. False: the error
 * was added. */
bool time_read(struct compile *c, struct place place, int64_t unit_ms, int64_t max_ms,
               int64_t *out);
/* Reads what was found as `kind` wants it. False: the error was added. */
bool value_read(struct compile *c, struct bag *bag, enum value_kind kind, const struct found *found,
                struct str *out);

#endif
