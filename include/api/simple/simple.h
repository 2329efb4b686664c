/* The simplified API (src/api/README.md, "Contract") as rows: what a caller gives, which calls are
 * made of it, and what comes back. One engine runs all rows; the few that need more name a
 * function. */
#ifndef API_SIMPLE_H
#define API_SIMPLE_H

#include "api/gate/members.h"
#include "api/gate/task.h"

enum { SIMPLE_MAX_CALLS = 4, SIMPLE_MAX_NAMES = 10, SIMPLE_MAX_COPIES = 12 };

/* A value of the request under the name that templates use. */
struct simple_value {
    const char *from; /* member of the body, query parameter or path parameter; NULL ends */
    const char *to;   /* variable */
    const char *def;  /* text when absent; "configured": the organization; NULL: leave absent */
};

struct simple_call {
    enum named_call named; /* CALL_NONE ends */
    const char *when;      /* "x" given, "!x" not given; NULL always */
    bool main;             /* its answer is what the reply is made of */
    bool poll;             /* with `wait`: again until the execution is over */
    bool for_link;         /* sent only if the link to the execution needs it; if it fails, there is
                       * no link */
    bool makes_step;       /* as the last step of the newest checkpoint of the plan */
    bool makes_checkpoint; /* a new one; the steps of the request follow */
    const char *save_as;   /* its whole answer becomes this variable; NULL no */
    const struct simple_each *each; /* calls that follow the answer of this one; NULL: none */
};

/* A member of an element under the name that templates use. Absent and null are left out. */
struct simple_copy {
    const char *to; /* NULL ends */
    const char *from;
    const char *beside; /* variable that goes in brackets behind the text: "Pay (608038)" */
    const char *kinds;  /* only from elements of one of these kinds; NULL: from all */
    bool not_kinds;     /* only from elements of none of them */
};

/* What the errors about a list say: "no list to PURPOSE", "More than 500 ELEMENTS are not DONE at once". */
struct simple_words {
    const char *purpose;
    const char *elements;
    const char *done;
};

/* Calls for each element of a list that an earlier answer holds. */
struct simple_each {
    const char
        *list; /* JSON pointers into the plan's variables; of inner calls, into the element */
    int64_t first_position; /* value "position" of the first element; 0: none is given */
    struct simple_copy copies[SIMPLE_MAX_COPIES];
    struct simple_call calls[SIMPLE_MAX_CALLS];
    const struct simple_each *inner; /* after the calls, with a list of the element; NULL none */
    const char *
        inner_unless; /* the inner calls are left out where the element has this value; NULL: never */
    const char *kind; /* JSON pointer to the kind of an element; NULL: no copy asks for it */
    struct simple_words words; /* also of the inner ones, which have none */
};

/* The steps that a request lists, for the checkpoint that is made. */
struct simple_steps {
    struct bound_command *items;
    size_t n;
};

/* What a row cannot say: looks at the body (what is wrong goes to task_errors), adds to the values and
 * binds the steps. */
typedef void (*simple_prepare_fn)(struct task *task, const struct json *body, struct json *values,
                                  struct simple_steps *steps);

void simple_prepare_library(struct task *task, const struct json *body, struct json *values,
                            struct simple_steps *steps);
void simple_prepare_table(struct task *task, const struct json *body, struct json *values,
                          struct simple_steps *steps);

enum simple_reply { SIMPLE_MAPPED, SIMPLE_JOB, SIMPLE_EXECUTION };

/* How long the answer to a GET is fresh: an option each. */
enum simple_keep {
    KEEP_USUAL,     /* cache.ttl_s */
    KEEP_SNAPSHOTS, /* cache.snapshot_ttl_s: the newest ones change soon */
    KEEP_FINISHED,  /* cache.finished_ttl_s once the execution is over; before that not at all */
    KEEP_NOT
};

struct simple_row {
    const char *method;
    const char *pattern;
    const struct member *members; /* of the body; NULL: none is read */
    struct simple_value values[SIMPLE_MAX_NAMES];
    struct simple_call calls[SIMPLE_MAX_CALLS];
    enum named_reply map;
    enum simple_reply reply;
    int status;
    const char *location; /* prefix of Location for 201; NULL none */
    simple_prepare_fn prepare;
    enum simple_keep keep;
    bool tells_name; /* the reply has the name of the request: the answer has an older one */
};

const struct simple_row *simple_row_of(const struct route *route);

handler handle_simple, handle_simple_step; /* the latter of POST /api/steps, which is no row */
extern const struct member simple_step_members[];

#endif
