/* The metrics of several processes of one service in one piece of memory (a memfd): each process counts in a slot of its
 * own, at the cost of counting alone, and whoever tells metrics adds the slots up. So what a process
 * has counted is there until its supervisor ends, however the process ended: its successor goes on in the slot.
 * All of them are the same executable file, so their slots are laid out alike. */
#ifndef OBSERVE_METRICS_SHARED_H
#define OBSERVE_METRICS_SHARED_H

#include <stdbool.h>

#include "base/error.h"

/* For the supervisor: *out_fd is to be given to the processes. It counts nothing itself. */
enum error_code metrics_shared_open(unsigned n_slots, int *out_fd, struct error *err) MUST_CHECK;
/* The process of the slot has ended: what it had open and in flight counts no more. */
void metrics_shared_gone(unsigned slot);
void metrics_shared_close(void); /* not the descriptor */

/* For a process, before metrics_open; it may close the descriptor. */
enum error_code metrics_share(int fd, unsigned n_slots, unsigned slot,
                              struct error *err) MUST_CHECK;
/* What the process takes of the machine, for the others to tell: from time to time. */
void metrics_publish(void);

/* Adds up what metric_value, metric_sum, metric_quantile_seconds and metrics_write tell. Does nothing in a process
 * that counts alone. */
void metrics_gather(void);

/* Of the processes of a service one sends its metrics somewhere: true for the first that lives, and alone. */
bool metrics_speaks_for_all(void);

#endif
