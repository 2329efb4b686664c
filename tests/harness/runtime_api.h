/* AWS Lambda's Runtime API as its public emulator has it: statuses, states and limits; strict where a mistake of the
 * program would show. The test gives each event and reads each answer, so nothing happens by itself: a question for the
 * next event before the answer, two answers, or any request at a wrong place fail the test.
 * Owner: the test; runtime_api_done. */
#ifndef HARNESS_RUNTIME_API_H
#define HARNESS_RUNTIME_API_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "data/json.h"
#include "harness/program.h"

enum { RUNTIME_API_LINES = 16, RUNTIME_API_MAX = 6291556, RUNTIME_API_OUT = 8 };

struct runtime_api_line {
    int fd; /* 0: unused */
    struct buf in;
    bool asks;       /* a GET /next waits for its answer */
    bool is_refused; /* in the middle of a POST: what else comes is its rest */
};

struct runtime_api {
    int listener;
    uint16_t port;
    char env[64]; /* "AWS_LAMBDA_RUNTIME_API=127.0.0.1:1234" */
    struct runtime_api_line lines[RUNTIME_API_LINES];
    char out[RUNTIME_API_OUT][48]; /* ids whose answer is owed; "" free */
    unsigned concurrency;          /* questions at once; more fail the test */
    unsigned n_ids;
    bool closes;      /* the connection after each reply */
    bool chunks;      /* events come chunked, names of fields in another case */
    int post_status;  /* instead of 202; 0: 202 */
    char last_id[48]; /* of the event given last */
    unsigned n_nexts, n_posts, n_init_errors;
};

struct runtime_event {
    const char *body;
    size_t body_len;     /* 0: of the text */
    int64_t deadline_ms; /* from now; 0: a minute; negative: over already */
    const char *trace;   /* NULL: none */
    bool bare;           /* no field but the id */
};

struct runtime_answer {
    char id[48];
    bool is_error; /* of an invocation */
    bool is_init_error;
    bool is_streamed;
    struct buf head;
    struct buf body; /* without framing */
    struct buf trailers;
};

void runtime_api_open(struct runtime_api *api);
void runtime_api_done(struct runtime_api *api);
/* Until somebody asks for the next event. */
void runtime_api_await(struct runtime_api *api);
bool runtime_api_is_asked(struct runtime_api *api); /* looks now */
unsigned runtime_api_n_asking(struct runtime_api *api);
/* Answers a question (and waits for one). */
void runtime_api_give(struct runtime_api *api, const struct runtime_event *event);
/* The next POST, whole (a streamed one to its end); answered 202. `answer` is zeroed or was filled before. */
void runtime_api_read(struct runtime_api *api, struct runtime_answer *answer);
/* Until these bytes of a POST under way have come. */
void runtime_api_await_bytes(struct runtime_api *api, const char *bytes);
/* Answers a POST under way with a status before its end, and keeps its connection. */
void runtime_api_refuse_post(struct runtime_api *api, int status);
/* Nothing comes on any line for so long, nor a new connection. */
bool runtime_api_is_silent(struct runtime_api *api, unsigned ms);
/* Breaks all connections. */
void runtime_api_break(struct runtime_api *api);
/* Answers a question with a status and no event. */
void runtime_api_refuse(struct runtime_api *api, int status);
void runtime_answer_done(struct runtime_answer *answer);
const struct json *runtime_answer_json(const struct runtime_answer *answer, struct arena *arena);

#endif
