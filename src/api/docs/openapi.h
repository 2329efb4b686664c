/* What the files of the OpenAPI document share. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "api/gate/query.h"
#include "api/gate/task.h"

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
struct json *openapi_text(struct task *task, const char *value);
void openapi_put(struct task *task, struct json *object, const char *name, const char *value);
struct json *openapi_any_object(struct task *task);
struct json *openapi_ref(struct task *task, const char *where);
struct json *openapi_content(struct task *task, const char *type, struct json *schema);
struct json *openapi_member(struct task *task, const struct member *member);
struct json *openapi_request_body(struct task *task, const struct route *route);
struct json *openapi_reply(struct task *task, const struct route *route);

/* ---- openapi_answers.c ---- */
struct json *openapi_responses(struct task *task, const struct route *route);

/* ---- openapi_examples.c ---- */
const struct openapi_example *openapi_example_of(const struct route *route); /* NULL: none */

#endif
