/* What the files of shared runs share (src/run/README.md, "Runs of several processes"). */
#ifndef RUN_SHARE_INTERNAL_H
#define RUN_SHARE_INTERNAL_H

#include "base/deadline.h"
#include "run/share.h"
#include "run_internal.h"
#include "store/keep.h"
#include "store/store.h"

/* How steps become rows, and what lines of a stream mean. A version that does either otherwise has a higher number;
 * it carries on what a lower one has begun, in lines that the lower one can read, and nobody else what it has begun.
 * The first number is gone: the store had the file, and each process compiled it. The tests build a second program
 * with another number. */
#ifndef RUN_ENGINE
#define RUN_ENGINE 2
#endif

enum {
    RUN_ENGINE_MIN = 2,       /* the lowest that can be carried on */
    RUN_FORMAT = 1,           /* of documents and lines */
    RUN_ANY_FORMAT = 1000000, /* where only names are asked for */
    RUN_KEY_MAX = 160,
    RUN_ENTRY_BYTES = 32 * 1024,        /* lines of one append, about */
    RUN_PENDING_MAX = 64 * 1024 * 1024, /* lines that wait for the store */
    RUN_PART_BYTES = 128 * 1024,        /* of the steps, before they are sealed */
    RUN_STEPS_MAX = 64 * 1024 * 1024,   /* lines of steps that wait: one may be the whole file */
    RUN_DOCUMENT_MAX = 512 * 1024,
    RUN_STREAM_MAX = 50000, /* entries: five for each row of the largest run */
    RUN_MARGIN_MS = 1000,   /* as lanes: what is sent arrives while the lease lasts */
    RUN_AGAIN_MS = 300,

    RUN_KEPT_MS = 3 * 24 * 3600 * 1000 /* after the end */
};

/* Instead of a holder: nobody has it. */
#define RUN_NOBODY "-"

/* A stream: a run is nobody's since the last entry. */
#define RUN_BELL "runbell/given"

struct run_share {
    struct run_share_options options;
    struct list stores; /* run_store.shared */
    struct list logs;   /* of runs of this process */
    struct keep_user alive;
    bool enters, holds;
    unsigned
        n_left; /* times that the lease was lost or left: claims taken before may be another's now */
    struct deadline enter_again;
    struct adopter *adopter;
    struct run_trim *trim; /* NULL: none is under way */
    bool drains;           /* this process ends: others carry its runs on */
    struct store_op bell;  /* a run is nobody's */
    bool rings_again;
    bool stopped;
};

enum log_state {
    LOG_PUBLISHES, /* source, claim, document */
    LOG_RUNS,
    LOG_DOUBTS, /* the lease was lost: nothing is sent until the claim was taken anew */
    LOG_CLOSES  /* all is written: the claim is removed */
};

/* The next line of steps. */
struct run_steps_place {
    bool begun, in_test, ended;
    size_t test, step;
};

/* Entries that were written, newest last. */
struct run_tail {
    struct buf bytes;
    size_t at;
    bool is_left; /* that one, and those behind it, are to be written once more */
};

struct run_log {
    struct list link; /* of the share */
    struct run_share *share;
    struct run_store *store;
    struct run *run; /* NULL: it is over, and the claim is removed */
    enum log_state state;
    char name[RUN_NAME_MAX];
    uint64_t fence;  /* version of the claim */
    unsigned n_left; /* of the share, when the claim was sent */
    uint64_t number; /* of the newest entry that this holder has written */
    uint64_t ttl_ms;
    struct buf pending; /* lines that were not sent yet */
    struct buf sending; /* the entry in flight, with its head */
    size_t n_sending;   /* events when it was made */
    struct run_tail tail;
    uint64_t n_written, n_taken, n_kept; /* bytes of lines: made, in flight, in the stream */
    size_t n_visible;                    /* events that the stream has */
    bool gated;                          /* its plan waits until gate_at bytes are kept */
    uint64_t gate_at;
    bool over;  /* the last line is written: closes when it is kept */
    bool fails; /* the store refuses its lines: told in /health */
    struct store_op append;
    struct store_op claim; /* one at a time: to publish, to take anew, to remove */
    struct store_op stop;  /* waits for whoever wants the run to stop */
    struct deadline again, claim_again, gate_again, stop_again;
    struct later_item soon;
    bool waits;  /* its caller waits for the end */
    bool leaves; /* its plan is cancelled; another process has it when the rest is written */
    struct later_item leave;
    /* while it is published */
    const struct testfile_options *options;
    bool seals;
    struct digest key; /* that seals */
    struct buf text;   /* steps that are in no part yet */
    struct run_steps_place at;
    size_t at_part;
    struct buf document;
    run_published_fn on_published;
    void *context;
};

