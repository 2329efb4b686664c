/* reload: another configuration takes the place of the running one, whole or not at all. This is asked for by
 * SIGHUP, by POST /admin/reload, and by the server itself when a file of the configuration has changed and then
 * stayed the same for SETTLE_MS. In each case a thread reads the files first (watch.h). Files that are exchanged
 * while they are read are read again, so that no certificate meets another one's key.
 *
 *   file changes ──► (300 ms without a further change, at most 2 s) ──► read ──► checked ──► swapped at once
 *                                                           └──► refused: the old one stays; log,
 *                                                                metric, health
 *
 * Secrets that a service tells (aws-sm: and the like) are read before each reload, and by themselves every
 * secrets.refresh_s.
 *
 * AWS Lambda stops the process between requests: there the server does not look at files by itself, but secrets are
 * read again in an invocation that comes after secrets.refresh_s (reload_secrets_if_due).
 *
 * Requests under way keep the configuration that they began with. An option that takes effect
 * only at a start keeps its running value, and is named. Owner: the server; watching ends with reload_stop, and the
 * memory goes when reload_is_closing says false. */
#ifndef APP_RELOAD_H
#define APP_RELOAD_H

#include "api/api.h"
#include "app/server.h"

/* `sources`, what it points to, and `source` outlive the server. */
struct secret_source;
struct reload *reload_start(struct server *server, const struct config_sources *sources,
                            struct secret_source *source);
void reload_now(struct reload *reload, const char *reason);
void reload_for_request(void *reloader, struct reload_report *report); /* reloader: the server */
/* NULL is fine for these. */
void reload_secrets_if_due(struct reload *reload);
bool reload_is_at_work(const struct reload *reload);
void reload_stop(struct reload *reload);
bool reload_is_closing(const struct reload *reload);
void reload_free(struct reload *reload);

#endif
