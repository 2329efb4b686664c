/* The API key that a client subcommand (command, run) shows to the proxy at --url. */
#ifndef APP_API_KEY_H
#define APP_API_KEY_H

#include "arguments.h"
#include "base/error.h"
#include "base/secret.h"

/* Of --api-key-file, else of VIRTUOSO_PROXY_API_KEY; unset when there is neither. */
enum error_code api_key_read(const struct arguments *arguments, struct secret *out,
                             struct error *err) MUST_CHECK;

#endif
