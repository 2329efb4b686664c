/* RFC 9457 problem details as this program sends them (src/api/README.md, "Contract"). */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include "base/buf.h"
#include "base/error.h"
#include "http/exchange.h"

struct problem_row {
    int status;
    const char *title;
    bool retryable; /* the same request may succeed later */
};

const struct problem_row *problem_row(enum error_code code); /* ERR_OK has none: CHECKed */

enum { PROBLEM_MAX = 128 * 1024 };

/* Writes the document and returns its status. `errors` may be NULL. */
int problem_write(struct buf *out, const struct exchange *exchange, const struct error *err,
                  const struct error_list *errors);

#endif
