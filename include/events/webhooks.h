/* Webhooks: events of this process posted to addresses of others, signed as Standard Webhooks says
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 *
 * Each webhook has a cursor into the facts (observe/fact.h), and at most one request on its way: its
 * events come in order, at least once. A delivery that is not answered with 2xx is sent again after a
 * growing pause, for a day; then it is dead, and stays in the list of deliveries. 410 switches the webhook
 * off.
 *
 * Without a journal webhooks live in the memory of the process. With one they are documents of the store:
 * each process knows all of them, and the one that holds the lease "consumer:webhooks" posts. Then call
 * webhooks_refresh before you look for a webhook, and webhook_save after you made or changed it. */
#ifndef EVENTS_WEBHOOKS_H
#define EVENTS_WEBHOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json_writer.h"
#include "base/str.h"
#include "crypto/digest.h"
#include "observe/fact.h"
#include "store/store.h"

struct journal;
struct keeps;
struct loop;
struct webhook;
struct webhooks;

enum {
    WEBHOOKS_MAX = 100,           /* of the process, or of all that share a store */
    WEBHOOKS_OWNER_MAX = 25,      /* of one key or person */
    WEBHOOK_DELIVERIES_KEPT = 50, /* of each, the newest */
    WEBHOOK_SECRET_MAX = 128,     /* "whsec_" and up to 64 bytes in base64 */
    WEBHOOK_GONE_MS = 600000      /* a rollout is over by then */
};

enum webhook_shape { WEBHOOK_CLOUDEVENTS, WEBHOOK_SLACK, WEBHOOK_TEAMS, WEBHOOK_N_SHAPES };

struct webhooks_options {
    bool allow_private;      /* targets may be of this machine and of private networks */
    struct str ca_file;      /* empty: the system's */
    unsigned retry_ms;       /* before the second try; the pauses then grow */
    struct journal *journal; /* NULL: there is none */
    struct keeps *keeps;     /* with a journal */
};

/* Whether the key of an owner is still listed, and has not expired. */
typedef bool (*webhook_right_fn)(void *context, const struct digest *owner);

/* One question to the store; on_done comes once, from a later turn, unless it was cancelled. */
struct webhook_ask {
    void (*on_done)(struct webhook_ask *ask, const struct error *error); /* NULL: it went well */
    struct list link;                                                    /* private from here */
    struct webhooks *hooks;
    struct store_op op;
    char id[40];
    uint64_t version; /* of the document to be replaced; 0: there is none */
};

/* What a webhook is made with, or what is changed. An empty str or 0: the default, or no change. */
struct webhook_wish {
    const struct digest *owner; /* of a new one */
    bool sees_all;              /* of a new one: it hears of what belongs to others, too */
    bool is_listed;             /* of a new one: it ends when its owner is listed no more */
    struct str url;
    struct str secret;  /* whsec_...; empty: one is made */
    struct str subject; /* only events with this subject; empty: all */
    uint32_t kinds;     /* bits: 1 << FACT_*; 0: as it was */
    int shape;          /* enum webhook_shape; -1: as it was */
    int enabled;        /* 0, 1; -1: as it was */
};

struct webhooks *webhooks_open(struct loop *loop, const struct webhooks_options *options);
/* From now on `right` says which keys there are; call it again after each change of the keys. A webhook
 * whose key is gone sends nothing, and ends: at once, or after WEBHOOK_GONE_MS, if processes
 * share webhooks: another process may still know the key. */
void webhooks_judge(struct webhooks *hooks, webhook_right_fn right, void *context);
/* What is on its way is given up. */
void webhooks_close(struct webhooks *hooks, void (*on_closed)(void *context), void *context);

/* ERR_INVALID: err->field names the member. The secret is told once: `out_secret`. */
enum error_code webhook_new(struct webhooks *hooks, const struct webhook_wish *wish,
                            struct webhook **out, char out_secret[WEBHOOK_SECRET_MAX],
                            struct error *err) MUST_CHECK;
/* After a change of the secret the old one signs, too, for a day. */
enum error_code webhook_change(struct webhook *hook, const struct webhook_wish *wish,
                               struct error *err) MUST_CHECK;
void webhook_remove(struct webhook *hook);
struct webhook *webhook_find(struct webhooks *hooks, const struct digest *owner, struct str id);
struct str webhook_id(const struct webhook *hook);
void webhook_write(const struct webhook *hook, struct json_writer *w);
void webhooks_write(struct webhooks *hooks, const struct digest *owner, struct json_writer *w);
void webhook_write_deliveries(const struct webhook *hook, struct json_writer *w);
/* Notes an event webhook.test, which is sent in its turn. A delivery that waits for its next try is sent now.
 * ERR_CONFLICT: the webhook is switched off. */
enum error_code webhook_test(struct webhook *hook, struct error *err) MUST_CHECK;
/* Sends a delivery of the list again. ERR_NOT_FOUND; ERR_CONFLICT: it is on its way. */
enum error_code webhook_redeliver(struct webhook *hook, struct str delivery,
                                  struct error *err) MUST_CHECK;

/* --- in the store */
bool webhooks_are_shared(const struct webhooks *hooks);
/* Reads all webhooks from the store; with an id also how far that webhook is. */
void webhooks_refresh(struct webhooks *hooks, struct str id, struct webhook_ask *ask);
/* Puts a webhook that was made or changed. ERR_CONFLICT: another process has changed it meanwhile.
 * After a failure the webhook is as the store has it. */
void webhook_save(struct webhook *hook, struct webhook_ask *ask);
/* Removes it here and in the store. */
void webhook_remove_shared(struct webhook *hook, struct webhook_ask *ask);
void webhook_ask_cancel(struct webhook_ask *ask); /* idempotent; zeroed is fine */

#endif
