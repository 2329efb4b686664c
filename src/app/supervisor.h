/* supervisor: several processes answer at the same addresses (server.workers). It opens the sockets, starts the workers,
 * starts another one for each that ends or stands still, tells them what signals ask for, and keeps what they share if no
 * store is configured. It answers no request itself.
 *
 *            ┌─ socket 1 ─► worker ──┐ control (worker.h), store (store/peer.h)
 * supervisor ┼─ socket 2 ─► worker ──┼──────────► supervisor
 *            └─ socket 3 ─► worker ──┘
 *
 * The sockets stay open while a worker is replaced, so the connections that wait in one are answered by the next. */
#ifndef APP_SUPERVISOR_H
#define APP_SUPERVISOR_H

#include "config/config.h"
#include "manager.h"

/* Takes the configuration over. Returns the status to exit with, when all workers have ended. */
int supervise(struct config *config, const struct manager_sockets *passed, const char *file);

/* serve.c: prints addresses, logs the start, and finds the places of sockets that were passed to us. */
void print_address(const char *what, const char *address, bool is_tls);
void log_started(const struct config *config, const char *file, bool has_sandbox,
                 const char *listen);
void log_listener(const struct config_listener *listener, const char *address, bool is_tls);
enum error_code place_sockets(const struct config *config, const struct manager_sockets *passed,
                              int out[CONFIG_LISTENERS_MAX], struct error *err) MUST_CHECK;

#endif
