/* What the files of webhooks share. webhooks.c: which there are; webhook_send.c: their deliveries;
 * webhook_body.c: what is posted, and its signature. */
#ifndef EVENTS_WEBHOOK_INTERNAL_H
#define EVENTS_WEBHOOK_INTERNAL_H

#include "base/arena.h"
#include "base/secret.h"
#include "events/events.h"
#include "events/webhooks.h"
#include "net/loop.h"
#include "upstream/upstream.h"

enum { WEBHOOK_ID_MAX = 40, WEBHOOK_EVENT_ID_MAX = 48, WEBHOOK_ERROR_MAX = 120 };

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

/* A client of one address; it outlives a webhook whose address has changed until it is closed. */
struct webhook_client {
    struct webhooks *hooks;
    struct upstream *upstream;
    struct arena arena; /* of the texts */
    struct str path;
    struct str query;
};

struct webhook {
    struct list link;
    struct webhooks *hooks;
    struct fact_consumer consumer;
    char id[WEBHOOK_ID_MAX];
    struct digest owner;
    bool sees_all;
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
    uint64_t seen; /* the last fact that was looked at */
    uint64_t n_lost;
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

struct webhooks {
    struct loop *loop;
    struct webhooks_options options;
    char *ca_file;
    unsigned retry_ms;
    struct list list;
    size_t n;
    unsigned n_clients; /* open ones, and those being closed */
    bool closing;
    void (*on_closed)(void *context);
    void *closed_context;
};

/* webhook_send.c */
void webhook_pump(struct webhook *hook);
void webhook_hurry(struct webhook *hook); /* what waits to be sent again is sent now */
void webhook_stop(struct webhook *hook);  /* what is on its way is given up */
void webhook_on_news(struct fact_consumer *consumer);
const char *delivery_status_name(enum delivery_status status);

/* webhook_body.c */
void webhook_write_body(struct webhook *hook, const struct fact *fact);
void webhook_sign(struct webhook *hook, const char *id, int64_t now_ms);
extern const char *const webhook_shapes[WEBHOOK_N_SHAPES];

#endif
