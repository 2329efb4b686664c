/* The proxy inside the process: what its client sees, and every way to end. */
#include "harness/cmocka.h"

#include <signal.h>
#include <string.h>

#include "app/inprocess.h"
#include "base/buf.h"

struct visit {
    struct inprocess *proxy;
    struct upstream *client;
    struct upstream_call call;
    const char *path;
    bool without_key;
    int raise_signal;        /* instead of a call; 0: none */
    bool goodbye;            /* asks once more when interrupted */
    bool fail;               /* start refuses */
    struct visit *before;    /* to another server of this process, before the call; NULL none */
    struct server *to_close; /* another server that was opened earlier; closed before the call */
    /* out */
    const struct catalog *catalog; /* of its server */
    int status;
    unsigned n_interrupts;
    unsigned n_cancels;
    unsigned n_done;
    bool had_key;
};

static void on_closed(void *context)
{
    struct visit *visit = context;

    inprocess_end(visit->proxy);
}

static void on_done(struct upstream_call *call, enum error_code code)
{
    struct visit *visit = CONTAINER_OF(call, struct visit, call);

    visit->n_done++;
    visit->status = code == ERR_OK ? call->reply.status : -(int)code;
    upstream_close(visit->client, on_closed, visit);
}

static enum error_code ask(struct visit *visit, struct error *err)
{
    visit->call = (struct upstream_call){
        .request = {.method = STR("GET"), .path = str_from(visit->path), .class = CALL_READ},
        .on_done = on_done};
    if (!visit->without_key) {
        visit->call.request.token = &visit->proxy->key;
    }
    return upstream_start(visit->client, &visit->call, err);
}

static const struct inprocess_client polite, plain;
static const struct inprocess_options in_sandbox = {.sandbox = true, .needs_token = true};

static void close_server(struct server *server)
{
    server_stop(server);
    server_run(server);
    server_done(server);
}

static enum error_code visit_start(struct inprocess *proxy, struct error *err)
{
    struct visit *visit = proxy->context;
    const struct upstream_options options = {
        .base_url = proxy->url,
        .connect_timeout_ms = 60000,
        .timeout_ms = 60000,
        .max_active = 2,
        .max_waiting = 2,
        .max_reply_bytes = 1U << 20,
        .max_tries = 1,
    };
    enum error_code code;

    visit->proxy = proxy;
    visit->catalog = proxy->server.catalog;
    if (visit->before != NULL) {
        assert_int_equal(inprocess_run(&in_sandbox, &plain, visit->before, err), ERR_OK);
        assert_ptr_not_equal(visit->before->catalog, visit->catalog);
    }
    if (visit->to_close != NULL) {
        assert_ptr_not_equal(visit->to_close->catalog, visit->catalog);
        close_server(visit->to_close);
    }
    visit->had_key = secret_is_set(&proxy->key);
    if (visit->fail) {
        return error_set(err, ERR_INVALID, "no");
    }
    code = upstream_open(proxy->loop, &options, &visit->client, err);
    if (code == ERR_OK && visit->raise_signal == 0) {
        code = ask(visit, err);
    } else if (code == ERR_OK) {
        assert_int_equal(raise(visit->raise_signal), 0);
    }
    return code;
}

static void visit_interrupt(struct inprocess *proxy)
{
    struct visit *visit = proxy->context;
    struct error err = {0};

    visit->n_interrupts++;
    if (visit->goodbye) { /* the proxy still serves */
        assert_int_equal(ask(visit, &err), ERR_OK);
    } else { /* a client that takes its time, and a user who does not */
        assert_int_equal(raise(visit->raise_signal), 0);
    }
}

static void visit_cancel(struct inprocess *proxy)
{
    struct visit *visit = proxy->context;

    visit->n_cancels++;
    upstream_cancel(&visit->call);
    upstream_close(visit->client, on_closed, visit);
}

static const struct inprocess_client polite = {visit_start, visit_interrupt, visit_cancel};
static const struct inprocess_client plain = {visit_start, NULL, visit_cancel};

static void the_client_asks_with_the_key_of_this_process(void **state)
{
    struct visit with = {.path = "/api/user"};
    struct visit without = {.path = "/api/user", .without_key = true};
    struct error err = {0};

    (void)state;
    assert_int_equal(inprocess_run(&in_sandbox, &plain, &with, &err), ERR_OK);
    assert_true(with.had_key);
    assert_int_equal(with.status, 200);
    assert_int_equal(with.n_cancels, 0);
    assert_int_equal(inprocess_run(&in_sandbox, &plain, &without, &err), ERR_OK);
    assert_int_equal(without.status, 401);
}

static void what_a_server_is_told_does_not_stand_in_the_way(void **state)
{
    static const char *const sets[] = {"server.listen=203.0.113.1:1", "auth.mode=none",
                                       "sessions.snapshot_file=/nowhere/at/all",
                                       "auth.keys=some-other-key"};
    const struct inprocess_options options = {.sandbox = true, .sets = sets, .n_sets = 4};
    struct visit visit = {.path = "/api/user", .without_key = true};
    struct error err = {0};

    (void)state;
    assert_int_equal(inprocess_run(&options, &plain, &visit, &err), ERR_OK);
    assert_int_equal(visit.status, 401);
}

