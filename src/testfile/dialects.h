/* What the files that turn a step into a bag share. */
#ifndef TESTFILE_DIALECTS_H
#define TESTFILE_DIALECTS_H

#include "testfile_internal.h"

/* The keys of a step with what is known of each, found once. */
struct step_keys {
    const struct node *nodes[BAG_MAX_FIELDS];
    const struct key *keys[BAG_MAX_FIELDS]; /* NULL: in no row */
    size_t n;
    const struct node *roles[N_ROLES]; /* the first key of each role; NULL: none */
};

/* BESIDE_COOKIE: beside a verb whose own argument is called `name` or `id`. */
enum field_place { BESIDE_VERB, BESIDE_COOKIE, IN_MAP, IN_ARGS };

/* The name of a command of the catalogue in a step, wherever it stands. */
struct own_name {
    const struct verb *verb;
    struct place place;        /* of its last word */
    const struct node *member; /* of the step, whose key begins the name; NULL: none does */
    const struct node *values; /* its members or its text are for the command; NULL: none */
    bool by_roles;             /* the name is in members of `values`, like `action` */
};

/* The member becomes a field, unless its role is in `without` (a bit for each role). */
void take_field(struct compile *c, struct bag *bag, const struct node *child, const struct key *key,
                unsigned without, enum field_place where);
/* The same of all members. */
void take_fields(struct compile *c, struct bag *bag, const struct node *map, unsigned without,
                 enum field_place where);
bool own_name_find(struct compile *c, struct own_name *name, const struct node *step,
                   const struct step_keys *keys);
/* True if the name of the command wins over the rows of the verbs. */
bool own_name_is_first(struct compile *c, struct own_name *name, const struct node *step,
                       const struct step_keys *keys);
/* Makes the step of a name that was found. */
bool own_name_map(struct compile *c, const struct own_name *name, const struct step_keys *keys);
bool step_command(struct compile *c, const struct node *step, const struct step_keys *keys);

#endif
