/* What stands in a cell: a line of numbers, then bytes. Pure. */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum { BLOB_MARK = 16 /* digits of the number that says who wrote it */ };

struct blob {
    uint64_t version; /* of a document; of anything: it grows with each change */
    struct str mark;  /* of the writer, and never the same twice */
    unsigned format;
    bool is_gone; /* a document that was removed: its versions go on */
    int64_t born_ms, touched_ms, ttl_ms,
        max_age_ms; /* Unix time of the service; 0: no such limit */
    /* of a lease */
    struct str holder; /* empty: it is free */
    uint64_t fence;
    uint64_t beat;  /* of its holder: it grows with each renewal */
    uint64_t event; /* the version at which it was last asked for, or released */
    bool is_wanted;
    struct str bytes;
};

void blob_write(const struct blob *blob, struct buf *out);
/* False: this is not ours, or of a form that this version does not know. Views into `text`. */
bool blob_read(struct str text, struct blob *out);
/* When a document ends; INT64_MAX: never. */
int64_t blob_end_ms(const struct blob *blob);

#endif
