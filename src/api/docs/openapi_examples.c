/* Examples of the OpenAPI document. The ids are those of the things that the sandbox begins with
 * (sandbox.examples), so each of them works as it stands; a test sends them all. */
#include "openapi.h"

#define CLICK "{\"command\":\"step-interact click\",\"args\":[\"Sign in\"]"

#define TEST_FILE                                                                                  \
    "{\"name\":\"Log in\",\"steps\":[{\"navigate\":\"https://example.com\"},{\"click\":\"Sign in\"}]}"

static const struct openapi_example rows[] = {
    {"GET", "/api/v1/commands/{command*}/help", "step-interact", NULL},
    {"POST", "/admin/reload", NULL, NULL},
    {"PUT", "/admin/log-level", NULL, "{\"level\":\"debug\"}"},
    {"POST", "/admin/cache/purge", NULL, NULL},
    {"POST", "/api/v1/commands/execute", NULL, CLICK ",\"checkpoint_id\":\"1680930\"}"},
    {"POST", "/api/v1/commands/batch", NULL,
     "{\"checkpoint_id\":\"1680930\",\"commands\":[{\"command\":\"step-navigate to\",\"args\":["
     "\"https://example.com\"]}," CLICK "}]}"},
    {"POST", "/api/v1/commands/validate", NULL, CLICK "}"},
    {"POST", "/api/v1/commands/step/{command*}", "interact",
     "{\"args\":[\"click\",\"Sign in\"],\"checkpoint_id\":\"1680930\"}"},
    {"POST", "/api/v1/tests/validate", NULL, TEST_FILE},
    {"POST", "/api/v1/tests/compile", NULL, TEST_FILE},
    {"POST", "/api/v1/tests/run", NULL, TEST_FILE},
    {"POST", "/api/v1/sessions", NULL,
     "{\"name\":\"Log in\",\"checkpoint_id\":\"1680930\",\"journey_id\":\"608038\"}"},
    {"PATCH", "/api/v1/sessions/{id}", NULL, "{\"name\":\"Log in again\"}"},
    {"POST", "/api/v1/sessions/{id}/activate", NULL, "{}"},
    {"POST", "/api/v1/webhooks", NULL,
     "{\"url\":\"https://example.com/hook\",\"events\":[\"run.finished\"]}"},
    {"PATCH", "/api/v1/webhooks/{id}", NULL, "{\"shape\":\"slack\"}"},
    {"GET", "/api/projects/{id}/goals", "9056", NULL},
    {"POST", "/api/projects", NULL, "{\"name\":\"Web shop\"}"},
    {"POST", "/api/goals", NULL,
     "{\"name\":\"Search\",\"projectId\":\"9056\",\"url\":\"https://example.com\"}"},
    {"GET", "/api/goals/{id}/versions", "13776", NULL},
    {"POST", "/api/goals/{id}/execute", "13776", "{\"startingUrl\":\"https://example.com\"}"},
    {"POST", "/api/goals/{id}/snapshots/{snapshot}/execute", "13776 43802",
     "{\"startingUrl\":\"https://example.com\"}"},
    {"POST", "/api/journeys", NULL, "{\"name\":\"Pay\",\"goalId\":\"13776\"}"},
    {"POST", "/api/journeys/{id}/duplicate", "608038", "{\"name\":\"Checkout, second try\"}"},
    {"POST", "/api/checkpoints", NULL, "{\"name\":\"Pay by card\",\"journeyId\":\"608038\"}"},
    {"GET", "/api/checkpoints/{id}/steps", "1680930", NULL},
    {"POST", "/api/steps", NULL,
     "{\"action\":\"CLICK\",\"target\":\"Sign in\",\"checkpointId\":\"1680930\"}"},
    {"POST", "/api/executions", NULL, "{\"goalId\":\"13776\"}"},
    {"GET", "/api/executions/{id}", "88715", NULL},
    {"GET", "/api/executions/{id}/analysis", "88715", NULL},
    {"POST", "/api/library/checkpoints", NULL, "{\"checkpointId\":\"1680930\"}"},
    {"POST", "/api/testdata/tables", NULL,
     "{\"name\":\"Cards\",\"columns\":[\"number\",\"name\"],\"rows\":[[\"4111\",\"Ada\"]]}"},
    {"POST", "/api/environments", NULL, "{\"name\":\"Staging\",\"variables\":{\"user\":\"ada\"}}"},
    {"GET", "/virtuoso/{path*}", "user", NULL},
    {"POST", "/virtuoso/{path*}", "projects", "{\"name\":\"Made directly\",\"organizationId\":1}"},
    {"PUT", "/virtuoso/{path*}", "testsuites/608038", "{\"title\":\"Search and buy\"}"},
    {"GET", "/problems/{code}", "outcome_unknown", NULL},
};

const struct openapi_example *openapi_example_of(const struct route *route)
{
    return row_of_route(route, rows, ARRAY_LEN(rows), sizeof(rows[0]));
}
