/* The front of the server where AWS Lambda runs it: the same rooms as for `serve`, but requests come from room lambda
 * instead of a listener. */
#ifndef APP_FRONT_LAMBDA_H
#define APP_FRONT_LAMBDA_H

#include "app/server.h"

/* Options that make no sense without a listener, or that work between requests, are set aside. */
void front_lambda_adopt(struct config *config);
/* Call it after server->http is open, which has no listener: from then on requests come from Lambda. */
enum error_code front_lambda_open(struct server *server, struct error *err) MUST_CHECK;

/* Tells Lambda why the program cannot start. Does nothing if Lambda does not run it. */
void front_lambda_tell_error(const char *type, const struct error *err);
/* The configuration file that stands beside the program in the function's package; NULL: there is none. */
const char *front_lambda_config_file(void);

#endif
