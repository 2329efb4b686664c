/* What both stand-ins begin with: a port of 127.0.0.1, told on standard output. */
#ifndef BENCH_LISTEN_H
#define BENCH_LISTEN_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096, MAX_FD = 65536, N_EVENTS = 4096 };

static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        die("epoll_ctl");
    }
}

/* Prints "port N"; ends with its parent, so that nothing is left behind. */
static inline int open_listener(int epoll)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct rlimit limit;
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    (void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max < MAX_FD ? limit.rlim_max : MAX_FD;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        die("listen");
    }
    (void)printf("port %d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    watch(epoll, fd);
    return fd;
}

/* The next connection; -1: there is none. */
static inline int take_connection(int epoll, int listener)
{
    int on = 1;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        return -1;
    }
    if (fd >= MAX_FD) {
        die("too many connections");
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    watch(epoll, fd);
    return fd;
}

#endif
