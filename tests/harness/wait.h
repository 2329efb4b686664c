/* Waiting for something to be true, instead of sleeping and hoping: wait_until(condition) looks
 * again every few milliseconds and fails the test when the condition does not become true within
 * UNTIL_MS (stretched by VP_SLOW). A test that waits this way is as fast as the machine allows and
 * does not depend on how busy the machine is. */
#ifndef HARNESS_WAIT_H
#define HARNESS_WAIT_H

#include <stdint.h>

/* WAIT_MS is for the end of a program: less than drain.limit_ms, so that whoever ends only then is found. */
enum { WAIT_MS = 20000, UNTIL_MS = 60000, WAIT_LOOK_MS = 5 };

#define wait_until(condition)                                                                      \
    do {                                                                                           \
        uint64_t wait_limit_ms_ = wait_limit_ms();                                                 \
                                                                                                   \
        while (!(condition)) {                                                                     \
            wait_more(wait_limit_ms_, #condition, __FILE__, __LINE__);                             \
        }                                                                                          \
    } while (0)

/* Two copies of a test may run at once: the one that uses fixed names in VP_SCRATCH_DIR has them until it ends. */
void scratch_lock(void);

/* What wait_until is made of: a time of client_patience_ms. */
uint64_t wait_limit_ms(void);
/* Pauses, or fails the test in the name of the place when the limit has passed. */
void wait_more(uint64_t limit_ms, const char *condition, const char *file, int line);

#endif
