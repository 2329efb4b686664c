/* TLS by mbedTLS (2.28 and 3.6) for our own listener, and towards servers, whose certificate is checked. It works in
 * memory: feed cipher text, take cipher text. There are no sockets here; net/transport.c and store/redis_link.c move
 * the bytes. TLS 1.2 and, with 3.6, 1.3. ECDSA or RSA keys. Pitfalls of mbedTLS that are avoided: a WANT_* is repeated
 * with the same arguments; a write may take less than asked; any other error ends the stream; never a write of 0
 * bytes. */
#ifndef CRYPTO_TLS_H
#define CRYPTO_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

struct tls_config; /* certificate, key, tickets; shared by all streams of a listener */
struct tls_stream; /* one connection */

/* PEM files, read at start-up only. ERR_TLS names the file. */
enum error_code tls_config_new(const char *certificate_file, const char *key_file,
                               struct tls_config **out, struct error *err) MUST_CHECK;
/* Adds a certificate, with its chain and its private key in one PEM file. Clients that ask for one of its
 * names get it (SNI). Only before the first stream. */
enum error_code tls_config_add(struct tls_config *config, const char *file,
                               struct error *err) MUST_CHECK;
/* From now on clients are asked for a certificate of one of these authorities (PEM, one or many).
 * `required`: a handshake without a good one fails; else tls_stream_peer (crypto/tls_peer.h) says what was shown.
 * `revoked_file`: the authorities' lists of revoked certificates (PEM; NULL: none). Tickets are switched off, so every
 * handshake is a full one. Call it once, before the first stream. ERR_TLS names the file. */
enum error_code tls_config_ask_clients(struct tls_config *config, const char *authorities_file,
                                       const char *revoked_file, bool required,
                                       struct error *err) MUST_CHECK;
/* When the first of the listener's own certificates expires (authorities do not count); Unix seconds. */
int64_t tls_config_expiry(const struct tls_config *config);
/* For streams to a server: its certificate must come from one of these authorities (a PEM file; NULL:
 * those of the system). */
enum error_code tls_config_client(const char *authorities_file, struct tls_config **out,
                                  struct error *err) MUST_CHECK;
/* Adds a holder, such as an owner that will make streams of it later. Returns `config`. */
struct tls_config *tls_config_hold(struct tls_config *config);
/* One call for its making, one for each tls_config_hold; streams call it themselves. The last call frees it. NULL is
 * fine. */
void tls_config_free(struct tls_config *config);
/* Whether a file of PEM certificates holds at least one that can be read. ERR_TLS names the file. */
enum error_code tls_check_authorities(const char *file, struct error *err) MUST_CHECK;

struct tls_stream *tls_stream_new(struct tls_config *config);
/* For a config of tls_config_client. The server's certificate must have this name (a host name; IP addresses are
 * checked with 3.6 only). The first tls_stream_read, without a feed, begins the handshake. */
struct tls_stream *tls_stream_to(struct tls_config *config, const char *host);
void tls_stream_free(struct tls_stream *stream);
/* Cipher text from the peer; kept until read. */
void tls_stream_feed(struct tls_stream *stream, struct str cipher);
bool tls_stream_is_secured(const struct tls_stream *stream);

enum tls_verdict { TLS_BYTES, TLS_WANT_MORE, TLS_END, TLS_FAILED };
/* Handshakes as needed, then decrypts into `out` (appends). TLS_END: close_notify came. */
enum tls_verdict tls_stream_read(struct tls_stream *stream, struct buf *out, struct error *err);
/* Encrypts all of `plain`; false: failed. */
bool tls_stream_write(struct tls_stream *stream, struct str plain, struct error *err) MUST_CHECK;
void tls_stream_close_notify(struct tls_stream *stream);
/* Cipher text for the peer. tls_stream_sent empties it, and frees memory that an idle stream does not need. */
struct buf *tls_stream_output(struct tls_stream *stream);
void tls_stream_sent(struct tls_stream *stream);

#endif
