/* A platform for tests: an HTTP/1.1 server on the test's own loop whose paths say how it behaves.
 * It counts every request whose head arrived (n_heads) and whose whole body arrived (n_whole), so
 * that a request sent twice shows. Bodies are counted, not kept, but for the first 8 KiB.
 *
 *   /ok  /close  /204  /slow/MS  /stall  /garbage  /big/BYTES  /chunked/BYTES  /bomb  /echo
 *   /status/CODE
 *   /after/CODE/N  N times CODE, then ok     /early   resets at the head
 *   /limit   429 with Retry-After, once      /reset   resets after the request
 *   /second  resets the second request       /mid     resets within the answer
 *            of a connection                 /cut     closes within the answer
 *                                            /eof     closes, no answer */
#ifndef TESTS_UNIT_UPSTREAM_FAKE_PLATFORM_H
#define TESTS_UNIT_UPSTREAM_FAKE_PLATFORM_H

#include <netinet/in.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/port.h"
#include "net/loop.h"

#define MAYBE_UNUSED __attribute__((unused))

enum { PIECE = 64 * 1024 };

/* What one request gets: bytes, later more bytes, then an end. */
struct script_row {
    struct str first;
    unsigned pause_ms; /* before `second`; 0: there is none */
    struct str second;

    enum { THEN_KEEP, THEN_CLOSE, THEN_RESET } then;
};

struct platform {
    struct loop *loop;
    uv_tcp_t listener;
    struct list links;
    int port;
    unsigned n_links; /* open */
    unsigned n_connections;
    unsigned n_heads;
    unsigned n_whole;
    unsigned n_failures_given;
    unsigned n_tunnels;
    unsigned n_scripted;             /* rows that were carried out */
    const struct script_row *script; /* the last row is used again and again */
    size_t n_rows;
    size_t at_row;
    bool refuses_tunnels;
    bool answers_in_tunnels; /* else what comes out of a tunnel is no TLS */
    unsigned n_early; /* so many more tunnels say `early` together with the answer to CONNECT */
    struct str early;
    bool fails_all; /* each request is answered with 503, that of a probe, too */
    uint64_t body_bytes;
    uint64_t sent_bytes;
    struct buf last_head;
    struct buf last_body;
    unsigned handles;
};

struct platform_link {
    struct list link;
    struct platform *platform;
    uv_tcp_t tcp;
    uv_timer_t timer;
    unsigned open_handles;
    bool closing;
    bool is_tunnel;
    const struct script_row *row; /* its second part is due */
    struct buf in;
    unsigned n_requests;
    bool in_body;
    bool chunked;
    bool in_chunk;
    uint64_t body_left;
    struct str path; /* into path_text */
    char path_text[128];
    uint64_t out_left; /* of a generated body */
    bool out_chunked;
};

struct platform_write {
    uv_write_t request;
    struct platform_link *link;
    char *bytes;
};

static void link_begin_answer(struct platform_link *link);
static void link_feed(struct platform_link *link);

static void link_closed(uv_handle_t *handle)
{
    struct platform_link *link = handle->data;

    link->platform->handles--;
    if (--link->open_handles == 0) {
        link->platform->n_links--;
        list_remove(&link->link);
        buf_done(&link->in);
        mem_free(link);
    }
}

static void link_close(struct platform_link *link, bool reset)
{
    if (link->closing) {
        return;
    }
    link->closing = true;
    uv_close((uv_handle_t *)&link->timer, link_closed);
    if (!reset || uv_tcp_close_reset(&link->tcp, link_closed) != 0) {
        uv_close((uv_handle_t *)&link->tcp, link_closed);
    }
}

static void link_more(struct platform_link *link);

static void link_written(uv_write_t *request, int status)
{
    struct platform_write *write = (struct platform_write *)(void *)request;
    struct platform_link *link = write->link;

    mem_free(write->bytes);
    mem_free(write);
    if (status == 0 && !link->closing) {
        link_more(link);
    }
}

static void link_send(struct platform_link *link, struct str bytes)
{
    struct platform_write *write = mem_zalloc(sizeof(*write));
    uv_buf_t buf;

    write->link = link;
    write->bytes = mem_dup(bytes.ptr, bytes.len);
    buf = uv_buf_init(write->bytes, (unsigned)bytes.len);
    link->platform->sent_bytes += bytes.len;
    CHECK(uv_write(&write->request, (uv_stream_t *)&link->tcp, &buf, 1, link_written) == 0);
}

