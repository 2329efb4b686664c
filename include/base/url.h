/* Absolute http and https addresses, in their parts. */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"

/* Views into the text that was read; a part that is not there is empty. */
struct url {
    struct str scheme; /* as written: "https", "HTTP" */
    struct str host;   /* an IPv6 address with its brackets */
    struct str port;   /* digits */
    struct str path;   /* begins with '/' */
    bool has_user;     /* a user name or a password stands before the host */
    bool has_query;
    bool has_fragment;
};

/* ERR_INVALID: `err` says what is wrong with it, without quoting it (it may hold a password). */
enum error_code url_read(struct str text, struct url *out, struct error *err) MUST_CHECK;

/* https://idp.example:8443/realms/qa?x=1#y is the origin https://idp.example:8443, the path /realms/qa
 * and the query x=1. Views into `text`, which url_read must accept; a missing path becomes "/". */
void url_split(struct str text, struct str *out_origin, struct str *out_path,
               struct str *out_query);

/* What a message may show of a text that should be an address: at most `max` bytes of it, or "***" if it may hold a
 * password (a colon before an @). */
struct str url_shown(struct str text, size_t max);

#endif
