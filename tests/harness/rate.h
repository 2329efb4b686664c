/* What a rate lets through, on a machine of any speed: from one refusal to another one, that is what the rate has earned in the
 * time between them. The burst must be so large that it is not full again while a busy machine asks nothing. */
#ifndef HARNESS_RATE_H
#define HARNESS_RATE_H

#include <stdbool.h>
#include <stddef.h>

struct rate_watch {
    bool (*is_refused)(void *arg, size_t n); /* asks for the n-th time */
    void *arg;
    unsigned per_second;
    unsigned seconds; /* at least so long */
};

/* Fails the test when the rate is off by more than five percent. */
void rate_judge(const struct rate_watch *watch);

#endif
