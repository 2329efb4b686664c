/* What the files of shared runs share (src/run/README.md, "Runs of several processes"). */
#ifndef RUN_SHARE_INTERNAL_H
#define RUN_SHARE_INTERNAL_H

#include "base/deadline.h"
#include "run/share.h"
#include "run_internal.h"
#include "store/keep.h"
#include "store/store.h"

/* The number of the rules by which steps become rows and lines of a stream are read. A version of the program that
 * changes these rules has a higher number. It carries on runs of lower numbers, in lines that those versions can read;
 * versions with a lower number cannot carry on its runs. Number 1 is gone: the store had the file, and each process
 * compiled it. The tests build a second program with another number. */
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
    RUN_MARGIN_MS = 1000,   /* as for lanes: what is sent must arrive while the lease lasts */
    RUN_AGAIN_MS = 300,

    RUN_KEPT_MS = 3 * 24 * 3600 * 1000 /* after the end */
};

/* Stands in a claim instead of a holder: no process has the run. */
#define RUN_NOBODY "-"

/* A stream. An entry says that a run is free: no process has it. */
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
    struct store_op bell;  /* rings: a run is free */
    bool rings_again;
    bool stopped;
};

enum log_state {
    LOG_PUBLISHES, /* steps, claim, document */
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
    bool is_left; /* the entry at `at`, and those behind it, must be written once more */
};

struct run_log {
    struct list link; /* of the share */
    struct run_share *share;
    struct run_store *store;
    struct run *run; /* NULL: it is over, and its claim is being removed */
    enum log_state state;
    char name[RUN_NAME_MAX];
    uint64_t fence;  /* version of the claim */
    unsigned n_left; /* the share's, when the claim was sent */
    uint64_t number; /* of the newest entry that this holder has written */
    uint64_t ttl_ms;
    struct buf pending; /* lines that were not sent yet */
    struct buf sending; /* the entry in flight, with its head */
    size_t n_sending;   /* number of events when that entry was made */
    struct run_tail tail;
    uint64_t n_written, n_taken, n_kept; /* bytes of lines: made, in flight, in the stream */
    size_t n_visible;                    /* events that the stream has */
    bool gated;                          /* its plan waits until gate_at bytes are kept */
    uint64_t gate_at;
    bool over;  /* its last line is made: it closes when the stream has that line */
    bool fails; /* the store refuses its lines: told in /health */
    struct store_op append;
    struct store_op claim; /* one at a time: to publish, to take anew, to remove */
    struct store_op stop;  /* waits for a request to stop the run */
    struct store_op told;  /* writes such a request that came to this process */
    struct deadline again, claim_again, gate_again, stop_again, told_again;
    struct later_item soon;
    bool waits;  /* its caller waits for the end */
    bool leaves; /* its plan is cancelled; the run is free when the rest is written */
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
void runs_want(struct run_share *share); /* takes its lease, for as long as it has runs */
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
/* The process has its lease; it could not get it; it has lost it (log_doubt). */
void log_held(struct run_log *log);
void log_not_held(struct run_log *log, const struct error *error);
/* Another process must carry the run on: this one ends, carries out no runs, or nobody drives the run. */
bool log_must_leave(const struct run_log *log);
void log_leave_soon(struct run_log *log);
void log_doubt(struct run_log *log);
/* The store is away, and the run goes on without it (store.strict: false). */
bool log_is_alone(const struct run_log *log);
void log_show_all(struct run_log *log); /* shows its events, though the store lacks them */
void log_begin(struct run_log *log);    /* the plan may run: listens for a stop */
void log_write(struct run_log *log);    /* begins to write what is pending */
/* If the run is given away and all of it is written, its claim becomes nobody's. */
void log_give_up(struct run_log *log);
/* The run is to stop: writes it for whoever has the run next, if this process dies or gives the run away. */
void log_tell_stop(struct run_log *log);

/* --- publish.c */
void log_publish(struct run_log *log);                              /* on_published comes later */
void log_published(struct run_log *log, const struct error *error); /* calls it */

/* --- record.c */
void record_event(struct run *run); /* its newest one */
void record_begun(struct run *run, const struct run_row *row);
void record_unbegun(struct run *run, const struct run_row *row);
void record_left(struct run *run);
void record_go(struct run *run, int64_t position);
void record_outcomes(struct run *run, const struct run_goal *goal);
/* Applies a line to a copy. False: the line cannot be read. */
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
    bool sealed; /* the steps are sealed; else their values are left out */
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
    struct run *run;    /* the copy; in the store's map once it is whole */
    struct run *before; /* the run that the whole copy replaces; NULL: none */
    enum mirror_state state;
    char name[RUN_NAME_MAX];
    struct store_op op;
    struct store_op stopping;
    struct deadline again;
    struct later_item piece;
    struct list seekers;
    struct arena arena; /* of the document */
    struct run_document document;
    struct testfile *file; /* the steps that were read so far */
    struct buf text;       /* of the parts that were read; n_taken bytes of it are in the file */
    size_t part, n_taken;
    struct run_steps_place at;
    bool whole;
    uint64_t after; /* sequence number of the last entry that was read */
    uint64_t fence, number;
    char holder[65]; /* of the last entry */
    /* to adopt it */
    bool adopts;
    uint64_t claim_version; /* of the claim as seen, then of our own claim */
    unsigned n_left;        /* the share's, when the claim was sent */
    uint64_t mark;          /* sequence number of our "adopted" */
};

