/* What the files of the sandbox share: the platform's things as structs, one call being answered,
 * the recorder and the faults.
 *
 *   state ── tenants (by token) ── things by id (one map for all kinds)
 *     │         └ project ── goal ─┬─ snapshot            library checkpoint ── steps
 *     │                            └─ journey ── checkpoint ── steps (gap list)
 *     ├── recorder   (list of the last requests)
 *     └── faults     (list, first match wins)
 *
 * Owner: a tenant's arena holds all its things, and is freed as a whole (at a reset, or at the end of
 * the state). Nothing is freed one by one: deleting a thing only makes it unreachable. So a
 * tenant's memory is limited by counting what its arena has handed out. */
#ifndef SANDBOX_INTERNAL_H
#define SANDBOX_INTERNAL_H

#include "base/json_form.h"
#include "base/list.h"
#include "base/map.h"
#include "data/json.h"
#include "handlers.h"
#include "sandbox/sandbox.h"

enum thing_kind {
    THING_NONE,
    THING_PROJECT,
    THING_GOAL,
    THING_SNAPSHOT,
    THING_JOURNEY,
    THING_CHECKPOINT,
    THING_LIBRARY, /* struct checkpoint too */
    THING_STEP,
    THING_TABLE,
    THING_ENVIRONMENT,
    THING_EXECUTION,
    THING_SCRIPT,   /* struct kept */
    THING_API_TEST, /* struct kept */
    THING_PLAN,     /* struct kept */
    THING_PLAN_RUN,
    THING_N_KINDS
};

enum {
    UUID_SIZE = 37,
    NAME_MAX_BYTES = 2000,
    MAX_ROUTE_IDS = 4,
    DEFAULT_ORGANIZATION = 1001, /* the sandbox knows no organizations: any id will do */
    MAX_TABLE_COLUMNS = 200,
    MAX_TABLE_ROWS = 100000,
    MAX_TABLE_CELLS = 1000000
};

struct thing {
    struct map_node by_id; /* key: the eight bytes of id */
    int64_t id;
    enum thing_kind kind;
    int64_t created_ms;  /* epoch */
    int64_t modified_ms; /* epoch */
    char canonical[UUID_SIZE];
};

/* A growing array of pointers in the tenant's arena. */
struct refs {
    void **items;
    size_t n;
    size_t cap;
};

struct step;
struct execution; /* execution.h */

/* Steps of a checkpoint, as an array with a gap where the last insertion was: inserting at the end,
 * at the front, or next to the last one costs O(1), whatever the length. */
struct step_list {
    struct step **items;
    size_t n;
    size_t cap;
    size_t gap; /* index where the cap - n free places begin */
};

struct project {
    struct thing thing;
    struct str name;
    struct str description;
    int64_t organization_id;
    int64_t created_by; /* user */
    struct refs goals;
};

struct snapshot {
    struct thing thing;
    struct goal *goal;
    int64_t number; /* 1, 2, … */
};

struct goal {
    struct thing thing;
    struct project *project;
    struct str name;
    struct str url;
    struct str device_size; /* JSON */
    struct str meta;        /* JSON */
    int64_t environment_id; /* 0: none */
    bool archived;
    struct refs snapshots; /* oldest first */
    struct refs journeys;
    struct refs checkpoints;
    struct execution *last_execution;
};

struct journey {
    struct thing thing;
    struct goal *goal;
    struct snapshot *snapshot;
    struct str name;
    struct str title;
    struct str tags;        /* JSON array */
    int64_t data_table_id;  /* 0: none */
    struct str data_values; /* JSON object: the first row of the table; leaks on purpose */
    bool archived;
    bool draft;
    bool has_first_checkpoint; /* made with the goal: position 1 is taken for good */
    struct refs cases;         /* struct checkpoint */
    struct execution *last_execution;
};

struct checkpoint {
    struct thing thing;
    struct goal *goal;
    struct snapshot *snapshot;
    struct map_node by_title;
    struct str title;
    int64_t library_id; /* 0: not from or in the library */
    size_t shared_count;
    struct step_list steps;
};

struct step {
    struct thing thing;
    struct checkpoint *checkpoint; /* NULL: deleted */
    struct str action;
    struct str value;
    struct str variable;   /* empty: none */
    struct str expression; /* empty: none */
    struct str meta;       /* JSON */
    struct str element;    /* JSON; empty: none */
    struct str learned;    /* the element as a run has found it, JSON; learned.c */
    const struct execution *ran_in;
    const struct run_step *run; /* in that execution; NULL: never */
    bool optional;
    bool ignore_outcome;
    bool skip;
};

