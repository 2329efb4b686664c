/* The audit in a bucket: each batch of lines is an object CHAIN/<number of its first line>.jsonl, put there if there is none of that
 * name. So no line is ever changed, and of two writers of one chain the later one goes on behind the other.
 *
 *   end of the chain: (list) ──► the newest object: its last line ──► lines
 *   lines ──► put ──► there; or there already: (read) ──► ours ──► the next lines
 *                                                    └──► another's: end of the chain ──► the same lines behind it ──► put */
#include <string.h>

#include "audit_internal.h"
#include "observe/log.h"

enum { NUMBER_DIGITS = 12 };

#define NUMBER_END 1000000000000 /* 10 to the power of NUMBER_DIGITS */

static void look(struct audit *audit, uint64_t behind);

static struct str key_of(const struct audit *audit, uint64_t first, char room[BUCKET_KEY_MAX])
{
    return str_print(room, BUCKET_KEY_MAX, "%s/%0*llu.jsonl", audit->head.chain, NUMBER_DIGITS,
                     (unsigned long long)first);
}

/* The number in a key; 0: the key is none of ours. */
static uint64_t first_of(const struct audit *audit, struct str key)
{
    size_t at = strlen(audit->head.chain) + 1;
    int64_t first = 0;
    struct str digits;
    struct str rest;

    (void)str_cut(str_sub(key, at, key.len), '.', &digits, &rest);
    return digits.len == NUMBER_DIGITS && str_is(rest, "jsonl") &&
                   str_to_i64(digits, 1, NUMBER_END, &first)
               ? (uint64_t)first
               : 0;
}

static void end_write(struct audit *audit, const char *failure)
{
    audit->writes = false;
    audit_written(audit, failure);
}

static void fail(struct audit *audit, const struct store_bucket_told *told)
{
    const char *text = told->end == BUCKET_AWAY ? told->error->text : "an object is gone from it";

    audit->acts = false;
    if (audit->writes) {
        end_write(audit, text);
    } else {
        audit_has_no_end(audit, text);
    }
}

/* --- the end of the chain */
static void found(struct audit *audit)
{
    audit->acts = false;
    audit->is_found = true;
    if (audit->writes) {
        audit_chain_anew(&audit->batch, &audit->head);
        audit_bucket_write(audit);
    } else if (audit->journal != NULL) {
        audit_share_begin(audit);
    } else {
        audit_begin(audit);
    }
}

/* Finds the last line of the newest object. A line that was changed counts, too; audit verify finds it. */
static void on_newest(void *context, const struct store_bucket_told *told)
{
    struct audit *audit = context;
    struct str lines = told->bytes;
    struct str line;
    struct str before;
    bool is_changed = false;

    if (told->end != BUCKET_DONE) {
        fail(audit, told);
        return;
    }
    audit->head.number = audit->newest - 1;
    while (str_next(&lines, '\n', &line)) {
        struct audit_head head = audit->head;

        if (line.len == 0) {
            continue;
        }
        if (audit_read_line(line, &head, &before)) {
            audit->head = head;
        } else {
            audit->head.number++;
            is_changed = true;
        }
    }
    if (is_changed) {
        log_event(LOG_ERROR, "audit.changed", F_TEXT("chain", audit->head.chain),
                  F_TEXT("effect", "the chain goes on behind the last line that is whole"));
    }
    found(audit);
}

/* Objects are listed in the order of their numbers, so the newest one is found by bisection. */
static void on_listed(void *context, const struct store_bucket_told *told)
{
    struct audit *audit = context;
    uint64_t last = 0;

    if (told->end != BUCKET_DONE) {
        fail(audit, told);
        return;
    }
    for (size_t i = told->n_keys; i > 0 && last == 0; i--) {
        last = first_of(audit, told->keys[i - 1]);
    }
    if (last > 0) {
        audit->newest = last;
    } else {
        audit->nothing_behind = audit->looked_behind;
    }
    if ((last > 0 && !told->has_more) || audit->nothing_behind - audit->newest <= 1) {
        char room[BUCKET_KEY_MAX];

        audit_head_first(&audit->head);
        if (audit->newest == 0) {
            found(audit);
        } else {
            store_bucket_read(audit->bucket, key_of(audit, audit->newest, room), on_newest);
        }
    } else {
        look(audit, audit->newest + (audit->nothing_behind - audit->newest) / 2);
    }
}

static void look(struct audit *audit, uint64_t behind)
{
    char prefix_room[BUCKET_KEY_MAX];
    char room[BUCKET_KEY_MAX];
    struct str prefix = key_of(audit, 0, prefix_room);

    audit->looked_behind = behind;
    prefix.len = strlen(audit->head.chain) + 1;
    store_bucket_list(audit->bucket, prefix, key_of(audit, behind, room), on_listed);
}

void audit_bucket_find(struct audit *audit)
{
    audit->acts = true;
    audit->nothing_behind = NUMBER_END;
    look(audit, audit->newest);
}

/* --- lines */
static void on_there(void *context, const struct store_bucket_told *told)
{
    struct audit *audit = context;

    if (told->end != BUCKET_DONE) {
        fail(audit, told);
    } else if (str_eq(told->bytes, buf_view(&audit->batch))) { /* ours: the answer was lost */
        end_write(audit, NULL);
    } else {
        audit_bucket_find(audit);
    }
}

static void on_put(void *context, const struct store_bucket_told *told)
{
    struct audit *audit = context;
    char room[BUCKET_KEY_MAX];

    if (told->end != BUCKET_THERE && told->end != BUCKET_DONE) {
        fail(audit, told);
        return;
    }
    audit->newest = audit_first_number(buf_view(&audit->batch));
    if (told->end == BUCKET_THERE) {
        store_bucket_read(audit->bucket, key_of(audit, audit->newest, room), on_there);
    } else {
        end_write(audit, NULL);
    }
}

void audit_bucket_write(struct audit *audit)
{
    char room[BUCKET_KEY_MAX];
    uint64_t first = audit_first_number(buf_view(&audit->batch));

    store_bucket_create(audit->bucket, key_of(audit, first, room), buf_view(&audit->batch), on_put);
}
