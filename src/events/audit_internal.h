/* What the files of the audit share. audit.c: facts to lines, batch by batch; audit_file.c: the file;
 * audit_share.c: one process of several at a time, its place in the journal, and the stream of the store; audit_bucket.c: objects
 * of a bucket. */
#ifndef EVENTS_AUDIT_INTERNAL_H
#define EVENTS_AUDIT_INTERNAL_H

#include "append_file.h"
#include "audit_line.h"
#include "duty.h"
#include "events/audit.h"
#include "feed.h"
#include "net/loop.h"
#include "place.h"
#include "store/bucket.h"

enum {
    AUDIT_BATCH_LINES = 200, /* made in one turn of the loop */
    AUDIT_GATHER_MS = 10,    /* so long lines are gathered before they are written */
    AUDIT_OBJECT_MS = 1000   /* the same for a bucket, where each object costs money */
};

struct audit {
    struct loop *loop;
    struct feed feed; /* it has given what stands in the file and in the batch */
    struct audit_head head;
    struct audit_head told; /* the last one that was told as an event */
    struct deadline again;
    struct deadline tell_head;
    struct buf batch;
    bool writes;
    bool is_failing;
    bool closing;
    struct callback on_closed;
    struct deadline last_words; /* while it closes: the store or the duty may not let it go on */
    struct append_file file;    /* with a journal it is open on duty */
    char *path;                 /* NULL: the bucket, or the stream of the store */
    uint64_t max_bytes;
    /* With a journal. */
    struct journal *journal; /* NULL: none; this process writes what it notes itself */
    struct duty duty;
    struct place place;
    struct store_op op; /* of the stream */
    bool acts;          /* an operation of the stream or bucket is in flight */
    uint64_t sequence;  /* of our last entry in the stream */
    /* With a bucket. */
    struct store_bucket *bucket; /* NULL: none */
    bool is_found;               /* `head` is the end of the chain in the bucket */
    uint64_t newest;             /* first number of the newest object that is known; 0: none */
    uint64_t looked_behind;      /* the number that objects were listed behind */
    uint64_t nothing_behind;     /* a number that nothing was behind */
};

/* audit.c */
void audit_go_on(struct audit *audit);
void audit_written(struct audit *audit, const char *failure); /* NULL: the batch is out */
void audit_begin(struct audit *audit);                        /* the head and the feed are right */
void audit_has_no_end(struct audit *audit, const char *failure); /* the end was not found */
void audit_on_news(struct feed *feed);
void audit_finish_close(struct audit *audit);
void audit_try_again(struct audit *audit);

/* audit_file.c */
enum error_code audit_file_open(struct audit *audit, struct error *err) MUST_CHECK;
void audit_file_write(struct audit *audit);

/* audit_share.c */
void audit_share_open(struct audit *audit, struct keeps *keeps);
void audit_share_close(struct audit *audit);
void audit_share_begin(struct audit *audit); /* the head is right */
bool audit_share_saves(struct audit *audit); /* the place is being written: audit_go_on comes */
void audit_stream_write(struct audit *audit);

/* audit_bucket.c */
void audit_bucket_find(struct audit *audit); /* the end of the chain; then the audit begins */
void audit_bucket_write(struct audit *audit);

#endif
