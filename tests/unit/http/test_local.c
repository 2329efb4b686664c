/* Exchanges without a connection: the service is called as for one over a socket, the answer comes in later turns, and
 * whoever gave the request may cancel at any moment. */
#include "http/local.h"

#include "base/sizes.h"
#include "net/transport.h"
#include "stage.h"

struct asker {
    struct http_local local;
    struct buf body;
    struct buf lines;
    int status;
    unsigned n_heads, n_pieces, n_lates, n_ends;
    bool is_whole, has_body;
    bool holds_back; /* each piece is answered with: no more */
};

static struct asker *asker_of(struct http_local *local)
{
    return CONTAINER_OF(local, struct asker, local);
}

static void on_head(struct http_local *local, const struct http_local_head *head)
{
    struct asker *asker = asker_of(local);

    asker->n_heads++;
    asker->status = head->status;
    asker->has_body = head->has_body;
    buf_str(&asker->lines, head->lines);
}

static bool on_piece(struct http_local *local, struct str bytes)
{
    struct asker *asker = asker_of(local);

    asker->n_pieces++;
    buf_str(&asker->body, bytes);
    return !asker->holds_back;
}

static void on_late(struct http_local *local)
{
    asker_of(local)->n_lates++;
}

static void on_end(struct http_local *local, bool whole)
{
    struct asker *asker = asker_of(local);

    asker->n_ends++;
    asker->is_whole = whole;
}

static int open_stage(void **state)
{
    static struct stage stage;
    struct http_server_options options = stage_options();

    options.listen = STR_EMPTY;
    stage_open(&stage, &options);
    *state = &stage;
    return 0;
}

static int close_stage(void **state)
{
    stage_close(*state);
    return 0;
}

static void ask(struct asker *asker, struct stage *stage, const char *head, struct str body)
{
    static const struct http_local_events events = {on_head, on_piece, on_late, on_end};

    *asker = (struct asker){.local = {.events = &events,
                                      .head = str_from(head),
                                      .body = body,
                                      .peer = STR("203.0.113.9"),
                                      .base = STR("/prod"),
                                      .is_tls = true}};
    buf_init(&asker->body, 8U << 20);
    buf_init(&asker->lines, 64U << 10);
    http_local_begin(stage->server, &asker->local);
    assert_int_equal(asker->n_heads + asker->n_ends, 0); /* never from inside */
}

static void done(struct asker *asker)
{
    http_local_cancel(&asker->local);
    buf_done(&asker->body);
    buf_done(&asker->lines);
}

static void ask_to_the_end(struct asker *asker, struct stage *stage, const char *head,
                           struct str body)
{
    ask(asker, stage, head, body);
    STAGE_UNTIL(stage, asker->n_ends == 1);
    stage_settle(stage);
    assert_int_equal(asker->n_heads, 1);
    assert_int_equal(asker->n_ends, 1);
    assert_int_equal(http_server_n_exchanges(stage->server), 0);
}

#define POST_OF(path, n) "POST " path " HTTP/1.1\r\nHost: x\r\nContent-Length: " n "\r\n\r\n"

static void whole_answers(void **state)
{
    struct stage *stage = *state;
    struct asker asker;

    ask_to_the_end(&asker, stage, POST_OF("/now", "5"), STR("hello"));
    assert_int_equal(asker.status, 200);
    assert_true(asker.is_whole && asker.has_body);
    assert_true(str_is(buf_view(&asker.body), "hello"));
    assert_true(str_contains(buf_view(&asker.lines), STR("Content-Type: text/plain\r\n")));
    assert_true(str_contains(buf_view(&asker.lines), STR("X-Request-Id: ")));
    assert_false(str_contains(buf_view(&asker.lines), STR("Content-Length")));
    assert_false(str_contains(buf_view(&asker.lines), STR("Date")));
    done(&asker);
    ask_to_the_end(&asker, stage, "GET /204 HTTP/1.1\r\nHost: x\r\n\r\n", STR_EMPTY);
    assert_int_equal(asker.status, 204);
    assert_false(asker.has_body);
    done(&asker);
    ask_to_the_end(&asker, stage, "HEAD /big HTTP/1.1\r\nHost: x\r\n\r\n", STR_EMPTY);
    assert_false(asker.has_body);
    assert_int_equal(asker.body.len, 0);
    done(&asker);
    ask_to_the_end(&asker, stage, "GET /json HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n",
                   STR_EMPTY);
    assert_true(str_contains(buf_view(&asker.lines), STR("Content-Encoding: gzip\r\n")));
    assert_true(asker.body.len < 3072);
    done(&asker);
}

