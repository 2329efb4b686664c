#include "api/gate/task.h"

#include "base/host.h"

static bool is_here(struct str peer)
{
    uint8_t address[16];

    return ip_address_parse(peer, address) && ip_address_is_loopback(address);
}

/* A name that leads here although it is not ours is how a page in a browser gets past the origin
 * rules (DNS rebinding). */
static bool is_asked_by_name_of_here(const struct exchange *exchange)
{
    struct str host;
    struct str port;

    authority_split(exchange->request.host, &host, &port);
    return host_is_loopback(host);
}

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
    bool is_unix = str_is(exchange->request.peer, HTTP_UNIX_PEER);

    if (!task->on_admin || exchange->request.hop.len > 0 || may_be_of_another(exchange) ||
        !(is_unix || (is_here(exchange->request.peer) && is_asked_by_name_of_here(exchange)))) {
        return false;
    }
    task->principal = (struct principal){.name = STR("operator"), .permissions = PERMISSION_ADMIN};
    task->exchange->notes.principal = task->principal.name;
    return true;
}
