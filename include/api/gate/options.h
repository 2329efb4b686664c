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

struct webhooks;

/* Where a tenant's calls go. */
struct api_tenant {
    const struct plan_port *port; /* outlives the api */
    struct upstream *upstream;
};

/* What reading the configuration again came to; texts in the arena. */
struct reload_report {
    struct arena *arena;
    bool is_tried; /* in: check only, the running configuration stays */
    bool taken;
    bool is_offered;     /* false: this program does not read its configuration again */
    struct str *changed; /* options, in the order of the table */
    size_t n_changed;
    struct str *needs_restart; /* of the changed ones: those that wait for the next start */
    size_t n_needs_restart;
    struct error_list *errors; /* why it was refused */
};

struct api_options {
    const struct config *config;  /* held by the api */
    const struct plan_port *port; /* the platform; outlives the api */
    struct upstream *upstream;    /* for figures and direct access; NULL in unit tests */
    struct session_store *sessions;
    struct store *store; /* what processes share; NULL: nothing */
    struct webhooks *webhooks;
    struct keeps *keeps; /* with a store */
    struct deadlines *deadlines;
    struct later *later;
    const struct api_tenant *tenants;     /* as many as config->tenants, in their order */
    const struct auth_source *key_source; /* of auth.jwt.jwks; NULL: no JWT is taken */
    bool sandbox;                         /* the platform is the embedded sandbox */
    /* Reads the configuration again (POST /admin/reload), and says what came of it. */
    void (*reload)(void *reloader, struct reload_report *out);
    void *reloader;
};

#endif