static void link_answer(struct platform_link *link, int status, const char *headers,
                        struct str body)
{
    struct buf out;

    buf_init(&out, 1 << 26);
    buf_printf(&out, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n", status, headers, body.len);
    buf_str(&out, body);
    link_send(link, buf_view(&out));
    buf_done(&out);
}

/* The next piece of a generated body, when the last one is with the kernel. */
static void link_more(struct platform_link *link)
{
    static const char zeros[PIECE];
    struct buf out;
    size_t n = link->out_left < PIECE ? (size_t)link->out_left : PIECE;

    if (link->out_left == 0) {
        return;
    }
    link->out_left -= n;
    buf_init(&out, PIECE + 64);
    if (link->out_chunked) {
        buf_printf(&out, "%zx\r\n", n);
        buf_append(&out, zeros, n);
        buf_text(&out, link->out_left == 0 ? "\r\n0\r\n\r\n" : "\r\n");
    } else {
        buf_append(&out, zeros, n);
    }
    link_send(link, buf_view(&out));
    buf_done(&out);
}

static void link_generate(struct platform_link *link, struct str size, bool chunked)
{
    struct buf head;
    int64_t n = 0;

    CHECK(str_to_i64(size, 1, INT64_MAX, &n));
    buf_init(&head, 1024);
    link->out_left = (uint64_t)n;
    link->out_chunked = chunked;
    buf_text(&head, "HTTP/1.1 200 X\r\nContent-Type: application/octet-stream\r\n");
    if (chunked) {
        buf_text(&head, "Transfer-Encoding: chunked\r\n\r\n");
    } else {
        buf_printf(&head, "Content-Length: %lld\r\n\r\n", (long long)n);
    }
    link_send(link, buf_view(&head)); /* its end sends the first piece */
    buf_done(&head);
}

/* 2 MiB of zeros, packed once: under valgrind packing takes longer than a call may. */
static struct str packed_bomb(void)
{
    static const char zeros[PIECE];
    static Bytef packed[PIECE];
    static size_t n_packed;
    z_stream z = {0};
    int end = Z_OK;

    if (n_packed > 0) {
        return (struct str){(const char *)packed, n_packed};
    }
    CHECK(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_out = packed;
    z.avail_out = sizeof(packed);
    for (int i = 0; i < 32 && end == Z_OK; i++) {
        z.next_in = (Bytef *)(uintptr_t)zeros;
        z.avail_in = PIECE;
        end = deflate(&z, i == 31 ? Z_FINISH : Z_NO_FLUSH);
    }
    CHECK(end == Z_STREAM_END);
    n_packed = sizeof(packed) - z.avail_out;
    (void)deflateEnd(&z);
    return (struct str){(const char *)packed, n_packed};
}

static void link_bomb(struct platform_link *link)
{
    link_answer(link, 200, "Content-Encoding: gzip\r\nContent-Type: application/json\r\n",
                packed_bomb());
}

static void link_ok(struct platform_link *link)
{
    struct buf body;

    buf_init(&body, 256);
    buf_printf(&body, "{\"success\":true,\"item\":{\"id\":%u}}", link->platform->n_whole);
    link_answer(link, 200, "Content-Type: application/json\r\nETag: \"e1\"\r\n", buf_view(&body));
    buf_done(&body);
}

static void link_write_now(struct platform_link *link, struct str bytes)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes.ptr, (unsigned)bytes.len);

    CHECK(bytes.len == 0 || uv_try_write((uv_stream_t *)&link->tcp, &buf, 1) == (int)bytes.len);
    link->platform->sent_bytes += bytes.len;
}

static void link_end_row(struct platform_link *link, const struct script_row *row)
{
    link->row = NULL;
    link->platform->n_scripted++;
    if (row->then != THEN_KEEP) {
        link_close(link, row->then == THEN_RESET);
    }
}

static void link_timer(uv_timer_t *timer)
{
    struct platform_link *link = timer->data;
    const struct script_row *row = link->row;

    if (row != NULL) {
        link_write_now(link, row->second);
        link_end_row(link, row);
    } else {
        link_ok(link);
    }
}

