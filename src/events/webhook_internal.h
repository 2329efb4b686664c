/* What the files of webhooks share. webhooks.c: which there are; webhook_write.c: how they are shown; webhook_send.c: their deliveries;
 * webhook_body.c: what is posted, and its signature; webhook_share.c: webhooks that live in the store,
 * webhook_state.c: how far each of them is; webhook_document.c: their documents; webhook_sweep.c: states that
 * stayed when their webhook was deleted. */
#ifndef EVENTS_WEBHOOK_INTERNAL_H
#define EVENTS_WEBHOOK_INTERNAL_H

#include "base/arena.h"
#include "base/secret.h"
#include "duty.h"
#include "events/events.h"
#include "events/webhooks.h"
#include "feed.h"
#include "net/loop.h"
#include "upstream/upstream.h"

enum {
    WEBHOOK_ID_MAX = 40,
    WEBHOOK_EVENT_ID_MAX = 48,
    WEBHOOK_ERROR_MAX = 120,
    WEBHOOK_KEY_MAX = 80,
    WEBHOOKS_SWEPT = 20 /* states that one sweep looks at closely */
};

/* Groups of documents in the store. */
#define WEBHOOK_DOCUMENTS "webhooks"
#define WEBHOOK_STATES    "webhook-states"

enum delivery_status { DELIVERY_WAITS, DELIVERY_DONE, DELIVERY_DEAD };

struct delivery {
    char id[WEBHOOK_EVENT_ID_MAX]; /* that of its event; empty: unused */
    struct fact fact;
    enum delivery_status status;
    unsigned n_tries;
    int last_status; /* of HTTP; 0: no answer */
    char last_error[WEBHOOK_ERROR_MAX];
    int64_t last_wall_ms;
};

/* A client of one address. When a webhook changes its address or goes, the old client lives on until it is closed. */
struct webhook_client {
    struct webhooks *hooks;
    struct upstream *upstream;
    struct arena arena; /* of the texts */
    struct str path;
    struct str query;
};

/* What the store knows of a webhook. */
struct webhook_share {
    uint64_t version;       /* of its document; 0: it is in none yet */
    uint64_t begins;        /* the position in the journal behind which its events are */
    uint64_t lost_before;   /* events that were lost before this process took over */
    uint64_t state_version; /* of the document of its state; 0: there is none */
    struct store_op op;     /* of that document */
    bool reads;
    bool writes;
    bool dirty;
    bool fails; /* it cannot be saved: told in /health */
    struct deadline save;
    struct webhook_ask put_off; /* saves the document of the webhook */
    bool put_off_fails;
};

struct webhook {
    struct list link;
    struct webhooks *hooks;
    struct feed feed; /* open while this process posts */
    char id[WEBHOOK_ID_MAX];
    struct digest owner;
    bool sees_all;
    bool is_listed;
    bool enabled;
    uint32_t kinds;
    enum webhook_shape shape;
    char *url;
    char subject[FACT_TEXT_MAX];
    struct secret key;     /* the decoded bytes */
    struct secret old_key; /* signs, too, until old_until_ms */
    int64_t old_until_ms;  /* Unix */
    int64_t created_ms;
    struct webhook_client *client;
    uint64_t gone_ms; /* since when its key is not known here (clock_age_ms); 0: it is */
    struct webhook_share share;
    struct delivery deliveries[WEBHOOK_DELIVERIES_KEPT]; /* a ring */
    size_t next_slot;
    struct delivery *current; /* on its way, or waiting to be sent again; NULL: none */
    struct delivery *again;   /* asked for by redeliver; NULL: none */
    struct upstream_call call;
    struct deadline retry;
    struct buf body;
    struct buf signature;
    char timestamp[24];
    struct upstream_header headers[4];
};

/* Webhooks of all processes: one document for each. */
/* Removes states that have no webhook. */
struct webhooks_sweep {
    struct webhooks *hooks;
    struct store_op op;
    char after[WEBHOOK_ID_MAX]; /* where the next sweep goes on; empty: at the beginning */
    char ids[WEBHOOKS_SWEPT][WEBHOOK_ID_MAX]; /* of webhooks that this process does not know */
    size_t n;
};

