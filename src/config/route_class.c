#include "config/route_class.h"

static const char *const names[ROUTE_CLASS_N] = {
    [ROUTE_CLASS_ANY] = "any",         [ROUTE_CLASS_READ] = "read",
    [ROUTE_CLASS_WRITE] = "write",     [ROUTE_CLASS_EXECUTE] = "execute",
    [ROUTE_CLASS_COMMAND] = "command", [ROUTE_CLASS_RUN] = "run",
    [ROUTE_CLASS_DIRECT] = "direct",   [ROUTE_CLASS_ADMIN] = "admin",
};

const char *route_class_name(enum route_class class)
{
    return names[class];
}

enum route_class route_class_find(struct str name)
{
    for (size_t i = ROUTE_CLASS_ANY + 1; i < ROUTE_CLASS_N; i++) {
        if (str_is(name, names[i])) {
            return (enum route_class)i;
        }
    }
    return ROUTE_CLASS_ANY;
}
