/* The metrics of several processes of one service in one piece of memory (a memfd). Each process counts in its own
 * slot, at the cost of counting alone, and the process that tells metrics adds the slots up. So what a process has
 * counted stays until its supervisor ends, however the process ended: its successor goes on in the same slot.
 * All processes run the same executable file, so their slots are laid out alike. */
#ifndef OBSERVE_METRICS_SHARED_H
#define OBSERVE_METRICS_SHARED_H

#include <stdbool.h>

#include "base/error.h"

/* For the supervisor, which counts nothing itself: it gives *out_fd to the processes. */
enum error_code metrics_shared_open(unsigned n_slots, int *out_fd, struct error *err) MUST_CHECK;
/* The process of the slot has ended: its gauges (what it had open and in flight) count no more. */
void metrics_shared_gone(unsigned slot);
void metrics_shared_close(void); /* the descriptor stays open */

/* For a process, before metrics_open; the process may close the descriptor afterwards. */
enum error_code metrics_share(int fd, unsigned n_slots, unsigned slot,
                              struct error *err) MUST_CHECK;
/* Writes what the process takes of the machine (CPU time, memory, descriptors) into its slot, for the other
 * processes to tell. To be called from time to time. */
void metrics_publish(void);

/* Adds up what metric_value, metric_sum, metric_quantile_seconds and metrics_write tell. Does nothing in a process
 * that counts alone. */
void metrics_gather(void);

/* Only one process of a service sends the metrics out. True: this is the first that lives, or it counts alone. */
bool metrics_speaks_for_all(void);

#endif
