/* Where room auth gets its key set from: a file, read by a thread of libuv's so that a slow disk
 * does not hold the loop up, or a URL. Owner: the server; key_source_close, which tells when it is closed, from a
 * later turn. */
#ifndef APP_KEY_SOURCE_H
#define APP_KEY_SOURCE_H

#include "auth/auth.h"
#include "config/config.h"

struct key_source;
struct loop;

enum error_code key_source_open(struct loop *loop, const struct config *config,
                                struct key_source **out, struct error *err) MUST_CHECK;
const struct auth_source *key_source_of(const struct key_source *source); /* NULL for NULL */
/* Opens another place of the key set, for key_source_move or key_place_close; *out stays NULL without auth.jwt.jwks. */
struct key_place;
enum error_code key_place_open(struct key_source *source, const struct config *config,
                               struct key_place **out, struct error *err) MUST_CHECK;
void key_place_close(struct key_place *place); /* NULL is fine */
/* Cancels what is being read from the place before: auth_configure begins anew. */
void key_source_move(struct key_source *source, struct key_place *place);
void key_source_close(struct key_source *source, void (*tell)(void *context), void *context);
/* For `check`, which reads a file as `serve` does and asks no other machine. */
enum error_code key_source_check(const struct config *config, struct error *err) MUST_CHECK;

#endif