static void link_script(struct platform_link *link)
{
    struct platform *platform = link->platform;
    const struct script_row *row = &platform->script[platform->at_row];

    platform->at_row += platform->at_row + 1 < platform->n_rows ? 1 : 0;
    link_write_now(link, row->first);
    if (row->pause_ms == 0) {
        link_end_row(link, row);
        return;
    }
    link->row = row;
    CHECK(uv_timer_start(&link->timer, link_timer, row->pause_ms, 0) == 0);
}

/* Bytes of the body lie unread: closing resets. */
static void link_refuse(struct platform_link *link)
{
    link_write_now(link, STR("HTTP/1.1 413 X\r\nContent-Length: 4\r\n\r\nlong"));
    link_close(link, false);
}

static void link_open_tunnel(struct platform_link *link)
{
    struct platform *platform = link->platform;
    struct buf said;

    buf_init(&said, 1024);
    buf_text(&said, "HTTP/1.1 200 Go\r\n\r\n");
    if (platform->n_early > 0) {
        platform->n_early--;
        buf_str(&said, platform->early);
    }
    link_write_now(link, buf_view(&said));
    buf_done(&said);
    platform->n_tunnels++;
    link->is_tunnel = !platform->answers_in_tunnels;
}

/* CONNECT and what comes behind it. */
static void link_tunnel(struct platform_link *link)
{
    if (link->is_tunnel) {
        link_write_now(link, STR("this is not TLS at all, whatever you may think of it\r\n"));
        link_close(link, false);
    } else if (link->platform->refuses_tunnels) {
        link_write_now(link, STR("HTTP/1.1 407 X\r\nContent-Length: 2\r\n\r\nno"));
        link_close(link, false);
    } else {
        link_open_tunnel(link);
    }
    buf_clear(&link->in);
}

static void link_half(struct platform_link *link, bool reset)
{
    struct str half = STR("HTTP/1.1 200 X\r\nContent-Length: 1000\r\n"
                          "Content-Type: application/json\r\n\r\n{\"id\":");
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)half.ptr, (unsigned)half.len);

    (void)uv_try_write((uv_stream_t *)&link->tcp, &buf, 1);
    link_close(link, reset);
}

/* "/name/a/b": the part after the name. */
static struct str path_word(struct str path, unsigned index)
{
    struct str rest = path;
    struct str word = STR_EMPTY;

    for (unsigned i = 0; i <= index; i++) {
        if (!str_next(&rest, '/', &word)) {
            return STR_EMPTY;
        }
    }
    return word;
}

static int64_t path_number(struct str path, unsigned index)
{
    int64_t n = 0;

    return str_to_i64(path_word(path, index), 0, INT64_MAX, &n) ? n : 0;
}

static void link_after(struct platform_link *link)
{
    if (link->platform->n_failures_given < (unsigned)path_number(link->path, 2)) {
        link->platform->n_failures_given++;
        link_answer(link, (int)path_number(link->path, 1), "", STR("busy"));
        return;
    }
    link_ok(link);
}

static void link_limit(struct platform_link *link)
{
    if (str_is(path_word(link->path, 1), "date")) { /* by a clock that is wrong by years */
        link_answer(link, 429,
                    "Date: Sat, 08 Sep 2001 01:46:40 GMT\r\n"
                    "Retry-After: Sat, 08 Sep 2001 01:46:47 GMT\r\n",
                    STR("slow down"));
        return;
    }
    if (link->platform->n_failures_given++ == 0) {
        link_answer(link, 429,
                    str_is(path_word(link->path, 1), "long") ? "Retry-After: 100\r\n"
                                                             : "Retry-After: 1\r\n",
                    STR("slow down"));
        return;
    }
    link_ok(link);
}

