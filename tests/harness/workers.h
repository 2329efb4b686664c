/* A service of several workers (server.workers) as a child, with its sandbox, and its processes one by one. Owner: the
 * test; workers_stop asserts the clean exit of all of them. */
#ifndef HARNESS_WORKERS_H
#define HARNESS_WORKERS_H

#include "harness/proxy.h"

enum { WORKERS_MAX = 8, WORKERS_USUAL = 3 };

/* `sets` as of proxy_start; server.workers is among them. */
void workers_start(struct proxy *proxy, const char *const *sets);
/* Three of them without an access log; `more` as `sets` (NULL: none). */
void workers_start_usual(struct proxy *proxy, const char *const *more);
/* Whether the process is there and no zombie: whoever is process 1 may not wait for it. */
bool workers_lives(pid_t pid);
/* Process ids of the workers that live, and how many. */
size_t workers_pids(const struct proxy *proxy, pid_t out[WORKERS_MAX]);
/* Children of the program that are dead, and that it has not waited for. */
size_t workers_zombies(const struct proxy *proxy);
/* Which of them answers this connection: the one whose count of requests grows is not told by HTTP, but the kernel knows
 * who holds the other end. 0: nobody yet. */
pid_t workers_of(const struct proxy *proxy, const struct client *client);
/* A figure of /metrics, the sum over all series that begin so. */
double workers_metric(struct proxy *proxy, const char *name);
/* Open descriptors of a process. */
size_t workers_descriptors(pid_t pid);

#endif
