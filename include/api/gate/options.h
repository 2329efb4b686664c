/* What the API is opened with. */
#ifndef API_GATE_OPTIONS_H
#define API_GATE_OPTIONS_H

#include <stdbool.h>

#include "config/config.h"
#include "plan/plan.h"
#include "session/session.h"

struct api_options {
    const struct config *config;  /* outlives the api */
    const struct plan_port *port; /* the platform; outlives the api */
    struct upstream *upstream;    /* for figures and direct access; NULL in unit tests */
    struct session_store *sessions;
    struct deadlines *deadlines;
    struct later *later;
    bool sandbox; /* the platform is the embedded sandbox */
};

#endif
