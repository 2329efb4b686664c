/* The sandbox without sockets: a series of requests against one state.
 * Input: requests separated by a line "--"; each is "METHOD TARGET" on its first line, the rest of
 * it is the body. "$1" to "$4" in it stand for ids that exist (project, goal, snapshot,
 * checkpoint). Held: every answer has a status that the platform uses and a type; an answer that
 * calls itself JSON is JSON; the caps hold. */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "data/json.h"
#include "sandbox/sandbox.h"

enum { MAX_REQUESTS = 64, MAX_REQUEST_BYTES = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void ask(struct sandbox_state *state, struct str method, struct str target, struct str body)
{
    static const struct http_header headers[] = {{{"Authorization", 13}, {"Bearer fuzz", 11}},
                                                 {{"Content-Type", 12}, {"application/json", 16}}};
    struct sandbox_request request = {
        .method = method, .headers = headers, .n_headers = 2, .body = body};
    struct sandbox_reply reply;
    struct arena arena;

    arena_init(&arena);
    (void)str_cut(target, '?', &request.path, &request.query);
    sandbox_answer(state, &arena, &request, &reply);
    CHECK(reply.content_type != NULL);
    CHECK(reply.status == 0 || (reply.status >= 200 && reply.status < 600));
    arena_done(&arena);
}

/* As ask, for requests that no fault has touched: the body must be what its type says. */
static void ask_checked(struct sandbox_state *state, const char *method, const char *target)
{
    static const struct http_header headers[] = {{{"Authorization", 13}, {"Bearer fuzz", 11}}};
    static const struct json_limits limits = {.max_nodes = 10000000, .max_depth = 64};
    struct sandbox_request request = {
        .method = str_from(method), .headers = headers, .n_headers = 1};
    struct sandbox_reply reply;
    struct arena arena;
    struct json *json;

    arena_init(&arena);
    (void)str_cut(str_from(target), '?', &request.path, &request.query);
    sandbox_answer(state, &arena, &request, &reply);
    CHECK(reply.status == 200 || reply.status == 204 || reply.status == 404);
    /* data/json refuses an escaped NUL, which a recorded body may hold as text. */
    CHECK(reply.status == 204 || str_contains(reply.body, STR("\\u0000")) ||
          json_parse(&arena, reply.body, &limits, &json, NULL) == ERR_OK);
    arena_done(&arena);
}

static void substitute(struct buf *out, struct str text, const int64_t ids[4])
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '$' && i + 1 < text.len && text.ptr[i + 1] >= '1' &&
            text.ptr[i + 1] <= '4') {
            buf_int(out, ids[text.ptr[i + 1] - '1']);
            i++;
        } else {
            buf_char(out, text.ptr[i]);
        }
    }
}

static void run(struct sandbox_state *state, struct str request)
{
    static const int64_t ids[4] = {11, 12, 13, 14};
    struct buf text;
    struct str head;
    struct str method;
    struct str target;
    struct str body;

    buf_init(&text, MAX_REQUEST_BYTES);
    substitute(&text, request, ids);
    (void)str_cut(buf_view(&text), '\n', &head, &body);
    (void)str_cut(head, ' ', &method, &target);
    ask(state, method, target, body);
    buf_done(&text);
    clock_advance(100);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str rest = {(const char *)bytes, len};
    struct sandbox_options options;
    struct sandbox_state *state;

    clock_set(1000, 1700000000000);
    sandbox_options_init(&options);
    options.max_entities = 2000;
    options.max_tenants = 4;
    options.max_stored_bytes = (size_t)4 * 1024 * 1024;
    options.max_request_bytes = (size_t)1024 * 1024;
    options.seed = 1;
    state = sandbox_state_new(&options);
    ask(state, STR("POST"), STR("/__sandbox/seed"),
        STR("{\"token\":\"fuzz\",\"projects\":[11],\"goals\":[12],\"snapshots\":[13],"
            "\"checkpoints\":[14],\"library\":[15],\"journeys\":[16]}"));
    for (int i = 0; i < MAX_REQUESTS && rest.len > 0; i++) {
        ptrdiff_t at = str_find(rest, STR("\n--\n"));
        struct str request = at < 0 ? rest : str_sub(rest, 0, (size_t)at);

        run(state, request);
        rest = at < 0 ? STR_EMPTY : str_sub(rest, (size_t)at + 4, rest.len);
    }
    ask_checked(state, "DELETE", "/__sandbox/faults");
    ask_checked(state, "GET", "/__sandbox/requests");
    ask_checked(state, "GET", "/api/projects?organizationId=1");
    ask_checked(state, "GET", "/api/testcases/14");
    ask_checked(state, "GET", "/api/testsuites/16");
    ask_checked(state, "GET", "/api/library/checkpoints?envelope=false");
    sandbox_state_free(state);
    clock_release();
    return 0;
}
