/* How each kind of reference is asked for, and what its answer tells. */
#ifndef CLOUD_SECRET_KINDS_H
#define CLOUD_SECRET_KINDS_H

#include "cloud_internal.h"
#include "data/json.h"

struct secret_question {
    struct cloud *cloud;
    struct arena *arena;
    struct str name; /* of the reference, without its prefix */
    struct error error;
};

struct secret_kind {
    const char *prefix;
    bool (*is_sound)(struct str name);
    const char *form; /* for messages */
    /* Fills the request; false: the error says why not. */
    bool (*ask)(struct secret_question *question, struct cloud_request *request);
    /* The value in an answer with status 200; false: there is none. */
    bool (*tell)(struct secret_question *question, const struct json *root, struct str *out);
};

/* NULL: the text is no reference. */
const struct secret_kind *secret_kind_of(struct str text);

#endif
