/* What foreign clients ask: the vendor's scripts and collections, the old command line, a customer's
 * reports. One row a request and form. {P} project, {G} goal, {S} snapshot, {J} journey, {C}
 * checkpoint, {E} execution, {V} environment; {N} another number each time. */
#ifndef TESTS_HARNESS_FOREIGN_H
#define TESTS_HARNESS_FOREIGN_H

#include <stdint.h>

#include "base/arena.h"

struct foreign {
    const char *method;
    const char *path;
    const char *body; /* NULL none */
    int status;
    const char *pointer; /* into the enveloped answer: must be there; NULL: nothing to look at */
    const char *bare;    /* the same with envelope=false */
    bool is_secret;      /* what the pointer leads to stays at the platform */
};

extern const struct foreign foreign_rows[];
extern const size_t n_foreign_rows;

struct foreign_ids {
    int64_t project, goal, snapshot, journey, checkpoint, execution, environment;
    int64_t n; /* {N}, counted up */
};

/* The text with the ids in their places. */
const char *foreign_text(struct arena *arena, struct foreign_ids *ids, const char *text);

#endif
