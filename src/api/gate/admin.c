#include "api/gate/task.h"

#include "base/host.h"

static bool may_be_of_another(const struct exchange *exchange)
{
    static const char *const fields[] = {"Authorization",   "X-API-Key", "Origin",
                                         "Referer",         "Forwarded", "Via",
                                         "X-Forwarded-For", "X-Real-IP", "X-Forwarded-Host"};

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (exchange_has_header(exchange, fields[i])) {
            return true;
        }
    }
    return false;
}

bool admin_is_operator(struct task *task)
{
    const struct exchange *exchange = task->exchange;
    struct str peer = exchange->request.peer;
    uint8_t address[16];
    struct str host;
    struct str port;

    if (!task->on_admin || exchange->request.hop.len > 0 || may_be_of_another(exchange)) {
        return false;
    }
    /* The Host must be loopback, too: a page in a browser gets past the origin rules by a name of its own
     * that leads to this machine (DNS rebinding). */
    authority_split(exchange->request.host, &host, &port);
    if (!str_is(peer, HTTP_UNIX_PEER) &&
        !(ip_address_parse(peer, address) && ip_address_is_loopback(address) &&
          host_is_loopback(host))) {
        return false;
    }
    task->principal = (struct principal){.name = STR("operator"), .permissions = PERMISSION_ADMIN};
    task->exchange->notes.principal = task->principal.name;
    return true;
}
