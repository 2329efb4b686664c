/* Sessions over HTTP: their life, who may see them, and that they survive a kill. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/cmocka.h"

#include "harness/proxy.h"
#include "harness/wait.h"

static struct str session_id(const struct json *answer)
{
    return json_str(json_get(answer, "session_id"));
}

static const struct json *make_session(struct proxy *proxy, const char *fields, const char *extra)
{
    struct str body = arena_printf(&proxy->arena, "{\"checkpoint_id\":%lld%s}",
                                   (long long)proxy->seed.checkpoint, extra);

    return proxy_ask_str(proxy, "POST", "/api/v1/sessions", fields, body);
}

static const struct json *ask_session(struct proxy *proxy, const char *method, struct str id,
                                      const char *fields, const char *body)
{
    struct str target = arena_printf(&proxy->arena, "/api/v1/sessions/%.*s", STR_ARG(id));

    return proxy_ask(proxy, method, target.ptr, fields, body);
}

static void a_session_lives_and_counts(void **state)
{
    struct proxy proxy;
    const struct json *answer;
    struct str id;
    struct str fields;
    int64_t number;

    (void)state;
    proxy_start(&proxy, NULL);
    (void)proxy_command(&proxy, "step-interact click", "[\"before\"]", NULL);
    answer = make_session(&proxy, NULL, ",\"name\":\"n\",\"metadata\":{\"a\":[1]}");
    assert_int_equal(proxy.reply.status, 201);
    id = arena_str(&proxy.arena, session_id(answer));
    assert_true(str_ends(reply_field(&proxy.reply, "Location"), id));
    fields = arena_printf(&proxy.arena, "X-Session-Id: %.*s\r\n", STR_ARG(id));
    answer = proxy_ask(&proxy, "POST", "/api/v1/commands/execute", fields.ptr,
                       "{\"command\":\"step-interact click\",\"args\":[\"a\"]}");
    assert_true(json_to_i64(json_find(answer, "/data/position"), &number));
    assert_int_equal(number, 1); /* the step that was there before it */
    answer = ask_session(&proxy, "GET", id, NULL, "");
    assert_true(json_to_i64(json_get(answer, "position"), &number) && number == 2);
    assert_true(json_to_i64(json_get(answer, "steps_added"), &number) && number == 1);
    assert_int_equal(json_size(json_find(answer, "/metadata/a")), 1);
    (void)ask_session(&proxy, "PATCH", id, NULL, "{\"position\":0,\"status\":\"paused\"}");
    assert_int_equal(proxy.reply.status, 200);
    (void)ask_session(&proxy, "PATCH", id, NULL, "{\"nam\":1}");
    assert_int_equal(proxy.reply.status, 400);
    (void)ask_session(&proxy, "POST", arena_printf(&proxy.arena, "%.*s/activate", STR_ARG(id)),
                      NULL, "{}");
    answer = proxy_ask(&proxy, "GET", "/api/v1/sessions/current", NULL, "");
    assert_true(str_eq(session_id(answer), id));
    answer = proxy_ask(&proxy, "GET", "/api/v1/sessions?status=paused&limit=10", NULL, "");
    assert_int_equal(json_size(json_get(answer, "sessions")), 1);
    (void)ask_session(&proxy, "DELETE", id, NULL, "");
    assert_int_equal(proxy.reply.status, 204);
    (void)ask_session(&proxy, "GET", id, NULL, "");
    assert_int_equal(proxy.reply.status, 404);
    proxy_stop(&proxy);
}

