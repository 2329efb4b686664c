/* share: sessions that several processes share through a store (session_options.store). Each session is
 * a document; the records of room session are a cache of it.
 *
 * To change a session, or to carry out its commands, a process holds the lease of the session (a use). Under the
 * lease the record here is the session: session_load and the others work as ever. What commands
 * change (position, number of steps, activity) is written at most a second later, and before the
 * lease is let go; what its owner changes is written before the owner is answered (session_use_save).
 * To read a session its document is asked for; while the store is away the record here is told.
 *
 * Expiry is the store's: a document lives for the timeout of the session since it was last used,
 * and for max_age_s since it was made, by the clock of the store.
 *
 * Errors of the callbacks: ERR_STORE_AWAY, ERR_STORE_UNREADABLE. A session that does not exist is
 * none: session_load says so. Owner: whoever uses a session embeds a session_use. */
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
    struct session_share *share; /* NULL: it holds none */
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

/* False: they are this process's alone, and nothing below is to be called. */
bool session_is_shared(const struct session_store *store);

/* To change it, or to carry out its commands: holds the lease until session_use_end. True: it is
 * ready now, and on_ready will not come. */
bool session_use_begin(struct session_store *store, const struct digest *owner, struct str id,
                       struct session_use *use, session_use_fn on_ready) MUST_CHECK;
/* To read it: nothing is held. use->current is set, too. */
void session_use_read(struct session_store *store, const struct digest *owner, struct str id,
                      struct session_use *use, session_use_fn on_ready);
/* One more use beside one that is ready. */
void session_use_join(const struct session_use *use, struct session_use *more);
/* From waiting or from using; idempotent; zeroed is fine. */
void session_use_end(struct session_use *use);

/* Writes what was changed. When that fails, what the owner changed is forgotten here. */
void session_use_save(struct session_use *use, session_use_fn on_saved);
/* Removes the session, here too. */
void session_use_remove(struct session_use *use, session_use_fn on_done);
/* Makes it the current one of its owner. */
void session_use_activate(struct session_use *use, session_use_fn on_done);
/* Writes the session that session_create has just made; when that fails, it is gone here, too. */
void session_use_create(struct session_store *store, const struct digest *owner, struct str id,
                        struct session_use *use, session_use_fn on_done);

/* The sessions of the owner, newest activity first, to use->sessions; of more than
 * SESSION_LIST_MAX the others are not seen. filter and arena must live until on_done. */
enum { SESSION_LIST_MAX = 5000 };

void session_use_list(struct session_store *store, const struct digest *owner,
                      const struct session_filter *filter, struct arena *arena,
                      struct session_use *use, session_use_fn on_done);

/* To read the current session of the owner: its id is use->current. */
void session_use_current(struct session_store *store, const struct digest *owner,
                         struct session_use *use, session_use_fn on_done);

/* Writes what is not written yet. No use may be left; the store of sessions is closed later. */
void session_store_stop(struct session_store *store, void (*on_end)(void *context), void *context);

#endif
