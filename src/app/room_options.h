/* The configuration, told to the rooms in their own options. */
#ifndef APP_ROOM_OPTIONS_H
#define APP_ROOM_OPTIONS_H

#include "config/config.h"
#include "crypto/tls.h"
#include "http/server.h"
#include "sandbox/sandbox.h"
#include "session/session.h"
#include "store/cloud.h"
#include "store/store.h"
#include "telemetry/telemetry.h"
#include "upstream/upstream.h"

/* A limit of the whole process is shared out among its workers (server.workers). Views into `config`. */
struct upstream_options upstream_options_of(const struct config *config);
struct session_options session_options_of(const struct config *config);
/* The admin listener; `listen` is empty where there is none. */
struct http_server_options admin_options_of(const struct config *config);

/* The listeners and their TLS, by their place in config->server.all; a plain one has NULL. */
struct listeners {
    struct tls_config *tls[CONFIG_LISTENERS_MAX];
    struct http_listen listen[CONFIG_LISTENERS_MAX];
};

/* Fills `listeners`; the result points to it. */
struct http_server_options http_options_of(const struct config *config,
                                           struct listeners *listeners);
/* Views into `config`. */
struct store_cloud config_cloud(const struct config *config, const struct config_bucket *bucket);
/* *out stays NULL where nothing is shared (memory:). `peer_fd`: to the store of our supervisor; 0: there is
 * none. */
enum error_code open_config_store(struct loop *loop, const struct config *config, int peer_fd,
                                  struct store **out, struct error *err) MUST_CHECK;
/* Writes the headers to `out`, at most `max`; returns how many. */
size_t read_config_headers(struct arena *arena, const struct secret *secret,
                           struct upstream_header *out, size_t max);
/* *out stays NULL if no collector is configured. An error may come with *out set; the caller closes it
 * then, too. */
enum error_code open_config_telemetry(struct loop *loop, const struct config *config,
                                      struct telemetry **out, struct error *err) MUST_CHECK;
/* ERR_IO: the address is taken or wrong. From then on the loop keeps its deadlines to the
 * millisecond. */
enum error_code open_config_sandbox(struct loop *loop, const struct config *config,
                                    struct sandbox **out, struct error *err) MUST_CHECK;
void tell_certificate_expiry(const struct listeners *listeners); /* in the metrics */
/* Fills out->tls; NULL stays where no certificate is configured. On failure nothing stays open. */
enum error_code open_config_tls(const struct config *config, struct listeners *out,
                                struct error *err) MUST_CHECK;
void close_config_tls(struct listeners *listeners); /* zeroed is fine */
/* Where both have TLS for a listener, that of `fresh` becomes the running one, and `fresh` has the old one. */
void swap_config_tls(struct listeners *running, struct listeners *fresh);

#endif
