#include "harness/sandbox.h"

#include <stdio.h>

#include "harness/client.h"
#include "harness/cmocka.h"
#include "harness/wait.h"

enum { FIELDS_MAX = 1024, CALL_BODY_MAX = 1 << 20 };

/* One request; the answer must be 2xx. */
static void ask(uint16_t port, const char *method, const char *target, const char *fields,
                struct str body, struct reply *reply)
{
    client_ask(port, method, target, fields, body, reply);
    if (reply->status < 200 || reply->status > 299) {
        fail_msg("sandbox: %s %s answered %d: %.*s", method, target, reply->status,
                 STR_ARG(reply_text(reply)));
    }
}

const struct json *sandbox_call(uint16_t port, const char *token, const char *method,
                                const char *path, const struct json *body, struct arena *arena)
{
    const struct json *answer = NULL;
    struct reply reply = {0};
    struct buf fields;
    struct buf target;
    struct buf text;

    buf_init(&fields, FIELDS_MAX);
    buf_init(&target, FIELDS_MAX);
    buf_init(&text, CALL_BODY_MAX);
    buf_printf(&fields, "Authorization: Bearer %s\r\nContent-Type: application/json\r\n", token);
    buf_printf(&target, "/api%s?envelope=false", path);
    if (body != NULL) {
        json_print(&text, body);
    }
    assert_true(buf_ok(&fields) && buf_ok(&target) && buf_ok(&text));
    ask(port, method, buf_cstr(&target), buf_cstr(&fields), buf_view(&text), &reply);
    if (reply.body.len > 0) {
        answer = reply_json(&reply, arena);
    }
    reply_done(&reply);
    buf_done(&fields);
    buf_done(&target);
    buf_done(&text);
    return answer;
}

static int64_t id_at(const struct json *answer, const char *pointers)
{
    int64_t id = 0;

    if (!json_to_i64(json_find(answer, pointers), &id) || id <= 0) {
        fail_msg("sandbox: no id at %s", pointers);
    }
    return id;
}

static int64_t create(uint16_t port, const char *token, const char *path, struct json *body,
                      struct arena *arena)
{
    return id_at(sandbox_call(port, token, "POST", path, body, arena), "/id");
}

static void set_text(struct arena *arena, struct json *object, const char *name, const char *value)
{
    json_set(object, str_from(name), json_new_string(arena, str_from(value)));
}

static void set_int(struct arena *arena, struct json *object, const char *name, int64_t value)
{
    json_set(object, str_from(name), json_new_int(arena, value));
}

static void create_parts(uint16_t port, const char *token, struct arena *arena, struct seed *seed)
{
    struct json *body = json_new_object(arena);
    struct buf path;

    set_int(arena, body, "goalId", seed->goal);
    set_int(arena, body, "snapshotId", seed->snapshot);
    set_text(arena, body, "title", "Checkpoint of a test");
    seed->checkpoint = create(port, token, "/testcases", body, arena);

    body = json_new_object(arena);
    set_int(arena, body, "goalId", seed->goal);
    set_int(arena, body, "snapshotId", seed->snapshot);
    set_text(arena, body, "name", "journey");
    set_text(arena, body, "title", "Journey of a test");
    json_set(body, STR("archived"), json_new_bool(arena, false));
    json_set(body, STR("draft"), json_new_bool(arena, true));
    seed->journey = create(port, token, "/testsuites", body, arena);

    body = json_new_object(arena);
    set_int(arena, body, "checkpointId", seed->checkpoint);
    set_int(arena, body, "position", 2);
    buf_init(&path, FIELDS_MAX);
    buf_printf(&path, "/testsuites/%lld/checkpoints/attach", (long long)seed->journey);
    (void)sandbox_call(port, token, "POST", buf_cstr(&path), body, arena);
    buf_done(&path);
}

