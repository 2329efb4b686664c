/* A hop between the proxy and the sandbox that breaks what passes: connections, answers, and what
 * the platform says. A child process, with one more for each connection. Requests for steps that it
 * has broken are counted. Owner: the test holds the struct; planter_done ends all children. */
#ifndef HARNESS_PLANTER_H
#define HARNESS_PLANTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum plant {
    PLANT_NOTHING,
    PLANT_RESET_BEFORE, /* not carried out; the connection is reset */
    PLANT_RESET_AFTER,  /* carried out; reset instead of an answer */
    PLANT_CUT_HEAD,     /* carried out; the answer ends in its head */
    PLANT_CUT_BODY,     /* the same in its body */
    PLANT_FAIL_BEFORE,  /* 500, not carried out */
    PLANT_FAIL_AFTER,   /* 500, carried out */
    PLANT_GATEWAY,      /* 502, carried out */
    PLANT_EMPTY,        /* 200 {}, carried out */
    PLANT_TWICE,        /* the answer, and the same once more */
    PLANT_ODD,          /* of a look after a broken create: 200 that says nothing */
    PLANT_AWAY,         /* 503, not carried out */
    PLANT_LATE_TWIN, /* the answer, and the same once more 30 ms later if the connection is idle then */
    PLANT_CROSSING, /* the answer, and the same once more when the next request has come */
    PLANT_AMBIGUOUS, /* carried out; 200 whose length can be read in two ways, or that is coded and cut */
    PLANT_IDLE, /* 408 on a connection that is kept open, then closed */
    PLANT_N
};

struct planter_shared {
    bool on; /* else everything passes */
    unsigned n[PLANT_N];
    unsigned n_connections;
    bool was_broken[64]; /* the last create of the checkpoint, by its id modulo 64 */
};

struct planter {
    pid_t pid;
    uint16_t port;
    struct planter_shared *shared;
};

void planter_start(struct planter *planter, uint16_t sandbox_port, uint64_t seed);
void planter_done(struct planter *planter);

#endif
