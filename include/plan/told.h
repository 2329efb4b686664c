/* told: ids of what was made last, and which connection told each of them. An answer that tells a "new" id once
 * more on the same connection is an earlier answer that came twice, or late.
 *
 * Owner: the owner of the connection to the platform (one struct told_ids for each). Zeroed: nothing was told. No
 * allocation; by the lowest bits of the ids, the newest takes the place of an older one. */
#ifndef PLAN_TOLD_H
#define PLAN_TOLD_H

#include <stdint.h>

enum { TOLD_MAX = 256 };

struct told_id {
    int64_t id;
    uint64_t connection;
    const char *kind; /* variable of the plan: "journey_id" */
};

struct told_ids {
    struct told_id of[TOLD_MAX];
};

/* The kind that this connection has told the id of; NULL: of none. `ids` NULL: nothing is remembered. Connection 0: it
 * is not known, or was closed. */
const char *told_find(const struct told_ids *ids, int64_t id, uint64_t connection);
void told_note(struct told_ids *ids, const struct told_id *told);

#endif
