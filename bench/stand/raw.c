/* The floor: one read, one write of the same bytes for each request without a body. What any server
 * must spend at least.  bench_raw FILE */
#include "listen.h"

#include <string.h>

#include "base/buf.h"
#include "base/fd.h"

enum { REPLY_MAX = 65536 };

static void answer(int fd, struct str reply)
{
    static char in[REPLY_MAX];
    ssize_t n = read(fd, in, sizeof(in) - 1);

    if (n <= 0) {
        (void)close(fd);
        return;
    }
    in[n] = '\0';
    for (const char *at = in; (at = strstr(at, "\r\n\r\n")) != NULL; at += 4) {
        (void)!write(fd, reply.ptr, reply.len);
    }
}

int main(int argc, char **argv)
{
    static struct epoll_event events[N_EVENTS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct buf reply;
    int listener;

    buf_init(&reply, REPLY_MAX);
    if (argc != 2 || fd_read_file(argv[1], &reply, NULL) != ERR_OK) {
        die("usage: bench_raw FILE");
    }
    listener = open_listener(epoll);
    for (;;) {
        int n = epoll_wait(epoll, events, N_EVENTS, -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.fd != listener) {
                answer(events[i].data.fd, buf_view(&reply));
                continue;
            }
            while (take_connection(epoll, listener) >= 0) {
            }
        }
    }
}
