/* Addresses to listen on: HOST:PORT, [IPv6]:PORT, :PORT; and unix:/path for a Unix socket. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"

enum { ADDRESS_HOST_MAX = 64, ADDRESS_PATH_MAX = 108 /* as sun_path in unix(7) */ };

enum { ADDRESS_NAME_MAX = 64 };

struct sockaddr_storage;

struct address {
    char host[ADDRESS_HOST_MAX]; /* an IP address without brackets */
    uint16_t port;               /* 0: any free one */
    bool is_v6;
    bool is_loopback;
};

/* The host is an IP address, "localhost", or "*" or nothing for all IPv4 interfaces. ERR_INVALID:
 * `err` quotes the text and says what is expected. */
enum error_code address_read(struct str text, struct address *out, struct error *err) MUST_CHECK;

bool address_is_unix(struct str text); /* it begins with "unix:" */
/* The path of a unix:/path, which must be absolute and fit. ERR_INVALID: as above. */
enum error_code address_read_unix(struct str text, char out[ADDRESS_PATH_MAX],
                                  struct error *err) MUST_CHECK;
/* Checks that the text is one of these two kinds. ERR_INVALID: as above. */
enum error_code address_check(struct str text, struct error *err) MUST_CHECK;

/* "127.0.0.1:8000", or "[::1]:8000" for IPv6. Returns the port. */
uint16_t address_name(const struct sockaddr_storage *address, char out[ADDRESS_NAME_MAX]);

#endif