void sandbox_seed(uint16_t port, const char *token, struct seed *out)
{
    struct seed seed = {0};
    struct arena arena;
    struct buf path;

    arena_init(&arena);
    struct json *body = json_new_object(&arena);
    set_text(&arena, body, "name", "Project of a test");
    set_int(&arena, body, "organizationId", 1);
    seed.project = create(port, token, "/projects", body, &arena);

    body = json_new_object(&arena);
    set_int(&arena, body, "projectId", seed.project);
    set_text(&arena, body, "name", "Goal of a test");
    set_text(&arena, body, "url", "https://example.com");
    seed.goal = create(port, token, "/goals", body, &arena);

    buf_init(&path, FIELDS_MAX);
    buf_printf(&path, "/goals/%lld/versions", (long long)seed.goal);
    seed.snapshot = id_at(sandbox_call(port, token, "GET", buf_cstr(&path), NULL, &arena),
                          "/snapshots/0/snapshotId");
    buf_done(&path);
    create_parts(port, token, &arena, &seed);
    arena_done(&arena);
    *out = seed;
}

/* A request to /__sandbox whose answer does not matter; NULL: no body. */
static void control(uint16_t port, const char *method, const char *target, const char *body_json)
{
    struct reply reply = {0};

    ask(port, method, target, "Content-Type: application/json\r\n", str_from(body_json), &reply);
    reply_done(&reply);
}

void sandbox_fault(uint16_t port, const char *fault_json)
{
    control(port, "POST", "/__sandbox/faults", fault_json);
}

static void hold(uint16_t port, const char *match, int times, unsigned skip)
{
    char fault[256];

    (void)snprintf(fault, sizeof(fault),
                   "{\"match\":\"%s\",\"times\":%d,\"skip\":%u,\"delay_ms\":600000}", match, times,
                   skip);
    sandbox_fault(port, fault);
}

void sandbox_hold(uint16_t port, const char *match)
{
    hold(port, match, 1, 0);
}

void sandbox_hold_all(uint16_t port, const char *match)
{
    hold(port, match, -1, 0);
}

void sandbox_hold_behind(uint16_t port, const char *match, unsigned n)
{
    hold(port, match, -1, n);
}

void sandbox_release_all(uint16_t port)
{
    sandbox_clear_faults(port);
    sandbox_release(port);
}

void sandbox_release(uint16_t port)
{
    control(port, "POST", "/__sandbox/release", NULL);
}

void sandbox_clear_faults(uint16_t port)
{
    control(port, "DELETE", "/__sandbox/faults", NULL);
}

bool sandbox_faults_are_met(uint16_t port)
{
    struct reply reply = {0};
    bool met;

    ask(port, "GET", "/__sandbox/faults", NULL, STR_EMPTY, &reply);
    met = !str_contains(reply_text(&reply), STR("\"hits\":0"));
    reply_done(&reply);
    return met;
}

void sandbox_reset(uint16_t port)
{
    control(port, "POST", "/__sandbox/reset", NULL);
}

void sandbox_seed_ids(uint16_t port, const char *seed_json)
{
    control(port, "POST", "/__sandbox/seed", seed_json);
}

void sandbox_forget_requests(uint16_t port)
{
    control(port, "DELETE", "/__sandbox/requests", NULL);
}

static const struct json *get_document(uint16_t port, const char *target, struct arena *arena)
{
    struct reply reply = {0};

    ask(port, "GET", target, NULL, STR_EMPTY, &reply);
    const struct json *document = reply_json(&reply, arena);
    reply_done(&reply);
    return document;
}

const struct json *sandbox_requests(uint16_t port, struct arena *arena)
{
    return get_document(port, "/__sandbox/requests", arena);
}

const struct json *sandbox_state(uint16_t port, struct arena *arena)
{
    return get_document(port, "/__sandbox/state", arena);
}

size_t sandbox_count(uint16_t port, const char *method, const char *path_start)
{
    const struct json *request;
    struct arena arena;
    size_t n = 0;

    arena_init(&arena);
    JSON_FOREACH (request, sandbox_requests(port, &arena)) {
        bool same_method = *method == '\0' || str_is(json_str(json_get(request, "method")), method);
        if (same_method && str_starts(json_str(json_get(request, "path")), str_from(path_start))) {
            n++;
        }
    }
    arena_done(&arena);
    return n;
}

void sandbox_wait_count(uint16_t port, const char *method, const char *path_start, size_t n)
{
    wait_until(sandbox_count(port, method, path_start) >= n);
}
