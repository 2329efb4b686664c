/* The content of a cell: a line of numbers, then bytes. Pure. */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum { BLOB_MARK = 16 /* digits of the random number of a writing */ };

struct blob {
    uint64_t version; /* grows with each change of the cell */
    struct str mark;  /* of the writing; GET, RENEW and a refused LEASE keep the old one */
    unsigned format;
    bool is_gone; /* the document was removed; its versions go on from here */
    int64_t born_ms, touched_ms, ttl_ms,
        max_age_ms; /* Unix time of the service; 0: no such limit */
    /* of a lease */
    struct str holder; /* empty: it is free */
    uint64_t fence;
    uint64_t beat;  /* of its holder: it grows with each renewal */
    uint64_t event; /* the version at which the lease was last asked for, or released */
    bool is_wanted;
    struct str bytes;
};

void blob_write(const struct blob *blob, struct buf *out);
/* False: the text is not of this program, or of a form that this version does not know. Sets views into `text`. */
bool blob_read(struct str text, struct blob *out);
/* When a document ends; INT64_MAX: never. */
int64_t blob_end_ms(const struct blob *blob);

#endif
