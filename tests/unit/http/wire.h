/* A parser fed from memory, whose events are written down as text: one line for each head, body,
 * end and refusal, pieces of body joined. Two feedings of the same bytes must read the same. */
#ifndef TESTS_UNIT_HTTP_WIRE_H
#define TESTS_UNIT_HTTP_WIRE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "http/parser.h"
#include "http/problem.h"

enum { WIRE_MAX = 8 * 1024 * 1024 };

struct wire {
    struct http_parser parser;
    struct arena arena;
    struct buf waiting;
    size_t n_used; /* of them */
    struct buf events;
    struct error err;
    unsigned n_requests; /* whole ones */
    const struct http_request *request;
    int64_t body_bytes;
    bool in_body;
    bool refused;
};

static inline void wire_init(struct wire *wire, const struct http_server_options *options)
{
    *wire = (struct wire){0};
    parser_init(&wire->parser, options);
    arena_init(&wire->arena);
    buf_init(&wire->waiting, WIRE_MAX);
    buf_init(&wire->events, WIRE_MAX);
}

static inline void wire_done(struct wire *wire)
{
    arena_done(&wire->arena);
    buf_done(&wire->waiting);
    buf_done(&wire->events);
}

static inline void wire_refuse(struct wire *wire)
{
    wire->refused = true;
    buf_printf(&wire->events, "\nrefused %d: %s\n", problem_row(wire->err.code)->status,
               wire->err.text);
}

/* What every accepted head keeps to: one reading only. */
static inline void wire_check_head(const struct http_request *request)
{
    unsigned n_hosts = 0;
    unsigned n_framings = 0;

    for (size_t i = 0; i < request->n_headers; i++) {
        const struct http_header *header = &request->headers[i];

        n_hosts += str_is_nocase(header->name, "Host") ? 1 : 0;
        n_framings += str_is_nocase(header->name, "Content-Length") ||
                              str_is_nocase(header->name, "Transfer-Encoding")
                          ? 1
                          : 0;
        for (size_t k = 0; k < header->value.len; k++) {
            unsigned char c = (unsigned char)header->value.ptr[k];

            CHECK((c >= ' ' && c != 0x7F) || c == '\t');
        }
    }
    CHECK(n_hosts <= 1 && (n_hosts == 1 || request->minor_version == 0));
    CHECK(n_framings <= 1 && (n_framings == 1 || !request->has_body));
    CHECK(request->path.len > 0 && (request->path.ptr[0] == '/' || str_is(request->path, "*")));
}

static inline void wire_head(struct wire *wire, struct str head)
{
    struct http_request *request = arena_zalloc(&wire->arena, sizeof(*request));

    if (parser_take_head(&wire->parser, arena_str(&wire->arena, head), request, &wire->err) !=
        ERR_OK) {
        wire_refuse(wire);
        return;
    }
    wire_check_head(request);
    wire->request = request;
    wire->body_bytes = 0;
    buf_printf(&wire->events, "head %.*s %.*s|%.*s 1.%d%s%s", STR_ARG(request->method),
               STR_ARG(request->path), STR_ARG(request->query), request->minor_version,
               request->keep_alive ? " keep" : " close",
               request->expects_continue ? " expects" : "");
    for (size_t i = 0; i < request->n_headers; i++) {
        buf_printf(&wire->events, " %.*s=%.*s", STR_ARG(request->headers[i].name),
                   STR_ARG(request->headers[i].value));
    }
    buf_printf(&wire->events, " (%lld)\n", (long long)request->content_length);
    wire->in_body = request->has_body;
    wire->n_requests += request->has_body ? 0 : 1;
}

/* False: nothing more comes of what is there. */
static inline bool wire_step(struct wire *wire)
{
    struct str bytes = str_sub(buf_view(&wire->waiting), wire->n_used, wire->waiting.len);
    struct str piece = STR_EMPTY;
    size_t used = 0;
    enum parser_event event;

    if (wire->refused || (bytes.len == 0 && !wire->in_body)) {
        return false;
    }
    event = parser_next(&wire->parser, bytes, &used, &piece, &wire->err);
    CHECK(used <= bytes.len);
    switch (event) {
    case PARSER_HEAD:
        wire_head(wire, piece);
        break;
    case PARSER_PIECE:
        CHECK(wire->in_body && piece.len > 0);
        wire->body_bytes += (int64_t)piece.len;
        buf_str(&wire->events, piece);
        break;
    case PARSER_END:
        CHECK(wire->in_body);
        CHECK(wire->request->content_length < 0 ||
              wire->request->content_length == wire->body_bytes);
        wire->in_body = false;
        wire->n_requests++;
        buf_text(&wire->events, "\nend\n");
        break;
    case PARSER_BAD:
        wire_refuse(wire);
        break;
    case PARSER_MORE:
        break;
    }
    wire->n_used += used;
    return event != PARSER_MORE;
}

static inline void wire_feed(struct wire *wire, struct str bytes)
{
    buf_str(&wire->waiting, bytes);
    while (wire_step(wire)) {
    }
    buf_consume(&wire->waiting, wire->n_used); /* once: else many events would move much */
    wire->n_used = 0;
    CHECK(buf_ok(&wire->waiting) && buf_ok(&wire->events));
}

/* Feeds all of it, `first` bytes and then `step` bytes at a time (0: the rest at once). */
static inline void wire_run(struct wire *wire, const struct http_server_options *options,
                            struct str bytes, size_t first, size_t step)
{
    wire_init(wire, options);
    wire_feed(wire, str_sub(bytes, 0, first));
    for (size_t at = first; at<bytes.len; at += step> 0 ? step : bytes.len) {
        wire_feed(wire, str_sub(bytes, at, step > 0 ? step : bytes.len));
    }
}

#endif
