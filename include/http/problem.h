/* RFC 9457 problem details as this program sends them (rest.md, general rules). */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

#include "base/buf.h"
#include "base/error.h"
#include "http/exchange.h"

enum { PROBLEM_MAX = 128 * 1024 };

/* The status that an error has outside: its row's, the platform's own 4xx where that one is passed
 * on, or 504 where no answer came in time (rest.md, general rules). */
int problem_status(const struct error *err);
/* Writes the document and returns its status. `errors` may be NULL. */
int problem_write(struct buf *out, const struct exchange *exchange, const struct error *err,
                  const struct error_list *errors);

#endif
