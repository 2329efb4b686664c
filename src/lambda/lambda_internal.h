/* What the files of the room share: its main structs `lambda` and `invocation`. */
#ifndef LAMBDA_INTERNAL_H
#define LAMBDA_INTERNAL_H

#include "base/arena.h"
#include "base/deadline.h"
#include "http/local.h"
#include "lambda/lambda.h"
#include "net/loop.h"
#include "reply.h"
#include "runtime.h"

#define RUNTIME_PREFIX "/2018-06-01/runtime"

/* ASKS ──event──► WORKS ──answer──► POSTS ──taken──► QUIETS ──nothing is worked on──► ASKS
 *                   └──streamed: POSTS while it works──┘ */
enum invocation_state {
    INVOCATION_ASKS,
    INVOCATION_WORKS,
    INVOCATION_POSTS,
    INVOCATION_QUIETS,
    INVOCATION_STOPPED
};

struct invocation {
    struct lambda *lambda;
    enum invocation_state state;
    struct runtime runtime;
    struct arena arena; /* memory of the present event */
    struct str id;
    struct event_request request;
    struct http_local local;
    struct answer answer;
    struct deadline last;  /* fires if the service has not answered in time */
    struct deadline quiet; /* looks again whether the process is quiet */
    int64_t ends_wall_ms;  /* 0: not known */
    bool streams;
};

struct lambda {
    struct loop *loop;
    struct http_server *server;
    struct lambda_options options;
    struct str base_path;
    struct invocation *invocations;
    unsigned n_invocations;
    unsigned n_open;      /* invocations whose line is not closed */
    int64_t seen_wall_ms; /* when an event last came or was asked for */
    uint64_t seen_age_ms;
    bool draining, gone;
    char *why;
    struct later_item tell_gone;
    void (*on_closed)(void *context);
    void *closed_context;
};

/* invocation.c */
void invocation_open(struct invocation *invocation, struct lambda *lambda);
void invocation_ask(struct invocation *invocation);
void invocation_close(struct invocation *invocation);

/* lambda.c */
void lambda_fail(struct lambda *lambda, const char *why);
void lambda_is_awake(struct lambda *lambda); /* an event has come */
void lambda_line_closed(struct lambda *lambda);

#endif
