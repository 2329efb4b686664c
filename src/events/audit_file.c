/* The audit file: the end of its chain is found when it is opened. */
#include "audit_internal.h"

#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

enum { TAIL_BYTES = 64 * 1024, PATH_BYTES_MAX = 4096 };

static void on_written(struct append_file *file, const char *failure)
{
    struct audit *audit = CONTAINER_OF(file, struct audit, file);

    audit->writes = false;
    audit_written(audit, failure);
}

void audit_file_write(struct audit *audit)
{
    append_file_write(&audit->file, buf_view(&audit->batch), audit->head.number, on_written);
}

/* ---- opening ---- */

static enum error_code fail(struct error *err, const char *file, const char *what)
{
    return error_at(err, ERR_CONFIG, "audit.file", "audit.file: cannot use %s: %s", file, what);
}

/* The last line, and whether it has its end. */
static struct str last_line(struct str tail, bool *out_ended)
{
    *out_ended = tail.len == 0 || tail.ptr[tail.len - 1] == '\n';
    if (*out_ended && tail.len > 0) {
        tail.len--;
    }
    return str_sub(tail, str_behind_last(tail, '\n'), tail.len);
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
            err, audit->file.path,
            "its last line is no line of an audit file, or was changed; move the file away, "
            "and see what virtuoso-proxy audit verify says of it");
    }
    if (line.len == tail.len && tail.len == TAIL_BYTES) {
        return fail(err, audit->file.path, "its last line is too long for an audit file");
    }
    torn = line.len;
    tail.len -= torn;
    line = last_line(tail, &ended);
    if (line.len > 0 && !audit_read_line(line, &audit->head, &before)) {
        return fail(err, audit->file.path, "the line before the last is no line of an audit file");
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
    buf_text(&pattern, audit->file.path);
    buf_text(&pattern, ".[0-9]*");
    (void)glob(buf_cstr(&pattern), 0, NULL, &found);
    buf_done(&pattern);
    if (found.gl_pathc == 0) {
        globfree(&found);
        return ERR_OK; /* the first file of all */
    }
    buf_init(&tail, TAIL_BYTES);
    fd = fd_open_regular(found.gl_pathv[found.gl_pathc - 1], err); /* sorted: numbers are padded */
    code = fd < 0 ? err->code : read_tail(fd, audit->file.path, &tail, &size, err);
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

/* The file need not be there: its fd is -1 then. */
static enum error_code read_end(struct audit *audit, struct error *err)
{
    struct buf tail;
    enum error_code code = ERR_OK;
    uint64_t size;

    buf_init(&tail, TAIL_BYTES);
    if (audit->file.fd >= 0) {
        code = read_tail(audit->file.fd, audit->file.path, &tail, &size, err);
    }
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
    enum error_code code = append_file_open(&audit->file, audit->loop, audit->path,
                                            audit->max_bytes, "audit.file", err);

    return code == ERR_OK ? read_end(audit, err) : code;
}

enum error_code audit_try(const char *file, struct error *err)
{
    struct audit audit = {.file.fd = -1};
    struct error why = {0};
    enum error_code code;

    if (access(file, F_OK) == 0) {
        audit.file.fd = fd_open_regular(file, &why);
        if (audit.file.fd < 0) {
            return fail(err, file, why.text);
        }
    }
    audit.file.path = mem_strdup(file);
    buf_init(&audit.batch, AUDIT_LINE_MAX);
    code = read_end(&audit, err);
    buf_done(&audit.batch);
    append_file_close(&audit.file);
    return code;
}
