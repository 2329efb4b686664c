/* What the files of room session share: the record in memory, and lanes. */
#ifndef SESSION_INTERNAL_H
#define SESSION_INTERNAL_H

#include "base/lru.h"
#include "session/session.h"

enum { SESSION_TIMEOUT_MAX_S = 30 * 86400 };

/* "sess_" + 24 hex digits, the first of them the mark of a shared store */
enum { SESSION_ID_LEN = 29, ID_MARK_AT = 5, SESSION_GONE_MAX = 10000 };

enum { SNAPSHOT_MAX = 256 * 1024 * 1024 }; /* bytes of the snapshot file */

#define SNAPSHOT_CHECK "sha256:" /* begins the last line of the snapshot file */

/* One session. Kept small, as there may be 100,000: most have a name, and few another text. */
struct session_record {
    struct lru_entry lru; /* key: id; the order is that of activity */
    struct digest owner;
    char id[SESSION_ID_LEN];
    bool is_current;
    bool is_set; /* the owner has set the position */
    uint8_t status;
    unsigned timeout_s;
    unsigned version; /* of the place: counted up when its owner sets checkpoint or position */
    int64_t checkpoint_id;
    int64_t journey_id;
    int64_t position;
    int64_t steps_added;
    int64_t created_ms; /* Unix, for showing */
    int64_t last_activity_ms;
    int64_t born_ms; /* clock_age_ms; below 0 when that was before the machine's start */
    int64_t used_ms;
    char *name;                  /* NULL: it has none */
    struct session_texts *texts; /* NULL: none of them set */
    struct session_share *share; /* share.c; NULL: it is not in use, or not shared */
};

struct session_texts {
    char *description;
    char *metadata;
    char *more; /* members of its document that this version does not know, as JSON */
};

/* The id of a session that was evicted or has expired, so that its owner can be told why it is
 * gone. */
struct session_gone {
    struct lru_entry lru; /* must be the first member (lru_take). Key: id */
    struct digest owner;
    bool expired;
};

struct session_lane {
    struct map_node node; /* key: id */
    char id[64];
    struct turns turns;
};

struct session_store {
    struct session_options options;
    char *snapshot_file; /* NULL none */
    struct deadlines *deadlines;
    struct later *later;
    struct deadline sweep;
    struct deadline snapshot;
    struct lru records;
    struct lru gone;
    struct map lanes;
    struct snapshot_job *job; /* the snapshot that is being written; NULL none */
    uint64_t snapshot_ms;     /* when the last one began */
    bool changed;             /* since then */
    struct session_trouble trouble;
    struct store *shared; /* what processes share; NULL: nothing */
    struct keeps *keeps;
    struct map shares;
    struct later_item stopped;
    void (*on_stopped)(void *context); /* NULL: not stopping (session_store_stop) */
    void *stop_context;
};

/* The record of this owner's session; NULL: it is not here. */
struct session_record *record_of(const struct session_store *store, const struct digest *owner,
                                 struct str id);
/* When the session expires (clock_age_ms), unless it is used before. */
int64_t record_expires_ms(const struct session_store *store, const struct session_record *record);
void record_insert(struct session_store *store, struct session_record *record);
void record_free(struct session_record *record);
void texts_set(struct session_record *record, const struct str *name, const struct str *description,
               const struct str *metadata);
void record_show(const struct session_store *store, const struct session_record *record,
                 struct arena *arena, struct session *out);
void record_drop_texts(struct session_record *record);
void session_make_room(struct session_store *store);
/* snapshot.c */
enum error_code snapshot_load(struct session_store *store, struct error *err);
/* snapshot_write.c */
/* Copies the records and starts a thread that writes them. No other snapshot may be running. */
void snapshot_begin(struct session_store *store);
/* False: no snapshot is being written. One that has ended is joined here. */
bool snapshot_is_running(struct session_store *store);

/* session.c */
void record_leave(struct session_store *store, struct session_record *record);
bool expire_if_due(struct session_store *store, struct session_record *record);

#endif
