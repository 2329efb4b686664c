/* Requests and results of the port as bytes, for the other end of a socketpair: both sides are the same program on
 * the same machine, so numbers stand as the machine has them. One function for both directions. */
#ifndef STORE_WIRE_H
#define STORE_WIRE_H

#include "base/buf.h"
#include "store/store.h"

enum {
    WIRE_REQUEST_MAX = STORE_BYTES_MAX + 4096,
    WIRE_RESULT_MAX = 16 << 20, /* as a reply of Redis may be long */
};

struct wire {
    struct buf *out; /* what is written; NULL: it is read */
    struct str in;   /* what is left to be read */
    bool is_bad;     /* there was less than expected */
};

void wire_number(struct wire *wire, uint64_t *value);
void wire_request(struct wire *wire, struct store_request *request);
/* Texts that are read are views into what came; the items lie in the arena. */
void wire_result(struct wire *wire, struct store_result *result, struct arena *arena);

#endif