/* What the service answers at once waits whole, however long it may be; a longer one breaks off. */
static void the_longest_answers(void **state)
{
    const size_t len = (size_t)LONGEST_OUTPUT + 1;
    char *zeros = mem_calloc(1, len);
    struct stage *stage = *state;
    struct asker asker;

    ask(&asker, stage, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", STR_EMPTY);
    buf_done(&asker.body);
    buf_init(&asker.body, STAGE_LONG);
    exchange_reply(stage->held, 200, "application/octet-stream", (struct str){zeros, STAGE_LONG});
    STAGE_UNTIL(stage, asker.n_ends == 1);
    assert_true(asker.is_whole);
    assert_int_equal(asker.body.len, STAGE_LONG);
    done(&asker);
    ask(&asker, stage, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", STR_EMPTY);
    exchange_reply(stage->held, 200, "application/octet-stream", (struct str){zeros, len});
    STAGE_UNTIL(stage, asker.n_ends == 1);
    assert_false(asker.is_whole);
    assert_int_equal(asker.n_heads + asker.n_pieces, 0);
    done(&asker);
    mem_free(zeros);
}

static void streams_and_back_pressure(void **state)
{
    struct stage *stage = *state;
    struct asker asker;
    size_t got;

    ask(&asker, stage, "GET /out HTTP/1.1\r\nHost: x\r\n\r\n", STR_EMPTY);
    asker.holds_back = true;
    STAGE_UNTIL(stage, asker.n_pieces == 1);
    stage_settle(stage);
    got = asker.body.len;
    assert_true(got > 0 && got < (size_t)2 * TRANSPORT_HIGH_WATER);
    asker.holds_back = false;
    http_local_writable(&asker.local);
    STAGE_UNTIL(stage, asker.n_ends == 1);
    assert_int_equal(asker.body.len, STAGE_OUT);
    assert_true(asker.is_whole);
    done(&asker);
    ask(&asker, stage, "GET /short HTTP/1.1\r\nHost: x\r\n\r\n", STR_EMPTY);
    STAGE_UNTIL(stage, asker.n_ends == 1);
    assert_false(asker.is_whole);
    done(&asker);
    ask(&asker, stage, "GET /break HTTP/1.1\r\nHost: x\r\n\r\n", STR_EMPTY);
    STAGE_UNTIL(stage, asker.n_ends == 1);
    assert_false(asker.is_whole);
    assert_int_equal(asker.n_heads + asker.n_pieces, 0); /* it broke before a turn came */
    done(&asker);
}

static void bodies_in_pieces_and_too_long_ones(void **state)
{
    struct stage *stage = *state;
    struct str big = stage_filler(stage, STAGE_BIG);
    struct asker asker;

    ask_to_the_end(&asker, stage, POST_OF("/in", "307200"), big);
    assert_true(str_eq(buf_view(&stage->got), big));
    assert_int_equal(stage->n_ends, 1);
    done(&asker);
    buf_clear(&stage->got);
    ask(&asker, stage, POST_OF("/slow", "307200"), big);
    for (unsigned n = 1; n <= 5; n++) {
        STAGE_UNTIL(stage, stage->n_chunks == 5 + n);
        stage_settle(stage);
        assert_int_equal(stage->n_chunks, 5 + n); /* it waits */
        exchange_body_resume(asker.local.exchange);
    }
    STAGE_UNTIL(stage, asker.n_ends == 1);
    assert_true(str_eq(buf_view(&stage->got), big));
    done(&asker);
    ask_to_the_end(&asker, stage, POST_OF("/now", "307200"), big);
    assert_int_equal(asker.status, 413);
    assert_int_equal(stage->n_bodies, 0);
    done(&asker);
}

static void heads_that_are_refused(void **state)
{
    static const char *const bad[] = {
        "GET /now HTTP/1.1\r\n\r\n",
        "GET /now HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET /now HTTP/1.1\r\nHost: x\r\n",
        "GET /now HTTP/1.1\r\nHost: x\r\n\r\nGET /now HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    struct stage *stage = *state;
    struct asker asker;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ask_to_the_end(&asker, stage, bad[i], STR_EMPTY);
        assert_int_equal(asker.status, 400);
        done(&asker);
    }
    assert_int_equal(stage->n_heads, 0);
    ask_to_the_end(&asker, stage, "GET /refuse HTTP/1.1\r\nHost: x\r\n\r\n", STR_EMPTY);
    assert_int_equal(asker.status, 403);
    assert_true(str_contains(buf_view(&asker.body), STR("\"instance\":\"/prod/refuse\"")));
    done(&asker);
}

static void cancelled_at_each_stage(void **state)
{
    struct stage *stage = *state;
    struct asker asker;

    ask(&asker, stage, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", STR_EMPTY);
    stage_settle(stage);
    done(&asker);
    assert_int_equal(stage->n_aborts, 1);
    ask(&asker, stage, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\n", STR_EMPTY);
    done(&asker); /* nobody would wait for an orphan: it is cancelled, too */
    assert_int_equal(stage->n_aborts, 2);
    assert_int_equal(stage->n_cancelled, 1);
    ask(&asker, stage, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n", STR_EMPTY);
    done(&asker); /* answered, and not yet told */
    ask(&asker, stage, "GET /out HTTP/1.1\r\nHost: x\r\n\r\n", STR_EMPTY);
    STAGE_UNTIL(stage, asker.n_pieces > 0);
    done(&asker);
    assert_int_equal(stage->n_aborts, 3);
    stage_settle(stage);
    assert_int_equal(http_server_n_exchanges(stage->server), 0);
}

static void the_time_that_the_caller_allows(void **state)
{
    struct stage *stage = *state;
    struct asker asker;

    ask(&asker, stage, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", STR_EMPTY);
    assert_true(exchange_left_ms(asker.local.exchange) == UINT64_MAX);
    done(&asker);
    asker.local.within_ms = 700;
    buf_init(&asker.body, 1U << 20);
    buf_init(&asker.lines, 1U << 16);
    http_local_begin(stage->server, &asker.local);
    assert_int_equal(exchange_left_ms(asker.local.exchange), 700);
    stage_pass(stage, 600);
    assert_int_equal(stage->n_deadlines, 0);
    stage_pass(stage, 200);
    assert_int_equal(stage->n_deadlines, 1);
    STAGE_UNTIL(stage, asker.n_ends == 1);
    assert_int_equal(asker.status, 504);
    done(&asker);
}

int test_local(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_answers, open_stage, close_stage),
        cmocka_unit_test_setup_teardown(the_longest_answers, open_stage, close_stage),
        cmocka_unit_test_setup_teardown(streams_and_back_pressure, open_stage, close_stage),
        cmocka_unit_test_setup_teardown(bodies_in_pieces_and_too_long_ones, open_stage,
                                        close_stage),
        cmocka_unit_test_setup_teardown(heads_that_are_refused, open_stage, close_stage),
        cmocka_unit_test_setup_teardown(cancelled_at_each_stage, open_stage, close_stage),
        cmocka_unit_test_setup_teardown(the_time_that_the_caller_allows, open_stage, close_stage),
    };

    return cmocka_run_group_tests_name("http local", tests, NULL, NULL);
}
