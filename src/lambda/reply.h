/* An answer in the form that the source of its event takes. */
#ifndef LAMBDA_REPLY_H
#define LAMBDA_REPLY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "event.h"
#include "http/local.h"

/* As the Runtime API has it: 6 MiB and 100 bytes. */
enum { REPLY_MAX = 6291556 };

struct answer {
    int status; /* 0: there is none */
    struct buf lines;
    struct buf body;
    struct buf principal;
    bool too_long;
};

void answer_init(struct answer *answer);
void answer_done(struct answer *answer);
void answer_clear(struct answer *answer);
/* The document of an error instead of whatever stood there. */
void answer_problem(struct answer *answer, const struct event_request *request,
                    const struct error *err);
/* NULL: it can be given. Else why the invocation failed, and the type of that error: an authorizer could not find out who
 * calls, and the gateway would keep a verdict; or nobody waits, and Lambda is to deliver the event again. */
const char *answer_failure(const struct answer *answer, const struct event_request *request,
                           const char **out_type);
bool answer_is_event_stream(const struct answer *answer);

/* The whole answer. One that is longer than the source takes is replaced by an error that says so. `policy`: what an
 * HTTP API's authorizer is answered with. */
void reply_write(struct buf *out, const struct event_request *request, struct answer *answer,
                 bool policy);
/* What a streamed answer begins with: status and fields as JSON, and eight zero bytes. */
void reply_write_prelude(struct buf *out, const struct event_request *request,
                         const struct http_local_head *head);
/* {"errorMessage", "errorType", "stackTrace"} as the Runtime API wants it. */
void reply_write_error(struct buf *out, const char *type, struct str message);

#endif
