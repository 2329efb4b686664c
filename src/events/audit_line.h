/* One line of the audit file. */
#ifndef EVENTS_AUDIT_LINE_H
#define EVENTS_AUDIT_LINE_H

#include "base/buf.h"
#include "events/events.h"
#include "observe/fact.h"

enum { AUDIT_HASH_DIGITS = 64, AUDIT_LINE_MAX = CLOUD_EVENT_MAX, AUDIT_CHAIN_MAX = 72 };

struct audit_head {
    uint64_t number;                  /* of the last line; 0: none */
    char hash[AUDIT_HASH_DIGITS + 1]; /* of it; all 0 before the first */
    char chain[AUDIT_CHAIN_MAX];      /* who writes it; stays as it is while lines are read */
};

void audit_head_first(struct audit_head *head);
/* Writes a line about the chain itself, with a number that explains it ("torn_bytes": 17). */
void audit_write_mark(struct buf *out, struct audit_head *head, const char *type, const char *name,
                      uint64_t value);
void audit_write_fact(struct buf *out, struct audit_head *head, const struct fact *fact);
/* Puts lines that were written already behind another head: they get new numbers and hashes. */
void audit_chain_anew(struct buf *lines, struct audit_head *head);
uint64_t audit_first_number(struct str lines);
/* A whole line without its end: its number, hash and the hash before; false: it is none, or its
 * hash is not that of its text. */
bool audit_read_line(struct str line, struct audit_head *out, struct str *out_before);

#endif
