/* The limits of this process: the smallest of its control group (v2, or v1 as a container sees it), its mask of
 * processors, and the machine. And what a process has had of the processors. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

double cpu_limit_cores(void); /* 0.5: half of the time of one processor */
/* The same with /proc and /sys below another folder. */
double cpu_limit_cores_below(const char *root);
uint64_t memory_limit_bytes(void);

/* What the first thread of a process has had of the processors since it started (proc(5), stat and schedstat); all zero
 * where the kernel does not tell. A wait is counted when it is over. */
struct cpu_use {
    uint64_t ran_ms;
    uint64_t waited_ms;
    bool is_runnable; /* it runs, or waits for a processor */
};

struct cpu_use cpu_use_of(int pid);

#endif
