/* Bytes of a client through the parser and its guard, without sockets.
 * Input: the first byte says how the rest is split, the rest is what the client sends.
 * Held: the pieces give the same events as the whole; what was accepted has one Host at most, one
 * framing, no control characters, and a body of the length that was announced. */
#include <stddef.h>
#include <stdint.h>

#include "http/parser.h"

#include "../unit/http/wire.h"
#include "http/problem.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct http_server_options limits = {
    .max_request_line = 200, .max_header_bytes = 400, .max_headers = 12};

/* The refusal stands last; no event may follow it. */
static void check_events(const struct wire *wire)
{
    ptrdiff_t at = str_find(buf_view(&wire->events), STR("\nrefused "));

    CHECK(!wire->refused || at >= 0);
    CHECK(!wire->refused || wire->err.code != ERR_OK);
    CHECK(!wire->refused || problem_row(wire->err.code)->status >= 400);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str text = {(const char *)bytes, len};
    struct wire whole;
    struct wire split;
    size_t step;

    if (len < 2) {
        return 0;
    }
    step = (size_t)bytes[0] % 16; /* 0: in two parts */
    text = str_sub(text, 1, len);
    wire_run(&whole, &limits, text, 0, 0);
    wire_run(&split, &limits, text, step == 0 ? bytes[0] : step, step);
    check_events(&whole);
    CHECK(str_eq(buf_view(&whole.events), buf_view(&split.events)));
    CHECK(whole.n_requests == split.n_requests);
    wire_done(&whole);
    wire_done(&split);
    return 0;
}
