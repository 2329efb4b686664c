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

size_t bag_size(const struct bag *bag);
bool bag_resolve(struct bag *bag, struct str list, struct found *out);
void found_use(struct bag *bag, const struct found *found);
bool row_holds(struct compile *c, struct bag *bag, const struct verb_row *row);
void row_use_conditions(struct compile *c, struct bag *bag, const struct verb_row *row);
/* Whether any row of the verb knows a field of this name; verb_takes: or any verb does. */
bool verb_has_field(struct str verb, struct str field);
bool verb_takes(struct str verb, struct str field);
struct str field_nearest(struct str verb, struct str field);
/* The words that some row of the verb wants in a field; empty: any text. */
struct str field_words(struct arena *arena, struct str verb, struct str field);
/* The text, or the value of the variable that it is as a whole. */

/* --- values.c --- */

bool text_is_time(struct str text, bool plain);
/* Reads what was found as `kind` wants it. False: the error was added. */
bool value_read(struct compile *c, struct bag *bag, struct str kind, const struct found *found,
                struct str *out);

#endif
