/* The client's side of TLS over memory, for tests of our listener's side: cipher text in, cipher
 * text out, no sockets, no certificate checked. Owner: the test; tls_client_free. */
#ifndef HARNESS_TLS_CLIENT_H
#define HARNESS_TLS_CLIENT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

struct tls_client;

/* What it offers; zeroed: what mbedTLS does by itself. The lists are mbedTLS's, ended by 0 or NULL,
 * and must outlive the client. */
struct tls_wishes {
    const int *suites;      /* of TLS 1.2 */
    const char *host;       /* SNI; NULL: none */
    const char **protocols; /* ALPN; NULL: none */
};

struct tls_client *tls_client_new(void);
struct tls_client *tls_client_wishing(const struct tls_wishes *wishes);
/* Of the handshake that is done. */
const char *tls_client_suite(const struct tls_client *client);
const char *tls_client_protocol(const struct tls_client *client); /* NULL: none was agreed on */
/* The certificate that the server showed: its subject ("CN=..."), to `out`. */
void tls_client_subject(const struct tls_client *client, char *out, size_t size);
void tls_client_free(struct tls_client *client);
/* Cipher text from the server. */
void tls_client_feed(struct tls_client *client, struct str cipher);
/* Handshakes as far as possible and appends what was decrypted; false: it failed. After the
 * server's close_notify tls_client_has_ended says so. */
bool tls_client_read(struct tls_client *client, struct buf *plain);
bool tls_client_has_ended(const struct tls_client *client);
bool tls_client_write(struct tls_client *client, struct str plain); /* all of it */
void tls_client_end(struct tls_client *client);                     /* close_notify */
/* Cipher text for the server; the caller empties it. */
struct buf *tls_client_output(struct tls_client *client);

#endif