static void sessions_belong_to_their_owner(void **state)
{
    static const char *const sets[] = {"auth.keys=first-key-1,second-key-2",
                                       "sessions.max_active=2", NULL};
    static const char one[] = "X-API-Key: first-key-1\r\n";
    static const char two[] = "Authorization: Bearer second-key-2\r\n";
    struct proxy proxy;
    const struct json *answer;
    struct str id;

    (void)state;
    proxy_start(&proxy, sets);
    (void)proxy_ask(&proxy, "GET", "/api/v1/commands", NULL, "");
    assert_int_equal(proxy.reply.status, 401);
    assert_true(reply_field(&proxy.reply, "WWW-Authenticate").len > 0);
    answer = make_session(&proxy, one, "");
    id = arena_str(&proxy.arena, session_id(answer));
    (void)ask_session(&proxy, "GET", id, two, "");
    assert_int_equal(proxy.reply.status, 404);
    (void)ask_session(&proxy, "GET", id, one, "");
    assert_int_equal(proxy.reply.status, 200);
    (void)make_session(&proxy, two, "");
    (void)make_session(&proxy, two, ""); /* the oldest leaves */
    answer = ask_session(&proxy, "GET", id, one, "");
    assert_int_equal(proxy.reply.status, 404);
    assert_true(str_is(json_str(json_get(answer, "code")), "session_evicted"));
    proxy_stop(&proxy);
}

static struct str snapshot_set(struct proxy *proxy, const char *name)
{
    return arena_printf(&proxy->arena, "sessions.snapshot_file=%s/%s-%d", VP_SCRATCH_DIR, name,
                        (int)getpid());
}

static bool file_holds(const char *path, const char *text)
{
    static char bytes[65536];
    FILE *file = fopen(path, "r");
    size_t n;

    if (file == NULL) {
        return false; /* not written yet */
    }
    n = fread(bytes, 1, sizeof(bytes), file);
    assert_int_equal(fclose(file), 0);
    return str_contains((struct str){bytes, n}, str_from(text));
}

static void a_killed_server_has_its_sessions_again(void **state)
{
    struct arena arena;
    struct proxy proxy = {0};
    struct str set;
    struct str id;
    const char *sets[] = {NULL, "sessions.snapshot_interval_s=1", NULL};

    (void)state;
    arena_init(&arena);
    arena_init(&proxy.arena);
    set = arena_str(&arena, snapshot_set(&proxy, "sessions"));
    arena_done(&proxy.arena);
    sets[0] = set.ptr;
    proxy_start(&proxy, sets);
    id = arena_str(&arena, session_id(make_session(&proxy, NULL, ",\"name\":\"survivor\"")));
    wait_until(file_holds(strchr(set.ptr, '=') + 1, "survivor"));
    program_signal(&proxy.program, SIGKILL);
    (void)program_wait_end(&proxy.program, 5000);
    program_done(&proxy.program);
    reply_done(&proxy.reply);
    arena_done(&proxy.arena);

    proxy_start(&proxy, sets);
    assert_true(
        str_is(json_str(json_get(ask_session(&proxy, "GET", id, NULL, ""), "name")), "survivor"));
    proxy_stop(&proxy);
    assert_int_equal(unlink(set.ptr + sizeof("sessions.snapshot_file=") - 1), 0);
    arena_done(&arena);
}

