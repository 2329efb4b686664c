/* What the API is opened with. */
#ifndef API_GATE_OPTIONS_H
#define API_GATE_OPTIONS_H

#include <stdbool.h>

#include "auth/auth.h"
#include "config/config.h"
#include "plan/plan.h"
#include "session/session.h"
#include "store/keep.h"
#include "store/store.h"

/* Where the calls of an account go. */
struct api_link {
    const struct plan_port *port; /* there until the client is released */
    struct upstream *upstream;    /* for figures and direct access; NULL in unit tests */
    void *client;                 /* held for the api, which releases it; NULL in unit tests */
};

/* What one of several workers tells the others (server.workers). */
enum api_news {
    API_NEWS_LOG_LEVEL = 1, /* the name of the level that is in force from now on */
    API_NEWS_PURGED         /* kept answers of the platform are forgotten */
};

/* What became of a reload in another worker. */
struct reload_other {
    unsigned worker;
    bool taken;
    struct str error; /* why not; the first one */
};

/* One request for the configuration to be read again, and what that came to; texts in the arena. */
struct reload_report {
    struct list link; /* in a list while it waits; removing it gives the report up */
    void (*on_done)(struct reload_report *report); /* once, from a later turn */
    struct arena *arena;
    bool is_tried; /* in: check only, the running configuration stays */
    bool is_alone; /* in: other workers are not asked */
    bool taken;
    bool is_offered;     /* false: this program does not read its configuration again */
    struct str *changed; /* options, in the order of the table */
    size_t n_changed;
    struct str *needs_restart; /* of the changed ones: those that wait for the next start */
    size_t n_needs_restart;
    struct error_list *errors;   /* why it was refused */
    struct reload_other *others; /* that have reported in time */
    size_t n_others;
};

/* A POST that another service sends to this one soon (runs.recall), since this process is stopped after an answer. */
struct api_recall {
    struct str name; /* letters, digits, '-', '_' */
    struct str path; /* with its query; both stay until the end */
    /* error NULL: the POST will come, perhaps more than once. Called once, from a later turn; not after cancel. */
    void (*on_done)(struct api_recall *recall, const struct error *error);
    void *state; /* the recaller's */
};

struct api_recaller {
    void (*start)(void *context, struct api_recall *recall);
    void (*cancel)(struct api_recall *recall); /* idempotent; zeroed is fine */
    bool knows_names;                          /* of two recalls with the same name it sends one */
    void *context;
};

struct api_options {
    const struct catalog *catalog; /* outlives the api, as the next one */
    struct dictionary *dictionary; /* of test files */
    const struct config *config;   /* held by the api */
    const struct api_link *links;  /* of `upstream`, then of config->tenants in their order */
    void (*release_client)(void *client); /* lets go of api_link.client; no call of it is left */
    struct session_store *sessions;
    struct store *store; /* what processes share; NULL: nothing */
    struct webhooks *webhooks;
    struct keeps *keeps;         /* with a store */
    struct journal *journal;     /* where other processes are told of purges; NULL: nowhere */
    struct analytics *analytics; /* NULL: nothing is counted */
    struct deadlines *deadlines;
    const bool *is_behind; /* true: the loop is seconds behind, so not ready. NULL: not known */
    struct later *later;
    const struct auth_source *key_source; /* of auth.jwt.jwks; NULL: no JWT is taken */
    const struct api_recaller *recaller;  /* NULL: runs wait for the next request of a client */
    bool sandbox;                         /* the platform is the embedded sandbox */
    /* Reads the configuration again (POST /admin/reload). Where that is not offered, `is_offered` is
     * false and on_done does not come. */
    void (*reload)(void *reloader, struct reload_report *report);
    void *reloader;
    /* Tells the other workers; NULL: there are none. */
    void (*tell_others)(void *teller, enum api_news news, struct str text);
    void *teller;
};

#endif
