/* The address of the proxy that a client subcommand (command, run, top) speaks to, and the API key that it sends. */
#ifndef APP_CLIENT_H
#define APP_CLIENT_H

#include "arguments.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"

/* --url with its scheme: "host:port" means http. Empty: it was not given. `out` is initialised here.
 * --ca-file, which goes with --url, is checked too: it can be read. */
enum error_code client_url(const struct arguments *arguments, struct buf *out,
                           struct error *err) MUST_CHECK;
/* The same for a `text` that was given in another way, which errors call `name`; NULL: not given. */
enum error_code client_url_read(const struct arguments *arguments, const char *name,
                                const char *text, struct buf *out, struct error *err) MUST_CHECK;
/* True: the key would go over the network in clear text. */
bool client_is_open_to_others(struct str url);
/* Reads --api-key-file, else VIRTUOSO_PROXY_API_KEY; unset when there is neither. */
enum error_code api_key_read(const struct arguments *arguments, struct secret *out,
                             struct error *err) MUST_CHECK;

#endif
