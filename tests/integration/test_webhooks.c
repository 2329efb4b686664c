/* Webhooks: signed by Standard Webhooks, at least once, in order; never to an address inside. */
#include "harness/cmocka.h"

#include <stdio.h>

#include "base/base64.h"
#include "crypto/digest.h"
#include "harness/blocking.h"
#include "harness/collector.h"
#include "harness/proxy.h"
#include "harness/wait.h"

#define KEY   "X-API-Key: a-key-of-a-test-1\r\n"
#define OTHER "X-API-Key: a-key-of-a-test-2\r\n"

/* MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw is the key of the vectors of Standard Webhooks. */
static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

static struct collector receiver;
static struct proxy proxy;
static struct arena arena;

static void start_with(const char *more)
{
    const char *sets[] = {"auth.mode=keys", "auth.keys=[a-key-of-a-test-1, a-key-of-a-test-2]",
                          "webhooks.retry_ms=50", more, NULL};

    proxy_start(&proxy, sets);
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    collector_start(&receiver);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    proxy_stop(&proxy);
    collector_done(&receiver);
    arena_done(&arena);
    return 0;
}

static const struct json *ask(const char *method, const char *target, const char *body)
{
    return proxy_ask(&proxy, method, target, KEY "Content-Type: application/json\r\n", body);
}

/* The path of the new webhook. */
static const char *make(const char *events, const char *more)
{
    char body[512];

    (void)snprintf(body, sizeof(body),
                   "{\"url\":\"http://127.0.0.1:%u/hook?x=1\",\"events\":[%s],\"secret\":\"%s\"%s}",
                   receiver.port, events, secret, more);
    (void)ask("POST", "/api/v1/webhooks", body);
    assert_int_equal(proxy.reply.status, 201);
    return arena_str(&arena, reply_field(&proxy.reply, "Location")).ptr;
}

static struct str field(const char *name)
{
    return head_field(str_from(receiver.seen->last_head), str_from(name));
}

static struct str last_body(void)
{
    struct str all = {receiver.seen->bodies, receiver.seen->n_bytes};
    struct str line = STR_EMPTY;
    struct str last = STR_EMPTY;

    while (str_next(&all, '\n', &line)) {
        last = line;
    }
    return last;
}

static struct str signature_of(struct str body)
{
    struct str key;
    struct digest digest;
    struct buf text;
    struct str made;

    assert_true(base64_decode(&arena, str_from(secret + 6), &key));
    buf_init(&text, 1 << 20);
    buf_printf(&text, "%.*s.%.*s.%.*s", STR_ARG(field("webhook-id")),
               STR_ARG(field("webhook-timestamp")), STR_ARG(body));
    digest_hmac(key, buf_view(&text), &digest);
    buf_clear(&text);
    buf_text(&text, "v1,");
    base64_encode(&text, digest_view(&digest));
    made = arena_str(&arena, buf_view(&text));
    buf_done(&text);
    return made;
}

static void an_event_is_posted_and_signed(void **state)
{
    struct json *event;
    struct error err = {0};

    (void)state;
    start_with("webhooks.allow_private=true");
    (void)make("\"session.created\"", "");
    (void)ask("POST", "/api/v1/sessions", "{\"name\":\"a\"}");
    wait_until(receiver.seen->n_taken == 1);
    assert_int_equal(json_parse(&arena, last_body(), &json_of_ours, &event, &err), ERR_OK);
    assert_true(str_is(json_str(json_get(event, "type")), "session.created"));
    assert_true(str_eq(json_str(json_get(event, "id")), field("webhook-id")));
    assert_true(str_is(field("Content-Type"), "application/cloudevents+json"));
    assert_true(str_starts(str_from(receiver.seen->last_head), STR("POST /hook?x=1 ")));
    assert_true(str_eq(field("webhook-signature"), signature_of(last_body())));
}