struct run_mirror *mirror_find(struct run_store *store, struct str name);
struct run_mirror *mirror_new(struct run_store *store, struct str name);
void mirror_free(struct run_mirror *mirror); /* and its run */
void mirror_start(struct run_mirror *mirror, struct store_request *request, store_done_fn on_done);
void mirror_read(struct run_mirror *mirror); /* reads on, unless it is reading already */
/* Asks the process that carries the run out, whichever that is, to stop the run. `on_done` may be NULL. */
void runs_ask_to_stop(struct run_share *share, struct str name, struct store_op *op,
                      store_done_fn on_done);
void mirror_stop(struct run_mirror *mirror); /* tells the process that carries it out */
void mirror_unwatched(struct run_mirror *mirror);
void mirror_fail(struct run_mirror *mirror, const struct error *error);
void mirror_adopts_not(struct run_mirror *mirror); /* gives the adoption up */
/* This process has the run now: the seekers are told, and the mirror is freed. */
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
void tail_begin(struct run_tail *tail); /* goes back to the oldest entry that is known */
/* While is_left: the entry to write next; tail_next: it is written. */
struct str tail_entry(const struct run_tail *tail, uint64_t *out_number);
void tail_next(struct run_tail *tail);

/* --- bell.c */
void runs_ring(struct run_share *share); /* asks other processes to look for free runs */

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
/* The run cannot be adopted and is left as it is. If it has no document, its claim is removed. */
void adopter_cannot(struct adopter *adopter, const struct run_mirror *mirror,
                    const struct error *error);
/* Removes the claim of a run that is over. */
void adopter_remove(struct adopter *adopter, struct str name, uint64_t version);

/* --- progress.c */
/* The end of the row will never be known: notes it as unknown. */
void run_note_lost(struct run *run, struct run_row *row, const struct error *err);

/* --- store.c */
struct run *run_make(struct run_store *store, const struct digest *owner, struct str id);
void run_free(struct run *run);
void run_free_work_soon(struct run *run);
void run_tell_watchers(struct run *run);
void run_close_over(struct run *run); /* after the last line of the run is written */
/* Its plan is cancelled, and its hooks are told; it is in no list of the store any more. */
void run_cut_off(struct run *run);
void run_begin_again(struct run *run, bool now); /* an adopted one */
/* Ends a run whose plan has not begun, from a later turn. */
void run_end_unbegun(struct run *run, enum run_status status, const struct error *err);

/* --- copies.c: what the store of runs does with runs of other processes */
void run_remember(struct run *run);    /* a copy is whole: run_find finds it */
void run_forget_copy(struct run *run); /* frees a copy that has no watchers */
void run_copy_is_over(struct run *run);
/* Another process has the run: the watchers of `before` watch the copy `after` from now on. */
void run_replace(struct run *before, struct run *after);
void run_own(struct run *run); /* a copy is carried out here from now on */
void run_let_go(struct run *run);
void run_stop_told(struct run *run); /* as run_stop, when the store has told it */
/* The copy cannot be read any more: its watchers are told, and run_find does not find it. */
void run_lose(struct run *run, const struct error *error);
void run_free_lost(struct run *run);
bool run_is_known_over(struct run_store *store, struct str id);
void run_copies_close(struct run_store *store);

#endif
