/* healthcheck: one question to a running proxy, for container runtimes: an image without a shell has no curl. It blocks,
 * since there is nothing else to do, and ends within 5 s whatever the other side does. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/url.h"
#include "subcommands.h"

enum { LIMIT_MS = 5000, HEAD_MAX = 4096, TEXT_MAX = 512, STATUS_AT = 9, STATUS_GOOD = 200 };

#define USUAL_PATH "/readyz"

struct target {
    char host[256]; /* without brackets */
    char port[8];
    char path[256];              /* of the request */
    char file[ADDRESS_PATH_MAX]; /* of a Unix socket; empty: host and port */
};

/* Where `serve` listens: PORT and HOST set the halves of server.listen. A HOST that means all addresses is asked on
 * loopback. */
static void usual_target(struct target *target)
{
    const char *port = getenv("PORT");
    struct str host = str_from(getenv("HOST"));
    bool is_all = host.len == 0 || str_is(host, "0.0.0.0") || str_is(host, "::") ||
                  str_is(host, "[::]") || str_is(host, "*");

    str_copy(target->host, sizeof(target->host), is_all ? STR("127.0.0.1") : host);
    str_copy(target->port, sizeof(target->port),
             port != NULL && port[0] != '\0' ? str_from(port) : STR("8000"));
    str_copy(target->path, sizeof(target->path), STR(USUAL_PATH));
}

static enum error_code read_target(const char *text, struct target *target, struct error *err)
{
    struct url url;
    struct str host;
    enum error_code code;

    usual_target(target);
    if (text == NULL) {
        return ERR_OK;
    }
    if (address_is_unix(str_from(text))) {
        return address_read_unix(str_from(text), target->file, err);
    }
    code = url_read(str_from(text), &url, err);
    if (code != ERR_OK) {
        return code;
    }
    if (!str_is_nocase(url.scheme, "http")) {
        return error_set(err, ERR_INVALID,
                         "the URL begins with http://, or unix:/PATH: an address with TLS is asked "
                         "by its admin listener (admin.listen)");
    }
    host = url.host.ptr[0] == '[' ? str_sub(url.host, 1, url.host.len - 2) : url.host;
    str_copy(target->host, sizeof(target->host), host);
    str_copy(target->port, sizeof(target->port), url.port.len > 0 ? url.port : STR("80"));
    if (url.path.len > 1) {
        str_copy(target->path, sizeof(target->path), url.path);
    }
    return ERR_OK;
}

/* -1: errno says why. */
static int connect_to(const struct sockaddr *address, socklen_t len, uint64_t until_ms)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    uint64_t now_ms = clock_now_ms();
    int status = 0;
    socklen_t size = sizeof(status);

    if (fd < 0 || connect(fd, address, len) == 0) {
        return fd;
    }
    if (errno == EINPROGRESS && now_ms < until_ms) {
        status = poll(&ready, 1, (int)(until_ms - now_ms)) == 1 ? 0 : ETIMEDOUT;
        if (status == 0) {
            (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &status, &size);
        }
        if (status == 0) {
            return fd;
        }
        errno = status;
    }
    status = errno;
    (void)close(fd);
    errno = status;
    return -1;
}

static int open_target(const struct target *target, uint64_t until_ms, struct error *err)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct addrinfo *found = NULL;
    int status;
    int fd = -1;

    if (target->file[0] != '\0') {
        str_copy(local.sun_path, sizeof(local.sun_path), str_from(target->file));
        fd = connect_to((const struct sockaddr *)&local, sizeof(local), until_ms);
    } else {
        status = getaddrinfo(target->host, target->port, &wanted, &found);
        if (status != 0) {
            (void)error_set(err, ERR_IO, "%s: %s", target->host, gai_strerror(status));
            return -1;
        }
        for (struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
            fd = connect_to(at->ai_addr, at->ai_addrlen, until_ms);
        }
        freeaddrinfo(found);
    }
    if (fd < 0) {
        (void)error_set(err, ERR_IO, "nobody answers: %s", strerror(errno));
    }
    return fd;
}

/* The status of the answer; 0: none came. */
static int read_status(int fd, uint64_t until_ms)
{
    char head[HEAD_MAX];
    size_t len = 0;
    int64_t status = 0;

    while (len < sizeof(head) && memchr(head, '\n', len) == NULL) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        uint64_t now_ms = clock_now_ms();
        ssize_t n;

        if (now_ms >= until_ms || poll(&ready, 1, (int)(until_ms - now_ms)) != 1) {
            return 0;
        }
        n = read(fd, head + len, sizeof(head) - len);
        if (n <= 0) {
            return 0;
        }
        len += (size_t)n;
    }
    return len > STATUS_AT + 3 && memcmp(head, "HTTP/1.", 7) == 0 &&
                   str_to_i64((struct str){head + STATUS_AT, 3}, 100, 599, &status)
               ? (int)status
               : 0;
}

static enum error_code ask(const struct target *target, struct error *err)
{
    uint64_t until_ms = clock_now_ms() + LIMIT_MS;
    int fd = open_target(target, until_ms, err);
    char request[TEXT_MAX];
    int status = 0;

    if (fd < 0) {
        return ERR_IO;
    }
    if (fd_write_all(fd, str_print(request, sizeof(request),
                                   "GET %s HTTP/1.1\r\nHost: localhost\r\n"
                                   "Connection: close\r\n\r\n",
                                   target->path))) {
        status = read_status(fd, until_ms);
    }
    (void)close(fd);
    if (status == 0) {
        return error_set(err, ERR_IO, "no answer came within %u ms", (unsigned)LIMIT_MS);
    }
    return status == STATUS_GOOD
               ? ERR_OK
               : error_set(err, ERR_IO, "%s is answered with %d", target->path, status);
}

int run_healthcheck(struct arguments *arguments)
{
    struct target target = {.host = ""};
    struct error err = {0};

    if (arguments->n_operands > 1) {
        (void)error_set(&err, ERR_INVALID, "unexpected \"%s\"; give one URL",
                        arguments->operands[1]);
    } else if (read_target(arguments->n_operands > 0 ? arguments->operands[0] : NULL, &target,
                           &err) == ERR_OK &&
               ask(&target, &err) == ERR_OK) {
        return EXIT_SUCCESS;
    }
    return fail("healthcheck", &err);
}
