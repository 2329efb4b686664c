#include "harness/blocking.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/cmocka.h"

pid_t blocking_fork(void)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)) {
        _exit(126);
    }
    return pid;
}

int blocking_bind(uint16_t *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(*port)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), 0);
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(fd);
        return -1;
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

int blocking_listen(uint16_t *out_port)
{
    int fd;

    *out_port = 0;
    fd = blocking_bind(out_port);
    assert_true(fd >= 0);
    assert_int_equal(listen(fd, 64), 0);
    return fd;
}

int blocking_connect(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

struct str head_field(struct str head, struct str name)
{
    struct str line;

    while (head.len > 0) {
        (void)str_cut(head, '\n', &line, &head);
        if (str_starts_nocase(line, name) && line.len > name.len && line.ptr[name.len] == ':') {
            return str_trim(str_sub(line, name.len + 1, line.len));
        }
    }
    return STR_EMPTY;
}

bool blocking_read(int fd, struct buf *in, struct str *out_head, size_t *out_len)
{
    for (;;) {
        char *room = buf_reserve(in, BLOCKING_HEAD_MAX);
        ptrdiff_t end = str_find(buf_view(in), STR("\r\n\r\n"));
        int64_t length = 0;
        ssize_t n;

        if (end >= 0) {
            struct str head = str_sub(buf_view(in), 0, (size_t)end);

            if (!str_to_i64(head_field(head, STR("Content-Length")), 0, BLOCKING_BODY_MAX,
                            &length)) {
                length = 0;
            }
            *out_len = (size_t)end + 4 + (size_t)length;
            if (in->len >= *out_len) {
                *out_head = head;
                return true;
            }
        }
        n = room != NULL ? read(fd, room, BLOCKING_HEAD_MAX) : -1;
        if (n <= 0) {
            return false;
        }
        buf_grew(in, (size_t)n);
    }
}

bool blocking_write(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n <= 0) {
            return false;
        }
        bytes = str_sub(bytes, (size_t)n, bytes.len);
    }
    return true;
}