/* The whole request is here. */
static void link_begin_answer(struct platform_link *link)
{
    struct str what = path_word(link->path, 0);
    struct platform *platform = link->platform;

    platform->n_whole++;
    if (platform->fails_all) {
        link_answer(link, 503, "", STR("busy"));
    } else if (str_is(what, "close")) {
        link_answer(link, 200, "Connection: close\r\n", STR("{\"id\":1}"));
    } else if (str_is(what, "204")) {
        link_send(link, STR("HTTP/1.1 204 X\r\n\r\n"));
    } else if (str_is(what, "slow")) {
        CHECK(uv_timer_start(&link->timer, link_timer, (uint64_t)path_number(link->path, 1), 0) ==
              0);
    } else if (str_is(what, "reset") || (str_is(what, "second") && link->n_requests > 1)) {
        link_close(link, true);
    } else if (str_is(what, "eof")) {
        link_close(link, false);
    } else if (str_is(what, "mid") || str_is(what, "cut")) {
        link_half(link, str_is(what, "mid"));
    } else if (str_is(what, "garbage")) {
        link_send(link, STR("this is not HTTP at all\r\n\r\n"));
    } else if (str_is(what, "big") || str_is(what, "chunked")) {
        link_generate(link, path_word(link->path, 1), str_is(what, "chunked"));
    } else if (str_is(what, "bomb")) {
        link_bomb(link);
    } else if (str_is(what, "echo")) {
        link_answer(link, 200, "Content-Type: application/json\r\n",
                    buf_view(&platform->last_body));
    } else if (str_is(what, "status")) {
        link_answer(link, (int)path_number(link->path, 1), "Content-Type: application/json\r\n",
                    STR("{\"success\":false,\"error\":{\"code\":\"1\",\"message\":\"no\"}}"));
    } else if (str_is(what, "after")) {
        link_after(link);
    } else if (str_is(what, "limit")) {
        link_limit(link);
    } else if (str_is(what, "script")) {
        link_script(link);
    } else if (!str_is(what, "stall")) {
        link_ok(link);
    }
}

static struct str head_value(struct str head, const char *name)
{
    struct str rest = head;
    struct str line;

    while (str_next(&rest, '\n', &line)) {
        struct str field;
        struct str value;

        if (str_cut(line, ':', &field, &value) && str_is_nocase(field, name)) {
            return str_trim(value);
        }
    }
    return STR_EMPTY;
}

static bool link_take_head(struct platform_link *link)
{
    struct platform *platform = link->platform;
    ptrdiff_t end = str_find(buf_view(&link->in), STR("\r\n\r\n"));
    struct str head;
    struct str rest;
    struct str word;
    int64_t length = 0;

    if (end < 0) {
        return false;
    }
    head = str_sub(buf_view(&link->in), 0, (size_t)end + 2);
    platform->n_heads++;
    link->n_requests++;
    buf_clear(&platform->last_head);
    buf_str(&platform->last_head, head);
    buf_clear(&platform->last_body);
    rest = head;
    CHECK(str_next(&rest, ' ', &word) && str_next(&rest, ' ', &word));
    CHECK(str_starts(word, STR("/api/")) && word.len < sizeof(link->path_text));
    memcpy(link->path_text, word.ptr, word.len);
    link->path = str_sub((struct str){link->path_text, word.len}, 4, word.len);
    (void)str_cut(link->path, '?', &link->path, &word);
    if (!str_to_i64(head_value(head, "content-length"), 0, INT64_MAX, &length)) {
        length = 0;
    }
    link->chunked = str_is(head_value(head, "transfer-encoding"), "chunked");
    link->body_left = (uint64_t)length;
    link->in_chunk = false;
    link->in_body = true;
    buf_consume(&link->in, (size_t)end + 4);
    return true;
}

static void link_take_bytes(struct platform_link *link, size_t n)
{
    struct buf *keep = &link->platform->last_body;

    link->platform->body_bytes += n;
    if (keep->len + n <= keep->max) {
        buf_append(keep, link->in.ptr, n);
    }
    link->body_left -= n;
    buf_consume(&link->in, n);
}

/* True: the body is complete. */
static bool link_take_body(struct platform_link *link)
{
    for (;;) {
        size_t n = link->in.len < link->body_left ? link->in.len : (size_t)link->body_left;
        ptrdiff_t end;
        uint64_t size = 0;

        if (n > 0) {
            link_take_bytes(link, n);
        }
        if (!link->chunked) {
            return link->body_left == 0;
        }
        if (link->body_left > 0) {
            return false;
        }
        if (link->in_chunk) { /* the CRLF behind a chunk */
            if (link->in.len < 2) {
                return false;
            }
            buf_consume(&link->in, 2);
            link->in_chunk = false;
        }
        end = str_find(buf_view(&link->in), STR("\r\n"));
        if (end < 0) {
            return false;
        }
        for (ptrdiff_t i = 0; i < end; i++) {
            const char *digits = "0123456789abcdef";
            char c = link->in.ptr[i];
            const char *at = strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

            CHECK(at != NULL);
            size = size * 16 + (uint64_t)(at - digits);
        }
        buf_consume(&link->in, (size_t)end + 2);
        link->body_left = size;
        link->in_chunk = true;
        if (size == 0) {
            if (link->in.len >= 2) {
                buf_consume(&link->in, 2);
            }
            return true;
        }
    }
}

