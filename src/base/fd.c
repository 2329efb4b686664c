#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_PIECE = 65536, LAST_STANDARD = 2, FOLDER_MODE = 0777, PATH_BYTES_MAX = 4096 };

/* open gives the lowest free number: so each closed one is filled in turn. */
void fd_open_standard(void)
{
    for (int standard = 0; standard <= LAST_STANDARD; standard++) {
        if (fcntl(standard, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) {
            return; /* a system without /dev/null: nothing better can be done */
        }
    }
}

uint64_t fd_take_limit(void)
{
    struct rlimit limit = {0};

    (void)getrlimit(RLIMIT_NOFILE, &limit); /* cannot fail for a limit that exists */
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit all = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};

        if (setrlimit(RLIMIT_NOFILE, &all) == 0) {
            limit = all;
        }
    }
    return limit.rlim_cur;
}

/* O_NONBLOCK: without it the open of a FIFO without a writer would wait. It has no effect on a regular
 * file. */
int fd_open_regular(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;

    if (fd < 0) {
        (void)error_set(err, ERR_IO, "%s", strerror(errno));
        return -1;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        (void)error_set(err, ERR_IO, "it is %s, not a regular file",
                        S_ISDIR(status.st_mode)    ? "a directory"
                        : S_ISFIFO(status.st_mode) ? "a pipe"
                                                   : "a device or a socket");
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* When `out` is full, one byte is read into a local variable: more than the end of the file is an error. */
static ssize_t read_piece(int fd, struct buf *out)
{
    size_t room = out->max - out->len;
    char beside;
    ssize_t n = room > 0 ? read(fd, buf_reserve(out, room < READ_PIECE ? room : READ_PIECE),
                                room < READ_PIECE ? room : READ_PIECE)
                         : read(fd, &beside, 1);

    if (n > 0 && room == 0) {
        errno = EFBIG;
        return -1;
    }
    buf_grew(out, n > 0 ? (size_t)n : 0);
    return n;
}

enum error_code fd_read_file(const char *path, struct buf *out, struct error *err)
{
    int fd = fd_open_regular(path, err);
    ssize_t n = 1;
    enum error_code code = ERR_OK;

    if (fd < 0) {
        return ERR_IO;
    }
    while (n > 0) {
        n = read_piece(fd, out);
    }
    if (n < 0) {
        code = errno == EFBIG ? error_set(err, ERR_IO, "it is longer than %zu bytes", out->max)
                              : error_set(err, ERR_IO, "%s", strerror(errno));
    }
    (void)close(fd);
    return code;
}

bool fd_takes_color(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return isatty(fd) == 1 && (no_color == NULL || no_color[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

bool fd_write_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
    return true;
}

bool fd_read_all(int fd, struct buf *out)
{
    ssize_t n = 1;

    while (n > 0) {
        n = read_piece(fd, out);
        n = n < 0 && errno == EINTR ? 1 : n;
    }
    return n == 0;
}

struct str fd_read_kernel(const char *path, char *room, size_t room_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, room, room_bytes) : -1;

    if (fd >= 0) {
        (void)close(fd);
    }
    return (struct str){room, n > 0 ? (size_t)n : 0};
}

/* Folders that exist are fine. If one could not be made, the open that follows fails. */
static void make_folders(const char *path)
{
    struct buf folder;

    buf_init(&folder, PATH_BYTES_MAX);
    for (size_t i = 0; path[i] != '\0'; i++) {
        if (path[i] == '/' && i > 0) {
            (void)mkdir(buf_cstr(&folder), FOLDER_MODE);
        }
        buf_char(&folder, path[i]);
    }
    buf_done(&folder);
}

int fd_create(const char *path, int flags, unsigned mode)
{
    int how = O_WRONLY | O_CREAT | O_CLOEXEC | flags;
    int fd = open(path, how, mode);

    if (fd < 0 && errno == ENOENT) {
        make_folders(path);
        fd = open(path, how, mode);
    }
    return fd;
}

bool fd_replace(const char *path, const char *part, struct str bytes, unsigned mode)
{
    int fd = fd_create(part, O_TRUNC, mode);
    bool ok = fd >= 0 && fd_write_all(fd, bytes) && fsync(fd) == 0;
    int error = errno;

    if (fd < 0) {
        return false;
    }
    if (close(fd) != 0 && ok) {
        ok = false;
        error = errno;
    }
    if (ok && rename(part, path) == 0) {
        return true;
    }
    error = ok ? errno : error;
    (void)unlink(part);
    errno = error;
    return false;
}
