/* The backend in a cloud: what its files share. */
#ifndef STORE_OBJECTS_H
#define STORE_OBJECTS_H

#include "base/lru.h"
#include "blob.h"
#include "cells.h"
#include "store_internal.h"

enum { OBJECTS_SWEEPS = 64, OBJECTS_SEEN_MAX = 4096, OBJECTS_CURSORS = 16, ENTRY_DIGITS = 20 };

/* What this process has seen of another process's lease: since when it has not been renewed. */
struct seen_lease {
    struct lru_entry entry;
    uint64_t fence;
    uint64_t beat;
    uint64_t since_ms; /* by clock_age_ms */
};

/* What this process has seen of a stream, so that it need not list the entries up to `last` again. */
struct seen_stream {
    struct lru_entry entry;
    uint64_t last; /* entry */
    /* Entries up to this one may be removed: the service takes no change of an object that it has just got. */
    uint64_t old;
    uint64_t mark; /* the last entry at mark_ms (clock_now_ms): `old` after gap_ms */
    uint64_t mark_ms;
};

/* The test whether the service honours conditions: some services that speak S3 take every PUT. */
struct probe {
    enum { PROBE_RUNS, PROBE_WAITS, PROBE_DONE, PROBE_BROKEN } state;
    struct cell_call call;
    unsigned step;
    struct deadline again;
    char key[64];
    char tag[128]; /* of the first object that was put */
};

/* A removal in flight: the object of a document that is gone for good. */
struct sweep {
    struct list link;
    struct objects *objects;
    struct cell_call call; /* its key and tag are on the heap */
};

struct objects {
    struct store store; /* first: store_closed frees it */
    struct cells cells;
    struct map lines;   /* of cells that are being changed, or were just now */
    struct lru leases;  /* seen_lease */
    struct lru limits;  /* COUNT: limits of this process */
    struct lru streams; /* seen_stream */
    struct probe probe;
    char trouble[ERROR_TEXT_MAX]; /* why it does not answer; "": it does */
    bool sweeps;                  /* the service deletes under a condition, too */
    struct list sweeps_running;
    unsigned n_sweeps;
    struct str cursors[OBJECTS_CURSORS]; /* WALK: where to go on; heap */
    unsigned n_cursors;
};

/* Between the key of a stream and the numbers of its entries. */
#define OBJECTS_ENTRIES "/!!"

struct work;

/* An operation that reads one cell and changes it. */
struct objects_change {
    /* Decides by the cell as it is. True: `next` must be written; false: the operation has ended. */
    bool (*decide)(struct work *work, const struct blob *now, struct blob *next);
    /* Tells the results, once `next` is written. NULL: there is nothing to tell. */
    void (*done)(struct work *work, const struct blob *written);
};

/* An operation on its way. */
struct work {
    struct objects *objects;
    struct store_op *op;
    struct str key; /* of the cell */
    const struct objects_change *change;
    struct cell_call call;
    struct deadline again;
    struct arena arena;       /* of what is written */
    char mark[BLOB_MARK + 1]; /* of an entry */
    struct str tag;           /* of what was read; empty: there was nothing */
    bool in_doubt;            /* an answer was lost */
    struct blob next;         /* what is written */
    unsigned tries;
    struct list link;      /* of a line */
    bool writes;           /* what it makes of the cell is being written */
    bool holds;            /* its end waits for what is being written */
    enum error_code held;  /* that end */
    const char *held_text; /* in the arena of the operation */
    unsigned wait_ms;      /* the pause before the next look */
    /* of lists and streams */
    struct cell_call *calls; /* in the arena of the operation */
    struct str *bodies;      /* of each; NULL: there is none */
    struct str *tags;
    struct str *keys;
    void (*on_all)(struct work *work); /* called when all are read */
    struct str prefix;
    struct str after;
    size_t n_calls;
    size_t n_open;
    bool has_more;
    uint64_t last;  /* of a stream; 0: it has no entry */
    bool shows_all; /* of a stream whose newest entry is alive */
};

/* --- objects.c */
/* Notes by an answer whether the service works (`trouble`). */
void objects_note(struct objects *objects, const struct cell_call *call);
void work_end(struct work *work); /* the operation ends well */
void work_fail(struct work *work, enum error_code code, const char *text);
void work_fail_call(struct work *work, const struct cell_call *call);
/* Starts a call for the operation; on_done finds the work in call->owner. */
void work_ask(struct work *work, struct cell_call *call, void (*on_done)(struct cell_call *call));
void work_again(struct work *work, unsigned wait_ms, void (*fn)(struct deadline *deadline));
void work_look_later(struct work *work,
                     void (*fn)(struct deadline *deadline)); /* for news, less and less often */
/* Reads all cells of a page that was listed: work->bodies of work->keys. */
void work_read_all(struct cell_call *page, void (*on_all)(struct work *work),
                   void (*on_nothing)(struct work *work));
/* No version comes twice, not even when a document is gone: if nothing is left of it, versions begin with the time. */
uint64_t work_next_version(const struct work *work, const struct blob *now);
bool blob_is_alive(const struct objects *objects, const struct blob *blob);
/* Operations of this process that wait for news of this key look at once. */
void objects_wake(struct objects *objects, enum store_kind kind, struct str key);

/* --- one for each kind */
extern const struct objects_change objects_get, objects_put, objects_remove;
extern const struct objects_change objects_lease, objects_renew, objects_release;
void objects_list(struct work *work);
void objects_walk(struct work *work);
void objects_append(struct work *work);
void objects_read(struct work *work);
void objects_watch(struct work *work);
/* Sets left_ms and age_ms as they are at `now_ms`. */
void objects_tell_left(struct work *work, const struct blob *blob, int64_t now_ms);
void objects_count(struct work *work);
void objects_about(struct work *work);
/* --- objects_line.c */
/* The work has decided on a change of the cell with work->tag: it is written, alone or with others, or decided anew. */
void line_join(struct work *work);
void lines_stop(struct objects *objects);
/* --- objects_sweep.c */
/* `blob` was read. If its document is gone for long, removes the object: its versions need not be counted any more. */
void sweep_old(struct objects *objects, const struct blob *blob, struct str key, struct str tag);
void sweep_stop(struct objects *objects);
/* --- objects_probe.c */
void probe_start(struct objects *objects);
void probe_stop(struct objects *objects);

#endif
