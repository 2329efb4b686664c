/* Makes listening sockets, for this process and for others. They listen from the moment they are made, so that no
 * connection is refused while processes start, or while one takes the place of another. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/buf.h"
#include "net/listener.h"

struct place {
    struct sockaddr_storage at;
    socklen_t len;
};

static enum error_code failed(struct str address, struct error *err)
{
    return error_set(err, ERR_IO, "cannot listen on %.*s: %s", STR_ARG(address),
                     errno == EADDRINUSE ? "address already in use" : strerror(errno));
}

static int open_socket(const struct place *place, bool shares)
{
    int fd = socket(place->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1;
    int no = 0;

    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
        (!shares || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) == 0) &&
        (place->at.ss_family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) == 0) &&
        bind(fd, (const struct sockaddr *)&place->at, place->len) == 0 &&
        listen(fd, LISTENER_BACKLOG) == 0) {
        return fd;
    }
    (void)close(fd);
    return -1;
}

static bool resolve(const struct address *address, struct sockaddr_storage *out)
{
    return address->is_v6
               ? uv_ip6_addr(address->host, address->port, (struct sockaddr_in6 *)out) == 0
               : uv_ip4_addr(address->host, address->port, (struct sockaddr_in *)out) == 0;
}

/* With SO_REUSEPORT alone a second service of the same user would get half of the connections. So a first socket
 * without it finds out whether the address is free. */
static enum error_code bind_tcp(struct str address, unsigned n, int *out, struct error *err)
{
    struct address wanted = {.host = ""};
    struct place place = {.len = sizeof(place.at)};
    enum error_code code = address_read(address, &wanted, err);
    int probe;

    if (code != ERR_OK) {
        return code;
    }
    if (!resolve(&wanted, &place.at)) { /* the zone of an IPv6 address names no interface */
        return error_set(err, ERR_IO, "cannot listen on %.*s: no such interface", STR_ARG(address));
    }
    place.len =
        place.at.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    probe = open_socket(&place, false);
    if (probe < 0 || getsockname(probe, (struct sockaddr *)&place.at, &place.len) !=
                         0) { /* port 0: a free one */
        return failed(address, err);
    }
    if (n == 1) {
        out[0] = probe;
        return ERR_OK;
    }
    (void)close(probe);
    for (unsigned i = 0; i < n; i++) {
        out[i] = open_socket(&place, true);
        if (out[i] < 0) {
            return failed(address, err);
        }
    }
    return ERR_OK;
}

/* Removes a socket on which no process listens any more: a killed process has left it behind. */
static void remove_abandoned(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    int fd;

    if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    str_copy(address.sun_path, sizeof(address.sun_path), str_from(path));
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 &&
        errno == ECONNREFUSED) {
        (void)unlink(path);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* No client can connect before listen(), so the mode is set in time. A path has no SO_REUSEPORT: all processes
 * accept from one socket. */
static enum error_code bind_unix(struct str address, unsigned mode, unsigned n, int *out,
                                 struct error *err)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char path[ADDRESS_PATH_MAX];
    enum error_code code = address_read_unix(address, path, err);
    int fd;

    if (code != ERR_OK) {
        return code;
    }
    remove_abandoned(path);
    str_copy(at.sun_path, sizeof(at.sun_path), str_from(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
        chmod(path, mode != 0 ? (mode_t)mode : S_IRUSR | S_IWUSR) != 0 ||
        listen(fd, LISTENER_BACKLOG) != 0) {
        code = failed(address, err);
        if (fd >= 0) {
            (void)close(fd);
        }
        return code;
    }
    for (unsigned i = 0; i < n; i++) {
        out[i] = fd;
    }
    return ERR_OK;
}

enum error_code listener_bind(struct str address, unsigned mode, unsigned n, int *out,
                              struct error *err)
{
    return address_is_unix(address) ? bind_unix(address, mode, n, out, err)
                                    : bind_tcp(address, n, out, err);
}

bool listener_address_of(int fd, char *out, size_t size)
{
    struct place place = {.len = sizeof(place.at)};
    const struct sockaddr_un *local = (const void *)&place.at;
    char name[ADDRESS_NAME_MAX];

    if (getsockname(fd, (struct sockaddr *)&place.at, &place.len) != 0) {
        return false;
    }
    if (place.at.ss_family == AF_UNIX) {
        (void)str_print(out, size, "unix:%.*s", (int)sizeof(local->sun_path), local->sun_path);
    } else {
        (void)address_name(&place.at, name);
        str_copy(out, size, str_from(name));
    }
    return place.at.ss_family != AF_UNIX || local->sun_path[0] == '/';
}
