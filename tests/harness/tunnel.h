/* An HTTP proxy that is asked for tunnels (CONNECT), and what goes wrong in them before a request could have
 * left. A child process, with one more for each connection. Owner: the test holds the struct; tunnel_done
 * ends the child. */
#ifndef HARNESS_TUNNEL_H
#define HARNESS_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum tunnel_fault {
    TUNNEL_OPENS,      /* to the port of the test, whatever host is asked for */
    TUNNEL_REFUSED,    /* 407 */
    TUNNEL_AWAY,       /* 502 with a body */
    TUNNEL_SILENT_END, /* closed instead of an answer */
    TUNNEL_RESET,
    TUNNEL_CUT_HEAD,  /* the answer to CONNECT breaks off */
    TUNNEL_ODD,       /* the answer to CONNECT is no HTTP */
    TUNNEL_ENDS,      /* opened, then closed; so in all that follow: it is opened first */
    TUNNEL_IS_RESET,  /* once the first bytes of the handshake have come */
    TUNNEL_TEXT,      /* no TLS comes out of it */
    TUNNEL_ALERT,     /* a TLS alert: handshake failure */
    TUNNEL_HALF,      /* the handshake breaks off in the server's first record */
    TUNNEL_CUT,       /* the handshake of the real server, cut after CUT_BYTES of it */
    TUNNEL_FORGED,    /* a byte of the real server's handshake is another one */
    TUNNEL_ELSEWHERE, /* to the other port of the test: a server whose certificate nobody trusts */
    TUNNEL_N
};

struct tunnel_shared {
    enum tunnel_fault fault; /* of the connections to come */
    unsigned n;              /* tunnels asked for */
};

struct tunnel {
    pid_t pid;
    uint16_t port;
    struct tunnel_shared *shared;
};

void tunnel_start(struct tunnel *tunnel, uint16_t port, uint16_t elsewhere);
void tunnel_done(struct tunnel *tunnel);

#endif
