/* Direct access: what becomes of the head of the platform's answer. No byte is sent: the answer is what the test says. */
#include "harness/cmocka.h"

#include "api/gate/cache_entry.h"
#include "api/relay/relay.h"
#include "net/loop.h"

int test_relay_headers(void);

static struct {
    struct loop loop;
    struct upstream *upstream;
    struct exchange exchange;
    struct config config;
    struct api api;
    struct task task;
    struct relay relay;
} here;

static void open_base(const char *base)
{
    struct upstream_options options =
        upstream_options_of_other(str_from(base), STR_EMPTY, 1000, 1000, 1000);
    struct error err = {0};

    memset(&here, 0, sizeof(here));
    loop_init(&here.loop);
    assert_int_equal(upstream_open(&here.loop, &options, &here.upstream, &err), ERR_OK);
    arena_init(&here.exchange.arena);
    here.api.config = &here.config;
    here.task = (struct task){.api = &here.api,
                              .config = &here.config,
                              .exchange = &here.exchange,
                              .arena = &here.exchange.arena};
    here.relay.task = &here.task;
    here.relay.call.upstream = here.upstream;
}

static void on_closed(void *closed)
{
    *(bool *)closed = true;
}

static void close_base(void)
{
    bool closed = false;

    upstream_close(here.upstream, on_closed, &closed);
    while (!closed) {
        (void)loop_turn(&here.loop, true);
    }
    arena_done(&here.exchange.arena);
    loop_done(&here.loop);
}

static void note(const struct upstream_header *headers, size_t n)
{
    here.relay.n_headers = here.relay.head_bytes = 0;
    relay_note_headers(&here.relay, headers, n);
}

/* Empty: it did not pass. */
static struct str passed(const char *name)
{
    struct str found = STR_EMPTY;

    for (size_t i = 0; i < here.relay.n_headers; i++) {
        if (str_is_nocase(here.relay.headers[i].name, name)) {
            assert_int_equal(found.len, 0); /* once */
            found = here.relay.headers[i].value;
        }
    }
    return found;
}

static void expect_location(const char *sent, const char *want)
{
    static const char *const names[] = {"Location", "Content-Location"};
    struct str link = arena_printf(&here.exchange.arena, "<%s>; rel=next", sent);

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct upstream_header headers[] = {{str_from(names[i]), str_from(sent)},
                                                  {STR("Link"), link}};

        note(headers, ARRAY_LEN(headers));
        if (!str_is(passed(names[i]), want)) {
            fail_msg("%s became %.*s, not %s", sent, STR_ARG(passed(names[i])), want);
        }
        if (!str_eq(passed("Link"), arena_printf(&here.exchange.arena, "<%s>; rel=next", want))) {
            fail_msg("%.*s became %.*s", STR_ARG(link), STR_ARG(passed("Link")));
        }
    }
}

struct address {
    const char *sent;
    const char *want;
};

static void expect_locations(const char *base, const struct address *rows, size_t n)
{
    open_base(base);
    for (size_t i = 0; i < n; i++) {
        expect_location(rows[i].sent, rows[i].want);
    }
    close_base();
}

static void an_address_below_the_base_stays_behind_this_proxy(void **state)
{
    static const struct address rows[] = {
        {"/api/things/7", "/virtuoso/things/7"},
        {"/api", "/virtuoso"},
        {"/api?x=1", "/virtuoso?x=1"},
        {"/api#x", "/virtuoso#x"},
        {"http://127.0.0.1:18100/api/things/7", "/virtuoso/things/7"},
        {"http://127.0.0.1:18100/api?x=1", "/virtuoso?x=1"},
        {"HTTP://127.0.0.1:18100/api/x", "/virtuoso/x"},
        {"//127.0.0.1:18100/api/x{?page}", "/virtuoso/x{?page}"},
        /* others */
        {"/login", "/login"},
        {"/apiary", "/apiary"},
        {"things/7", "things/7"},
        {"?page=2", "?page=2"},
        {"http://127.0.0.1:18100/login", "http://127.0.0.1:18100/login"},
        {"http://127.0.0.1:18100", "http://127.0.0.1:18100"},
        {"http://127.0.0.1:181001/api/x", "http://127.0.0.1:181001/api/x"},
        {"http://127.0.0.1/api/x", "http://127.0.0.1/api/x"},
        {"https://127.0.0.1:18100/api/x", "https://127.0.0.1:18100/api/x"},
        {"http://a@127.0.0.1:18100/api/x", "http://a@127.0.0.1:18100/api/x"},
        {"//other.example/api/x", "//other.example/api/x"},
        {"mailto:a@b", "mailto:a@b"},
    };
    static const struct address named[] = {
        {"https://API.example/api/x", "/virtuoso/x"},
        {"https://api.example:443/api/x", "/virtuoso/x"},
        {"//api.example:443/api/x", "/virtuoso/x"},
        {"https://api.example:8443/api/x", "https://api.example:8443/api/x"},
    };
    static const struct address bare[] = {
        {"/x?y", "/virtuoso/x?y"},
        {"http://[::1]:80", "/virtuoso"},
        {"http://[::1]/x", "/virtuoso/x"},
        {"http://[::2]/x", "http://[::2]/x"},
    };

    (void)state;
    expect_locations("http://127.0.0.1:18100/api", rows, ARRAY_LEN(rows));
    expect_locations("https://api.example/api/", named, ARRAY_LEN(named));
    expect_locations("http://[::1]", bare, ARRAY_LEN(bare));
}

static void an_address_of_ours_begins_as_our_own_do(void **state)
{
    (void)state;
    open_base("http://127.0.0.1:18100/api");
    here.exchange.base = STR("https://gw.example/qa");
    expect_location("/api/things/7", "https://gw.example/qa/virtuoso/things/7");
    expect_location("/login", "/login");
    here.exchange.base = STR("/qa");
    expect_location("http://127.0.0.1:18100/api?x=1", "/qa/virtuoso?x=1");
    close_base();
}

