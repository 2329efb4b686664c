#include "events/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_line.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "net/loop.h"
#include "observe/log.h"
#include "observe/metrics.h"

enum {
    BATCH_MAX = 256 * 1024,
    BATCH_LINES = 200, /* made in one turn of the loop */
    TAIL_BYTES = 64 * 1024,
    RETRY_MS = 1000,
    HEAD_MS = 60000,
    PATH_BYTES_MAX = 4096,
    NUMBER_DIGITS = 12 /* at least: files then sort by their number */
};

struct audit {
    struct loop *loop;
    struct fact_consumer consumer;
    uint64_t seen; /* the last fact that is in the file, or in the batch */
    struct audit_head head;
    struct audit_head told; /* the last one that was told as an event */
    char *file;
    uint64_t max_bytes;
    uint64_t n_bytes; /* in the file */
    int fd;
    /* The batch belongs to the thread while `writes`. */
    uv_work_t work;
    struct buf batch;
    size_t n_written; /* of the batch */
    int failure;      /* errno */
    bool rotates;     /* after the batch */
    bool writes;
    bool is_failing;
    struct deadline again;
    struct deadline tell_head;
    bool closing;
    void (*on_closed)(void *context);
    void *closed_context;
};

bool audit_takes(enum fact_kind kind)
{
    return kind == FACT_REQUEST || kind == FACT_AUTH_REFUSED || kind == FACT_COMMAND ||
           kind == FACT_CONFIG_RELOADED || kind == FACT_SESSION_EXPIRED;
}

/* ---- in a thread ---- */

