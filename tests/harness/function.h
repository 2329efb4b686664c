/* The program as a function of AWS Lambda: started as Lambda starts it, with the embedded sandbox as its platform, and
 * asked by events. Owner: the test; function_stop asserts the clean end. */
#ifndef HARNESS_FUNCTION_H
#define HARNESS_FUNCTION_H

#include "harness/program.h"
#include "harness/runtime_api.h"
#include "harness/sandbox.h"

#define FUNCTION_KEY "key-of-a-test-with-enough-letters"

struct function {
    struct program program;
    struct runtime_api api;
    struct arena arena;
    struct seed seed;
    struct runtime_answer answer; /* the last one */
};

/* `env`: "NAME=value", NULL-ended, more than Lambda's own; may be NULL. Returns when the first question has come. */
void function_start(struct function *function, const char *const *env);
/* The same without the sandbox; nothing is waited for. */
void function_start_alone(struct function *function, const char *const *env);
/* Gives the event and reads its answer as JSON. */
const struct json *function_ask(struct function *function, const char *event);
/* The same with so many milliseconds left for it; returns how many passed until the answer was read. */
uint64_t function_ask_within(struct function *function, const char *event, int64_t deadline_ms);
/* Gives an event that carries a run on. False: the function could not ask for the next event, so Lambda gives this one again. */
bool function_is_done(struct function *function, const char *event);
/* An event of a function URL, in the arena; `fields`: members of "headers", JSON; NULL: the key alone. */
const char *function_event(struct function *function, const char *method, const char *path,
                           const char *fields, const char *body);
/* The member `body` of an answer as JSON. */
const struct json *function_body(struct function *function, const struct json *answer);
int64_t function_status(const struct json *answer);
void function_stop(struct function *function);

#endif
