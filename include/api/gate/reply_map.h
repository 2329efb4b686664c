/* Reply mappings: how the platform's answers become ours, as rows. One interpreter for all
 * resources; used by the commands that are not steps and by the simplified API. */
#ifndef API_REPLY_MAP_H
#define API_REPLY_MAP_H

#include "base/arena.h"
#include "catalog/named.h"
#include "data/json.h"

enum field_type {
    FIELD_ID, /* number or text -> text */
    FIELD_TEXT,
    FIELD_INT,
    FIELD_BOOL,
    FIELD_TIME,    /* epoch milliseconds -> RFC 3339 */
    FIELD_PERCENT, /* 0..1 -> 0..100, one decimal */
    FIELD_COUNT,   /* length of a list or map */
    FIELD_CLUE,    /* a selector's JSON text -> its clue; other text as it is */
    FIELD_ANY      /* as it is, without secrets */
};

struct reply_field {
    const char *to;   /* NULL ends the rows */
    const char *from; /* alternative JSON pointers, or "$variable" of the plan */
    enum field_type type;
    bool always; /* null when absent; otherwise left out */
};

enum { REPLY_MAX_FIELDS = 12 };

struct reply_map {
    const char *one;  /* pointers to the thing itself; "" the answer */
    const char *many; /* pointers to a list, or a map keyed by id, of things; NULL: one thing.
                       * Things of a list have an id: the first of the fields */
    struct reply_field fields[REPLY_MAX_FIELDS];
    const char *tells; /* pointers: where one of them stands, an answer without any field says
                        * something, too; NULL: none */
};

const struct reply_map *reply_map_of(enum named_reply named); /* not of REPLY_NONE */
/* `variables` may be NULL. A list for maps with `many`. NULL: the answer has no such thing, or one of the list is no
 * object with an id. */
struct json *reply_reduce(struct arena *arena, const struct reply_map *map,
                          const struct json *answer, const struct json *variables);
/* False: the platform's answer, which was reduced to this one thing, said nothing of what is asked for. */
bool reply_tells(const struct reply_map *map, const struct json *answer, const struct json *reply);

#endif
