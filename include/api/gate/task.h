/* What all parts of api share: the task (what our API does for one exchange) and its stages. */
#ifndef API_GATE_TASK_H
#define API_GATE_TASK_H

#include "api/gate/options.h"
#include "api/gate/platform.h"
#include "api/gate/route.h"
#include "api/gate/setup.h"
#include "auth/auth.h"
#include "catalog/catalog.h"
#include "data/json.h"
#include "http/server.h"
#include "observe/fact.h"
#include "observe/metrics.h"

/* The plan has ended; its outcome is in task->error and the notes. */
typedef void (*plan_end_fn)(struct task *task, enum error_code code);
/* The plan was cancelled, or never begun: the handler lets go of what else it holds. */
typedef void (*plan_gone_fn)(struct task *task);

struct task {
    struct api *api;
    struct setup *setup;         /* the one that it began with, and holds */
    const struct config *config; /* of that setup */
    struct exchange *exchange;
    struct arena *arena; /* the exchange's */
    const struct route *route;
    struct route_match match;
    bool on_admin; /* it came through the admin listener */
    struct principal principal;
    struct platform *platform; /* the account that the principal works with */
    struct auth_ticket ticket; /* while it waits for authentication */
    bool head_waits;           /* while it waits for authentication, or for limits */
    struct list waits;         /* among the tasks that wait for the same thing */
    const struct json *body;   /* NULL: none was sent */
    const struct json *query;  /* query.h */
    bool dry_run;
    bool raw;
    const stage_fn *stages; /* those still to come, ended by NULL; itself NULL: the time is over */
    struct error error;
    struct error_list *errors;              /* freed with the arena; NULL until task_errors() */
    void (*on_cancel)(struct task *task);   /* ends what the handler waits for; NULL: nothing */
    bool (*must_finish)(struct task *task); /* work that a disconnect must not cut; NULL: no */
    void (*on_deadline)(struct task *task); /* answers when time is over; NULL: on_cancel, 504 */
    void (*on_writable)(struct task *task); /* streaming handlers only */
    void (*on_chunk)(struct task *task, struct str bytes, bool last);
    void *state;       /* the handler's own, in the arena */
    struct plan *plan; /* the task's calls to the platform; NULL: none */
    plan_end_fn on_plan_end;
    plan_gone_fn on_plan_gone;             /* NULL: nothing is held */
    struct idempotency_entry *idempotency; /* reserved for this task's reply; NULL: none */
    bool may_have_changed;   /* something that creates or changes may have reached the platform */
    const struct json *made; /* what exists although the whole failed: plan_made; NULL nothing */
    struct str location;     /* Location of the answer; empty none */
    struct str fields;       /* header lines of the platform, for the replay of a kept answer */
    struct cache_seat *cache_seat;     /* its place in the cache, as leader or waiter; NULL none */
    uint64_t cache_generation;         /* what it was when the fetch began */
    struct session_seat *session_seat; /* session_seat.h; NULL none */
    struct resting *resting; /* rest.c: leases are let go before the answer; NULL: not begun */
    bool passes_cache;       /* the cached answer is for another caller: ask the platform */
    struct written *written; /* task_writer; NULL: nothing */
    uint64_t begin_us;
    uint64_t wait_ms; /* time for the answer to begin, if it waits; 0: no limit, or set already */
};

enum { HEALTH_KEPT = 1024 };

struct api {
    struct api_options options;
    const struct catalog *catalog; /* of the options, as the next one */
    struct dictionary *dictionary;
    struct route_table *routes;
    struct run_share *run_share; /* NULL: runs are this process's alone */
    struct keeps *rests;         /* leases to let go before an answer leaves (rest.c); NULL: none */
    struct setup *setup;         /* the newest */
    const struct config *config; /* of it */
    struct list retired;         /* platforms that are not in it, oldest first */
    unsigned n_retired;
    struct list addresses;     /* of platforms, each with its lanes (setup.c) */
    unsigned n_platforms_made; /* so far */
    unsigned n_changes;        /* reloads and new key sets so far (sse_ask_all) */
    struct idempotency_store *idempotency;
    struct cache *cache;
    struct purges *purges;
    struct goal_memo *goals;
    struct auth *auth;
    struct limits *limits;
    struct verdict_store *verdicts;
    struct ip_range *trusted; /* server.trusted_proxies */
    size_t n_trusted;
    char config_error[ERROR_TEXT_MAX]; /* of the last configuration; empty: it was taken */
    int64_t config_error_wall_ms;      /* since when */
    struct list streams;               /* open event streams; those asked last at the end */
    unsigned n_watchers;               /* of them */
    struct later_item ask_streams;
    struct buf openapi;     /* what each answer to /openapi.json has; empty: not asked for yet */
    struct buf docs_bundle; /* files of Swagger UI without gzip; empty: not asked for yet */
    struct buf docs_style;
    struct deadline expiry; /* the next key or certificate that expires (expiry.c) */
    int64_t expiry_told_ms; /* what had become true by then is in the log */
    bool draining;
    uint64_t opened_ms;

    struct {
        uint64_t second;    /* of the uptime, which the text tells */
        uint64_t state;     /* what else it says; 0: there is no text */
        unsigned n_changes; /* of the setup, then */
        struct str text;
        char room[HEALTH_KEPT];
    } health; /* the last answer to "how are you", while all is well: health.c */
};

struct claim; /* src/api/gate/idempotency_share.h */

/* rest.c: for a process that may be stopped as soon as the task is answered. False: the task may be answered now. True:
 * `then` is called when what was changed is written, `claim` (NULL: none) has ended, and the leases are let go. */
