/* Keeps the newest entries of a run's stream, since a store may lose them (a failover). When the claim was taken anew,
 * they are written once more under their numbers: a reader that has them already passes over them. */
#include "share_internal.h"

#include "base/mem.h"

enum {
    TAIL_MAX = 64 * 1024
}; /* far more than a process writes in the moment that a failover may lose */

struct head {
    uint64_t number;
    uint64_t len;
};

static struct head head_at(const struct run_tail *tail, size_t at)
{
    struct head head;

    mem_copy(&head, tail->bytes.ptr + at, sizeof(head));
    return head;
}

void tail_init(struct run_tail *tail)
{
    buf_init(&tail->bytes, 2 * TAIL_MAX + RUN_PENDING_MAX + sizeof(struct head));
}

void tail_done(struct run_tail *tail)
{
    buf_done(&tail->bytes);
}

/* Drops the oldest entries, many at once. */
void tail_note(struct run_tail *tail, uint64_t number, struct str lines)
{
    struct head head = {number, lines.len};
    size_t cut = 0;

    buf_append(&tail->bytes, &head, sizeof(head));
    buf_str(&tail->bytes, lines);
    if (tail->bytes.len <= (size_t)2 * TAIL_MAX) {
        return;
    }
    while (tail->bytes.len - cut > TAIL_MAX) {
        cut += sizeof(head) + (size_t)head_at(tail, cut).len;
    }
    buf_consume(&tail->bytes, cut);
}

void tail_begin(struct run_tail *tail)
{
    tail->at = 0;
    tail->is_left = tail->bytes.len > 0;
}

struct str tail_entry(const struct run_tail *tail, uint64_t *out_number)
{
    struct head head = head_at(tail, tail->at);
    size_t from = tail->at + sizeof(head);

    *out_number = head.number;
    return str_sub(buf_view(&tail->bytes), from, (size_t)head.len);
}

void tail_next(struct run_tail *tail)
{
    tail->at += sizeof(struct head) + (size_t)head_at(tail, tail->at).len;
    tail->is_left = tail->at < tail->bytes.len;
}
