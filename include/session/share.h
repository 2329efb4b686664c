/* share: sessions that several processes share through a store (session_options.store). Each session is
 * a document; the records of room session are a cache of it.
 *
 * To change a session, or to carry out its commands, a process holds the lease of the session (a use). While
 * it holds the lease, its record is the session: session_load and the others work on the record. What commands
 * change (position, number of steps, activity) is written at most a second later, and before the
 * lease is let go; what the owner changes is written before the owner is answered (session_use_save).
 * To read a session, a process asks the store for the document; while the store is away, it tells its own record.
 *
 * Expiry is the store's: a document lives for the timeout of the session since it was last used,
 * and for max_age_s since it was made, by the clock of the store.
 *
 * Errors of the callbacks: ERR_STORE_AWAY, ERR_STORE_UNREADABLE; of session_use_save also ERR_CONFLICT (another
 * process has changed the session). A session that does not exist is no error here: session_load tells it
 * afterwards. Owner: the user of a session embeds a session_use. */
#ifndef SESSION_SHARE_H
#define SESSION_SHARE_H

#include "session/session.h"
#include "store/keep.h"
#include "store/store.h"

struct session_share;
struct session_use;

/* error: NULL, or why not. From a later turn, once. */
typedef void (*session_use_fn)(struct session_use *use, const struct error *error);

struct session_use {
    struct list link; /* private */
    struct session_store *store;
    struct session_share *share; /* NULL: the use needs no lease */
    struct keep_user lease;
    struct later_item soon;
    struct store_op op;
    struct digest owner;
    char id[64];
    session_use_fn on_done;
    /* session_use_list */
    const struct session_filter *filter;
    struct arena *arena;
    struct session *sessions; /* out */
    size_t n_sessions;
    size_t n_total;
    size_t max_sessions;
    char current[64]; /* out: the id of the owner's current session; empty: none */
};

/* False: the sessions are this process's alone, and no function below may be called. */
bool session_is_shared(const struct session_store *store);

/* For changing a session, or carrying out its commands: holds the lease until session_use_end. True:
 * the use is ready now, and on_ready will not come. */
bool session_use_begin(struct session_store *store, const struct digest *owner, struct str id,
                       struct session_use *use, session_use_fn on_ready) MUST_CHECK;
/* For reading a session: no lease is held. Also sets use->current. */
void session_use_read(struct session_store *store, const struct digest *owner, struct str id,
                      struct session_use *use, session_use_fn on_ready);
/* Begins one more use of the session of `use`, which is ready: `more` is ready at once. */
void session_use_join(const struct session_use *use, struct session_use *more);
/* Ends a use, whether it waits or is ready; idempotent; zeroed is fine. */
void session_use_end(struct session_use *use);

/* Writes what was changed. When that fails, what the owner changed is forgotten here. */
void session_use_save(struct session_use *use, session_use_fn on_saved);
/* Removes the session, here too. */
void session_use_remove(struct session_use *use, session_use_fn on_done);
/* Makes the session the current one of its owner. */
void session_use_activate(struct session_use *use, session_use_fn on_done);
/* Writes the session that session_create has just made; when that fails, it is gone here, too. */
void session_use_create(struct session_store *store, const struct digest *owner, struct str id,
                        struct session_use *use, session_use_fn on_done);

/* Lists the sessions of the owner, newest activity first, in use->sessions; sessions past
 * SESSION_LIST_MAX are left out. filter and arena must live until on_done. */
enum { SESSION_LIST_MAX = 5000 };

void session_use_list(struct session_store *store, const struct digest *owner,
                      const struct session_filter *filter, struct arena *arena,
                      struct session_use *use, session_use_fn on_done);

/* For reading the current session of the owner; use->current becomes its id. */
void session_use_current(struct session_store *store, const struct digest *owner,
                         struct session_use *use, session_use_fn on_done);

/* Writes what is not written yet, before session_store_close. No use may be left. */
void session_store_stop(struct session_store *store, void (*on_end)(void *context), void *context);

#endif
