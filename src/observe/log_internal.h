/* One event as one line of text; see log_line.c. */
#ifndef OBSERVE_LOG_INTERNAL_H
#define OBSERVE_LOG_INTERNAL_H

#include "base/buf.h"
#include "observe/log.h"

struct log_event {
    enum log_level level;
    const char *name;
    const struct log_field *fields;
    size_t n;
    int64_t wall_ms;
};

/* Each appends one line with its end, at most LOG_LINE_MAX bytes long. */
void log_line_json(struct buf *out, const struct log_event *event);
/* The members that Google Cloud's log knows (severity, message, httpRequest, the trace), then the other fields. */
void log_line_gcp(struct buf *out, const struct log_event *event, struct str project);
/* The members that AWS Lambda's log knows (timestamp, level, message, requestId: of the invocation), then all fields.
 * The line of a request also tells CloudWatch which of its members are metrics: ms and errors, in all and by route. */
void log_line_aws(struct buf *out, const struct log_event *event, struct str invocation);
void log_line_text(struct buf *out, const struct log_event *event, bool color);

#endif
