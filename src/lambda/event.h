/* The table of event sources, and how an event becomes a request. The formats of events are those of the
 * developer guides of AWS Lambda, API Gateway and Elastic Load Balancing. */
#ifndef LAMBDA_EVENT_H
#define LAMBDA_EVENT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "data/json.h"

/* The form in which a source takes an answer. */
enum reply_form {
    REPLY_JOINED, /* HTTP API 2.0, Function URL: headers joined by commas, and cookies */
    REPLY_MULTI,  /* 1.0: headers, and multiValueHeaders for names that repeat */
    REPLY_ALB,    /* headers or multiValueHeaders, as in the request */
    REPLY_VERDICT_SIMPLE,
    REPLY_VERDICT_POLICY,
    REPLY_DIRECT, /* the body alone; an error with its status */
    REPLY_PONG,   /* no answer is expected */
    REPLY_RECALL  /* no answer is expected; Lambda repeats a failed invocation */
};

enum query_form {
    QUERY_NONE,
    QUERY_RAW,     /* one text */
    QUERY_DECODED, /* maps of decoded texts */
    QUERY_AS_SENT  /* maps of texts that are not decoded */
};

/* Places are JSON pointers into the event, alternatives separated by spaces; NULL: the source has no such place. */
struct event_source {
    const char *name;

    struct {
        const char *place;
        const char *is;  /* the text there; NULL: any value */
        const char *has; /* or a part of the text there */
    } marks[3];          /* the event must have all */

    const char *lacks; /* a place that the event must not have; NULL: none */

    const char *method, *path, *query, *client, *request_id;
    const char *fixed_method, *fixed_path; /* instead of the event's */
    const char *stage;                     /* cut off the path, unless it is "$default" */
    const char *full_path;                 /* base and path: its part before the path is our base */
    const char *token;                     /* a text that is the Authorization header */
    const char *caller; /* name of a caller that shows no credential; NULL: callers show one */
    enum query_form query_form;
    enum reply_form reply;
    size_t max_reply; /* bytes; 0: only the limit of the Runtime API */
    unsigned
        waits_ms; /* how long the source waits for an answer that is not streamed; 0: as long as Lambda does */
    size_t max_head; /* bytes of all header fields of an answer; 0: no limit */
    bool acts;       /* `action` names an operation: read_action makes line and body */
    bool can_stream;
    bool loses_binary; /* the client may get base64 undecoded: so no answer is compressed */
};

/* An event as a request for room http; texts lie in the arena. */
struct event_request {
    const struct event_source *source;
    const struct json *event;
    struct str line; /* if source->acts: "POST /target"; set before event_read, like body */
    struct str head; /* request line, fields, empty line */
    struct str body;
    struct str peer;
    struct str base; /* "/prod" where a stage was cut off */
    struct str arn;  /* the resource that an authorizer is asked about */
    bool multi;      /* the request had multiValueHeaders */
    bool is_tls;
};

/* The source whose marks the event has; NULL: none. */
const struct event_source *event_source_of(const struct json *event);
/* Fills the rest of `request` from its source and its event. ERR_BAD_REQUEST: the event holds something that cannot
 * stand in a request. `trace`: the invocation's; empty: none. `base_path` is cut off the path. */
enum error_code event_read(struct arena *arena, struct str base_path, struct str trace,
                           struct event_request *request, struct error *err) MUST_CHECK;

#endif
