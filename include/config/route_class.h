/* Classes of routes, for limits.rules: by what a request costs this server and the platform. */
#ifndef CONFIG_ROUTE_CLASS_H
#define CONFIG_ROUTE_CLASS_H

#include "base/str.h"

enum route_class {
    ROUTE_CLASS_ANY, /* no class: a rule without a class counts every route */
    ROUTE_CLASS_READ,
    ROUTE_CLASS_WRITE,   /* writes of the simplified API and of sessions */
    ROUTE_CLASS_EXECUTE, /* starts an execution */
    ROUTE_CLASS_COMMAND, /* carries out a command, or a batch of them */
    ROUTE_CLASS_RUN,     /* carries out a test file */
    ROUTE_CLASS_DIRECT,  /* below /virtuoso */
    ROUTE_CLASS_ADMIN,
    ROUTE_CLASS_N
};

const char *route_class_name(enum route_class class); /* "read"; of ANY: "any" */
enum route_class route_class_find(struct str name);   /* ANY: there is no such class */

#endif
