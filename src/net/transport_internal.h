/* What transport.c and handshakes.c share. */
#ifndef NET_TRANSPORT_INTERNAL_H
#define NET_TRANSPORT_INTERNAL_H

#include "net/handshakes.h"

/* handshakes.c */
void handshake_bytes(struct transport *transport,
                     struct str cipher);                            /* of one that is not secured */
void handshake_ended(struct transport *transport, unsigned result); /* RESULT_*; idempotent */

/* transport.c: one step of the handshake, with what has been fed to it. */
void transport_shake(struct transport *transport);
void transport_give_up(struct transport *transport); /* tells the owner that it has ended */

#endif