struct table {
    struct thing thing;
    struct str name;
    struct str description;
    int64_t project_id;  /* 0: none */
    struct refs columns; /* struct column */
    struct refs rows;    /* struct str *, one per column */
};

struct column {
    int64_t id;
    struct str name;
};

struct environment {
    struct thing thing;
    struct str name;
    struct str description;
    int64_t project_id;    /* 0: none */
    struct refs variables; /* struct variable */
};

struct variable {
    struct str name;
    struct str value;
    bool hidden;
};

/* What the client sent, kept as it came. */
struct kept {
    struct thing thing;
    int64_t project_id; /* 0: the organization's */
    struct str members; /* JSON object */
};

/* One execution of a plan. */
struct plan_run {
    struct thing thing;
    const struct kept *plan;
    struct refs jobs; /* struct execution */
};

struct tenant {
    struct map_node by_token;
    struct list link;
    struct str token;
    struct arena arena;
    struct map things;
    struct map titles; /* checkpoints by goal id and title */
    size_t n_made;     /* counts against max_entities; deleting gives nothing back */
    size_t n_kind[THING_N_KINDS];
    size_t counted_bytes; /* of the arena, as last added to state->stored_bytes */
    int64_t user_id;
    struct refs projects;
    struct refs libraries;
    struct refs tables;
    struct refs environments;
    struct refs executions;
    struct refs records[THING_N_KINDS]; /* struct kept, by kind */
    struct journey *seeded;             /* where /__sandbox/seed puts checkpoints */
};

/* The requests that are kept for GET /__sandbox/requests: struct record of recorder.c. */
struct recorder {
    struct list records; /* oldest first */
    size_t n;
    size_t bytes;
    uint64_t n_seen;
};

struct faults {
    struct list items;
    size_t n;
    size_t bytes; /* of their bodies */
    int64_t last_id;
    uint64_t random; /* state of the xorshift generator that chooses the requests to fail */
    unsigned n_held; /* requests whose answer a fault delays, now */
    bool release;    /* true: server.c sends those answers now */
};

struct sandbox_state {
    struct sandbox_options options;
    struct arena kept; /* strings and faults of the options */
    struct str
        pictures; /* where screenshots are: "http://127.0.0.1:9/pictures"; empty: without a socket */
    const char *canary;
    struct map tenants;
    struct list tenant_list; /* oldest first */
    size_t stored_bytes;
    int64_t last_id;           /* one counter for all tenants and kinds */
    const int64_t *wished_ids; /* ids of the next things, up to a 0; NULL: none */
    struct recorder recorder;
    struct faults faults;
    uint64_t latency_random; /* state of a second xorshift generator, so that latencies do not
                              * change which faults come */
    struct buf answer;       /* reused: the body of the answer being made */
    struct buf scratch;      /* reused: a text on its way into a tenant */
};

/* One request below /api (or /__sandbox) while it is answered. */
struct call {
    struct sandbox_state *state;
    struct tenant *tenant; /* NULL for /__sandbox, but for a seed */
    const struct sandbox_request *request;
    struct arena *arena; /* the exchange's */
    int64_t ids[MAX_ROUTE_IDS];
    enum thing_kind kind;    /* route.kind */
    void *thing;             /* the thing of the first id, if the route has `of`; else NULL */
    struct str word;         /* the {name} of the path, decoded */
    const struct json *body; /* NULL: none */
    struct json_writer *w;   /* where the handler writes its item */
    int status;              /* 200, until it is refused */
    struct str refusal;      /* what was wrong, when the status says so */
    int refusal_code;        /* error.code of the refusal; 0: the status */
    int64_t total;           /* things in the map that the handler wrote */
};

/* A handler that only writes an answer, mostly from call->thing. */
#define TELLS(name, tell)                                                                          \
    int handle_##name(struct call *call)                                                           \
    {                                                                                              \
        tell;                                                                                      \
        return 200;                                                                                \
    }

/* Ids that a query names, in the arena of the call. */
struct id_list {
    int64_t *ids;
    size_t n;
};

/* examples.c */
void examples_make(struct sandbox_state *state);
/* state.c: back to the start, which is nothing, or the examples. No id is given twice, except those of the examples. */
void state_begin(struct sandbox_state *state);

