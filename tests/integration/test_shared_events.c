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
#include "events/webhooks.h"
#include "harness/blocking.h"
#include "harness/collector.h"
#include "harness/count.h"
#include "harness/replicas.h"
#include "harness/scripted.h"
#include "harness/wait.h"

enum { REPLICAS = 3, TEXT_MAX = 8 << 20, DELETED = 12, ID_SIZE = 40 };

static struct replicas replicas;
static struct collector receiver;

enum { SINK_HTTP, SINK_TABLE, N_SINKS };
static struct collector sinks[N_SINKS]; /* of analytics: an HTTP endpoint, and BigQuery */
static struct scripted metadata;        /* of Google: it has the token */

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
    static char file[96];
    static char url[96];
    static char host[96];
    static char table[128];
    static const char *const sets[] = {"webhooks.allow_private=true",
                                       "webhooks.retry_ms=20",
                                       "audit.store=true",
                                       "store.timeout_ms=10000",
                                       "analytics.interval_ms=20",
                                       "analytics.bigquery=p.d.events",
                                       file,
                                       url,
                                       NULL};
    static const char *const env[] = {host, table, NULL};
    static const struct scripted_answer token[] = {
        {.method = "GET",
         .status = 200,
         .body = "{\"access_token\":\"t\",\"expires_in\":3600,\"token_type\":\"Bearer\"}"}};

    (void)state;
    collector_start(&receiver);
    for (size_t i = 0; i < N_SINKS; i++) {
        collector_start(&sinks[i]);
    }
    scripted_start(&metadata, token, 1);
    (void)snprintf(file, sizeof(file), "analytics.file=%s/rows.jsonl", folder());
    (void)snprintf(url, sizeof(url), "analytics.url=http://127.0.0.1:%u/rows",
                   sinks[SINK_HTTP].port);
    (void)snprintf(host, sizeof(host), "GCE_METADATA_HOST=127.0.0.1:%u", metadata.port);
    (void)snprintf(table, sizeof(table),
                   "CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY=http://127.0.0.1:%u",
                   sinks[SINK_TABLE].port);
    replicas_start(&replicas, &(struct replicas_options){.n = REPLICAS, .sets = sets, .env = env});
    return 0;
}

/* A test of its own: what a group's teardown finds does not count. */
static void all_of_them_end_well(void **state)
{
    (void)state;
    replicas_stop(&replicas);
    scripted_done(&metadata);
    collector_done(&receiver);
    for (size_t i = 0; i < N_SINKS; i++) {
        collector_done(&sinks[i]);
    }
    assert_int_equal(system(replicas_line(&replicas, "rm -rf '%s'", folder())), 0);
}

/* --- what the receiver has got */
struct got {
    struct str id;
    struct str subject;
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
            replicas_line(&replicas, "{\"url\":\"http://127.0.0.1:%u/\",\"events\":[%s]}",
                          receiver.port, events));

    assert_int_equal(status(), 201);
    return replicas_line(&replicas, "/api/v1/webhooks/%.*s",
                         STR_ARG(json_str(json_find(answer, "/webhook/id"))));
}

static void new_session(size_t i)
{
    (void)ask(i, "POST", "/api/v1/sessions", "{\"name\":\"a\"}");
    assert_int_equal(status(), 201);
}

static size_t deliveries(size_t i, const char *hook, const char *wanted)
{
    const struct json *answer =
        ask(i, "GET", replicas_line(&replicas, "%s/deliveries", hook), NULL);
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
    size_t n;

    (void)state;
    for (size_t i = 0; i < REPLICAS; i++) {
        assert_int_equal(json_size(json_get(ask(i, "GET", "/api/v1/webhooks", NULL), "webhooks")),
                         1);
        (void)ask(i, "GET", hook, NULL);
        assert_int_equal(status(), 200);
        assert_null(strstr(buf_cstr(&replicas.reply.body), "whsec_"));
        new_session(i);
    }
    wait_until(n_got(got, 64, "session.created") >= REPLICAS); /* at least once each */
    for (size_t i = 0; i < REPLICAS; i++) {
        wait_until(deliveries(i, hook, "delivered") == REPLICAS);
    }
    n = n_got(got, 64, "session.created");
    (void)ask(1, "POST",
              replicas_line(&replicas, "%s/deliveries/%.*s/redeliver", hook, STR_ARG(got[0].id)),
              "{}");
    assert_int_equal(status(), 202);
    wait_until(n_got(got, 64, "session.created") > n);
    assert_true(str_eq(got[n].id, got[0].id));
    (void)ask(2, "POST", replicas_line(&replicas, "%s/test", hook), "{}");
    assert_int_equal(status(), 202);
    wait_until(n_got(got, 64, "webhook.test") >= 1);
    (void)ask(1, "PATCH", hook, "{\"enabled\":false}");
    assert_int_equal(status(), 200);
    (void)ask(2, "POST", replicas_line(&replicas, "%s/test", hook), "{}");
    assert_int_equal(status(), 409);
    (void)ask(2, "DELETE", hook, NULL);
    assert_int_equal(status(), 204);
    for (size_t i = 0; i < REPLICAS; i++) {
        (void)ask(i, "GET", hook, NULL);
        assert_int_equal(status(), 404);
    }
}