/* A refused delivery comes again, with the same id, a new time and a right signature. */
static void what_is_refused_comes_again(void **state)
{
    struct str id;
    ptrdiff_t at;

    (void)state;
    start_with("webhooks.allow_private=true");
    receiver.seen->mood = COLLECTOR_REFUSES;
    (void)make("\"session.created\"", "");
    (void)ask("POST", "/api/v1/sessions", "{\"name\":\"a\"}");
    wait_until(receiver.seen->n_posts >= 2);
    id = arena_str(&arena, field("webhook-id"));
    (void)ask("POST", "/api/v1/sessions", "{\"name\":\"b\"}");
    receiver.seen->mood = COLLECTOR_TAKES;
    wait_until(receiver.seen->n_taken == 2);
    at = str_find((struct str){receiver.seen->bodies, receiver.seen->n_bytes}, id);
    assert_in_range(at, 0, receiver.seen->n_bytes / 2); /* in order: the second after the first */
    assert_true(str_eq(field("webhook-signature"), signature_of(last_body())));
}

static void another_key_signs_for_a_day_with_the_old_one(void **state)
{
    const char *path;
    struct str both;

    (void)state;
    start_with("webhooks.allow_private=true");
    path = make("\"session.created\"", "");
    (void)ask("PATCH", path, "{\"secret\":\"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}");
    assert_int_equal(proxy.reply.status, 200);
    (void)ask("POST", arena_printf(&arena, "%s/test", path).ptr, "{}");
    assert_int_equal(proxy.reply.status, 202);
    wait_until(receiver.seen->n_taken == 1);
    both = field("webhook-signature");
    assert_int_equal(str_find_char(both, ' '), 3 + 44); /* two signatures */
    assert_true(str_ends(both, signature_of(last_body())));
    assert_true(str_contains(last_body(), STR("webhook.test")));
}

static void each_sees_its_own_webhooks(void **state)
{
    const char *path;

    (void)state;
    start_with("webhooks.allow_private=true");
    path = make("\"run.finished\"", ",\"shape\":\"slack\"");
    assert_int_equal(json_size(json_get(ask("GET", "/api/v1/webhooks", ""), "webhooks")), 1);
    assert_null(strstr(buf_cstr(&proxy.reply.body), "whsec_")); /* told once, when it was made */
    (void)proxy_ask(&proxy, "GET", path, OTHER, "");
    assert_int_equal(proxy.reply.status, 404);
    assert_int_equal(
        json_size(json_get(proxy_ask(&proxy, "GET", "/api/v1/webhooks", OTHER, ""), "webhooks")),
        0);
    (void)ask("DELETE", path, "");
    assert_int_equal(proxy.reply.status, 204);
    (void)ask("GET", path, "");
    assert_int_equal(proxy.reply.status, 404);
}

static void deliveries_are_listed_and_sent_again(void **state)
{
    const char *path;
    const struct json *deliveries;
    struct str id;

    (void)state;
    start_with("webhooks.allow_private=true");
    path = make("\"session.created\"", ",\"shape\":\"slack\"");
    (void)ask("POST", "/api/v1/sessions", "{\"name\":\"a\"}");
    wait_until(receiver.seen->n_taken == 1);
    assert_true(str_starts(last_body(), STR("{\"text\":\"session.created: ok (sess_")));
    wait_until(
        str_is(json_str(json_find(ask("GET", arena_printf(&arena, "%s/deliveries", path).ptr, ""),
                                  "/deliveries/0/status")),
               "delivered"));
    deliveries =
        json_get(ask("GET", arena_printf(&arena, "%s/deliveries", path).ptr, ""), "deliveries");
    assert_int_equal(json_size(deliveries), 1);
    assert_true(str_is(json_str(json_get(json_first(deliveries), "status")), "delivered"));
    id = json_str(json_get(json_first(deliveries), "id"));
    (void)ask("POST", arena_printf(&arena, "%s/deliveries/%.*s/redeliver", path, STR_ARG(id)).ptr,
              "{}");
    assert_int_equal(proxy.reply.status, 202);
    wait_until(receiver.seen->n_taken == 2);
    (void)ask("POST", arena_printf(&arena, "%s/deliveries/none-1/redeliver", path).ptr, "{}");
    assert_int_equal(proxy.reply.status, 404);
}

static const char *new_session(void)
{
    const struct json *made = ask("POST", "/api/v1/sessions", "{\"name\":\"a\"}");

    assert_int_equal(proxy.reply.status, 201);
    return arena_printf(&arena, "%.*s", STR_ARG(json_str(json_get(made, "session_id")))).ptr;
}

