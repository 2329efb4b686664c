/* The audit file: its end is found when it is opened, batches are appended by a thread, and a full file is
 * renamed. */
#include "audit_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/fd.h"
#include "base/mem.h"

enum {
    TAIL_BYTES = 64 * 1024,
    PATH_BYTES_MAX = 4096,
    NUMBER_DIGITS = 12 /* at least: files then sort by their number */
};

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

static void on_written(uv_work_t *work, int status)
{
    struct audit *audit = CONTAINER_OF(work, struct audit, work);

    (void)status; /* it is never cancelled */
    audit->writes = false;
    if (audit->failure == 0) {
        audit->n_bytes = audit->rotates ? 0 : audit->n_bytes + audit->batch.len;
        audit->n_written = 0;
    }
    audit_written(audit, audit->failure != 0 ? strerror(audit->failure) : NULL);
}

void audit_file_write(struct audit *audit)
{
    audit->rotates = audit->max_bytes > 0 && audit->n_bytes + audit->batch.len >= audit->max_bytes;
    CHECK(uv_queue_work(&audit->loop->uv, &audit->work, write_batch, on_written) == 0);
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

enum error_code audit_file_open(struct audit *audit, struct error *err)
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

void audit_file_close(struct audit *audit)
{
    if (audit->fd >= 0) {
        (void)close(audit->fd);
    }
}
