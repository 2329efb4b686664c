/* The sources of events as rows of a table, and an event as a request. What is known of their formats is from the
 * developer guides of AWS Lambda, API Gateway and Elastic Load Balancing. */
#ifndef LAMBDA_EVENT_H
#define LAMBDA_EVENT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "data/json.h"

/* How an answer is given back. */
enum reply_form {
    REPLY_JOINED, /* HTTP API 2.0, Function URL: headers joined by commas, and cookies */
    REPLY_MULTI,  /* 1.0: headers, and multiValueHeaders for names that repeat */
    REPLY_ALB,    /* the one of both maps that the request had */
    REPLY_VERDICT_SIMPLE,
    REPLY_VERDICT_POLICY,
    REPLY_DIRECT, /* the body alone; an error with its status */
    REPLY_PONG,   /* nobody waits for an answer */
    REPLY_RECALL  /* nobody reads it; what failed is to come again */
};

enum query_form {
    QUERY_NONE,
    QUERY_RAW,     /* one text */
    QUERY_DECODED, /* maps of decoded texts */
    QUERY_AS_SENT  /* maps of texts that are not decoded */
};

/* Places are JSON pointers into the event, alternatives separated by spaces; NULL: it has none. */
struct event_source {
    const char *name;

    struct {
        const char *place;
        const char *is;  /* NULL: it is there, whatever it is */
        const char *has; /* instead: a part of the text */
    } marks[3];          /* all of them */

    const char *lacks; /* a place that is empty; NULL: whatever else is there */

    const char *method, *path, *query, *client, *request_id;
    const char *fixed_method, *fixed_path; /* instead of the event's */
    const char *stage;                     /* cut off the path, unless it is "$default" */
    const char *full_path;                 /* what stands in it before the path is our base */
    const char *token;                     /* a text that is the Authorization header */
    const char *caller; /* who calls, without a credential; NULL: who shows one */
    enum query_form query_form;
    enum reply_form reply;
    size_t max_reply; /* bytes; 0: only what the Runtime API takes */
    unsigned
        waits_ms; /* how long the source waits for an answer that is not streamed; 0: as long as Lambda */
    size_t max_head; /* bytes of all header fields of an answer; 0: no limit of its own */
    bool acts;       /* `action` names an operation: the service makes line and body of the event */
    bool can_stream;
    bool loses_binary; /* base64 may reach the client as it is: so nothing is compressed */
};

/* An event as room http takes it; texts in the arena. */
struct event_request {
    const struct event_source *source;
    const struct json *event;
    struct str line; /* "POST /target" where source->acts: set before event_read, as body is */
    struct str head; /* request line, fields, empty line */
    struct str body;
    struct str peer;
    struct str base; /* "/prod" where a stage was cut off */
    struct str arn;  /* of what an authorizer is asked about */
    bool multi;      /* the request had multiValueHeaders */
    bool is_tls;
};

/* NULL: no source that is known. */
const struct event_source *event_source_of(const struct json *event);
/* Of request->source and request->event it makes the rest. ERR_BAD_REQUEST: something in the event could not stand in a
 * request. `trace`: of the invocation; empty: none. `base_path` is cut off the path. */
enum error_code event_read(struct arena *arena, struct str base_path, struct str trace,
                           struct event_request *request, struct error *err) MUST_CHECK;

#endif