static void a_damaged_snapshot_is_set_aside(void **state)
{
    struct proxy proxy = {0};
    struct arena arena;
    struct str set;
    const char *name;
    const char *sets[] = {NULL, NULL};
    FILE *file;

    (void)state;
    arena_init(&arena);
    arena_init(&proxy.arena);
    set = arena_str(&arena, snapshot_set(&proxy, "damaged"));
    arena_done(&proxy.arena);
    sets[0] = set.ptr;
    name = set.ptr + sizeof("sessions.snapshot_file=") - 1;
    file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs("{\"id\":\"sess_000000000000000000000000\"}\nsha256:00\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    proxy_start(&proxy, sets);
    assert_true(program_wrote(&proxy.program, "sessions.snapshot_damaged"));
    (void)make_session(&proxy, NULL, "");
    assert_int_equal(proxy.reply.status, 201);
    proxy_stop(&proxy);
    (void)unlink(name);
    arena_done(&arena);
}

static struct str command_in(struct proxy *proxy, struct str id, const char *text)
{
    return arena_printf(
        &proxy->arena,
        "{\"command\":\"step-misc comment\",\"args\":[\"%s\"],\"session_id\":\"%.*s\"}", text,
        STR_ARG(id));
}

static void send_command(struct proxy *proxy, struct client *client, struct str id,
                         const char *text)
{
    client_open(client, proxy->program.port);
    assert_true(client_send_request(client, "POST", "/api/v1/commands/execute",
                                    "Content-Type: application/json\r\n",
                                    command_in(proxy, id, text)));
}

static int64_t position_of(struct proxy *proxy, struct client *client)
{
    int64_t position = -1;

    assert_int_equal(client_read(client, false, &proxy->reply), CLIENT_OK);
    client_close(client);
    if (proxy->reply.status == 200) {
        assert_true(json_to_i64(
            json_find(reply_json(&proxy->reply, &proxy->arena), "/data/position"), &position));
    }
    return position;
}

/* A session is set to another checkpoint while one command runs and one waits: both go to the
 * checkpoint of their time, and the next one begins at the end of the new one. */
static void a_session_may_be_moved_while_it_works(void **state)
{
    struct proxy proxy;
    struct client clients[2];
    struct str id;
    int64_t number;

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_seed_ids(proxy.program.sandbox_port, "{\"checkpoints\":[77]}");
    id = arena_str(&proxy.arena, session_id(make_session(&proxy, NULL, "")));
    sandbox_hold(proxy.program.sandbox_port, "POST /teststeps");
    send_command(&proxy, &clients[0], id, "runs");
    proxy_wait_sent(&proxy, "POST", "/teststeps", 1);
    send_command(&proxy, &clients[1], id, "waits");
    proxy_wait_working(&proxy, 2);
    (void)ask_session(&proxy, "PATCH", id, NULL, "{\"checkpoint_id\":77}");
    assert_int_equal(proxy.reply.status, 200);
    sandbox_release(proxy.program.sandbox_port);
    assert_int_equal(position_of(&proxy, &clients[0]), 0);
    assert_int_equal(position_of(&proxy, &clients[1]), 1);
    assert_int_equal(json_size(proxy_steps(&proxy)), 2);
    send_command(&proxy, &clients[0], id, "after");
    assert_int_equal(position_of(&proxy, &clients[0]), 0);
    assert_true(
        json_to_i64(json_get(ask_session(&proxy, "GET", id, NULL, ""), "steps_added"), &number));
    assert_int_equal(number, 3);
    proxy_stop(&proxy);
}

/* While the platform keeps one session's step waiting, a session in another checkpoint takes five
 * and is done. */
static void sessions_of_different_checkpoints_do_not_wait_for_each_other(void **state)
{
    struct proxy proxy;
    struct client slow;
    struct client quick;
    struct str ids[2];

    (void)state;
    proxy_start(&proxy, NULL);
    sandbox_seed_ids(proxy.program.sandbox_port, "{\"checkpoints\":[77]}");
    for (size_t i = 0; i < 2; i++) {
        ids[i] = arena_str(&proxy.arena, session_id(make_session(&proxy, NULL, "")));
    }
    (void)ask_session(&proxy, "PATCH", ids[1], NULL, "{\"checkpoint_id\":77}");
    sandbox_hold(proxy.program.sandbox_port, "POST /teststeps");
    send_command(&proxy, &slow, ids[0], "slow");
    proxy_wait_sent(&proxy, "POST", "/teststeps", 1);
    for (int i = 0; i < 5; i++) {
        send_command(&proxy, &quick, ids[1], "quick");
        assert_int_equal(position_of(&proxy, &quick), i);
    }
    slow.timeout_ms = 1;
    assert_int_equal(client_read(&slow, false, &proxy.reply), CLIENT_TIMEOUT);
    slow.timeout_ms = 10000;
    sandbox_release(proxy.program.sandbox_port);
    assert_int_equal(position_of(&proxy, &slow), 0);
    assert_int_equal(json_size(proxy_steps(&proxy)), 1);
    proxy_stop(&proxy);
}

/* The session's own checkpoint, named in the command as well, is the session's place; a step put
 * elsewhere in it moves the end, too. And a dry run tells the position that a step would get. */
static void a_checkpoint_said_twice_is_one_place(void **state)
{
    struct proxy proxy;
    struct str body;
    struct str id;
    const struct json *answer;
    int64_t number;

    (void)state;
    proxy_start(&proxy, NULL);
    id = arena_str(&proxy.arena, session_id(make_session(&proxy, NULL, "")));
    for (int64_t i = 0; i < 3; i++) {
        body = arena_printf(
            &proxy.arena,
            "{\"command\":\"step-misc comment\",\"args\":[\"a\"],\"session_id\":\"%.*s\","
            "\"checkpoint_id\":\"cp_%lld\"%s}",
            STR_ARG(id), (long long)proxy.seed.checkpoint, i == 2 ? ",\"position\":0" : "");
        answer = proxy_ask_str(&proxy, "POST", "/api/v1/commands/execute", NULL, body);
        assert_true(json_to_i64(json_find(answer, "/data/position"), &number));
        assert_int_equal(number, i == 2 ? 0 : i);
    }
    answer = ask_session(&proxy, "GET", id, NULL, "");
    assert_true(json_to_i64(json_get(answer, "position"), &number) && number == 3);
    body = arena_printf(
        &proxy.arena,
        "{\"commands\":[{\"command\":\"step-misc comment\",\"args\":[\"b\"]},"
        "{\"command\":\"step-misc comment\",\"args\":[\"c\"]}],\"session_id\":\"%.*s\"}",
        STR_ARG(id));
    answer = proxy_ask_str(&proxy, "POST", "/api/v1/commands/batch?dry_run=true", NULL, body);
    assert_int_equal(json_size(json_get(answer, "requests")), 2);
    assert_true(json_to_i64(json_find(answer, "/requests/1/body/stepIndex"), &number));
    assert_int_equal(number, 4);
    assert_int_equal(json_size(proxy_steps(&proxy)), 3);
    proxy_stop(&proxy);
}

/* Who still waits for its turn when its time is over has sent nothing, and is told so. */
static void who_waits_too_long_has_sent_nothing(void **state)
{
    static const char *const sets[] = {"http.long_exchange_timeout_ms=4000", NULL};
    struct proxy proxy;
    struct client client;
    struct str id;

    (void)state;
    proxy_start(&proxy, sets);
    id = arena_str(&proxy.arena, session_id(make_session(&proxy, NULL, "")));
    sandbox_hold(proxy.program.sandbox_port, "POST /teststeps");
    (void)proxy_ask(
        &proxy, "POST",
        arena_printf(&proxy.arena, "/api/v1/tests/run?async=true&session_id=%.*s", STR_ARG(id)).ptr,
        NULL, "{\"name\":\"t\",\"steps\":[{\"click\":\"a\"}]}");
    assert_int_equal(proxy.reply.status, 202);
    send_command(&proxy, &client, id, "waits");
    assert_int_equal(position_of(&proxy, &client), -1);
    assert_int_equal(proxy.reply.status, 503);
    assert_true(str_contains(reply_text(&proxy.reply), STR("was not sent")));
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), 1);
    sandbox_release(proxy.program.sandbox_port);
    proxy_stop(&proxy);
}

