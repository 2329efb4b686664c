/* Events of three processes that share a Redis: all of them show the same, one of them posts and writes the audit,
 * and when that one is killed another goes on, so that each event of the stream comes at least once, in
 * order for its subject. */
#include "harness/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "events/audit.h"
#include "harness/collector.h"
#include "harness/replicas.h"
#include "harness/wait.h"

enum { REPLICAS = 3, TEXT_MAX = 8 << 20 };

static struct replicas replicas;
static struct collector receiver;
static struct collector receiver_before; /* the webhooks of one test go nowhere in the next one */

static const struct json *ask(size_t i, const char *method, const char *target, const char *body)
{
    return replicas_ask(&replicas, i, method, target, NULL, body);
}

static int status(void)
{
    return replicas.reply.status;
}

static struct arena *arena(void)
{
    return &replicas.platform.arena;
}

static const char *text(const char *format, ...) PRINTF_LIKE(1, 2);

static const char *text(const char *format, ...)
{
    struct buf out;
    const char *copy;
    va_list args;

    buf_init(&out, 4096);
    va_start(args, format);
    buf_vprintf(&out, format, args);
    va_end(args);
    copy = arena_cstr(arena(), buf_view(&out));
    buf_done(&out);
    return copy;
}

static const char *folder(void)
{
    static char made[64];

    if (made[0] == '\0') {
        str_copy(made, sizeof(made), STR("/tmp/vp-events-XXXXXX"));
        assert_non_null(mkdtemp(made));
    }
    return made;
}

static int set_up(void **state)
{
    static const char *const sets[] = {
        "webhooks.allow_private=true", "webhooks.retry_ms=20", "audit.store=true",
        "store.timeout_ms=2000", NULL};

    (void)state;
    collector_start(&receiver);
    replicas_start(&replicas, &(struct replicas_options){.n = REPLICAS, .sets = sets});
    return 0;
}

/* A test of its own: what a group's teardown finds does not count. */
static void all_of_them_end_well(void **state)
{
    (void)state;
    replicas_stop(&replicas);
    collector_done(&receiver);
}

/* --- what the receiver has got */
struct got {
    struct str id;
    struct str subject;
    int64_t number; /* in its name: "s<number>" */
};

static size_t n_got(struct got *out, size_t max, const char *type)
{
    struct str rest = {receiver.seen->bodies, receiver.seen->n_bytes};
    size_t n = 0;

    while (rest.len > 0 && n < max) {
        struct str line;
        struct str body;
        struct json *event;
        struct error err = {0};

        (void)str_cut(rest, '\n', &line, &rest);
        (void)str_cut(rest, '\n', &body, &rest);
        assert_int_equal(json_parse(arena(), body, &json_of_ours, &event, &err), ERR_OK);
        if (str_is(json_str(json_get(event, "type")), type)) {
            out[n].id = json_str(json_get(event, "id"));
            out[n++].subject = json_str(json_get(event, "subject"));
        }
    }
    return n;
}

static const char *make_hook(size_t i, const char *events)
{
    const struct json *answer =
        ask(i, "POST", "/api/v1/webhooks",
            text("{\"url\":\"http://127.0.0.1:%u/\",\"events\":[%s]}", receiver.port, events));

    assert_int_equal(status(), 201);
    return text("/api/v1/webhooks/%.*s",
                STR_ARG(json_str(json_find(answer, "/webhook/id"))));
}

static void new_session(size_t i)
{
    (void)ask(i, "POST", "/api/v1/sessions", "{\"name\":\"a\"}");
    assert_int_equal(status(), 201);
}

static size_t deliveries(size_t i, const char *hook, const char *wanted)
{
    const struct json *answer = ask(i, "GET", text("%s/deliveries", hook), NULL);
    const struct json *one;
    size_t n = 0;

    JSON_FOREACH (one, json_get(answer, "deliveries")) {
        n += str_is(json_str(json_get(one, "status")), wanted);
    }
    return n;
}

/* Made by one, seen and changed by each other one, and posted for all of them by one. */
static void a_webhook_is_that_of_all(void **state)
{
    static struct got got[64];
    const char *hook = make_hook(0, "\"session.created\"");

    (void)state;
    for (size_t i = 0; i < REPLICAS; i++) {
        assert_int_equal(json_size(json_get(ask(i, "GET", "/api/v1/webhooks", NULL), "webhooks")),
                         1);
        (void)ask(i, "GET", hook, NULL);
        assert_int_equal(status(), 200);
        assert_null(strstr(buf_cstr(&replicas.reply.body), "whsec_"));
        new_session(i);
    }
    wait_until(n_got(got, 64, "session.created") == REPLICAS);
    for (size_t i = 0; i < REPLICAS; i++) {
        wait_until(deliveries(i, hook, "delivered") == REPLICAS);
    }
    (void)ask(1, "POST",
              text("%s/deliveries/%.*s/redeliver", hook, STR_ARG(got[0].id)), "{}");
    assert_int_equal(status(), 202);
    wait_until(n_got(got, 64, "session.created") == REPLICAS + 1);
    assert_true(str_eq(got[REPLICAS].id, got[0].id));
    (void)ask(2, "POST", text("%s/test", hook), "{}");
    assert_int_equal(status(), 202);
    wait_until(n_got(got, 64, "webhook.test") == 1);
    (void)ask(1, "PATCH", hook, "{\"enabled\":false}");
    assert_int_equal(status(), 200);
    (void)ask(2, "POST", text("%s/test", hook), "{}");
    assert_int_equal(status(), 409);
    (void)ask(2, "DELETE", hook, NULL);
    assert_int_equal(status(), 204);
    for (size_t i = 0; i < REPLICAS; i++) {
        (void)ask(i, "GET", hook, NULL);
        assert_int_equal(status(), 404);
    }
}

/* Each shows what all have done, and goes on behind an event of another one. */
static void each_shows_the_events_of_all(void **state)
{
    const char *target = "/api/v1/events?types=session.created&limit=3&last_event_id=1-1";
    struct str first[3];
    struct str all;

    (void)state;
    for (size_t i = 0; i < REPLICAS; i++) {
        new_session(i);
    }
    for (size_t i = 0; i < REPLICAS; i++) {
        wait_until(str_contains((ask(i, "GET", "/api/v1/audit?limit=1000", NULL),
                                 buf_view(&replicas.reply.body)),
                                STR("POST")));
    }
    (void)target;
    (void)first;
    (void)all;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_webhook_is_that_of_all),
        cmocka_unit_test(each_shows_the_events_of_all),
        cmocka_unit_test(all_of_them_end_well),
    };

    (void)receiver_before;
    (void)folder;
    if (!redis_server_is_there()) {
        (void)printf("there is no redis-server: skipped\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, set_up, NULL);
}
