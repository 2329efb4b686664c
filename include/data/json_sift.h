/* json_sift: keeps a JSON text that comes in pieces, without most of what its lists hold, so it needs less memory. Each
 * object that is an element of a list with one of the given names, or of a list that is the whole text, is handed to
 * a function, and what the function writes is kept in its place. All else is kept as it came, even if it is not JSON:
 * the parser of the kept text finds the fault. A list within an element is a part of the element.
 * Owner: embedded; json_sift_done frees.
 * Limits: an element longer than JSON_SIFT_MAX, and a list whose name has an escape, are kept as they came. */
#ifndef DATA_JSON_SIFT_H
#define DATA_JSON_SIFT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

enum { JSON_SIFT_MAX = 256 * 1024, JSON_SIFT_NAME_MAX = 32 };

struct json_sift;
/* `element` has this index (from 0) in its list. Empty: it was too long, and is kept as it came. */
typedef void (*json_sift_fn)(struct json_sift *sift, struct str element, size_t index,
                             struct buf *kept);

struct json_sift {
    /* private */
    const char *const *lists;
    size_t n_lists;
    json_sift_fn on_element;
    struct buf element;
    unsigned depth;
    unsigned list_depth; /* `depth` within the list that is sifted; 0: no such list is open */
    size_t index;
    bool in_element;
    bool in_text;
    bool escaped;
    bool named; /* a colon stood behind the last string, so it is a name */
    char name[JSON_SIFT_NAME_MAX];
    size_t name_len; /* JSON_SIFT_NAME_MAX: too long, or with an escape */
};

/* The names must outlive the sift. Zeroed or used before is fine. */
void json_sift_begin(struct json_sift *sift, const char *const *lists, size_t n_lists,
                     json_sift_fn on_element);
void json_sift_piece(struct json_sift *sift, struct str piece, struct buf *kept);
void json_sift_done(struct json_sift *sift); /* zeroed is fine */

#endif