static void a_paused_session_takes_no_commands(void **state)
{
    struct proxy proxy;
    struct client client;
    struct str id;

    (void)state;
    proxy_start(&proxy, NULL);
    id = arena_str(&proxy.arena, session_id(make_session(&proxy, NULL, "")));
    (void)ask_session(&proxy, "PATCH", id, NULL, "{\"status\":\"paused\"}");
    send_command(&proxy, &client, id, "no");
    assert_int_equal(position_of(&proxy, &client), -1);
    assert_int_equal(proxy.reply.status, 409);
    (void)ask_session(&proxy, "PATCH", id, NULL, "{\"status\":\"active\"}");
    send_command(&proxy, &client, id, "yes");
    assert_int_equal(position_of(&proxy, &client), 0);
    proxy_stop(&proxy);
}

static void null_takes_a_value_away_and_a_dry_run_none(void **state)
{
    struct proxy proxy;
    const struct json *answer;
    struct str id;

    (void)state;
    proxy_start(&proxy, NULL);
    id =
        arena_str(&proxy.arena,
                  session_id(make_session(&proxy, NULL, ",\"name\":\"n\",\"metadata\":{\"a\":1}")));
    answer = ask_session(&proxy, "PATCH", id, NULL, "{\"name\":null,\"metadata\":null}");
    assert_int_equal(json_str(json_get(answer, "name")).len, 0);
    assert_int_equal(json_size(json_get(answer, "metadata")), 0);
    answer = ask_session(&proxy, "PATCH", id, NULL, "{\"position\":4}");
    assert_non_null(json_get(answer, "position"));
    answer = ask_session(&proxy, "PATCH", id, NULL, "{\"position\":null}");
    assert_int_equal(json_type(json_get(answer, "position")), JSON_NULL);
    (void)ask_session(&proxy, "DELETE",
                      arena_printf(&proxy.arena, "%.*s?dry_run=true", STR_ARG(id)), NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    (void)ask_session(&proxy, "GET", id, NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    answer = ask_session(&proxy, "PATCH", id, NULL, "{\"checkpoint_id\":null}");
    assert_int_equal(json_type(json_get(answer, "checkpoint_id")), JSON_NULL);
    proxy_stop(&proxy);
}

/* Idle is who has nothing to do. */
static void a_session_at_work_does_not_expire(void **state)
{
    struct proxy proxy;
    struct client client;
    struct str id;

    (void)state;
    proxy_start(&proxy, NULL);
    id = arena_str(&proxy.arena, session_id(make_session(&proxy, NULL, ",\"timeout\":20")));
    sandbox_fault(proxy.program.sandbox_port,
                  "{\"match\":\"POST /teststeps\",\"times\":1,\"delay_ms\":21000}");
    send_command(&proxy, &client, id, "slow");
    assert_int_equal(position_of(&proxy, &client), 0);
    (void)ask_session(&proxy, "GET", id, NULL, "");
    assert_int_equal(proxy.reply.status, 200);
    proxy_stop(&proxy);
}

/* Who waits for his turn in a session that is deleted meanwhile has no place any more. */
static void a_deleted_session_sends_nothing_more(void **state)
{
    struct proxy proxy;
    struct client first;
    struct client second;
    struct str id;

    (void)state;
    proxy_start(&proxy, NULL);
    id = arena_str(&proxy.arena, session_id(make_session(&proxy, NULL, "")));
    sandbox_hold(proxy.program.sandbox_port, "POST /teststeps");
    send_command(&proxy, &first, id, "one");
    proxy_wait_sent(&proxy, "POST", "/teststeps", 1);
    send_command(&proxy, &second, id, "two");
    proxy_wait_working(&proxy, 2);
    (void)ask_session(&proxy, "DELETE", id, NULL, "");
    assert_int_equal(proxy.reply.status, 204);
    sandbox_release(proxy.program.sandbox_port);
    assert_int_equal(position_of(&proxy, &first), 0);
    assert_int_equal(client_read(&second, false, &proxy.reply), CLIENT_OK);
    assert_int_equal(proxy.reply.status, 404);
    client_close(&second);
    assert_int_equal(json_size(proxy_steps(&proxy)), 1);
    proxy_stop(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_lives_and_counts),
        cmocka_unit_test(sessions_belong_to_their_owner),
        cmocka_unit_test(a_killed_server_has_its_sessions_again),
        cmocka_unit_test(a_damaged_snapshot_is_set_aside),
        cmocka_unit_test(a_session_may_be_moved_while_it_works),
        cmocka_unit_test(sessions_of_different_checkpoints_do_not_wait_for_each_other),
        cmocka_unit_test(a_checkpoint_said_twice_is_one_place),
        cmocka_unit_test(who_waits_too_long_has_sent_nothing),
        cmocka_unit_test(a_paused_session_takes_no_commands),
        cmocka_unit_test(null_takes_a_value_away_and_a_dry_run_none),
        cmocka_unit_test(a_deleted_session_sends_nothing_more),
        cmocka_unit_test(a_session_at_work_does_not_expire),
    };

    return cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
}