/* state.c: things, ids, arrays */
struct tenant *tenant_find_or_make(struct sandbox_state *state, struct str token); /* NULL: full */
void tenant_count_bytes(struct sandbox_state *state, struct tenant *tenant);
int64_t next_id(struct call *call);
/* A zeroed struct of `size` bytes that begins with a thing; wanted_id 0: the next free one. */
void *thing_make(struct call *call, enum thing_kind kind, size_t size, int64_t wanted_id);
void *thing_find(const struct tenant *tenant, enum thing_kind kind, int64_t id); /* NULL: none */
bool thing_is_known(const struct tenant *tenant, int64_t id);                    /* of any kind */
void thing_forget(struct tenant *tenant, struct thing *thing);
int thing_delete(struct call *call, struct refs *refs); /* removes call->thing from refs; 204 */
void thing_touch(struct thing *thing);
void refs_insert(struct tenant *tenant, struct refs *refs, size_t at, void *item);
void refs_append(struct tenant *tenant, struct refs *refs, void *item);
void refs_remove(struct refs *refs, const void *item);
bool refs_has(const struct refs *refs, const void *item);
struct str keep(struct call *call, struct str text);              /* in the tenant */
struct str keep_json(struct call *call, const struct json *node); /* as text, in the tenant */
void scratch_begin(struct call *call, struct json_writer *w);     /* writes into state->scratch */
struct str scratch_keep(struct call *call);                       /* what was written there */

/* Is there room for n more things? False: the request has been refused (403). */
bool has_room(struct call *call, size_t n);

/* asked.c */
/* These refuse the request: they set call->status and return it, for the handler to return. */
int refuse(struct call *call, int status, const char *message);
int refuse_unknown(struct call *call, const char *what, int64_t id);        /* 404 */
int refuse_member(struct call *call, const char *member, const char *must); /* 400 */
int refuse_without(struct call *call, const char *parameters);              /* 400: is missing */
/* An id may be a number or a text of digits: the vendor's own collections send both. */
bool json_id(const struct json *node, int64_t *out);
/* Members of the request body. False: absent, null or of another kind. */
bool body_id(const struct call *call, const char *member, int64_t *out);
bool body_text(const struct call *call, const char *member, struct str *out);
bool body_name(const struct call *call, const char *member, struct str *out); /* not empty, short */
/* What a request must have. NULL or false: it has been refused, with call->status. */
void *need_thing(struct call *call, enum thing_kind kind, int64_t id);
bool need_id(struct call *call, const char *member, int64_t *out);
bool need_name(struct call *call, const char *member, struct str *out);
bool need_name_or_title(struct call *call, struct str *out);
/* The "name" of the body, and its "projectId": of a project that exists, or 0 without one. */
bool need_named(struct call *call, struct str *name, int64_t *project_id);
/* journeys.c: the version that "goalId" and "snapshotId" of the body name, and its "title"; the version by two ids. */
struct snapshot *need_version_and_title(struct call *call, struct str *out_title);
struct snapshot *need_snapshot(struct call *call, int64_t goal_id, int64_t snapshot_id);
/* Keeps a text of the body in the tenant's memory; if the body has none, *out stays as it is. */
void keep_member(struct call *call, const char *member, struct str *out);

/* Does the query name mean `word`? One thing or a list: "goalId", "goalIds", "goalId[]", "goalIds[]". */
bool query_name_is(struct str name, const char *word);
/* All ids under such a name, each once. False: refused, since one of them is not a number. */
bool ask_ids(struct call *call, const char *word, struct id_list *out);
bool id_list_has(const struct id_list *list, int64_t id);
/* A whole number of the query, by such a name; absent or empty: *value stays. False: refused. */
bool ask_number(struct call *call, const char *name, int64_t min, int64_t *value);
struct project *project_asked(struct call *call); /* ?projectId=; NULL: refused */
bool query_true(const struct call *call, const char *name);

/* step_list.c */
struct step *step_list_get(const struct step_list *list, size_t at);
void step_list_insert(struct tenant *tenant, struct step_list *list, size_t at, struct step *step);
void step_list_remove(struct step_list *list, size_t at);
size_t step_list_index(const struct step_list *list, const struct step *step); /* n: not there */

/* make.c: constructors, used by the routes and by seeding; wanted_id 0: the next free one */
struct project *project_make(struct call *call, struct str name, int64_t wanted_id);
struct goal *goal_make(struct call *call, struct project *project, struct str name,
                       int64_t wanted_id);
struct snapshot *snapshot_make(struct call *call, struct goal *goal, int64_t wanted_id);
struct journey *journey_make(struct call *call, struct snapshot *snapshot, struct str title,
                             int64_t wanted_id);
/* NULL: the goal has a checkpoint of that title. */
struct checkpoint *checkpoint_make(struct call *call, struct snapshot *snapshot, struct str title,
                                   int64_t wanted_id);
