/* share: runs of several processes with one store. A run is a document and a stream of what became of
 * its rows; every process shows every run, and goes on with the runs of a process that has died (README.md
 * of the room). Without a store nothing of this is made.
 *
 *   run_share_open ─► run_store_open(options.share) ... run_share_stop ─► run_store_close ─► run_share_close
 *
 * Owner: whoever opens it. Errors: ERR_STORE_AWAY,
 * ERR_STORE_UNREADABLE (a newer version of the program wrote it; it is left as it is), ERR_NOT_FOUND. */
#ifndef RUN_SHARE_H
#define RUN_SHARE_H

#include "run/run.h"
#include "store/store.h"

struct keeps;

/* Which process carries out runs that begin here, or that other processes left. */
enum run_role {
    /* This process: its own runs, and those of processes that are gone. */
    RUN_ROLE_CARRIES,
    /* Another process: a run that begins here is put on record, and free to be taken. */
    RUN_ROLE_GIVES,
    /* This process, but only while somebody drives the run (run_drive); after that the run is free to be taken. */
    RUN_ROLE_DRIVEN
};

struct run_share_options {
    struct store *store;
    struct keeps *keeps;
    struct deadlines *deadlines;
    struct later *later;
    enum run_role role;
};

struct run_share *run_share_open(const struct run_share_options *options);
/* This process ends: other processes carry its runs on, each as soon as it has no call in flight. Runs whose
 * callers wait here stay. NULL is fine. */
void run_share_drain(struct run_share *share);
/* Call run_share_stop after run_store_stop of all stores of runs: it asks nothing more of the shared store, and no
 * caller may ask for a run from then on. NULL is fine for both. */
void run_share_stop(struct run_share *share);
void run_share_close(struct run_share *share);

/* What another process needs, beside the steps, to carry a run of this process on. Texts are copied. */
struct run_publication {
    const struct testfile_options *options; /* as the file was read */
    const struct run_request *request;      /* as it was prepared */
    struct str request_id;
    struct str session_id; /* empty: none */
    int64_t session_checkpoint;
    uint64_t deadline_ms; /* of the whole run; 0: none */
    bool has_bearer;      /* the caller's token is used and not kept: no other process can go on */
    bool waits;           /* the caller waits for the end, and the run ends when he leaves */
};

/* error: NULL, or why the run is not in the store. */
typedef void (*run_published_fn)(void *context, const struct error *error);

bool run_is_shared(const struct run_store *store);
/* Between the last run_build and run_start. `what->options` must stay until on_published, which comes from
 * a later turn, once; run_drop before that is fine. */
void run_publish(struct run *run, const struct run_publication *what, run_published_fn on_published,
                 void *context);
/* Another process will carry the run out, once run_start has put it on record. */
bool run_is_given(const struct run *run);
/* With RUN_ROLE_DRIVEN: the run advances here, if no other process has it, until run_undrive was called as often as
 * run_drive. The caller watches the run and undrives watcher->run: a copy may have taken the place of the first. With
 * another role nothing happens. */
void run_drive(struct run *run);
void run_undrive(struct run *run);
bool run_is_driven(const struct run *run); /* run_drive was called more often than run_undrive */
/* The run stays with this process alone; other processes cannot carry it on. */
void run_unpublish(struct run *run);

/* The name of a run among those of all accounts and owners. */
enum { RUN_NAME_MAX = 128 };

void run_name(const struct run *run, char out[RUN_NAME_MAX]);
/* Whether a text is the name of a run of this store's account. */
bool run_is_name_in(const struct run_store *store, struct str text);

/* A search for a run of any process; it ends with the run as it is now. */
struct run_seek {
    struct list link; /* private */
    struct later_item soon;
    struct run_store *store;
    char name[RUN_NAME_MAX];
    void (*on_done)(struct run_seek *seek, struct run *run, const struct error *error);
};

/* on_done comes from a later turn, once. A run that was found is in `store` then. */
void run_seek_start(struct run_store *store, const struct digest *owner, struct str id,
                    struct run_seek *seek,
                    void (*on_done)(struct run_seek *seek, struct run *run,
                                    const struct error *error));
/* The same by its name. */
void run_seek_name(struct run_store *store, struct str name, struct run_seek *seek,
                   void (*on_done)(struct run_seek *seek, struct run *run,
                                   const struct error *error));
void run_seek_cancel(struct run_seek *seek); /* idempotent; zeroed is fine */
/* Another process carries it out. */
bool run_is_elsewhere(const struct run *run);
/* Tells that process to stop it, as run_stop does here; `op` and its on_done are the caller's. */
void run_stop_elsewhere(struct run *run, struct store_op *op,
                        void (*on_done)(struct store_op *op, const struct store_result *result));

/* Names of runs in the store, newest first; for run_seek_start. */
struct run_names {
    struct store_op op; /* private */
    struct run_store *store;
    struct arena *arena;
    char owner[33];    /* empty: everybody's */
    struct str *items; /* out */
    size_t n;
    void (*on_done)(struct run_names *names, const struct error *error);
};

enum { RUN_NAMES_MAX = 20000 };

/* `owner` NULL: everybody's. on_done comes from a later turn, once; items lie in the arena. */
void run_names_start(struct run_store *store, const struct digest *owner, struct arena *arena,
                     struct run_names *names,
                     void (*on_done)(struct run_names *names, const struct error *error));
void run_names_cancel(struct run_names *names); /* idempotent; zeroed is fine */

#endif
