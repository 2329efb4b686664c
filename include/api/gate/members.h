/* Request bodies as tables: which members a body may have, of what type. One checker for all
 * routes: unknown members are errors that name the nearest known one, and all errors are reported
 * at once. */
#ifndef API_MEMBERS_H
#define API_MEMBERS_H

#include "base/arena.h"
#include "base/error.h"
#include "catalog/types.h"
#include "data/json.h"

struct task;

enum { MEMBERS_MAX = 64 };

struct member {
    const char *name; /* NULL ends the table, of at most MEMBERS_MAX */
    enum param_type type;
    const char *about; /* for the documents; NULL: the name says it */
    bool required;
    bool may_be_empty; /* PARAM_TEXT */
    int64_t min;
    int64_t max;       /* 0: the type's own */
    const char *words; /* PARAM_ENUM: "active paused" */
};

/* Returns an object with the members given, each in its normal form (ids as text of digits). Null
 * members count as absent. `prefix`: JSON pointer of the object itself, "" for the body. `body` may
 * be NULL. */
const struct json *members_check(struct arena *arena, const struct json *body,
                                 const struct member *members, const char *prefix,
                                 struct error_list *errors);

/* The same of the task's body; errors go to task_errors. */
const struct json *task_members(struct task *task, const struct member *members);

/* Adds ERR_UNKNOWN_MEMBER or ERR_UNKNOWN_PARAMETER, with the nearest name or all of them. */
void member_unknown(struct arena *arena, const struct member *members, enum error_code code,
                    struct str name, const char *pointer, struct error_list *errors);

/* One value, into `values` under the member's name. False: the error was added. */
bool member_take(const struct member *member, const struct json *value, const char *pointer,
                 struct json *values, struct error_list *errors, struct arena *arena);

#endif