/* The documents of the store, as its export tells them. */
static bool is_in_store(const char *words)
{
    struct program program;
    const char *file = replicas_line(&replicas, "%s/store.jsonl", folder());
    struct buf all;
    struct error err = {0};
    bool found;

    (void)unlink(file);
    assert_int_equal(
        program_run(&program,
                    (const char *const[]){"store", "export", file, "--set", "auth.mode=none",
                                          "--set", replicas.url, "--set", "store.timeout_ms=10000",
                                          NULL},
                    (const char *const[]){"VIRTUOSO_API_TOKEN=a-token-of-a-test", NULL}),
        0);
    program_done(&program);
    buf_init(&all, TEXT_MAX);
    assert_int_equal(fd_read_file(file, &all, &err), ERR_OK);
    found = str_contains(buf_view(&all), str_from(words));
    buf_done(&all);
    return found;
}

/* How often a process gave up the duty to post ("off_duty"), or lost the lease of the duty ("store.lease_lost"). */
static size_t n_told(const char *event)
{
    struct buf all;
    size_t n;

    buf_init(&all, TEXT_MAX);
    for (size_t i = 0; i < REPLICAS; i++) {
        program_errors(&replicas.programs[i], &all);
    }
    n = str_count(buf_view(&all),
                  replicas_line(&replicas, "%s\",\"lease\":\"consumer:webhooks\"", event));
    buf_done(&all);
    return n;
}

static void say_to_redis(const char *command)
{
    int fd = blocking_connect((uint16_t)strtoul(replicas.redis.port, NULL, 10));
    char answer[64];

    assert_true(fd >= 0 && blocking_write(fd, str_from(command)));
    assert_true(read(fd, answer, sizeof(answer)) > 0 && answer[0] == ':');
    (void)close(fd);
}

/* Changes that the store refused, of all of them. */
static double n_conflicts(void)
{
    double n = 0;

    for (size_t i = 0; i < REPLICAS; i++) {
        struct str rest;
        struct str line;
        double value;

        client_ask(replicas.programs[i].port, "GET", "/metrics", NULL, STR_EMPTY, &replicas.reply);
        rest = buf_view(&replicas.reply.body);
        while (str_next(&rest, '\n', &line)) {
            struct str name = STR("store_operations_total{operation=\"put\",result=\"refused\"} ");
            ptrdiff_t at = str_find(line, name);

            n += at >= 0 && str_to_double(str_sub(line, (size_t)at + name.len, line.len), &value)
                     ? value
                     : 0;
        }
    }
    return n;
}

/* The one that posts has not heard of the deletion when it writes how far the webhook came: all have just looked. */
static void lose_documents(const char *id)
{
    double before;
    size_t lost_before = n_told("store.lease_lost"); /* who posts now may have to read it anew */

    wait_until(is_in_store(replicas_line(&replicas, "webhook-states/%s", id)));
    for (size_t i = 0; i < REPLICAS; i++) {
        (void)ask(i, "GET", "/api/v1/webhooks", NULL);
    }
    before = n_conflicts();
    say_to_redis(
        replicas_line(&replicas, "DEL vp:d:{webhooks}/%s vp:d:{webhook-states}/%s\r\n", id, id));
    new_session(0);
    wait_until(n_conflicts() > before || n_told("store.lease_lost") > lost_before);
}

/* A busy webhook is deleted at a process that does not post it: nothing of it stays in the store, and the one that posts goes on with
 * the others where it is, so that none of their deliveries is sent again (but where it stood still, and lost its lease). */
