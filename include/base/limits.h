/* The limits of this process: the smallest of its control group (v2, or v1 as a container sees it), its mask of
 * processors, and the machine. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include <stdint.h>

double cpu_limit_cores(void); /* 0.5: half of the time of one processor */
/* The same with /proc and /sys below another folder. */
double cpu_limit_cores_below(const char *root);
uint64_t memory_limit_bytes(void);
/* How long the first thread of a process has waited for a processor since it started (proc(5), schedstat). 0 where the
 * kernel does not tell. */
uint64_t cpu_waited_ms(int pid);

#endif
