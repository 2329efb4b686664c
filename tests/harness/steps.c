#include "harness/steps.h"

#include "harness/cmocka.h"

#include "harness/sandbox.h"

const char *steps_session(struct arena *arena, uint16_t port, uint16_t sandbox_port,
                          int64_t checkpoint, const char *more)
{
    struct reply reply = {0};
    const char *id;

    sandbox_seed_ids(sandbox_port,
                     arena_printf(arena, "{\"checkpoints\":[%lld]}", (long long)checkpoint).ptr);
    client_ask(port, "POST", "/api/v1/sessions", "Content-Type: application/json\r\n",
               arena_printf(arena, "{\"checkpoint_id\":\"%lld\"%s}", (long long)checkpoint, more),
               &reply);
    assert_int_equal(reply.status, 201);
    id = arena_cstr(arena, json_str(json_get(reply_json(&reply, arena), "session_id")));
    reply_done(&reply);
    return id;
}

struct str steps_body(struct arena *arena, const char *session, size_t number)
{
    return arena_printf(arena,
                        "{\"command\":\"step-navigate to\",\"args\":[\"https://n%zu.example/\"],"
                        "\"session_id\":\"%s\"}",
                        number, session);
}

void steps_send(struct arena *arena, struct client *client, const char *session, size_t number)
{
    assert_true(client_send_request(client, "POST", "/api/v1/commands/execute",
                                    "Content-Type: application/json\r\n",
                                    steps_body(arena, session, number)));
}

size_t steps_number(struct arena *arena, const struct json *step)
{
    struct str text = json_text(arena, step);
    ptrdiff_t at = str_find(text, STR("https://n"));
    size_t n = 0;

    assert_true(at >= 0);
    for (const char *c = text.ptr + at + 9; *c >= '0' && *c <= '9'; c++) {
        n = n * 10 + (size_t)(*c - '0');
    }
    return n;
}