/* --- share.c */
void runs_name(const struct run_store *store, const struct digest *owner, struct str id,
               char out[RUN_NAME_MAX]);
/* "<group>/<name>" */
struct str runs_key(const char *group, struct str name, char room[RUN_KEY_MAX]);
struct str runs_document_key(struct str name, char room[RUN_KEY_MAX]);
struct str runs_part_key(struct str name, size_t part, char room[RUN_KEY_MAX]);
/* The parts of a name; false: it is none. */
bool runs_read_name(struct str name, struct str *out_scope, struct str *out_owner,
                    struct str *out_id);
struct run_store *runs_store_of(struct run_share *share, struct str scope);
bool runs_lasts(const struct run_share *share);
void runs_want(struct run_share *share); /* its lease, as long as it has runs */
void runs_leave_if_idle(struct run_share *share);
struct str runs_holder(const struct run_share *share);
void runs_forget_store(struct run_store *store); /* it is closed */

/* --- log.c */
struct run_log *log_new(struct run *run);
void log_free(struct run_log *log);
void log_put(struct run_log *log, struct store_request *request, struct store_op *op,
             store_done_fn on_done);
/* `holder`: this process, or RUN_NOBODY. */
void log_put_claim(struct run_log *log, enum store_expect expect, struct str holder,
                   store_done_fn on_done);
void log_flush_soon(struct run_log *log);
/* The process has its lease; it cannot have it; it has lost it. */
void log_held(struct run_log *log);
void log_not_held(struct run_log *log, const struct error *error);
/* Another process carries it on: this one ends, or carries out no runs. */
bool log_must_leave(const struct run_log *log);
void log_leave_soon(struct run_log *log);
void log_doubt(struct run_log *log);
/* The store is away, and the run goes on without it (store.strict: false). */
bool log_is_alone(const struct run_log *log);
void log_show_all(struct run_log *log); /* its events, though the store does not have them */
void log_begin(struct run_log *log);    /* the plan may run: listens for a stop */

/* --- publish.c */
void log_publish(struct run_log *log);                              /* on_published comes */
void log_published(struct run_log *log, const struct error *error); /* now */

/* --- record.c */
void record_event(struct run *run); /* its newest one */
void record_begun(struct run *run, const struct run_row *row);
void record_unbegun(struct run *run, const struct run_row *row);
void record_left(struct run *run);
void record_go(struct run *run, int64_t position);
void record_outcomes(struct run *run, const struct run_goal *goal);
/* One line to a copy. False: it cannot be read. */
bool record_apply(struct run *run, struct arena *arena, struct str line);

/* --- document.c */
struct run_document {
    struct run_request request;
    struct run_ground ground;
    bool continue_on_error;
    struct digest owner;
    int64_t created_ms;
    int64_t deadline_ms;
    struct str request_id;
    struct str session_id;
    int64_t session_checkpoint;
    bool has_bearer, waits;
    bool sealed; /* the steps; else their values are left out */
    struct digest keys[RUN_KEYS_MAX];
    size_t n_keys;
};

/* Keys of the account. */
size_t run_keys_of(const struct run_store *store, struct digest out[RUN_KEYS_MAX]);
void run_document_write(struct buf *out, const struct run_log *log,
                        const struct run_publication *what);
/* NULL, or why it cannot be used. */
const char *run_document_read(const struct run_store *store, struct arena *arena, struct str text,
                              struct run_document *out);

/* --- mirror.c */
enum mirror_state {
    MIRROR_DOCUMENT,
    MIRROR_STEPS,
    MIRROR_BUILDS,
    MIRROR_READS, /* to the end of the stream */
    MIRROR_IDLE,
    MIRROR_WAITS,  /* for news, since somebody watches */
    MIRROR_CLAIMS, /* to adopt it */
    MIRROR_MARKS   /* "adopted" is being appended */
};

struct run_mirror {
    struct list link; /* of the store */
    struct run_store *store;
    struct run *run;    /* what is made; in the store's map once it is whole */
    struct run *before; /* what it replaces when it is whole; NULL: nothing */
    enum mirror_state state;
    char name[RUN_NAME_MAX];
    struct store_op op;
    struct store_op stopping;
    struct deadline again;
    struct later_item piece;
    struct list seekers;
    struct arena arena; /* of the document */
    struct run_document document;
    struct testfile *file; /* what is read of the steps */
    struct buf text;       /* of the parts that were read; n_taken bytes of it are in the file */
    size_t part, n_taken;
    struct run_steps_place at;
    bool whole;
    uint64_t after; /* sequence number of the last entry that was read */
    uint64_t fence, number;
    char holder[65]; /* of the last entry */
    /* to adopt it */
    bool adopts;
    uint64_t claim_version; /* that was seen, then ours */
    unsigned n_left;        /* of the share, when the claim was sent */
    uint64_t mark;          /* sequence number of our "adopted" */
};

