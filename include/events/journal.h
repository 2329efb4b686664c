/* journal: the facts of all processes that share a store, in one stream of it. What this process notes is
 * appended there, in order, at least once; what all have noted is read back into the ring of facts
 * (observe/fact.h), so that each process sees the same events in the same order. A fact is accepted when
 * the store has it: from then on it outlives this process.
 *
 *   fact_note ──► gathers ──► one append at a time ──► stream "events" ──► facts_tell ──► the ring
 *
 * Limits: JOURNAL_GATHERS_MAX bytes wait while the store is away or slow; what comes then is dropped and
 * counted. The stream keeps its newest STORE_STREAM_MAX batches. */
#ifndef EVENTS_JOURNAL_H
#define EVENTS_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/str.h"

struct journal;
struct loop;
struct store;

enum { JOURNAL_GATHERS_MAX = 512 * 1024 };

/* Something that all processes are told, and that is no event. */
struct journal_ear {
    struct list link;
    void (*on_mark)(struct journal_ear *ear, const char *mark, struct str subject, struct str name);
};

/* NULL: another server of this process has one already. */
/* `on_duty`: this process may also do the work that one process of all does at a time (duty.h of the room). */
struct journal *journal_open(struct loop *loop, struct store *store, bool on_duty);
/* What was noted is appended first, for at most a second. Before store_close. NULL is not fine. */
void journal_close(struct journal *journal, void (*on_closed)(void *context), void *context);

/* Tells all processes a mark. Returns the serial of the entry that will hold it; 0: there was no room for it. */
uint64_t journal_mark(struct journal *journal, const char *mark, struct str subject,
                      struct str name);
/* The serial of the entry that is gathered now and was not sent yet. */
uint64_t journal_gathering(const struct journal *journal);
void journal_listen(struct journal *journal, struct journal_ear *ear);
void journal_leave(struct journal_ear *ear); /* idempotent; zeroed is fine */

bool journal_is_on_duty(const struct journal *journal);
struct store *journal_store(const struct journal *journal);
struct loop *journal_loop(const struct journal *journal);
/* What is noted from now on is behind this position; 0: the store has not answered yet. */
uint64_t journal_position(const struct journal *journal);
uint64_t
journal_first(const struct journal *journal); /* of our first entry; 0: none of ours is there yet */
/* The ring has all facts behind this position. */
bool journal_ring_covers(const struct journal *journal, uint64_t position);

#endif
