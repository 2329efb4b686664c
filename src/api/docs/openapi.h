/* What the files of the OpenAPI document share. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "api/gate/query.h"
#include "api/gate/task.h"
#include "base/json_form.h"

#define OPENAPI_TEST_FILE                                                                          \
    "name: Log in\nsteps:\n  - navigate: https://example.com\n  - click: Sign in\n"

struct openapi_example {
    const char *method;
    const char *pattern;
    const char *params; /* values of the path's parameters, separated by spaces; NULL: what works
                           depends on what was made before */
    const char *body;   /* JSON; NULL none */
};

/* ---- openapi_schema.c ---- */
void openapi_member(struct json_writer *w, const struct member *member, bool or_null);
void openapi_request_body(struct json_writer *w, const struct task *task,
                          const struct route *route);
void openapi_reply(struct json_writer *w, const struct task *task, const struct route *route);

/* ---- openapi_answers.c ---- */
void openapi_responses(struct json_writer *w, const struct task *task, const struct route *route);

/* ---- openapi_examples.c ---- */
const struct openapi_example *openapi_example_of(const struct route *route); /* NULL: none */

#endif