bool task_rests(struct task *task, struct claim *claim, void (*then)(struct task *task)) MUST_CHECK;

/* stages.c */
enum stage_verdict stages_head_run(struct task *task);
bool task_only_reads(const struct task *task); /* GET, HEAD */
enum stage_verdict stages_body_run(struct task *task);
void task_go_on(struct task *task); /* the stages after the one that waited */
void task_set_deadline(struct task *task, uint64_t wait_ms); /* instead of the route's */
void task_go_on_head(struct task *task);

/* What on_head answers to http for the verdict of the head's stages. */
enum http_verdict task_head_verdict(const struct task *task, enum stage_verdict verdict,
                                    size_t *max_body);

/* Writes into the fact whose it is: owner, principal, peer and request. */
void task_sign_fact(const struct task *task, struct fact *fact);

/* fields.c: the header fields by which callers say what they want. They are checked before anything else: a field that
 * stands twice, or is misspelled, would silently change what is done. ERR_BAD_REQUEST, with the field in `err`: a field
 * that may stand once stands twice, or the name is one slip (a letter, the separators, the X- before it) away from a
 * field that is read, and that the request does not have. */
enum error_code fields_check(const struct task *task, struct error *err) MUST_CHECK;

/* body.c: a stage: task->body, or a refusal; and whether the route takes a body of this Content-Type. */
enum stage_verdict body_read(struct task *task);
bool body_type_fits(enum body_kind kind, struct str type);

/* admin.c. True: the request needs no key, since it came to the admin listener from this machine (loopback or the Unix
 * socket); its principal becomes "operator" with the permission admin. False: it shows a credential (then that
 * decides), or somebody else may have made this machine send it: it came through another proxy, or from a page in a
 * browser. */
bool admin_is_operator(struct task *task);

/* auth.c: WAIT: the stages behind it run later, and http_head_done is called. */
enum stage_verdict task_authenticate(struct task *task);
/* For answers that last: false when the credential would be refused now. */
bool task_is_still_admitted(const struct task *task);
bool task_may(const struct task *task, unsigned permission); /* admins may everything */
/* ERR_FORBIDDEN when the principal lacks it. */
enum stage_verdict task_allow(struct task *task, unsigned permission);

/* idempotency.c */
bool idempotency_is_asked(const struct task *task);
enum stage_verdict
idempotency_begin(struct task *task); /* CONTINUE, WAIT, or DONE: replayed or refused */
/* Keeps the reply for replays, or forgets the key when nothing can have happened. Returns the claim that tells other
 * processes so, for task_rests; NULL: there is none, or it has ended. */
struct claim *idempotency_keep(struct task *task, int status, const char *content_type,
                               struct str body);
struct idempotency_store *idempotency_store_new(const struct api_options *options);
/* Nothing is asked of the shared store any more. */
void idempotency_store_stop(struct idempotency_store *store);
void idempotency_store_free(struct idempotency_store *store);
void idempotency_abandon(struct task *task); /* the task ended without an answer */

/* cors.c */
void cors_apply(const struct api *api, struct exchange *exchange);

/* reply.c: each of these ends the task; a handler returns its verdict. */
enum stage_verdict task_reply(struct task *task, int status, const char *content_type,
                              struct str body);
/* A long answer in pieces, written with exchange_stream_write. At its end `body` is the whole of it where an
 * Idempotency-Key wants to keep it. */
void task_stream_begin(struct task *task, int status, const char *content_type);
enum stage_verdict task_stream_end(struct task *task, int status, const char *content_type,
                                   struct str body);
/* Answers with the text of the buf, and frees the buf. */
enum stage_verdict task_reply_text(struct task *task, int status, const char *type,
                                   struct buf *text);
enum stage_verdict task_reply_json(struct task *task, int status, const struct json *body);

/* JSON that is written at once, by the writer that task_writer returns; task_written sends it. */
struct json_writer *task_writer(struct task *task);
enum stage_verdict task_written(struct task *task, int status);
/* The answer of a dry run that would send nothing to the platform. */
enum stage_verdict task_reply_nothing_sent(struct task *task);
void task_set_location(struct task *task, struct str location);
enum stage_verdict
task_fail(struct task *task); /* task->error (and task->errors) as problem+json */
enum stage_verdict task_fail_with(struct task *task, const struct error *error);
/* task_fail with the error that error_set makes; retry_after_s of task->error stays. */
enum stage_verdict task_refuse(struct task *task, enum error_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);
struct error_list *task_errors(struct task *task);
struct str task_now(struct task *task); /* RFC 3339 */

/* task_plan.c: the plan of a task. */
/* A new, empty one, with the task's options; task->plan is it, and its owner is the task. */
struct plan *task_plan_new(struct task *task);
void *plan_state(const struct plan *plan); /* the state of the task that owns it, for hooks */
/* From now on a cancel of the task, a client that leaves and the end of the time act on the plan.
 * The plan begins only with task_start_plan: the task may wait for its turn before. With an
 * Idempotency-Key a plan that has changed something goes on to its end when the client leaves, so that
 * the retry finds the whole of it. */
void task_hold_plan(struct task *task, plan_end_fn on_plan_end, plan_gone_fn on_plan_gone);
void task_start_plan(struct task *task);
/* The dry run: answers with the requests that would be sent. */
enum stage_verdict task_show_plan(struct task *task);
enum stage_verdict task_reply_requests(struct task *task, struct json *requests);
void plan_options_for(struct task *task, struct plan_options *out);

#endif
