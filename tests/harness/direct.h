/* The proxy with a platform that answers by a script (harness/scripted.h). Owner: the test holds the
 * struct; direct_stop asserts the clean exit. */
#ifndef HARNESS_DIRECT_H
#define HARNESS_DIRECT_H

#include "harness/client.h"
#include "harness/program.h"
#include "harness/scripted.h"

/* Our token at the platform. */
#define DIRECT_TOKEN "token+of/direct=="

struct direct {
    struct scripted scripted;
    struct program program;
    struct reply reply; /* the last one */
};

/* `mode`: how callers are told apart ("auth.mode=none": everybody may do everything). */
void direct_start_as(struct direct *direct, const char *mode, const struct scripted_answer *rows,
                     size_t n);
void direct_start(struct direct *direct, const struct scripted_answer *rows, size_t n);
void direct_stop(struct direct *direct);
/* The status of the answer. */
int direct_ask(struct direct *direct, const char *method, const char *target, const char *fields);

#endif
