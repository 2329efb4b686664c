/* Routes: what is offered where, as rows, and the lookup of a path among them. */
#ifndef API_GATE_ROUTE_H
#define API_GATE_ROUTE_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"
#include "config/route_class.h"

/* CONTINUE: next stage. WAIT: something holds the task and will go on with it. DONE: it is
 * answered, and neither task nor exchange may be touched any more. */
enum stage_verdict { STAGE_CONTINUE, STAGE_WAIT, STAGE_DONE };

enum body_kind {
    BODY_NONE,     /* a body is read and ignored (bounded) */
    BODY_OPTIONAL, /* a JSON object, or nothing */
    BODY_JSON,     /* a JSON object */
    BODY_COMMAND,  /* a JSON object, or the same written as YAML */
    BODY_TEST,     /* a test file: YAML or JSON text */
    BODY_STREAM    /* handed on in chunks */
};

/* Which listener answers. Where there is no admin listener, server.listen answers all of them. */
enum route_place {
    PLACE_TRAFFIC, /* server.listen */
    PLACE_BOTH,
    PLACE_ADMIN,   /* admin.listen */
    PLACE_METRICS, /* the same; with admin.metrics_on_traffic both */
    PLACE_N
};

/* What the handler does with a session. */
enum session_need {
    SESSION_NONE,
    SESSION_READ,
    SESSION_CHANGE /* or carries out commands in it */
};

enum wait_kind { WAIT_SHORT, WAIT_LONG, WAIT_NONE };

enum { ROUTE_MAX_PARAMS = 4, ACCESS_PUBLIC = 0 };

struct task;
typedef enum stage_verdict (*stage_fn)(struct task *task);
typedef enum stage_verdict handler(struct task *task); /* of a route */

/* A row is one method of one path. `{name}` stands for one segment, `{name*}` for one or more. */
struct route {
    const char *method;
    const char *pattern;
    unsigned access; /* PERMISSION_* bit; ACCESS_PUBLIC */
    enum body_kind body;
    enum wait_kind wait;
    stage_fn handle;
    const struct query *query;
    const char *tag;       /* chapter of the documents, see openapi.c */
    const char *operation; /* its name in generated clients */
    const char *summary;
    const char *needs;     /* the permissions, where `access` does not say all; NULL: it does */
    const char *successor; /* the route that replaces this old one; NULL: it is not deprecated */
    enum route_place place;
    enum route_class class;    /* ANY: as its permission says */
    enum session_need session; /* of the session that the request names */
    const char *session_param; /* the session is this part of the path; NULL: body, header, query */
    /* How long caches may keep its 200, with an ETag: for answers that are the same for every caller, and
     * change only with the version of the program. 0: not at all. */
    unsigned keep_s;
    const struct member *members; /* of its body; NULL: not told, or those of a simple_row */
    int status;                   /* of success; 0: 200, or that of its simple_row */
};

/* What is looked for. */
struct route_wanted {
    unsigned places; /* rows of these, as bits: 1 << PLACE_* */
    struct str method;
    struct str path;
};

/* What a path led to. */
struct route_match {
    const struct route *route;
    struct str params[ROUTE_MAX_PARAMS];
    struct str allow; /* methods of the path, when the asked one is not among them */
};

/* What the documents tell about the body of a route and its answer. */
struct route_contract {
    const struct member *members; /* of the body; NULL: nothing is told */
    const struct reply_map *map;  /* of the answer; NULL: some object */
    int status;                   /* of success */
};

enum { ROUTE_MAX_LABELS = 96, ROUTE_MAX_ROWS = 128, ROUTE_SLOTS = 256 };

enum { ROUTE_MAX_PARTS = 8 };

/* A pattern taken apart. */
struct route_shape {
    struct str pattern;
    struct str parts[ROUTE_MAX_PARTS];
    size_t n_parts;
    size_t n_params;
    bool has_many; /* a `{name*}` is among them */
};

/* Rows of the table, as bits. */
struct route_set {
    uint64_t words[ROUTE_MAX_ROWS / 64];
};

struct route_table {
    const struct route *rows;
    size_t n;
    struct route_contract (*contract)(const struct route *route);
    const struct simple_row *simple[ROUTE_MAX_ROWS]; /* NULL: not of the simplified API */
    /* Filled by route_table_open. */
    const char *labels[ROUTE_MAX_LABELS]; /* distinct patterns; 0 is "unmatched" */
    size_t n_labels;
    size_t label_of[ROUTE_MAX_ROWS];
    enum route_class class_of[ROUTE_MAX_ROWS];
    struct route_shape shapes[ROUTE_MAX_ROWS];
    /* Rows without parameters, by the hash of their path: number of the row + 1; 0: free. */
    uint8_t literals[ROUTE_SLOTS];
    /* Rows that a path of so many segments can match; the last one: of more than ROUTE_MAX_PARTS. */
    struct route_set by_parts[ROUTE_MAX_PARTS + 2];
};

/* Fills the members of the table that are made of its rows. */
void route_table_open(struct route_table *table);
size_t route_label(const struct route_table *table, const struct route *route);
enum route_class route_class_of(const struct route_table *table, const struct route *route);
/* ERR_NOT_FOUND; or ERR_METHOD_NOT_ALLOWED with the methods that would work in out->allow. */
enum error_code route_find(const struct route_table *table, struct arena *arena,
                           const struct route_wanted *wanted, struct route_match *out,
                           struct error *err) MUST_CHECK;
/* The row of a table that is about this route; NULL: there is none. Its first two members are the method and the
 * pattern, each a const char *. */
const void *row_of_route(const struct route *route, const void *rows, size_t n_rows,
                         size_t row_bytes);
/* "{command*}" -> "command" */
struct str route_param_name(struct str part);
/* The number of the pattern's parameter with this name; -1: there is none. */
int route_param(const struct route *route, const char *name);
/* The part of the path at `{name}` of the pattern. The pattern must have this name. */
struct str task_param(const struct task *task, const char *name);

#endif