static void a_proxy_elsewhere_is_asked_on_the_same_kind_of_loop(void **state)
{
    const struct inprocess_options options = {.url = STR("http://127.0.0.1:1/"), .key = STR("key")};
    struct visit visit = {.path = "/health"};
    struct error err = {0};

    (void)state;
    assert_int_equal(inprocess_run(&options, &plain, &visit, &err), ERR_OK);
    assert_true(visit.had_key);
    assert_int_equal(visit.status, -(int)ERR_UPSTREAM_CONNECT);
}

/* What its client asks for is made from the catalogue: a command's forms, and the schema of test files. */
static const char *const from_the_catalogue[] = {"/api/v1/commands/step-interact%20click/help",
                                                 "/schema/testfile.json"};

static void each_server_has_a_catalogue_of_its_own(void **state)
{
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(from_the_catalogue); i++) {
        struct visit inner = {.path = from_the_catalogue[i]};
        struct visit outer = {.path = inner.path, .before = &inner};

        assert_int_equal(inprocess_run(&in_sandbox, &plain, &outer, &err), ERR_OK);
        assert_int_equal(inner.status, 200);
        assert_int_equal(outer.status, 200); /* the newer server and its client have ended by now */
    }
}

static void open_server(struct server *server)
{
    static const char *const sets[] = {"server.listen=127.0.0.1:0", "sandbox.enabled=true",
                                       "sandbox.listen=127.0.0.1:0", "auth.mode=none"};
    static const char *const no_environment[] = {NULL};
    const struct config_sources sources = {
        .sets = sets, .n_sets = ARRAY_LEN(sets), .environment = no_environment};
    struct config *config = NULL;
    struct error_list errors;
    struct error err = {0};

    error_list_init(&errors);
    assert_int_equal(config_load(&sources, &config, &errors), ERR_OK);
    error_list_done(&errors);
    assert_int_equal(server_open(server, config, FRONT_SOCKETS, NULL, &err), ERR_OK);
}

static void the_older_server_may_go_first(void **state)
{
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(from_the_catalogue); i++) {
        struct server older;
        struct visit visit = {.path = from_the_catalogue[i], .to_close = &older};

        open_server(&older);
        assert_int_equal(inprocess_run(&in_sandbox, &plain, &visit, &err), ERR_OK);
        assert_int_equal(visit.status, 200);
    }
}

static void nothing_starts_without_a_token_or_with_a_wrong_option(void **state)
{
    static const char *const no_token[] = {"upstream.token="};
    static const char *const wrong[] = {"no.such=1"};
    const struct inprocess_options real = {.needs_token = true, .sets = no_token, .n_sets = 1};
    const struct inprocess_options broken = {.sandbox = true, .sets = wrong, .n_sets = 1};
    struct visit visit = {.path = "/health"};
    struct visit refusing = {.path = "/health", .fail = true};
    struct error err = {0};

    (void)state;
    assert_int_equal(inprocess_run(&real, &plain, &visit, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "VIRTUOSO_API_TOKEN"));
    assert_int_equal(inprocess_run(&broken, &plain, &visit, &err), ERR_CONFIG);
    assert_null(visit.proxy);
    assert_int_equal(inprocess_run(&in_sandbox, &plain, &refusing, &err), ERR_INVALID);
    assert_string_equal(err.text, "no");
}

static void signals_end_it_politely_then_at_once(void **state)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    const struct inprocess_options elsewhere = {.url = STR("http://127.0.0.1:1")};
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct visit goodbye = {.path = "/api/user", .raise_signal = numbers[i], .goodbye = true};
        struct visit twice = {.path = "/api/user", .raise_signal = numbers[i]};
        struct visit blunt = {.path = "/api/user", .raise_signal = numbers[i]};
        struct visit far = {.path = "/api/user", .raise_signal = numbers[i]};

        assert_int_equal(inprocess_run(&in_sandbox, &polite, &goodbye, &err), ERR_OK);
        assert_int_equal(goodbye.n_interrupts, 1);
        assert_int_equal(goodbye.n_cancels, 0);
        assert_int_equal(goodbye.status, 200);
        assert_int_equal(inprocess_run(&in_sandbox, &polite, &twice, &err), ERR_OK);
        assert_int_equal(twice.n_interrupts, 1);
        assert_int_equal(twice.n_cancels, 1);
        assert_int_equal(inprocess_run(&in_sandbox, &plain, &blunt, &err), ERR_OK);
        assert_int_equal(blunt.n_cancels, 1);
        assert_int_equal(inprocess_run(&elsewhere, &plain, &far, &err), ERR_OK);
        assert_int_equal(far.n_cancels, 1);
    }
}

int test_inprocess(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_asks_with_the_key_of_this_process),
        cmocka_unit_test(what_a_server_is_told_does_not_stand_in_the_way),
        cmocka_unit_test(a_proxy_elsewhere_is_asked_on_the_same_kind_of_loop),
        cmocka_unit_test(each_server_has_a_catalogue_of_its_own),
        cmocka_unit_test(the_older_server_may_go_first),
        cmocka_unit_test(nothing_starts_without_a_token_or_with_a_wrong_option),
        cmocka_unit_test(signals_end_it_politely_then_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
