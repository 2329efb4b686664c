#include "append_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"

enum { PATH_BYTES_MAX = 4096, NUMBER_DIGITS = 12 /* at least: files then sort by their number */ };

/* ---- in a thread ---- */

static bool rotate(struct append_file *file)
{
    char digits[DIGITS_MAX];
    struct str number = str_of_int((int64_t)file->number, digits);
    struct buf old;
    bool renamed;
    int fd;

    buf_init(&old, PATH_BYTES_MAX);
    buf_text(&old, file->path);
    buf_char(&old, '.');
    for (size_t i = number.len; i < NUMBER_DIGITS; i++) {
        buf_char(&old, '0');
    }
    buf_str(&old, number);
    renamed = buf_ok(&old) && rename(file->path, buf_cstr(&old)) == 0;
    buf_done(&old);
    if (!renamed) {
        return false;
    }
    fd = open(file->path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    (void)flock(fd, LOCK_EX | LOCK_NB);
    (void)close(file->fd);
    file->fd = fd;
    return true;
}

static void write_batch(uv_work_t *work)
{
    struct append_file *file = CONTAINER_OF(work, struct append_file, work);
    struct str left = str_sub(file->batch, file->n_written, file->batch.len);

    file->failure = 0;
    while (left.len > 0) {
        ssize_t n = write(file->fd, left.ptr, left.len);

        if (n < 0 && errno != EINTR) {
            file->failure = errno;
            return;
        }
        if (n > 0) {
            left = str_sub(left, (size_t)n, left.len);
            file->n_written += (size_t)n;
        }
    }
    if (file->rotates && !rotate(file)) {
        file->rotates = false; /* the file goes on as it is */
    }
}

/* ---- on the loop ---- */

static void on_written(uv_work_t *work, int status)
{
    struct append_file *file = CONTAINER_OF(work, struct append_file, work);

    (void)status; /* it is never cancelled */
    if (file->failure == 0) {
        file->n_bytes = file->rotates ? 0 : file->n_bytes + file->batch.len;
        file->n_written = 0;
    }
    file->on_written(file, file->failure != 0 ? strerror(file->failure) : NULL);
}

void append_file_write(struct append_file *file, struct str batch, uint64_t number,
                       void (*on_end)(struct append_file *file, const char *failure))
{
    file->batch = batch;
    file->number = number;
    file->on_written = on_end;
    file->rotates = file->max_bytes > 0 && file->n_bytes + batch.len >= file->max_bytes;
    CHECK(uv_queue_work(&file->loop->uv, &file->work, write_batch, on_written) == 0);
}

static enum error_code fail(struct error *err, const char *option, const char *path,
                            const char *why)
{
    return error_at(err, ERR_CONFIG, option, "%s: cannot use %s: %s", option, path, why);
}

static int open_path(const char *path, struct stat *seen, const char *option, struct error *err)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);

    if (fd < 0 || fstat(fd, seen) != 0) {
        (void)fail(err, option, path, strerror(errno));
    } else if (!S_ISREG(seen->st_mode)) {
        (void)fail(err, option, path, "it is not a file");
    } else {
        return fd;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
}

enum error_code append_file_try(const char *path, const char *option, struct error *err)
{
    struct stat seen;
    int fd = open_path(path, &seen, option, err);

    if (fd >= 0) {
        (void)close(fd);
    }
    return fd >= 0 ? ERR_OK : ERR_CONFIG;
}

enum error_code append_file_open(struct append_file *file, struct loop *loop, const char *path,
                                 uint64_t max_bytes, const char *option, struct error *err)
{
    struct stat seen;

    *file = (struct append_file){
        .loop = loop, .path = mem_strdup(path), .max_bytes = max_bytes, .fd = -1};
    file->fd = open_path(path, &seen, option, err);
    if (file->fd < 0) {
        return ERR_CONFIG;
    }
    if (flock(file->fd, LOCK_EX | LOCK_NB) != 0) {
        return fail(err, option, path, "another process writes it; each needs a file of its own");
    }
    file->n_bytes = (uint64_t)seen.st_size;
    return ERR_OK;
}

void append_file_end_line(const struct append_file *file)
{
    char last = '\n';

    if (file->n_bytes > 0 && pread(file->fd, &last, 1, (off_t)file->n_bytes - 1) == 1 &&
        last != '\n') {
        (void)!write(file->fd, "\n", 1); /* without it the next line would be lost, too */
    }
}

void append_file_close(struct append_file *file)
{
    if (file->fd >= 0) {
        (void)close(file->fd);
        file->fd = -1;
    }
    mem_free(file->path);
    file->path = NULL;
}