static bool rotate(struct audit *audit)
{
    char digits[DIGITS_MAX];
    struct str number = str_of_int((int64_t)audit->head.number, digits);
    struct buf old;
    bool renamed;
    int fd;

    buf_init(&old, PATH_BYTES_MAX);
    buf_text(&old, audit->file);
    buf_char(&old, '.');
    for (size_t i = number.len; i < NUMBER_DIGITS; i++) {
        buf_char(&old, '0');
    }
    buf_str(&old, number);
    renamed = buf_ok(&old) && rename(audit->file, buf_cstr(&old)) == 0;
    buf_done(&old);
    if (!renamed) {
        return false;
    }
    fd = open(audit->file, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    (void)flock(fd, LOCK_EX | LOCK_NB);
    (void)close(audit->fd);
    audit->fd = fd;
    return true;
}

static void write_batch(uv_work_t *work)
{
    struct audit *audit = CONTAINER_OF(work, struct audit, work);
    struct str left = str_sub(buf_view(&audit->batch), audit->n_written, audit->batch.len);

    audit->failure = 0;
    while (left.len > 0) {
        ssize_t n = write(audit->fd, left.ptr, left.len);

        if (n < 0 && errno != EINTR) {
            audit->failure = errno;
            return;
        }
        if (n > 0) {
            left = str_sub(left, (size_t)n, left.len);
            audit->n_written += (size_t)n;
        }
    }
    if (audit->rotates && !rotate(audit)) {
        audit->rotates = false; /* the file goes on as it is */
    }
}

/* ---- on the loop ---- */

static void go_on(struct audit *audit);
static void finish_close(struct audit *audit);

static void on_again(struct deadline *deadline)
{
    go_on(CONTAINER_OF(deadline, struct audit, again));
}

static void tell_failure(struct audit *audit)
{
    if (audit->failure != 0 && !audit->is_failing) {
        log_event(LOG_ERROR, "audit.failed", F_TEXT("file", audit->file),
                  F_TEXT("error", strerror(audit->failure)),
                  F_TEXT("effect", "events are kept in memory and written when it is possible"));
    } else if (audit->failure == 0 && audit->is_failing) {
        log_event(LOG_INFO, "audit.back", F_TEXT("file", audit->file));
    }
    audit->is_failing = audit->failure != 0;
}

static void on_written(uv_work_t *work, int status)
{
    struct audit *audit = CONTAINER_OF(work, struct audit, work);

    (void)status; /* it is never cancelled */
    audit->writes = false;
    tell_failure(audit);
    if (audit->failure == 0) {
        audit->n_bytes = audit->rotates ? 0 : audit->n_bytes + audit->batch.len;
        buf_clear(&audit->batch);
        audit->n_written = 0;
    }
    metric_set(M_AUDIT_LAG, (int64_t)(facts_newest() - audit->seen));
    if (audit->closing && (audit->failure != 0 || audit->seen == facts_newest())) {
        finish_close(audit);
    } else if (audit->failure != 0) {
        deadline_set(&audit->loop->deadlines, &audit->again, RETRY_MS, on_again);
    } else {
        go_on(audit);
    }
}

/* Facts that were overwritten meanwhile are counted, in the file too. */
static void note_lost(struct audit *audit)
{
    uint64_t oldest = facts_oldest();

    if (audit->seen + 1 < oldest) {
        uint64_t n_lost = oldest - audit->seen - 1;

        metric_add(M_AUDIT_LOST, 0, 0, 0, n_lost);
        audit_write_mark(&audit->batch, &audit->head, "audit.lost", "events", n_lost);
        audit->seen = oldest - 1;
    }
}

static void fill(struct audit *audit)
{
    const struct fact *fact;
    size_t n = 0;

    note_lost(audit);
    while (n < BATCH_LINES && (fact = fact_at(audit->seen + 1)) != NULL) {
        audit->seen++;
        if (audit_takes(fact->kind)) {
            audit_write_fact(&audit->batch, &audit->head, fact);
            n++;
        }
    }
    CHECK(buf_ok(&audit->batch));
}

static void go_on(struct audit *audit)
{
    if (audit->writes) {
        return; /* on_written goes on */
    }
    if (audit->batch.len == 0) {
        fill(audit);
    }
    if (audit->batch.len == 0) {
        if (audit->closing) {
            finish_close(audit);
        }
        return;
    }
    deadline_clear(&audit->again);
    audit->writes = true;
    audit->rotates = audit->max_bytes > 0 && audit->n_bytes + audit->batch.len >= audit->max_bytes;
    CHECK(uv_queue_work(&audit->loop->uv, &audit->work, write_batch, on_written) == 0);
}

static void on_news(struct fact_consumer *consumer)
{
    struct audit *audit = CONTAINER_OF(consumer, struct audit, consumer);

    metric_set(M_AUDIT_LAG, (int64_t)(facts_newest() - audit->seen));
    if (!deadline_is_set(&audit->again)) {
        go_on(audit);
    }
}

static void on_head(struct deadline *deadline)
{
    struct audit *audit = CONTAINER_OF(deadline, struct audit, tell_head);

    if (audit->head.number != audit->told.number && audit->batch.len == 0) {
        struct fact fact = {.kind = FACT_AUDIT_HEAD, .outcome = "ok"};

        fact.ids[0] = (struct fact_id){"number", (int64_t)audit->head.number};
        str_copy(fact.subject, sizeof(fact.subject), str_from(audit->head.hash));
        fact_note(&fact);
        audit->told = audit->head;
    }
    deadline_set(&audit->loop->deadlines, deadline, HEAD_MS, on_head);
}

/* ---- opening ---- */

static enum error_code fail(struct error *err, const char *file, const char *what)
{
    return error_at(err, ERR_CONFIG, "audit.file", "cannot use %s: %s", file, what);
}

/* The last line, and whether it has its end. */
static struct str last_line(struct str tail, bool *out_ended)
{
    size_t at;

    *out_ended = tail.len == 0 || tail.ptr[tail.len - 1] == '\n';
    if (*out_ended && tail.len > 0) {
        tail.len--;
    }
    at = tail.len;
    while (at > 0 && tail.ptr[at - 1] != '\n') {
        at--;
    }
    return str_sub(tail, at, tail.len);
}

static enum error_code find_end(struct audit *audit, struct str tail, struct error *err)
{
    bool ended;
    struct str line = last_line(tail, &ended);
    struct str before;
    size_t torn;

    audit_head_first(&audit->head);
    if (line.len == 0 || audit_read_line(line, &audit->head, &before)) {
        if (!ended) {
            buf_char(&audit->batch, '\n');
        }
        return ERR_OK;
    }
    if (ended) {
        return fail(
            err, audit->file,
            "its last line is no line of an audit file, or was changed; move the file away, "
            "and see what virtuoso-proxy audit verify says of it");
    }
    if (line.len == tail.len && tail.len == TAIL_BYTES) {
        return fail(err, audit->file, "its last line is too long for an audit file");
    }
    torn = line.len;
    tail.len -= torn;
    line = last_line(tail, &ended);
    if (line.len > 0 && !audit_read_line(line, &audit->head, &before)) {
        return fail(err, audit->file, "the line before the last is no line of an audit file");
    }
    buf_char(&audit->batch, '\n');
    audit_write_mark(&audit->batch, &audit->head, "audit.recovered", "torn_bytes", torn);
    return ERR_OK;
}

/* The last bytes of a file, at most TAIL_BYTES. */
static enum error_code read_tail(int fd, const char *file, struct buf *out, uint64_t *out_size,
                                 struct error *err)
{
    struct stat seen;
    off_t from;
    char *room = buf_reserve(out, TAIL_BYTES);
    ssize_t n;

    if (fstat(fd, &seen) != 0 || !S_ISREG(seen.st_mode)) {
        return fail(err, file, "it is not a file");
    }
    from = seen.st_size > TAIL_BYTES ? seen.st_size - TAIL_BYTES : 0;
    n = pread(fd, room, TAIL_BYTES, from);
    if (n < 0) {
        return fail(err, file, strerror(errno));
    }
    buf_grew(out, (size_t)n);
    *out_size = (uint64_t)seen.st_size;
    return ERR_OK;
}

/* A new file goes on with the chain of the one that was renamed last. */
static enum error_code find_end_before(struct audit *audit, struct error *err)
{
    struct buf pattern;
    struct buf tail;
    uint64_t size;
    glob_t found = {0};
    enum error_code code = ERR_OK;
    int fd;

    buf_init(&pattern, PATH_BYTES_MAX);
    buf_text(&pattern, audit->file);
    buf_text(&pattern, ".[0-9]*");
    (void)glob(buf_cstr(&pattern), 0, NULL, &found);
    buf_done(&pattern);
    if (found.gl_pathc == 0) {
        globfree(&found);
        return ERR_OK; /* the first file of all */
    }
    buf_init(&tail, TAIL_BYTES);
    fd = fd_open_regular(found.gl_pathv[found.gl_pathc - 1], err); /* sorted: numbers are padded */
    code = fd < 0 ? err->code : read_tail(fd, audit->file, &tail, &size, err);
    if (code == ERR_OK) {
        code = find_end(audit, buf_view(&tail), err);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    buf_done(&tail);
    globfree(&found);
    return code;
}

static enum error_code read_end(struct audit *audit, struct error *err)
{
    struct buf tail;
    enum error_code code;

    buf_init(&tail, TAIL_BYTES);
    code = read_tail(audit->fd, audit->file, &tail, &audit->n_bytes, err);
    if (code == ERR_OK) {
        code = find_end(audit, buf_view(&tail), err);
    }
    if (code == ERR_OK && tail.len == 0) {
        code = find_end_before(audit, err);
    }
    buf_done(&tail);
    return code;
}

static enum error_code open_file(struct audit *audit, struct error *err)
{
    audit->fd = open(audit->file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    if (audit->fd < 0) {
        return fail(err, audit->file, strerror(errno));
    }
    if (flock(audit->fd, LOCK_EX | LOCK_NB) != 0) {
        return fail(err, audit->file, "another process writes it; each needs a file of its own");
    }
    return read_end(audit, err);
}

static void free_all(struct audit *audit)
{
    if (audit->fd >= 0) {
        (void)close(audit->fd);
    }
    buf_done(&audit->batch);
    mem_free(audit->file);
    mem_free(audit);
}

enum error_code audit_open(struct loop *loop, const struct audit_options *options,
                           struct audit **out, struct error *err)
{
    struct audit *audit = mem_zalloc(sizeof(*audit));
    enum error_code code;

    audit->loop = loop;
    audit->fd = -1;
    audit->file = mem_strdup(options->file);
    audit->max_bytes = options->max_bytes;
    audit->seen = facts_newest();
    audit->consumer.on_news = on_news;
    buf_init(&audit->batch, BATCH_MAX + (size_t)BATCH_LINES * AUDIT_LINE_MAX);
    code = open_file(audit, err);
    if (code != ERR_OK) {
        free_all(audit);
        return code;
    }
    audit_write_mark(&audit->batch, &audit->head, "audit.started", "time_ms",
                     (uint64_t)clock_wall_ms());
    facts_listen(&audit->consumer, &loop->later);
    deadline_set(&loop->deadlines, &audit->tell_head, HEAD_MS, on_head);
    *out = audit;
    go_on(audit);
    return ERR_OK;
}

static void finish_close(struct audit *audit)
{
    void (*tell)(void *) = audit->on_closed;
    void *told = audit->closed_context;

    free_all(audit);
    tell(told);
}

void audit_close(struct audit *audit, void (*on_closed)(void *context), void *context)
{
    audit->closing = true;
    audit->on_closed = on_closed;
    audit->closed_context = context;
    facts_leave(&audit->consumer);
    deadline_clear(&audit->again);
    deadline_clear(&audit->tell_head);
    go_on(audit);
}
