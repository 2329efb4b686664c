/* Makes the things that the examples of the documentation name, by ordinary requests and with the
 * same ids. So what a newcomer copies from a page works. */
#include "sandbox_internal.h"

#include "base/check.h"

enum { IDS_MAX = 8 };

/* A request, and the ids of the things that it makes, in the order of making; 0 ends them. */
struct example_row {
    const char *path;
    const char *body;
    int64_t ids[IDS_MAX];
};

static const struct example_row rows[] = {
    {"/api/projects", "{\"name\":\"Example shop\",\"organizationId\":1}", {9056}},
    /* goal, snapshot, first journey, first checkpoint, its navigate step */
    {"/api/goals",
     "{\"projectId\":9056,\"name\":\"Checkout\",\"url\":\"https://example.com\","
     "\"createFirstJourney\":true}",
     {13776, 43802, 608038, 1680930, 19660490}},
    {"/api/teststeps",
     "{\"checkpointId\":1680930,\"stepIndex\":1,\"parsedStep\":{\"action\":\"CLICK\",\"value\":\"\","
     "\"target\":{\"selectors\":[{\"type\":\"GUESS\",\"value\":\"{\\\"clue\\\":\\\"Sign in\\\"}\"}]},"
     "\"meta\":{\"kind\":\"CLICK\",\"type\":\"NATURAL\"}}}",
     {19660491}},
    {"/api/testcases", "{\"goalId\":13776,\"snapshotId\":43802,\"title\":\"Log in\"}", {1680931}},
    {"/api/teststeps",
     "{\"checkpointId\":1680931,\"stepIndex\":0,\"parsedStep\":{\"action\":\"NAVIGATE\","
     "\"value\":\"https://example.com\",\"meta\":{\"kind\":\"NAVIGATE\",\"type\":\"URL\"}}}",
     {19660492}},
    {"/api/teststeps",
     "{\"checkpointId\":1680931,\"stepIndex\":1,\"parsedStep\":{\"action\":\"COMMENT\","
     "\"value\":\"one\",\"meta\":{\"kind\":\"COMMENT\"}}}",
     {19660493}},
    {"/api/teststeps",
     "{\"checkpointId\":1680931,\"stepIndex\":2,\"parsedStep\":{\"action\":\"COMMENT\","
     "\"value\":\"two\",\"meta\":{\"kind\":\"COMMENT\"}}}",
     {19660494}},
    /* the library checkpoint and its copies of the three steps */
    {"/api/testcases/1680931/add-to-library", "{}", {7023, 19660498, 19660499, 19660500}},
    {"/api/goals/13776/snapshots/43802/execute", "{}", {88715}},
    {"/api/testdata/tables/create",
     "{\"name\":\"Accounts\",\"columns\":[\"email\",\"password\"]}",
     {512}},
};

static void make(struct sandbox_state *state, const struct example_row *row)
{
    static const struct http_header headers[] = {
        {STR_INIT("Authorization"), STR_INIT("Bearer sandbox-token")}};
    const struct sandbox_request request = {.method = STR("POST"),
                                            .path = str_from(row->path),
                                            .headers = headers,
                                            .n_headers = ARRAY_LEN(headers),
                                            .body = str_from(row->body)};
    struct sandbox_reply reply;
    struct arena arena;

    arena_init(&arena);
    state->wished_ids = row->ids;
    sandbox_answer(state, &arena, &request, &reply);
    state->wished_ids = NULL;
    CHECK(reply.status >= 200 && reply.status < 300);
    arena_done(&arena);
}

void examples_make(struct sandbox_state *state)
{
    struct thing *step;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        make(state, &rows[i]);
    }
    step = thing_find(tenant_find_or_make(state, STR("sandbox-token")), THING_STEP, 19660498);
    CHECK(step != NULL);
    /* The canonical id that the example of update-navigation names. */
    str_copy(step->canonical, sizeof(step->canonical), STR("6d1c3a52-4b0e-4b9e-9a53-0f6f4f1a2b3c"));
    recorder_done(&state->recorder); /* no client has sent a request yet */
    state->recorder.n_seen = 0;
}