static void link_feed(struct platform_link *link)
{
    if (link->is_tunnel || str_starts(buf_view(&link->in), STR("CONNECT "))) {
        link_tunnel(link);
        return;
    }
    while (!link->closing) {
        if (!link->in_body) {
            if (!link_take_head(link)) {
                return;
            }
            if (str_is(path_word(link->path, 0), "refuse")) {
                link_refuse(link);
                return;
            }
            if (str_is(path_word(link->path, 0), "early")) {
                link_close(link, true);
                return;
            }
        }
        if (!link_take_body(link)) {
            return;
        }
        link->in_body = false;
        link_begin_answer(link);
    }
}

static void link_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct platform_link *link = handle->data;

    (void)suggested;
    *out = uv_buf_init(buf_reserve(&link->in, PIECE), PIECE);
}

static void link_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct platform_link *link = stream->data;

    (void)bytes;
    if (n < 0) {
        link_close(link, false);
        return;
    }
    buf_grew(&link->in, (size_t)n);
    link_feed(link);
}

static void platform_accept(uv_stream_t *listener, int status)
{
    struct platform *platform = listener->data;
    struct platform_link *link = mem_zalloc(sizeof(*link));

    CHECK(status == 0);
    link->platform = platform;
    buf_init(&link->in, 1 << 20);
    CHECK(uv_tcp_init(&platform->loop->uv, &link->tcp) == 0);
    CHECK(uv_timer_init(&platform->loop->uv, &link->timer) == 0);
    link->tcp.data = link;
    link->timer.data = link;
    link->open_handles = 2;
    platform->handles += 2;
    platform->n_links++;
    platform->n_connections++;
    list_append(&platform->links, &link->link);
    CHECK(uv_accept(listener, (uv_stream_t *)&link->tcp) == 0);
    CHECK(uv_read_start((uv_stream_t *)&link->tcp, link_alloc, link_read) == 0);
}

/* On a port of port_free: while nobody listens there, no other program can take the port. */
static MAYBE_UNUSED void platform_listen(struct platform *platform, int port)
{
    struct sockaddr_in address;

    CHECK(uv_tcp_init(&platform->loop->uv, &platform->listener) == 0);
    platform->listener.data = platform;
    platform->handles++;
    CHECK(uv_ip4_addr("127.0.0.1", port, &address) == 0);
    CHECK(uv_tcp_bind(&platform->listener, (struct sockaddr *)&address, 0) == 0);
    CHECK(uv_listen((uv_stream_t *)&platform->listener, 1024, platform_accept) == 0);
    platform->port = port;
}

static MAYBE_UNUSED void platform_open(struct platform *platform, struct loop *loop)
{
    *platform = (struct platform){.loop = loop};
    (void)packed_bomb();
    list_init(&platform->links);
    buf_init(&platform->last_head, 64 * 1024);
    buf_init(&platform->last_body, 8 * 1024);
    platform_listen(platform, port_free());
}

static void platform_listener_closed(uv_handle_t *handle)
{
    struct platform *platform = handle->data;

    platform->handles--;
}

static MAYBE_UNUSED void platform_stop_listening(struct platform *platform)
{
    if (uv_is_closing((uv_handle_t *)&platform->listener) == 0) {
        uv_close((uv_handle_t *)&platform->listener, platform_listener_closed);
    }
}

static MAYBE_UNUSED void platform_close(struct platform *platform)
{
    struct list *link;
    struct list *after;

    platform_stop_listening(platform);
    LIST_FOREACH_SAFE (link, after, &platform->links) {
        link_close(CONTAINER_OF(link, struct platform_link, link), false);
    }
}

static MAYBE_UNUSED void platform_done(struct platform *platform)
{
    CHECK(platform->handles == 0);
    buf_done(&platform->last_head);
    buf_done(&platform->last_body);
}

#endif
