/* duty: work that one process of all does at a time, under the lease "consumer:<name>". A process that is
 * killed is followed by another one when the lease has run out, 6 s later at most. */
#ifndef EVENTS_DUTY_H
#define EVENTS_DUTY_H

#include <stdbool.h>

#include "net/loop.h"
#include "store/keep.h"

struct duty {
    struct loop *loop;
    struct keeps *keeps;
    struct keep_user user;
    struct deadline again;
    const char *name; /* "consumer:audit" */
    bool is_on;
    void (*on_begin)(struct duty *duty);
    void (*on_end)(struct duty *duty); /* the lease is lost: nothing may be written any more */
};

/* Set the callbacks and the name before. The lease is asked for until duty_close. */
void duty_open(struct duty *duty, struct loop *loop, struct keeps *keeps);
/* Lets the lease go, and asks again when others that wait for it have had their turn; for instance when another process
 * has changed what is in the store, or this one cannot open its file. */
void duty_yield(struct duty *duty);
bool duty_lasts(const struct duty *duty); /* ask before you write or send under it */
void duty_close(struct duty *duty);       /* without on_end; idempotent; zeroed is fine */

/* The pause before the next try after so many tries: it doubles each time, and more than half a minute becomes a
 * minute. */
uint64_t duty_pause_ms(uint64_t first_ms, unsigned tries);

#endif
