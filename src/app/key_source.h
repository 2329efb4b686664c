/* Where room auth gets its key set from: a file, read by a thread of libuv's so that a slow disk
 * does not hold the loop up, or a URL. Owner: the server; key_source_close, which tells when it is closed, from a
 * later turn. */
#ifndef APP_KEY_SOURCE_H
#define APP_KEY_SOURCE_H

#include "auth/auth.h"
#include "config/config.h"

struct key_source;
struct loop;

/* *out stays NULL when there is no auth.jwt.jwks. */
enum error_code key_source_open(struct loop *loop, const struct config *config,
                                struct key_source **out, struct error *err) MUST_CHECK;
const struct auth_source *key_source_of(const struct key_source *source); /* NULL of NULL */
void key_source_close(struct key_source *source, void (*tell)(void *context), void *context);
/* For `check`, which reads a file as `serve` does and asks no other machine. */
enum error_code key_source_check(const struct config *config, struct error *err) MUST_CHECK;

#endif
