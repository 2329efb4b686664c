/* What the tests of connections share: a stage for each test, and answers to what waits. */
#ifndef HTTP_CONNECTION_TEST_H
#define HTTP_CONNECTION_TEST_H

#include "cases.h"
#include "stage.h"

#define WAIT   "GET /wait HTTP/1.1\r\n" HOST "\r\n"
#define DETACH "GET /detach HTTP/1.1\r\n" HOST "\r\n"

static inline int open_stage(void **state)
{
    static struct stage stage;
    const struct http_server_options options = stage_options();

    stage_open(&stage, &options);
    *state = &stage;
    return 0;
}

static inline int close_stage(void **state)
{
    stage_close(*state);
    return 0;
}

static inline void answer(struct stage *stage, const char *text)
{
    struct exchange *exchange = stage->held;

    assert_non_null(exchange);
    stage->held = NULL;
    exchange_reply(exchange, 200, "text/plain", str_from(text));
}

#define WITH_STAGE(test) cmocka_unit_test_setup_teardown(test, open_stage, close_stage)

#endif