struct hooks_share {
    struct webhooks *hooks;
    struct journal *journal;
    struct store *store;
    struct keeps *keeps;
    struct journal_ear ear;
    struct duty duty;
    struct store_op op; /* of the walk through all of them */
    struct arena arena; /* of the walk */
    struct webhooks_sweep sweep;
    struct store_item *found;
    size_t n_found;
    size_t next; /* of `found`, to be read */
    bool walks;
    bool walks_again;
    uint64_t n_saves; /* so far; a walk during which there was one removes nothing */
    uint64_t saves_before;
    struct list waiting; /* of webhook_ask: for the walk under way */
    struct list late;    /* for the one after it */
    struct deadline again;
};

struct webhooks {
    struct loop *loop;
    struct webhooks_options options;
    char *ca_file;
    unsigned retry_ms;
    struct list list;
    size_t n;
    unsigned n_clients;        /* clients that are not closed, and last writes to the store */
    struct hooks_share *share; /* NULL: webhooks live in the memory of this process */
    webhook_right_fn right;    /* NULL: keys are not checked */
    void *right_context;
    struct deadline judge; /* a key has expired */
    struct deadline lag;   /* is told once a second, while there are webhooks */
    bool closing;
    struct callback on_closed;
};

/* webhook_send.c */
void webhook_pump(struct webhook *hook);
void webhook_hurry(struct webhook *hook); /* what waits to be sent again is sent now */
void webhook_stop(struct webhook *hook);  /* what is on its way is given up */
void webhook_on_news(struct feed *feed);
const char *delivery_status_name(enum delivery_status status);

/* webhook_write.c */
void webhooks_tell_lag(struct webhooks *hooks); /* from now on, once a second */
void webhook_write_kinds(const struct webhook *hook, struct json_writer *w); /* in an array */

/* webhooks.c */
struct webhook *hook_make(struct webhooks *hooks, const struct webhook_wish *wish);
struct webhook *hook_by_id(struct webhooks *hooks, struct str id);
enum error_code hook_set_url(struct webhook *hook, struct str url, struct error *err) MUST_CHECK;

enum error_code hook_read_secret(struct str text, struct secret *out, struct error *err) MUST_CHECK;
void hook_apply(struct webhook *hook, const struct webhook_wish *wish);
void hook_tell_end(const struct webhook *hook); /* in the log: its key is gone */
/* False: its key is gone, and nothing is sent. */
bool webhook_has_right(struct webhook *hook);

/* webhook_document.c: a webhook as a document, and its state as another one. False: the text is none of
 * ours. A webhook is changed only where all of it could be read. */
void webhook_document_write(const struct webhook *hook, struct buf *out);
bool webhook_document_read(struct webhooks *hooks, struct str id, struct str text,
                           struct webhook **out);
void webhook_state_write(const struct webhook *hook, struct buf *out);
/* `out_position`: of the last event that was looked at. */
bool webhook_state_read(struct webhook *hook, struct str text, uint64_t *out_position);

/* webhook_share.c */
struct str hook_key(const char *group, struct str id, char room[WEBHOOK_KEY_MAX]);
void hooks_share_open(struct webhooks *hooks);
void hooks_share_close(struct webhooks *hooks); /* nothing is asked of the store any more */
void hooks_share_free(struct webhooks *hooks);
void hooks_maybe_closed(struct webhooks *hooks);
bool hooks_on_duty(const struct webhooks *hooks); /* this process posts */
void webhook_put_off(struct webhook *hook);       /* it was switched off: the store is told, too */

/* webhook_sweep.c */
void webhooks_sweep(struct webhooks_sweep *sweep); /* behind a walk; only the process that posts */

/* webhook_state.c */
void webhook_state_begin(struct webhook *hook); /* this process posts from now on */
void webhook_state_end(struct webhook *hook);
void webhook_state_dirty(struct webhook *hook); /* is written soon */
void webhook_state_leave(
    struct webhook *hook); /* the webhook goes: writes its state, if it must be */

/* webhook_body.c */
void webhook_write_body(struct webhook *hook, const struct fact *fact);
void webhook_sign(struct webhook *hook, const char *id, int64_t now_ms);
extern const char *const webhook_shapes[WEBHOOK_N_SHAPES];

#endif
