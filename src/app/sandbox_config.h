/* The sandbox as the configuration wants it: the options of one room told to the other. */
#ifndef APP_SANDBOX_CONFIG_H
#define APP_SANDBOX_CONFIG_H

#include "config/config.h"
#include "net/loop.h"
#include "sandbox/sandbox.h"

/* ERR_IO: the address is taken or wrong. From then on the loop keeps its deadlines to the
 * millisecond. */
enum error_code open_config_sandbox(struct loop *loop, const struct config *config,
                                    struct sandbox **out, struct error *err) MUST_CHECK;

#endif