static void what_is_deleted_elsewhere_disturbs_no_other(void **state)
{
    const char *kept = make_hook(0, "\"session.created\"");
    char ids[DELETED][ID_SIZE];
    size_t before = n_told("off_duty");
    size_t lost_before = n_told("store.lease_lost");

    (void)state;
    wait_until(
        is_in_store(replicas_line(&replicas, "webhooks/%s", kept + strlen("/api/v1/webhooks/"))));
    for (size_t i = 0; i < DELETED; i++) {
        const char *hook = make_hook(i % REPLICAS, "\"session.created\"");

        str_copy(ids[i], sizeof(ids[i]), str_from(hook + strlen("/api/v1/webhooks/")));
        for (size_t k = 0; k < i; k++) {
            new_session(k % REPLICAS);
        }
        (void)ask((i + 1) % REPLICAS, "DELETE", hook, NULL);
        assert_int_equal(status(), 204);
    }
    for (size_t i = 0; i < DELETED; i++) {
        wait_until(!is_in_store(ids[i]));
    }
    lose_documents(kept + strlen("/api/v1/webhooks/"));
    assert_in_range(n_told("off_duty") - before, 0, n_told("store.lease_lost") - lost_before);
}

/* One owner cannot take them all. */
static void an_owner_may_have_so_many(void **state)
{
    const char *hooks[WEBHOOKS_OWNER_MAX] = {NULL};
    size_t n = json_size(json_get(ask(0, "GET", "/api/v1/webhooks", NULL), "webhooks"));

    (void)state;
    for (size_t i = n; i < WEBHOOKS_OWNER_MAX; i++) {
        hooks[i] = make_hook(i % REPLICAS, "\"webhook.test\"");
    }
    (void)ask(1, "POST", "/api/v1/webhooks",
              replicas_line(&replicas,
                            "{\"url\":\"http://127.0.0.1:%u/\",\"events\":[\"webhook.test\"]}",
                            receiver.port));
    assert_int_equal(status(), 409);
    assert_non_null(strstr(buf_cstr(&replicas.reply.body), "you have 25 webhooks"));
    for (size_t i = n; i < WEBHOOKS_OWNER_MAX; i++) {
        (void)ask(2, "DELETE", hooks[i], NULL);
        assert_int_equal(status(), 204);
    }
    (void)ask(1, "DELETE", make_hook(0, "\"webhook.test\""), NULL);
    assert_int_equal(status(), 204);
}

/* --- what the journal has: the events of one replica's stream, until so many have come */
static size_t n_listed(size_t i, const char *type, size_t limit, struct str *out)
{
    struct client client;
    struct reply reply = {0};
    struct str rest;
    struct str line;
    size_t n = 0;

    client_open(&client, replicas.programs[i].port);
    assert_true(client_send_request(
        &client, "GET", replicas_line(&replicas, "/api/v1/events?types=%s&limit=%zu", type, limit),
        "Last-Event-ID: 0000000000000000-1\r\n", STR_EMPTY));
    assert_int_equal(client_read_head(&client, false, &reply), CLIENT_OK);
    while (!reply.at_end) {
        assert_int_equal(client_read_piece(&client, &reply), CLIENT_OK);
    }
    rest = buf_view(&reply.body);
    while (rest.len > 0 && n < limit) {
        (void)str_cut(rest, '\n', &line, &rest);
        if (str_starts(line, STR("id: "))) {
            out[n++] = arena_str(arena(), str_sub(line, 4, line.len));
        }
    }
    client_close(&client);
    reply_done(&reply);
    return n;
}

/* Each shows what all have done, in the same order; and goes on behind an event that another one told. */
static void each_shows_the_events_of_all(void **state)
{
    static struct str first[64];
    static struct str other[64];
    size_t n = 3 + REPLICAS;

    (void)state;
    for (size_t i = 0; i < REPLICAS; i++) {
        new_session(i);
    }
    assert_int_equal(n_listed(0, "session.created", n, first), n);
    for (size_t i = 1; i < REPLICAS; i++) {
        assert_int_equal(n_listed(i, "session.created", n, other), n);
        for (size_t k = 0; k < n; k++) {
            assert_true(str_eq(first[k], other[k]));
        }
    }
}

/* --- kill -9 */
static bool is_on_duty(size_t i, const char *name)
{
    struct buf all;
    struct str rest;
    struct str line;
    bool is_on = false;

    buf_init(&all, TEXT_MAX);
    program_errors(&replicas.programs[i], &all);
    rest = buf_view(&all);
    while (str_next(&rest, '\n', &line)) {
        if (str_contains(line, str_from(name))) {
            is_on = str_contains(line, STR("events.on_duty")) ||
                    (is_on && !str_contains(line, STR("events.off_duty")));
        }
    }
    buf_done(&all);
    return is_on;
}

