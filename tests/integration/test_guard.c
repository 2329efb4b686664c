/* The platform is protected: by a limit that is found out and by a breaker. */
#include "harness/cmocka.h"

#include "base/attr.h"
#include "harness/proxy.h"
#include "harness/wait.h"

enum {
    N_CLIENTS = 40,
    N_COMMANDS = 60,
    N_FAILURES = 10,
    FIRST_CHECKPOINT = 4000000,
    ROUNDS = 40,
    TRIES = 4
};

static void seed_checkpoints(struct proxy *proxy, unsigned n)
{
    struct buf text;

    buf_init(&text, 1U << 16);
    buf_text(&text, "{\"checkpoints\":[");
    for (unsigned i = 0; i < n; i++) {
        buf_printf(&text, "%s%u", i > 0 ? "," : "", FIRST_CHECKPOINT + i);
    }
    buf_text(&text, "]}");
    sandbox_seed_ids(proxy->program.sandbox_port, buf_cstr(&text));
    buf_done(&text);
}

/* Each in a checkpoint of its own: within one they would go one by one. */
static void send_command(struct client *client, unsigned i)
{
    struct buf body;

    buf_init(&body, 512);
    buf_printf(&body,
               "{\"command\":\"step-interact click\",\"args\":[\"x\"],\"position\":0,"
               "\"checkpoint_id\":%u}",
               FIRST_CHECKPOINT + i);
    assert_true(
        client_send_request(client, "POST", "/api/v1/commands/execute", NULL, buf_view(&body)));
    buf_done(&body);
}

static int read_status(struct client *client, struct reply *reply)
{
    assert_int_equal(client_read(client, false, reply), CLIENT_OK);
    return reply->status;
}

/* Commands first..first+n-1 at once, to a platform that is away: how many of them were answered without it. */
static unsigned n_kept_away(struct proxy *proxy, unsigned first, unsigned n)
{
    static struct client clients[N_COMMANDS];
    struct reply reply;
    unsigned n_away = 0;

    for (unsigned i = first; i < first + n; i++) {
        client_open(&clients[i], proxy->program.port);
        send_command(&clients[i], i);
    }
    for (unsigned i = first; i < first + n; i++) {
        reply_init(&reply);
        if (read_status(&clients[i], &reply) == 503) {
            assert_true(str_contains(reply_text(&reply), STR("platform_unavailable")));
            assert_true(str_is(reply_field(&reply, "Retry-After"), "1"));
            n_away++;
        } else {
            assert_int_equal(reply.status, 502);
        }
        reply_done(&reply);
        client_close(&clients[i]);
    }
    return n_away;
}

/* After ten failures in a row. Of sixty at once, how many have left before the tenth is seen is a matter of the machine. */
static void fifty_of_sixty_commands_do_not_reach_a_platform_that_is_away(void **state)
{
    struct proxy proxy;

    (void)state;
    proxy_start(&proxy, NULL);
    seed_checkpoints(&proxy, N_COMMANDS);
    sandbox_fault(proxy.program.sandbox_port, "{\"match\":\"*\",\"times\":-1,\"status\":503}");
    sandbox_forget_requests(proxy.program.sandbox_port);
    assert_int_equal(n_kept_away(&proxy, 0, N_FAILURES), 0);
    assert_int_equal(n_kept_away(&proxy, N_FAILURES, N_COMMANDS - N_FAILURES),
                     N_COMMANDS - N_FAILURES);
    assert_int_equal(sandbox_count(proxy.program.sandbox_port, "POST", "/teststeps"), N_FAILURES);
    (void)proxy_ask(&proxy, "GET", "/health", NULL, "");
    assert_true(str_contains(reply_text(&proxy.reply), STR("\"breaker\":\"open\"")));
    sandbox_clear_faults(proxy.program.sandbox_port);
    wait_until((proxy_command(&proxy, "step-interact click", "[\"x\"]", "\"position\":0"),
                proxy.reply.status == 200)); /* it looks for the platform every second */
    proxy_stop(&proxy);
}

static int64_t health_number(struct proxy *proxy, const char *pointer)
{
    int64_t number = -1;

    assert_true(
        json_to_i64(json_find(proxy_ask(proxy, "GET", "/health", NULL, ""), pointer), &number));
    return number;
}

/* The platform takes twelve at once and says 429 to the thirteenth, which nobody told the proxy. Returns how many
 * commands were refused. */
static unsigned meet_a_hidden_limit(int64_t *out_limit)
{
    static struct client clients[N_CLIENTS];
    struct proxy proxy;
    struct reply reply;
    unsigned n_refused = 0;

    proxy_start(&proxy, NULL);
    seed_checkpoints(&proxy, N_CLIENTS);
    sandbox_fault(proxy.program.sandbox_port,
                  "[{\"match\":\"*\",\"times\":-1,\"above\":12,\"status\":429},"
                  "{\"match\":\"*\",\"times\":-1,\"delay_ms\":50}]");
    for (unsigned i = 0; i < N_CLIENTS; i++) {
        client_open(&clients[i], proxy.program.port);
        send_command(&clients[i], i);
    }
    for (unsigned round = 1; round <= ROUNDS; round++) {
        for (unsigned i = 0; i < N_CLIENTS; i++) {
            reply_init(&reply);
            n_refused += read_status(&clients[i], &reply) == 200 ? 0 : 1;
            reply_done(&reply);
            if (round < ROUNDS) {
                send_command(&clients[i], i);
            }
        }
    }
    *out_limit = health_number(&proxy, "/checks/upstream/limit");
    for (unsigned i = 0; i < N_CLIENTS; i++) {
        client_close(&clients[i]);
    }
    sandbox_clear_faults(proxy.program.sandbox_port);
    proxy_stop(&proxy);
    return n_refused;
}

/* On a busy machine answers are late, and the limit goes down and up again as for a platform that is slow: that may
 * happen, but not each time; and it is looked for again more often, since all lasts longer. Without it seven of ten would be
 * refused. unit.upstream (test_adapt.c) has a clock of its own, and less than one of a hundred. */
static void a_hidden_limit_is_found(void **state)
{
    bool is_found = false;

    (void)state;
    for (int i = 0; i < TRIES && !is_found; i++) {
        int64_t limit = 0;
        unsigned n_refused = meet_a_hidden_limit(&limit);

        print_message("%u of %d refused, limit %lld\n", n_refused, ROUNDS * N_CLIENTS,
                      (long long)limit);
        is_found = limit >= 10 && limit <= 13 && n_refused * 20 < ROUNDS * N_CLIENTS;
    }
    assert_true(is_found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fifty_of_sixty_commands_do_not_reach_a_platform_that_is_away),
        cmocka_unit_test(a_hidden_limit_is_found),
    };

    return cmocka_run_group_tests_name("the platform is protected", tests, NULL, NULL);
}
