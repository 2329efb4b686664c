/* The plain side of servers for tests, in child processes: blocking sockets on loopback. */
#ifndef HARNESS_BLOCKING_H
#define HARNESS_BLOCKING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/str.h"

enum { BLOCKING_HEAD_MAX = 64 * 1024, BLOCKING_BODY_MAX = 16 << 20 };

/* As fork; the child ends with its parent, also with one that has ended before the child could ask for that: a child of
 * a killed server would go on serving what the server had accepted. */
pid_t blocking_fork(void);
/* Takes a port of 127.0.0.1 (0: a free one, which it tells) and does not listen: who connects is refused. -1: another one
 * listens there. */
int blocking_bind(uint16_t *port);
/* Listens on a free port of 127.0.0.1; fails the test when it cannot. */
int blocking_listen(uint16_t *out_port);
int blocking_connect(uint16_t port); /* to 127.0.0.1; -1: nobody is there */
/* Reads until the first message in `in` is whole: its head (without the empty line), and its length
 * in bytes with the body that Content-Length tells. False: the peer has closed. */
bool blocking_read(int fd, struct buf *in, struct str *out_head, size_t *out_len);
bool blocking_write(int fd, struct str bytes); /* all of it; false: the peer is gone */
/* The first value of a field, trimmed; empty: none. */
struct str head_field(struct str head, struct str name);

#endif
