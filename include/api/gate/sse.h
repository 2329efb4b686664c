/* Answers that last: server-sent events (WHATWG HTML, section 9.2). A watcher is a cursor into what its
 * source holds: nothing is kept for it, so a slow reader costs no memory, and a client that comes back
 * with Last-Event-ID goes on where it was. Once a heartbeat a silent stream gets a comment. Then, and
 * after each reload and each new key set, the credential of its client is judged again. */
#ifndef API_GATE_SSE_H
#define API_GATE_SSE_H

#include "api/gate/task.h"

enum { SSE_EVENT_MAX = 1024 * 1024 };

struct sse;

struct sse_source {
    /* Appends the next event ("id: …\nevent: …\ndata: …\n\n"). False: there is none now. */
    bool (*next)(struct sse *stream, struct buf *out);
    /* True: no event will come any more. NULL: the stream ends only by its limit or by a drain. */
    bool (*is_over)(struct sse *stream);
    void (*let_go)(struct sse *stream); /* the stream has ended, for whatever reason */
};

struct sse {
    struct list link; /* api.streams */
    const struct sse_source *source;
    struct task *task;
    struct later_item soon;
    struct deadline heartbeat;
    uint64_t asked_ms;  /* when its credential was last found right */
    unsigned n_changes; /* api.n_changes, then */
    int64_t left;       /* events that the query's "limit" still allows; -1: any number */
    bool blocked;
};

/* CONTINUE: one more stream may be opened. DONE: HEAD is answered, or the stream is refused (runs.max_watchers). */
enum stage_verdict sse_admit(struct task *task);
/* Answers with a stream; `stream` lives in the task's arena. Returns WAIT. */
enum stage_verdict sse_begin(struct task *task, struct sse *stream,
                             const struct sse_source *source);
/* After a reload or a new key set: the credential of every stream is judged again in the next turns. */
void sse_ask_all(void *context); /* struct api * */
/* Ends the endless streams properly, behind a whole event: the process shuts down, and the clients come back to
 * another one. */
void sse_end_endless(struct api *api);
/* The source has a new event: it is sent now, or when the client takes more. */
void sse_news(struct sse *stream);

#endif
