/* Writes an answer in the form that the event's source takes. */
#ifndef LAMBDA_REPLY_H
#define LAMBDA_REPLY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "event.h"
#include "http/local.h"

/* The limit of the Runtime API: 6 MiB and 100 bytes. */
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
/* Replaces the answer by the problem document of `err`. */
void answer_problem(struct answer *answer, const struct event_request *request,
                    const struct error *err);
/* NULL: the answer can be posted. Else the reason and the type of an error to post instead. There are two cases. An
 * authorizer could not find out who calls: there is no verdict, because the gateway would keep it. Or a recall failed:
 * then Lambda delivers the event again. */
const char *answer_failure(const struct answer *answer, const struct event_request *request,
                           const char **out_type);
bool answer_is_event_stream(const struct answer *answer);

/* Writes the whole answer. If it is longer than the source takes, an error that says so replaces it. `policy`: an
 * HTTP API's authorizer is answered with a policy. */
void reply_write(struct buf *out, const struct event_request *request, struct answer *answer,
                 bool policy);
/* Writes the beginning of a streamed answer: status and fields as JSON, and eight zero bytes. */
void reply_write_prelude(struct buf *out, const struct event_request *request,
                         const struct http_local_head *head);
/* {"errorMessage", "errorType", "stackTrace"} as the Runtime API wants it. */
void reply_write_error(struct buf *out, const char *type, struct str message);

#endif
