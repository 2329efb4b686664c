/* What a supervisor has: sockets, metrics, the store and the sandbox of its workers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "net/listener.h"
#include "observe/metrics_shared.h"
#include "room_options.h"
#include "subcommands.h"
#include "supervisor_internal.h"

enum { STORE_MAX_MIB = 256, MIB = 1 << 20, COMMAND_LINE_MAX = 1 << 20 };

/* The words of /proc/self/cmdline. */
static bool read_arguments(struct supervisor *supervisor)
{
    struct buf text;
    struct str left;
    struct str word;
    size_t n = 0;
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    bool good;

    buf_init(&text, COMMAND_LINE_MAX);
    good = fd >= 0 && fd_read_all(fd, &text);
    if (fd >= 0) {
        (void)close(fd);
    }
    supervisor->command_line = str_dup(buf_view(&text));
    left = (struct str){supervisor->command_line, text.len};
    supervisor->arguments = mem_calloc(text.len + 1, sizeof(*supervisor->arguments));
    while (str_cut(left, '\0', &word, &left)) { /* also an empty one */
        supervisor->arguments[n++] = unconst(word.ptr);
    }
    buf_done(&text);
    return good && n > 0;
}

/* Opens the sockets of one address for all seats. */
static enum error_code open_address(struct supervisor *supervisor, unsigned at, struct str address,
                                    unsigned mode, int passed, struct error *err)
{
    int sockets[CONFIG_WORKERS_MAX] = {0};
    enum error_code code = ERR_OK;

    if (passed > 0) {
        for (unsigned i = 0; i < supervisor->n_seats; i++) {
            sockets[i] = passed;
        }
    } else {
        code = listener_bind(address, mode, supervisor->n_seats, sockets, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    supervisor->shared_sockets[at] = sockets[0] == sockets[1] ? sockets[0] : 0;
    for (unsigned i = 0; i < supervisor->n_seats; i++) {
        supervisor->seats[i].sockets[at] = sockets[i];
    }
    supervisor->n_sockets = at + 1;
    return ERR_OK;
}

static enum error_code open_sockets(struct supervisor *supervisor,
                                    const struct manager_sockets *passed, struct error *err)
{
    const struct config *config = supervisor->config;
    int given[CONFIG_LISTENERS_MAX] = {0};
    enum error_code code = place_sockets(config, passed, given, err);
    unsigned at = 0;

    supervisor->owns_sockets = true;
    for (; code == ERR_OK && at < config->server.n_all; at++) {
        code = open_address(supervisor, at, config->server.all[at].address,
                            config->server.all[at].mode, given[at], err);
    }
    if (code == ERR_OK && config->admin.listen.len > 0) {
        code = open_address(supervisor, at, config->admin.listen, 0, 0, err);
    }
    return code;
}

static enum error_code open_shared(struct supervisor *supervisor, struct error *err)
{
    const struct config *config = supervisor->config;
    const struct store_options options = {.prefix = config->store.prefix,
                                          .timeout_ms = config->store.timeout_ms,
                                          .max_bytes = (uint64_t)STORE_MAX_MIB * MIB};
    enum error_code code = metrics_shared_open(supervisor->n_slots, &supervisor->metrics_fd, err);

    if (code == ERR_OK && str_is(config->store.url, "memory:")) {
        code = store_open_memory(&supervisor->loop, &options, &supervisor->store, err);
    }
    if (code == ERR_OK && config->sandbox.enabled) {
        code = open_config_sandbox(&supervisor->loop, config, &supervisor->sandbox, err);
    }
    if (supervisor->sandbox != NULL) {
        str_copy(supervisor->sandbox_address, sizeof(supervisor->sandbox_address),
                 str_from(sandbox_address(supervisor->sandbox)));
    }
    return code;
}

/* Prints and logs the addresses, as a process without workers does. */
void supervisor_print(const struct supervisor *supervisor)
{
    const struct config *config = supervisor->config;
    char first[MANAGER_ADDRESS_MAX] = "";

    (void)listener_address_of(supervisor->seats[0].sockets[0], first, sizeof(first));
    log_started(config, supervisor->file, supervisor->sandbox != NULL, first);
    if (supervisor->sandbox != NULL) {
        print_address("sandbox on", supervisor->sandbox_address, false);
    }
    for (unsigned i = 0; i < config->server.n_all; i++) {
        const struct config_listener *listener = &config->server.all[i];
        bool is_tls = listener->tls_certificate_file.len > 0;
        char address[MANAGER_ADDRESS_MAX] = "";

        (void)listener_address_of(supervisor->seats[0].sockets[i], address, sizeof(address));
        log_listener(listener, address, is_tls);
        print_address("listening on", address, is_tls);
    }
    if (config->admin.listen.len > 0) {
        (void)listener_address_of(supervisor->seats[0].sockets[config->server.n_all], first,
                                  sizeof(first));
        print_address("admin on", first, false);
    }
    (void)flush_output();
}

enum error_code supervisor_open(struct supervisor *supervisor, const struct manager_sockets *passed,
                                struct error *err)
{
    enum error_code code = open_sockets(supervisor, passed, err);

    if (code == ERR_OK) {
        code = open_shared(supervisor, err);
    }
    if (code == ERR_OK && !read_arguments(supervisor)) {
        code = error_set(err, ERR_IO, "/proc/self/cmdline cannot be read: %s", strerror(errno));
    }
    return code;
}
