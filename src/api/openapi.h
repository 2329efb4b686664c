/* What the files of the OpenAPI document share. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "api_internal.h"

#define OPENAPI_TEST_FILE                                                                          \
    "name: Log in\nsteps:\n  - navigate: https://example.com\n  - click: Sign in\n"

struct openapi_example {
    const char *method;
    const char *pattern;
    const char *params; /* values of the path's parameters, separated by spaces; NULL: what works
                           depends on what was made before */
    const char *body;   /* JSON, or the text of a test file; NULL none */
};

const struct openapi_example *openapi_example_of(const struct route *route); /* NULL: none */

#endif