static bool somebody_is_on_duty(const char *name, size_t *out)
{
    for (size_t i = 0; i < REPLICAS; i++) {
        if (replicas.programs[i].pid > 0 && is_on_duty(i, name)) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* A session that is made, renamed and removed: facts with one subject, from three processes. */
static void some_life(size_t n)
{
    const struct json *answer;
    const char *path;
    size_t i = n % REPLICAS;

    i = replicas.programs[i].pid > 0 ? i : (i + 1) % REPLICAS;
    answer = ask(i, "POST", "/api/v1/sessions", "{\"name\":\"a\"}");
    assert_int_equal(status(), 201);
    path = replicas_line(&replicas, "/api/v1/sessions/%.*s",
                         STR_ARG(json_str(json_get(answer, "session_id"))));
    i = (i + 1) % REPLICAS;
    i = replicas.programs[i].pid > 0 ? i : (i + 1) % REPLICAS;
    (void)ask(i, "PATCH", path, "{\"name\":\"b\"}");
    assert_int_equal(status(), 200);
    i = (i + 1) % REPLICAS;
    i = replicas.programs[i].pid > 0 ? i : (i + 1) % REPLICAS;
    (void)ask(i, "DELETE", path, NULL);
    assert_int_equal(status(), 204);
}

enum { ROUNDS = 3, LIVES = 12, REQUESTS = 3, IDS_MAX = 2000 };

struct ids {
    struct str ids[IDS_MAX];
    size_t n;
};

static struct ids journal;
static struct ids came;
static struct ids written;
static struct ids handed_over;
static struct ids posted[N_SINKS];

/* What comes again is left out: each event once, in the order in which it came first. */
static void add_new(struct ids *ids, struct str id)
{
    for (size_t i = 0; i < ids->n; i++) {
        if (str_eq(ids->ids[i], id)) {
            return;
        }
    }
    assert_true(ids->n < IDS_MAX);
    ids->ids[ids->n++] = id;
}

/* Requests that changed something, of all replicas, the oldest first: what is accepted. */
static void read_journal(size_t i)
{
    const struct json *answer = ask(i, "GET", "/api/v1/audit?limit=1000", NULL);
    const struct json *one;
    struct str newest_first[IDS_MAX];
    size_t n = 0;

    JSON_FOREACH (one, json_get(answer, "events")) {
        if (str_is(json_str(json_get(one, "type")), "request.changed")) {
            newest_first[n++] = json_str(json_get(one, "id"));
        }
    }
    journal.n = 0;
    while (n > 0) {
        add_new(&journal, newest_first[--n]);
    }
}

static void read_receiver(void)
{
    static struct got got[IDS_MAX];
    size_t n = n_got(got, IDS_MAX, "request.changed");

    came.n = 0;
    for (size_t i = 0; i < n; i++) {
        add_new(&came, got[i].id);
    }
}

static void read_audit(void)
{
    char host[64] = "";
    const char *file = replicas_line(&replicas, "%s/audit.jsonl", folder());
    struct audit_check check = {0};
    struct error err = {0};
    struct buf all;
    struct str rest;
    struct str line;

    assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
    assert_int_equal(
        system(replicas_line(&replicas,
                             "'%s' audit export --set auth.mode=none --set upstream.token=x "
                             "--set store.timeout_ms=10000 --set %s %s > %s",
                             VP_BINARY, replicas.url, host, file)),
        0);
    buf_init(&all, TEXT_MAX);
    assert_int_equal(fd_read_file(file, &all, &err), ERR_OK);
    if (audit_check_text(&check, buf_view(&all), &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    rest = arena_str(arena(), buf_view(&all));
    written.n = 0;
    while (str_next(&rest, '\n', &line)) {
        struct json *fields;

        assert_int_equal(json_parse(arena(), line, &json_of_ours, &fields, &err), ERR_OK);
        if (str_is(json_str(json_get(fields, "type")), "request.changed")) {
            add_new(&written, json_str(json_get(fields, "id")));
        }
    }
    buf_done(&all);
}

/* The file of the sink: whoever is on duty appends to it. */
static void read_rows(void)
{
    struct error err = {0};
    struct buf all;
    struct str rest;
    struct str line;

    buf_init(&all, TEXT_MAX);
    assert_int_equal(fd_read_file(replicas_line(&replicas, "%s/rows.jsonl", folder()), &all, &err),
                     ERR_OK);
    rest = arena_str(arena(), buf_view(&all));
    handed_over.n = 0;
    while (str_next(&rest, '\n', &line)) {
        struct json *event;

        if (json_parse(arena(), line, &json_of_ours, &event, &err) == ERR_OK && /* torn by a kill */
            str_is(json_str(json_get(event, "type")), "request.changed")) {
            add_new(&handed_over, json_str(json_get(event, "id")));
        }
    }
    buf_done(&all);
}

/* The newest ones of the journal, all of them, in its order. */
static bool is_end_of_journal(const struct ids *ids)
{
    for (size_t i = 0; i < ids->n; i++) {
        if (i >= journal.n || !str_eq(ids->ids[ids->n - 1 - i], journal.ids[journal.n - 1 - i])) {
            return false;
        }
    }
    return ids->n > 0;
}

static bool all_has_come(void)
{
    read_journal(0);
    read_receiver();
    return is_end_of_journal(&came);
}

static bool all_is_written(void)
{
    read_journal(0);
    read_audit();
    return is_end_of_journal(&written);
}

static bool all_is_handed_over(void)
{
    read_journal(0);
    read_rows();
    return is_end_of_journal(&handed_over);
}

/* What the HTTP endpoint (arrays of events) and BigQuery (rows) have taken. */
static void read_posts(size_t i)
{
    struct str rest = {sinks[i].seen->bodies, sinks[i].seen->n_bytes};
    struct str line;
    struct str body;

    posted[i].n = 0;
    while (str_next(&rest, '\n', &line) && str_cut(rest, '\n', &body, &rest)) {
        struct error err = {0};
        struct json *root;
        const struct json *one;

        assert_int_equal(json_parse(arena(), body, &json_of_ours, &root, &err), ERR_OK);
        JSON_FOREACH (one, i == SINK_TABLE ? json_get(root, "rows") : root) {
            const struct json *event = i == SINK_TABLE ? json_get(one, "json") : one;

            if (str_is(json_str(json_get(event, "type")), "request.changed")) {
                add_new(&posted[i], json_str(json_get(event, "id")));
            }
        }
    }
}

static bool all_is_posted(void)
{
    read_journal(0);
    for (size_t i = 0; i < N_SINKS; i++) {
        read_posts(i);
        if (!is_end_of_journal(&posted[i])) {
            return false;
        }
    }
    return true;
}

static size_t who_is_on_duty(const char *duty)
{
    size_t at = 0;

    wait_until(somebody_is_on_duty(duty, &at));
    return at;
}

static void live_and_kill(size_t victim)
{
    for (size_t n = 0; n < LIVES; n++) {
        if (n == LIVES / 2) {
            replicas_kill(&replicas, victim);
        }
        some_life(n);
    }
    replicas_start_one(&replicas, victim);
}

/* Whoever posts, or writes the audit, is killed while events come in: another one goes on where the store
 * knows that it was. */
static void a_killed_one_is_followed_by_another(void **state)
{
    static const char *const duties[] = {"consumer:webhooks", "consumer:audit",
                                         "consumer:analytics"};

    (void)state;
    (void)make_hook(1, "\"request.changed\"");
    for (size_t round = 0; round < ROUNDS; round++) {
        live_and_kill(who_is_on_duty(duties[round]));
    }
    wait_until(all_has_come());
    wait_until(all_is_written());
    wait_until(all_is_handed_over());
    wait_until(all_is_posted());
    /* A killed process takes with it what it had answered a moment before, and not appended yet. */
    assert_in_range(came.n, ROUNDS * (LIVES - 1) * REQUESTS / 2,
                    /* the requests of the test before may be told after the webhook was made */
                    ROUNDS * LIVES * REQUESTS + 1 + 2 * REPLICAS);
    assert_true(written.n >= came.n && handed_over.n >= came.n);
    assert_true(posted[SINK_HTTP].n >= came.n && posted[SINK_TABLE].n >= came.n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_webhook_is_that_of_all),
        cmocka_unit_test(each_shows_the_events_of_all),
        cmocka_unit_test(a_killed_one_is_followed_by_another),
        cmocka_unit_test(what_is_deleted_elsewhere_disturbs_no_other),
        cmocka_unit_test(an_owner_may_have_so_many),
        cmocka_unit_test(all_of_them_end_well),
    };

    if (!redis_server_is_there()) {
        (void)printf("there is no redis-server: skipped\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, set_up, NULL);
}