struct run_mirror *mirror_find(struct run_store *store, struct str name);
struct run_mirror *mirror_new(struct run_store *store, struct str name);
void mirror_free(struct run_mirror *mirror); /* and its run */
void mirror_start(struct run_mirror *mirror, struct store_request *request, store_done_fn on_done);
void mirror_read(struct run_mirror *mirror); /* what is new, if it is not about to */
void mirror_stop(struct run_mirror *mirror); /* whoever carries it out is told */
void mirror_unwatched(struct run_mirror *mirror);
void mirror_fail(struct run_mirror *mirror, const struct error *error);
void mirror_adopts_not(struct run_mirror *mirror); /* after all */
/* Its run is this process's now: those who asked for it are told, and the mirror is gone. */
void mirror_hand_over(struct run_mirror *mirror, struct run *run);

/* --- steps.c */
enum steps_read { STEPS_MORE, STEPS_NEXT_PART, STEPS_ALL, STEPS_BROKEN };

void steps_write_part(struct run_log *log, struct buf *out);
bool steps_are_written(const struct run_log *log);
/* False: none of our keys opens the part. */
bool steps_take_part(struct run_mirror *mirror, struct str bytes);
enum steps_read steps_read(struct run_mirror *mirror, size_t n_lines);

/* --- mirror_load.c */
void mirror_load(struct run_mirror *mirror);

/* --- own.c */
void mirror_claim(struct run_mirror *mirror);
void mirror_own(struct run_mirror *mirror); /* the stream was read up to our "adopted" */

/* --- trim.c */
void runs_trim(struct run_store *store);
void trim_free(struct run_share *share);
void trim_forget(const struct run_store *store); /* it is closed */

/* --- tail.c */
void tail_init(struct run_tail *tail);
void tail_done(struct run_tail *tail);
void tail_note(struct run_tail *tail, uint64_t number, struct str lines);
void tail_begin(struct run_tail *tail); /* from the oldest that is known */
/* While one is left: that one; and it is written. */
struct str tail_entry(const struct run_tail *tail, uint64_t *out_number);
void tail_next(struct run_tail *tail);

/* --- bell.c */
void runs_ring(struct run_share *share); /* somebody shall look for runs that nobody has */

struct run_ear {
    struct run_share *share;
    struct store_op op;
    struct deadline again;
    uint64_t heard; /* the last ring */
};

void run_ear_open(struct run_ear *ear, struct run_share *share);
void run_ear_close(struct run_ear *ear); /* zeroed is fine */

/* --- adopt.c */
struct adopter *adopter_open(struct run_share *share);
void adopter_close(struct adopter *adopter);
void adopter_look(struct adopter *adopter); /* now */
/* It cannot be adopted: it is left as it is. */
void adopter_cannot(struct adopter *adopter, const struct run_mirror *mirror,
                    const struct error *error);
/* The claim of a run that is over. */
void adopter_remove(struct adopter *adopter, struct str name, uint64_t version);

/* --- progress.c */
/* A row that nobody will tell the end of: unknown. */
void run_note_lost(struct run *run, struct run_row *row, const struct error *err);

/* --- store.c */
struct run *run_make(struct run_store *store, const struct digest *owner, struct str id);
void run_free(struct run *run);
void run_free_work_soon(struct run *run);
void run_tell_watchers(struct run *run);
void run_close_over(struct run *run); /* all of its end is written */
/* Its plan is cancelled, and its hooks are told; it is in no list of the store any more. */
void run_cut_off(struct run *run);
void run_begin_again(struct run *run, bool now); /* an adopted one */
/* Without having begun, from a later turn. */
void run_end_unbegun(struct run *run, enum run_status status, const struct error *err);

/* --- copies.c: what the store of runs does with runs of other processes */
void run_remember(struct run *run);    /* a copy that is whole: it is to be found */
void run_forget_copy(struct run *run); /* the same the other way; nobody watches it */
void run_copy_is_over(struct run *run);
/* Another process has it: whoever watches `before` watches `after` from now on. */
void run_replace(struct run *before, struct run *after);
void run_own(struct run *run); /* a copy is carried out here from now on */
void run_let_go(struct run *run);
/* What becomes of it cannot be read any more: its watchers are told, and nobody finds it. */
void run_lose(struct run *run, const struct error *error);
void run_free_lost(struct run *run);
bool run_is_known_over(struct run_store *store, struct str id);
void run_copies_close(struct run_store *store);

#endif
