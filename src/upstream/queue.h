/* Which call is next. Each credential towards the platform has a gate. A gate knows how many of its calls
 * may be on the wire (adapt.h), and holds its waiting calls by priority and then by arrival.
 *
 *   a call ──► its gate: probes, usual calls, background ──► (below its limit and max_active) ──► wire
 *
 * Probes are let out at once, whatever is on the wire. Usual calls come before those of the background,
 * unless one of the background has waited BACKGROUND_PATIENCE_MS.
 * Gates that have both a waiting call and room take turns.
 *
 * A burst may fill the queue. Once it has overflowed, callers ask for more than the platform can do.
 * From then on a gate takes only calls that will have their answer within QUICK_PERCENT of the usual time,
 * until its queue is empty and nothing was refused for OVERLOAD_MS. So accepted calls are answered in good
 * time, and the callers of the others hear at once when to come back. */
#ifndef UPSTREAM_QUEUE_H
#define UPSTREAM_QUEUE_H

#include "adapt.h"
#include "base/map.h"
#include "upstream/upstream.h"

enum {
    GATES_MAX = 1024,
    BACKGROUND_PATIENCE_MS = 5000,
    OVERLOADED_RETRY_AFTER_S = 1,
    OVERLOAD_MS = 500,
    QUICK_PERCENT = 150
};

struct gate {
    struct map_node node; /* key: `key` */
    struct list link;     /* queue.gates */
    struct list turn;     /* queue.turns, while the gate has a waiting call and room for it */
    const void *stored;   /* the last stored credential of this gate: it is not hashed again */
    uint64_t key;         /* hash of the credential; 0: none */
    struct adapt adapt;
    struct list waiting[CALL_N_PRIORITIES];
    unsigned n_waiting[CALL_N_PRIORITIES];
    unsigned n_active;
    unsigned n_calls; /* begun and not ended, in any state */
    bool overloaded;
    uint64_t refused_ms; /* the last refusal while overloaded */
};

struct queue {
    struct map map;
    struct list gates; /* the most recently used first */
    struct list turns;
    unsigned n_gates;
    unsigned n_active;  /* of all gates */
    unsigned n_waiting; /* of all gates */
    unsigned n_usual;   /* waiting calls that max_waiting counts */
    unsigned first;     /* the first limit of a new gate */
    unsigned ceiling;
    unsigned max_waiting;
    uint64_t seed;
    bool is_counted; /* in the metrics of calls to the platform */
};

void queue_init(struct queue *queue, const struct upstream_options *options);
/* Sets the ceilings, and the first limit (`initial_active`) of gates that are made from now on. */
void queue_configure(struct queue *queue, const struct upstream_options *options);
void queue_done(struct queue *queue);

/* The gate of a request; made if there is none. */
struct gate *queue_gate(struct queue *queue, const struct upstream_request *request);
/* May this call begin, or wait? ERR_OVERLOADED says when to come back. */
enum error_code queue_admits(struct queue *queue, struct gate *gate,
                             const struct upstream_call *call, struct error *err) MUST_CHECK;
void queue_put(struct queue *queue, struct upstream_call *call, bool in_front);
void queue_remove(struct queue *queue, struct upstream_call *call); /* the call must be waiting */
/* Takes the next call that may begin out of the queue. NULL: there is none. */
struct upstream_call *queue_take(struct queue *queue);
/* Takes any waiting call out of the queue. NULL: there is none. */
struct upstream_call *queue_drop(struct queue *queue);
/* In overload: takes the last usual call out of the queue if its answer would come too late. NULL: none. */
struct upstream_call *queue_shed(struct queue *queue, struct gate *gate);
/* True: the call waited so long that an answer can hardly come before its deadline. */
bool queue_is_too_late(const struct upstream_call *call, uint64_t now_ms);
void queue_begin(struct queue *queue, struct upstream_call *call); /* on the wire */
/* The call leaves the wire; the limit of its gate may have changed meanwhile. */
void queue_end(struct queue *queue, struct upstream_call *call);
/* The limit of a gate has changed. */
void queue_refresh(struct queue *queue, struct gate *gate);
bool gate_must_wait(const struct gate *gate); /* calls wait because the limit is used up */
/* The platform is back: the limit of every gate is found anew. */
void queue_restart(struct queue *queue);

#endif