struct checkpoint *library_make(struct call *call, const struct checkpoint *from, struct str title,
                                int64_t wanted_id);
void checkpoint_attach(struct call *call, struct journey *journey, struct checkpoint *checkpoint,
                       size_t at);
struct step *step_make(struct call *call, struct checkpoint *checkpoint, size_t at);
void steps_copy(struct call *call, struct checkpoint *to, const struct checkpoint *from);
void first_journey_make(struct call *call, struct goal *goal);

/* Writers of things, used by several files */
void write_id_key(struct json_writer *w, int64_t id); /* maps are keyed by ids */
void write_times(struct json_writer *w, const struct thing *thing);
struct str step_element(const struct step *step); /* learned.c: with what runs have found out */
void step_forget(struct step *step);              /* the element has changed */
void write_step(struct json_writer *w, const struct step *step, int64_t index); /* -1: not told */
void write_checkpoint(struct json_writer *w, const struct checkpoint *checkpoint, bool with_steps);
void write_journey(struct json_writer *w, const struct journey *journey, bool with_cases);
/* True: the journey is part of the version, made in it or before it. */
bool in_version(const struct journey *journey, const struct snapshot *snapshot);
void write_execution_brief(struct json_writer *w, const struct execution *execution);
void write_last_outcome(struct json_writer *w, const struct execution *execution,
                        int64_t journey_id);
bool execution_has(const struct execution *execution, int64_t journey_id);
/* The version that the query names (goalId, snapshotId or versionId), else these ids. If only the goal is named:
 * its newest version. NULL: refused (neither is named, or an id is unknown). */
struct snapshot *version_asked(struct call *call, int64_t goal_id, int64_t snapshot_id);

struct kept *record_make(struct call *call, enum thing_kind kind, struct str members,
                         int64_t project_id, int64_t wanted_id);

/* recorder.c */
void recorder_init(struct recorder *recorder);
void recorder_done(struct recorder *recorder);
void recorder_add(struct sandbox_state *state, const struct sandbox_request *request, int status);
void recorder_write(struct recorder *recorder, struct json_writer *w);

/* faults.c */
struct fault {
    struct list link;
    int64_t id;
    struct str method; /* "*" any; the fault owns its texts */
    struct str path;   /* below /api; prefix, '*' stands for anything */
    int64_t times;     /* times left; below 0: for ever */
    int64_t skip;      /* requests that match and still pass */
    int64_t above;     /* met only while at least this many other answers are held back */
    int64_t n_hits;
    int status; /* 0: the platform's own */
    uint64_t delay_ms;
    unsigned retry_after_s;
    enum sandbox_close_at close_at;
    bool acts; /* the request is carried out even though the answer is replaced */
    bool has_body;
    struct str body;
    char *content_type;
    double probability;
};

/* Random numbers, the same ones for the same seed. Seed 0: the kernel gives one. */
uint64_t dice_init(uint64_t seed);
double dice_throw(uint64_t *dice); /* [0, 1) */
void faults_init(struct faults *faults, uint64_t seed);
/* Appends these faults to the list, without a limit on their hits. */
void faults_append(struct faults *faults, const struct sandbox_fault *given, size_t n);
void faults_done(struct faults *faults); /* forgets all */
/* The fault that this request meets; counts down its `times`. NULL: none. Valid until the next call. */
const struct fault *faults_take(struct faults *faults, struct str method, struct str path);
int handle_faults_add(struct call *call);
int handle_faults_list(struct call *call);
int handle_faults_clear(struct call *call);

/* control.c: /__sandbox. Answers into state->answer. */
int control_answer(struct call *call);

/* routes.c */
struct str path_below_api(struct str path); /* "/api/goals" -> "/goals"; others unchanged */
/* {"success":false,"error":{"code":"404","message":"…"}}; the code is not always the status. */
void write_refusal(struct buf *out, int code, struct str message);

/* tables.c */
size_t table_column(const struct table *table, struct str name);
bool table_add_column(struct call *call, struct table *table, struct str name);
/* Limits the cells, not only the rows: an empty line makes a cell for each column, too. */
bool table_is_full(const struct table *table);
struct str *table_add_row(struct call *call, struct table *table);
int refuse_table_rows(struct call *call);
/* table_import.c: adds the lines of CSV as rows; false: a row is too long, too many rows, or a quote is not closed. */
bool table_add_csv(struct call *call, struct table *table, struct str csv);
bool table_add_csv_header(struct call *call, struct table *table, struct str *csv, bool is_named);

#endif
