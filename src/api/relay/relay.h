/* Direct access to the platform below /virtuoso: what the request's side (relay.c) and the answer's
 * side (relay_answer.c) share. */
#ifndef API_RELAY_H
#define API_RELAY_H

#include "api/gate/task.h"
#include "http/answer.h"
#include "step/lane.h"

/* What an answer may have of the platform's header lines: the cache keeps no more, and our own stand beside them. */
enum { RELAY_HEAD_MAX = 12 * 1024 };

struct relay {
    struct task *task;
    struct upstream_call call;
    struct upstream_stream stream;
    char traceparent[56];
    struct upstream_header sent[UPSTREAM_MAX_HEADERS]; /* the caller's, passed on */
    bool redacts;                                      /* secrets are taken out for this caller */
    bool leaks;         /* answers of this path are known to hold some */
    struct str meaning; /* the path without escapes, for what depends on it */
    unsigned shows;     /* redact_shows bits: what this caller asked for by its own route */
    struct lanes_foreign foreign; /* the request may be changing steps */
    bool body_ended;
    /* the answer */
    int status;
    struct str content_type;
    struct str coding; /* Content-Encoding; empty: none */
    struct str length;
    struct http_header *headers; /* those that pass */
    size_t n_headers;
    size_t head_bytes; /* of their lines */
    struct buf held;   /* an answer that is looked through before it goes */
    bool holds;
    bool searches; /* what is held, for secrets */
    bool sniffs;   /* an opaque type, and its first bytes are still to come */
    bool streams;  /* the answer has begun */
    bool too_big;
    bool has_big_head; /* more than can be passed on */
    bool went_again;   /* with the account's other token */
};

struct relay *relay_of(struct upstream_call *call);

/* Callbacks of the call, for struct upstream_stream. */
void relay_on_head(struct upstream_call *call, int status, const struct upstream_header *headers,
                   size_t n);
bool relay_on_data(struct upstream_call *call, struct str bytes);
void relay_on_done(struct upstream_call *call, enum error_code code);

/* True: the answer is no success, the request had our own token, and the text repeats it. */
bool relay_repeats_token(const struct relay *relay, struct str text);

/* Headers that end at this hop or are this hop's own business, in both directions. `connection` is
 * the message's Connection value, which may name more. */
bool relay_header_stays(struct str name, struct str connection);
/* Of the platform's headers, those that pass are noted; then they are set in our answer. */
void relay_note_headers(struct relay *relay, const struct upstream_header *headers, size_t n);
void relay_set_headers(const struct relay *relay);
void relay_keep_headers(struct relay *relay);   /* for the replay of a keyed answer */
void relay_drop_digests(struct relay *relay);   /* the body is not what the platform sent */
bool relay_fits_all(const struct relay *relay); /* the answer fits all who ask the same */
/* For how long the cache may keep the answer: at most ttl_s. */
unsigned relay_keep_s(const struct relay *relay, unsigned ttl_s);
unsigned relay_age_s(const struct relay *relay); /* of the answer, when it came */

#endif
