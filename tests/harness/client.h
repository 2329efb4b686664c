/* A blocking HTTP/1.1 client on a raw socket, for tests: every byte and every pause is the test's
 * own. Owner: the test holds the structs; client_close and reply_done release them (zeroed is
 * fine). Promise: no call waits longer than its limit (client.timeout_ms, stretched under
 * valgrind); what the peer may legally do comes back as a value, what cannot happen (no socket)
 * fails the test. */
#ifndef HARNESS_CLIENT_H
#define HARNESS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "data/json.h"

struct client {
    int fd;
    unsigned timeout_ms; /* of each send or read; 10 s unless the test sets it */
    struct buf in;       /* received and not yet taken */
    bool ended;          /* the peer has closed or reset */
    bool was_reset;
};

enum client_result {
    CLIENT_OK,
    CLIENT_CLOSED,  /* the peer closed before the first byte of a reply */
    CLIENT_CUT,     /* the peer closed within a reply */
    CLIENT_TIMEOUT, /* nothing (more) within timeout_ms */
    CLIENT_GARBLED  /* not HTTP/1.1 as RFC 9112 means it */
};

struct reply {
    int status;
    bool chunked;
    bool closes;     /* Connection: close */
    struct buf head; /* status line and fields up to, not including, the empty line */
    struct buf body; /* decoded; empty after client_read_head */
    /* where client_read_piece is */
    uint64_t left_bytes; /* of a body with Content-Length */
    bool until_close;
    bool at_end;
};

unsigned
client_slowness(void);        /* VP_SLOW: 1 normally, 10 under valgrind; multiply deadlines by it */
uint64_t client_now_ms(void); /* monotonic */
/* The clock by which tests lose patience: the same, but a tenth as fast while tasks of this machine wait for a
 * processor or a disk (/proc/pressure, which the kernel adds up every two seconds). */
uint64_t client_patience_ms(void);
/* Since client_patience_ms was `from_ms`: of short times it may go back. */
uint64_t client_waited_ms(uint64_t from_ms);
void client_pause_ms(unsigned ms);

void client_open(struct client *client, uint16_t port); /* to 127.0.0.1 */
void client_open_unix(struct client *client, const char *path);
/* As client_open with a receive buffer of about `receive_bytes`: a reader that is soon slow. */
void client_open_small(struct client *client, uint16_t port, int receive_bytes);
bool client_can_connect(uint16_t port);
void client_close(struct client *client);
void client_reset(struct client *client); /* closes with RST */
void client_end(struct client *client);   /* half close: no more from us, still reading */

/* All of it, or false when the peer is gone or does not read any more. */
bool client_send(struct client *client, struct str bytes);
bool client_send_pieces(struct client *client, struct str bytes, size_t piece_bytes,
                        unsigned pause_ms);
/* "METHOD target HTTP/1.1", Host, `fields` (each ending in CRLF; NULL: none), Content-Length when
 * there is a body or the method is POST, PUT or PATCH, empty line, body. */
bool client_send_request(struct client *client, const char *method, const char *target,
                         const char *fields, struct str body);

/* Replies are zeroed or initialised before the first read; each read drops what they held.
 * The next final reply whole, passing over 1xx; `to_head`: it answers HEAD and has no body. */
enum client_result client_read(struct client *client, bool to_head, struct reply *reply);
/* The head of the next reply, 1xx included; then client_read_piece until reply->at_end. */
enum client_result client_read_head(struct client *client, bool to_head, struct reply *reply);
/* Appends what came next of the body (a chunk, or what is there) to reply->body. */
enum client_result client_read_piece(struct client *client, struct reply *reply);
/* The peer has sent something that was not read, or has closed. */
bool client_can_read(const struct client *client);
/* The peer closes (or resets) within timeout_ms without sending anything more. */
bool client_sees_close(struct client *client);

/* One request on a connection of its own; fails the test unless a whole reply comes. */
void client_ask(uint16_t port, const char *method, const char *target, const char *fields,
                struct str body, struct reply *reply);
/* A GET as a probe asks: false where nobody listens, or the reply is not whole. */
bool client_probe(uint16_t port, const char *target, struct reply *reply);

void reply_init(struct reply *reply);
void reply_done(struct reply *reply);
struct str reply_field(const struct reply *reply, const char *name); /* first value; empty: none */
size_t reply_count_fields(const struct reply *reply, const char *name);
struct str reply_text(const struct reply *reply);
/* The body as JSON in `arena`; fails the test when it is none. */
struct json *reply_json(const struct reply *reply, struct arena *arena);
/* The number at a JSON pointer, or in the text there; -1: there is none. */
int64_t number_at(const struct json *json, const char *pointer);

#endif
