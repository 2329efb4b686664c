/* What the files that turn a step into a bag share. */
#ifndef TESTFILE_DIALECTS_H
#define TESTFILE_DIALECTS_H

#include "map_internal.h"

/* The keys of a step with what is known of each, found once. */
struct step_keys {
    const struct node *nodes[BAG_MAX_FIELDS];
    const struct key *keys[BAG_MAX_FIELDS]; /* NULL: in no row */
    size_t n;
    const struct node *roles[N_ROLES]; /* the first of each; NULL */
};

/* BESIDE_COOKIE: beside a verb whose own argument is called `name`. */
enum field_place { BESIDE_VERB, BESIDE_COOKIE, IN_MAP, IN_ARGS };

const struct group_row *find_group(const struct compile *c, struct str word);
/* cookie_create is cookie-create. */
struct str with_dashes(struct compile *c, struct str text);
/* The members become fields, but for those whose role is in `without` (a bit for each role). */
void take_fields(struct compile *c, struct bag *bag, const struct node *map, unsigned without,
                 enum field_place where);
bool has_name(const struct command *command);
/* The rest of such a step. */
bool map_own(struct compile *c, struct bag *bag, const struct command *command,
             const struct node *action);
/* A verb that is known by itself, or a word that the rows of the group know, is none. */
const struct command *own_beside_type(struct compile *c, const struct node *step,
                                      const struct node *type, const struct node *name);
/* True: it was such a step; *out_ok says how it went. */
bool step_own_command(struct compile *c, const struct node *verb, const struct node *action,
                      struct bag *bag, bool *out_ok);
bool step_command(struct compile *c, const struct node *step, const struct step_keys *keys);

#endif
