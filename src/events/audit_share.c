/* The audit of several processes: one of them writes at a time, from the place in the journal that the
 * document "consumers/audit" tells.
 *
 *   on duty ──► place ──► (stream: the end of our chain) ──► lines ──► written ──► place ──► lines … */
#include "audit_internal.h"

#include "observe/log.h"
#include "observe/trouble.h"

enum { STREAM_FORMAT = 1, SCAN_ENTRIES = 4 };

static void scan(struct audit *audit);

static void act(struct audit *audit, const struct store_request *request, store_done_fn on_done)
{
    audit->acts = true;
    store_start(journal_store(audit->journal), request, &audit->op, on_done);
}

struct str audit_stream(struct str chain, char room[AUDIT_KEY_MAX])
{
    return str_print(room, AUDIT_KEY_MAX, "audit/%.*s", STR_ARG(chain));
}

/* --- the place in the journal */
static void on_saved(struct place *place, const struct error *error)
{
    struct audit *audit = CONTAINER_OF(place, struct audit, place);

    if (error == NULL) {
        audit_go_on(audit);
    } else if (audit->closing) {
        audit_finish_close(audit);
    } else if (error->code == ERR_CONFLICT) {
        duty_yield(&audit->duty); /* another process writes, too */
    } else {
        audit_try_again(audit);
    }
}

bool audit_share_saves(struct audit *audit)
{
    if (audit->journal == NULL || !feed_is_open(&audit->feed) || !duty_lasts(&audit->duty)) {
        return false;
    }
    return place_save(&audit->place,
                      &(struct place_told){.position = audit->feed.position,
                                           .writer = str_from(audit->head.chain),
                                           .sequence = audit->sequence},
                      on_saved);
}

void audit_share_begin(struct audit *audit)
{
    place_open_feed(&audit->place, &audit->feed, audit->journal, audit_on_news);
    audit_begin(audit);
}

/* There is no way to go on: yields the duty, or closes. */
static void leave(struct audit *audit)
{
    if (audit->closing) {
        audit_finish_close(audit);
    } else {
        duty_yield(&audit->duty);
    }
}

/* The chain goes on behind what the file holds: another process may have written it since. What a thread still writes
 * since the last time on duty stays its own. */
static void begin_file(struct audit *audit)
{
    struct error err = {0};
    const char *why = "it is still being written";

    if (!audit->writes) {
        buf_clear(&audit->batch);
        if (audit_file_open(audit, &err) == ERR_OK) {
            audit_share_begin(audit);
            return;
        }
        append_file_close(&audit->file);
        why = err.text;
    }
    log_event(LOG_ERROR, "audit.failed", F_TEXT("file", audit->path), F_TEXT("error", why));
    trouble_tell(TROUBLE_AUDIT, why);
    if (!audit->writes || !audit->closing) { /* else the end of the writing closes */
        leave(audit);
    }
}

static void on_place(struct place *place, const struct error *error)
{
    struct audit *audit = CONTAINER_OF(place, struct audit, place);

    if (error != NULL) {
        leave(audit);
    } else if (audit->path != NULL) {
        begin_file(audit);
    } else if (audit->bucket != NULL) {
        audit_bucket_find(audit);
    } else {
        audit->sequence = str_is(str_from(audit->head.chain), place->writer) ? place->sequence : 0;
        audit_head_first(&audit->head);
        scan(audit);
    }
}

/* --- the stream */
/* The last line of an entry. */
static void take_entry(struct audit *audit, struct str lines)
{
    struct str line;
    struct str last = STR_EMPTY;
    struct str before;
    struct audit_head head = audit->head;

    while (str_next(&lines, '\n', &line)) {
        last = line;
    }
    if (audit_read_line(last, &head, &before)) {
        audit->head = head;
    } else {
        log_event(LOG_ERROR, "audit.changed", F_TEXT("chain", audit->head.chain),
                  F_TEXT("effect", "the chain goes on behind the last line that is whole"));
    }
}

static void on_scanned(struct store_op *op, const struct store_result *result)
{
    struct audit *audit = CONTAINER_OF(op, struct audit, op);

    audit->acts = false;
    if (result->error.code != ERR_OK) {
        leave(audit);
        return;
    }
    for (size_t i = 0; i < result->n_items; i++) {
        take_entry(audit, result->items[i].bytes);
        audit->sequence = result->items[i].sequence + 1;
    }
    if (result->n_items > 0) {
        scan(audit);
    } else {
        audit_share_begin(audit);
    }
}

/* Reads the entries from number `sequence` on: at first our last known entry, then the one behind the last that was
 * read. */
static void scan(struct audit *audit)
{
    char room[AUDIT_KEY_MAX];
    struct store_request request = {.kind = STORE_READ,
                                    .format = STREAM_FORMAT,
                                    .after = audit->sequence > 0 ? audit->sequence - 1 : 0,
                                    .limit = SCAN_ENTRIES};

    request.key = audit_stream(str_from(audit->head.chain), room);
    act(audit, &request, on_scanned);
}

static void on_appended(struct store_op *op, const struct store_result *result)
{
    struct audit *audit = CONTAINER_OF(op, struct audit, op);

    audit->acts = false;
    audit->writes = false;
    if (result->error.code == ERR_OK) {
        audit->sequence = result->version;
        audit_written(audit, NULL);
    } else if (!audit->closing && result->in_doubt) {
        audit->is_failing = true;
        duty_yield(&audit->duty); /* whether it was written is seen in the stream */
    } else {
        audit_written(audit, result->error.text);
    }
}

void audit_stream_write(struct audit *audit)
{
    char room[AUDIT_KEY_MAX];
    struct store_request request = {.kind = STORE_APPEND,
                                    .format = STREAM_FORMAT,
                                    .bytes = buf_view(&audit->batch),
                                    .limit = STORE_STREAM_MAX};

    request.key = audit_stream(str_from(audit->head.chain), room);
    act(audit, &request, on_appended);
}

/* --- on and off duty */
static void on_begin(struct duty *duty)
{
    struct audit *audit = CONTAINER_OF(duty, struct audit, duty);

    place_read(&audit->place, audit->journal, "consumers/audit", on_place);
}

/* A thread that is writing finishes; the process that takes over makes other lines anew. An audit that closes is closed
 * by the thread's end, on the next duty, or when the time for last words is over. */
static void on_end(struct duty *duty)
{
    struct audit *audit = CONTAINER_OF(duty, struct audit, duty);

    if (audit->path == NULL ||
        feed_is_open(&audit->feed)) { /* a file that cannot be opened is still told */
        trouble_tell(TROUBLE_AUDIT, NULL);
    }
    place_cancel(&audit->place);
    store_cancel(&audit->op);
    if (audit->bucket != NULL) {
        store_bucket_cancel(audit->bucket);
    }
    audit->acts = false;
    deadline_clear(&audit->again);
    feed_close(&audit->feed);
    if (audit->path == NULL) {
        audit->writes = false;
    }
    if (!audit->writes) {
        append_file_close(&audit->file);
        buf_clear(&audit->batch);
    }
}

void audit_share_open(struct audit *audit, struct keeps *keeps)
{
    audit->duty = (struct duty){.name = "consumer:audit", .on_begin = on_begin, .on_end = on_end};
    duty_open(&audit->duty, audit->loop, keeps);
}

void audit_share_close(struct audit *audit)
{
    if (audit->journal != NULL) {
        place_cancel(&audit->place);
        store_cancel(&audit->op);
        duty_close(&audit->duty);
    }
}
