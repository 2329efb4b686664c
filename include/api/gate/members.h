/* Request bodies as tables: which members a body may have, of what type. One checker for all
 * routes: unknown members are errors that name the nearest known one, and all errors are reported
 * at once. */
#ifndef API_MEMBERS_H
#define API_MEMBERS_H

#include "base/arena.h"
#include "base/error.h"
#include "data/json.h"

enum member_type {
    MEMBER_TEXT,    /* 1..max characters (2,000) */
    MEMBER_TEXT0,   /* may be empty */
    MEMBER_ID,      /* 1..19 digits as number or text, known prefixes dropped */
    MEMBER_INTEGER, /* min..max; text of digits is taken too */
    MEMBER_BOOL,
    MEMBER_URL,   /* http, https, or text that begins with a $variable */
    MEMBER_ARRAY, /* 1..max elements */
    MEMBER_OBJECT,
    MEMBER_WORD, /* one of `words` */
    MEMBER_ANY
};

struct member {
    const char *name; /* NULL ends the table */
    enum member_type type;
    bool required;
    int64_t min;
    int64_t max;       /* 0: the type's own */
    const char *about; /* for the documents; NULL: the name says it */
    const char *words; /* MEMBER_WORD: "active paused" */
};

/* Returns an object with the members given, each in its normal form (ids as text of digits). Null
 * members count as absent. `prefix`: JSON pointer of the object itself, "" for the body. `body` may
 * be NULL. */
const struct json *members_check(struct arena *arena, const struct json *body,
                                 const struct member *members, const char *prefix,
                                 struct error_list *errors);

/* One value; NULL and an error when it does not fit. */
struct json *member_check(struct arena *arena, const struct member *member,
                          const struct json *value, const char *pointer, struct error_list *errors);

/* An id as written: digits, or one of the known prefixes and digits. False: it is none. */
bool id_normalise(struct str text, struct str *out_digits);

#endif
