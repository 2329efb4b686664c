/* What may be done with a call whose answer did not come. In a header of its
 * own, so that tables of calls need not include the client. */
#ifndef UPSTREAM_CLASS_H
#define UPSTREAM_CLASS_H

enum call_class {
    CALL_READ,   /* GET: retried */
    CALL_CHANGE, /* PUT, DELETE: idempotent by HTTP, retried only when the request never left */
    CALL_CREATE  /* POST that creates: never sent twice */
};

#endif
