/* secret: a credential in memory. It has no formatter on purpose: it cannot be logged by accident.
 * Owner: the struct that embeds it; secret_done wipes. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct secret {
    char *hidden; /* read only through secret_reveal */
    size_t len;
};

void secret_set(struct secret *secret, struct str value); /* replaces and wipes the old one */
void secret_done(struct secret *secret);
bool secret_is_set(const struct secret *secret);
/* To be called only where the secret is put on the wire. */
struct str secret_reveal(const struct secret *secret);
/* True: the text holds the secret, in letters of any case, and with characters that are escaped as in JSON, addresses
 * or HTML. An empty secret is in no text. For words of others that are passed on. */
bool secret_is_in(struct str text, struct str secret);
/* Same bytes? Time depends on the lengths only. */
bool bytes_equal_constant_time(const void *a, const void *b, size_t len);

#endif