static void what_any_line_of_connection_names_stays_at_this_hop(void **state)
{
    static const struct upstream_header headers[] = {
        {STR_INIT("Connection"), STR_INIT("X-Hop1")},
        {STR_INIT("X-Hop1"), STR_INIT("1")},
        {STR_INIT("X-Hop2"), STR_INIT("2")},
        {STR_INIT("X-End"), STR_INIT("3")},
        {STR_INIT("connection"), STR_INIT("close, x-hop2")}};

    (void)state;
    open_base("http://127.0.0.1:18100/api");
    note(headers, ARRAY_LEN(headers));
    assert_int_equal(passed("X-Hop1").len + passed("X-Hop2").len, 0);
    assert_true(str_is(passed("X-End"), "3"));
    close_base();
}

/* The platform's limit is that of its token; the caller's is ours, where there is one. */
static void limits_are_told_by_one(void **state)
{
    static const struct upstream_header headers[] = {
        {STR_INIT("RateLimit"), STR_INIT("1")},
        {STR_INIT("ratelimit-policy"), STR_INIT("1")},
        {STR_INIT("X-RateLimit-Limit"), STR_INIT("1")},
        {STR_INIT("X-Ratelimit-Remaining"), STR_INIT("1")},
        {STR_INIT("X-Rate"), STR_INIT("1")},
        {STR_INIT("Retry-After"), STR_INIT("1")},
    };

    (void)state;
    open_base("http://127.0.0.1:18100/api");
    here.config.limits.enabled = true;
    here.config.auth.modes = AUTH_NONE;
    note(headers, ARRAY_LEN(headers));
    assert_int_equal(here.relay.n_headers, ARRAY_LEN(headers));
    here.config.auth.modes = AUTH_KEYS;
    note(headers, ARRAY_LEN(headers));
    assert_int_equal(here.relay.n_headers, 2);
    assert_true(passed("X-Rate").len > 0 && passed("Retry-After").len > 0);
    here.config.limits.enabled = false;
    note(headers, ARRAY_LEN(headers));
    assert_int_equal(here.relay.n_headers, ARRAY_LEN(headers));
    close_base();
}

/* Of a path that leaks: what is held back is looked through, or refused. */
static void a_part_of_a_whole_is_held_back_whatever_its_type(void **state)
{
    static const struct {
        const char *type;
        int status;
        bool leaks;
        bool is_held;
    } rows[] = {
        {"image/png", 206, true, true},        {"application/pdf", 206, true, true},
        {"application/json", 206, true, true}, {"text/plain", 206, true, true},
        {"image/png", 206, false, false},      {"application/json", 206, false, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct upstream_header type = {STR("Content-Type"), str_from(rows[i].type)};

        open_base("http://127.0.0.1:18100/api");
        here.relay.call.request.method = STR("GET");
        here.relay.redacts = true;
        here.relay.leaks = rows[i].leaks;
        relay_on_head(&here.relay.call, rows[i].status, &type, 1);
        if (here.relay.holds != rows[i].is_held || here.relay.sniffs) {
            fail_msg("%s with %d", rows[i].type, rows[i].status);
        }
        close_base();
    }
}

/* None is lost in silence: all of them pass, or the answer is refused. */
static void as_many_header_lines_pass_as_there_are(void **state)
{
    static char value[RELAY_HEAD_MAX / 100];
    struct upstream_header headers[HTTP_ANSWER_MAX_HEADERS];

    (void)state;
    memset(value, 'x', sizeof(value));
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        headers[i] = (struct upstream_header){STR("X-Many"), STR("1")};
    }
    open_base("http://127.0.0.1:18100/api");
    here.relay.call.request.method = STR("GET");
    note(headers, ARRAY_LEN(headers));
    assert_int_equal(here.relay.n_headers, ARRAY_LEN(headers));
    assert_false(here.relay.has_big_head);
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        headers[i].value = (struct str){value, sizeof(value)};
    }
    here.relay.n_headers = here.relay.head_bytes = 0;
    relay_on_head(&here.relay.call, 200, headers, ARRAY_LEN(headers));
    assert_true(here.relay.has_big_head && here.relay.holds && !here.relay.streams);
    close_base();
}

/* What is kept for callers of one prefix would lead those of another one astray. */
static void an_answer_is_kept_for_callers_of_its_prefix(void **state)
{
    struct platform platform = {.identity = STR("account")};
    struct str plain;

    (void)state;
    open_base("http://127.0.0.1:18100/api");
    here.task.platform = &platform;
    here.exchange.request.path = STR("/virtuoso/things");
    here.exchange.request.query = STR("x=1");
    plain = cache_entry_key(&here.task);
    assert_true(str_eq(cache_entry_key(&here.task), plain));
    here.exchange.base = STR("/qa");
    assert_false(str_eq(cache_entry_key(&here.task), plain));
    close_base();
}

int test_relay_headers(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_below_the_base_stays_behind_this_proxy),
        cmocka_unit_test(an_address_of_ours_begins_as_our_own_do),
        cmocka_unit_test(what_any_line_of_connection_names_stays_at_this_hop),
        cmocka_unit_test(limits_are_told_by_one),
        cmocka_unit_test(a_part_of_a_whole_is_held_back_whatever_its_type),
        cmocka_unit_test(as_many_header_lines_pass_as_there_are),
        cmocka_unit_test(an_answer_is_kept_for_callers_of_its_prefix),
    };

    return cmocka_run_group_tests_name("api: heads of direct access", tests, NULL, NULL);
}
