/* What the files of shared sessions share; see session/share.h. */
#ifndef SESSION_SHARE_INTERNAL_H
#define SESSION_SHARE_INTERNAL_H

#include "base/buf.h"
#include "session/share.h"
#include "session_internal.h"

enum { DOCUMENT_FORMAT = 1, WRITE_ID_LEN = 16, WRITE_BEHIND_MS = 1000, SHARE_KEY_MAX = 160 };

/* A session that is, or was just now, in use here. */
struct session_share {
    struct map_node node; /* key: share_key */
    char id[SESSION_ID_LEN];
    struct digest owner;
    struct session_store *store;
    struct list uses;       /* that are begun; the lease is theirs */
    struct list loading;    /* that wait for the document */
    struct list saving;     /* that wait for the write on its way */
    struct list to_save;    /* that wait for the next write */
    struct keep_user lease; /* held while changes are not written */
    /* One of the two runs at most: a document that was read before a write ends is not the record any more. */
    struct store_op read;
    struct store_op write;
    bool writes;      /* `write` runs, or `read` because it was refused */
    bool leased;      /* this process has the lease, in use or not */
    uint64_t fence;   /* of the lease under which the document was read; 0: not read */
    uint64_t version; /* of the document, as it was last read or written */
    bool dirty;       /* the record holds what the document does not */
    struct deadline behind;
    char write_id[WRITE_ID_LEN + 1];
    int64_t saved_steps; /* what the document says */
    int64_t writing_steps;
    unsigned n_conflicts;
    unsigned n_busy; /* above 0: the share must not be freed, as a callback may run */
};

/* share.c */
bool session_is_id(struct str id);
/* Owner and id as a key of the store. */
struct str share_key(const struct digest *owner, struct str id, char room[SHARE_KEY_MAX]);
/* Makes the record (a new one if there is none) what the document says. NULL: ERR_STORE_UNREADABLE. */
struct session_record *share_take(struct session_store *store, const struct digest *owner,
                                  struct str id, const struct store_result *result,
                                  struct error *err);
/* The record has changed: it is written a second later if a use holds the lease. */
void share_note(struct session_share *share);

/* Writes the record as a new document, or over the version that is known. */
struct share_write {
    const char *id;
    uint64_t version; /* the known one; 0: a new document */
};

void share_put(struct session_store *store, const struct session_record *record,
               const struct share_write *write, struct store_op *op, store_done_fn on_done);

struct session_record *share_record(const struct session_share *share); /* NULL: it is not here */
void share_free_if_unused(struct session_share *share);
void share_tell_all(struct list *uses, const struct error *error);
/* *err is set if the document cannot be taken. */
void share_take_document(struct session_share *share, const struct store_result *result,
                         struct error *err);
void share_read_document(struct session_share *share, store_done_fn on_done);
void share_read_for_waiting(struct session_share *share);

/* on_done comes from a later turn, with no error. */
void share_end_soon(struct session_use *use);

/* share_write.c */
void share_write_now(struct session_share *share);
void share_stop_if_written(struct session_store *store);

/* document.c */
void document_write(const struct session_record *record, const char *write_id, struct buf *out);
/* Fills a zeroed record from the document. False: the document is not one of ours. */
bool document_read(struct str bytes, struct session_record *out, char write_id[WRITE_ID_LEN + 1]);

#endif