static void click_in(const char *session)
{
    (void)ask("POST", "/api/v1/commands/execute",
              arena_printf(&arena,
                           "{\"command\":\"step-interact click\",\"args\":[\"A\"],"
                           "\"session_id\":\"%s\",\"checkpoint_id\":%lld}",
                           session, (long long)proxy.seed.checkpoint)
                  .ptr);
    assert_int_equal(proxy.reply.status, 200);
}

/* Of what happens in two sessions the one that was asked for. */
static void a_filter_lets_one_subject_through(void **state)
{
    const char *one;
    const char *other;

    (void)state;
    start_with("webhooks.allow_private=true");
    one = new_session();
    other = new_session();
    (void)make("\"command.executed\"", arena_printf(&arena, ",\"filter\":\"%s\"", one).ptr);
    click_in(other);
    click_in(one);
    wait_until(receiver.seen->n_taken == 1);
    assert_true(str_contains(last_body(), str_from(one)));
    assert_false(
        str_contains((struct str){receiver.seen->bodies, receiver.seen->n_bytes}, str_from(other)));
}

static void what_cannot_be_is_said(void **state)
{
    static const char *const bodies[] = {
        "{\"events\":[\"run.finished\"]}",
        "{\"url\":\"https://a.example/\",\"events\":[\"run.finishd\"]}",
        "{\"url\":\"https://a.example/\",\"events\":[\"run.finished\"],\"secret\":\"whsec_AAAA\"}",
        "{\"url\":\"https://a.example/\",\"events\":[\"run.finished\"],\"secret\":\"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}",
        "{\"url\":\"https://u:p@a.example/\",\"events\":[\"run.finished\"]}",
        "{\"url\":\"ftp://a.example/\",\"events\":[\"run.finished\"]}",
        "{\"url\":\"https://a.example/\",\"events\":[\"run.finished\"],\"shape\":\"xml\"}",
        "{\"url\":\"http://127.0.0.1/\",\"events\":[\"run.finished\"]}",
        "{\"url\":\"http://localhost/\",\"events\":[\"run.finished\"]}",
        "{\"url\":\"http://[::1]/\",\"events\":[\"run.finished\"]}",
        "{\"url\":\"http://[::ffff:10.0.0.1]/\",\"events\":[\"run.finished\"]}",
        "{\"url\":\"http://169.254.169.254/latest/meta-data\",\"events\":[\"run.finished\"]}",
        "{\"url\":\"http://100.64.0.1/\",\"events\":[\"run.finished\"]}",
    };

    (void)state;
    start_with("webhooks.allow_private=false");
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        (void)ask("POST", "/api/v1/webhooks", bodies[i]);
        if (proxy.reply.status != 400) {
            fail_msg("%s: %d", bodies[i], proxy.reply.status);
        }
    }
}

/* Spelled so that only the connection shows where it leads: nobody is connected to. */
static void an_address_inside_is_never_connected_to(void **state)
{
    static const char *const hosts[] = {"ip6-localhost", "localhost.localdomain", "0177.0.0.1",
                                        "2130706433", "0x7f.1"};
    unsigned n_made = 0;

    (void)state;
    start_with("webhooks.allow_private=false");
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        char body[256];

        (void)snprintf(body, sizeof(body),
                       "{\"url\":\"http://%s:%u/\",\"events\":[\"session.created\"]}", hosts[i],
                       receiver.port);
        (void)ask("POST", "/api/v1/webhooks", body);
        n_made += proxy.reply.status == 201;
    }
    (void)ask("POST", "/api/v1/sessions", "{\"name\":\"a\"}");
    if (n_made > 0) { /* each has tried, and was refused, at least twice */
        wait_until(program_wrote(&proxy.program, "webhook.failed"));
    }
    assert_int_equal(receiver.seen->n_posts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_is_posted_and_signed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_refused_comes_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_key_signs_for_a_day_with_the_old_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_sees_its_own_webhooks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deliveries_are_listed_and_sent_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_filter_lets_one_subject_through, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_address_inside_is_never_connected_to, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
