/* The signals of a server: SIGTERM, SIGQUIT, SIGXCPU and SIGINT drain it, a second one stops it; the others are in
 * server_ignore_signals. Owner: the server. */
#ifndef APP_SIGNALS_H
#define APP_SIGNALS_H

#include "app/server.h"

/* Call it first of all: then a signal that asks for a reload does not end a server that is still starting. */
void signals_spare_start(void);
/* Ignores the signals that would end a process that does not handle them: at a broken pipe the write fails instead. */
void signals_ignore_rest(void);
void signals_open(struct server *server);
/* Handles for the signals of one process. */
void signals_hear(struct signal_handles *handles, uv_loop_t *loop, int number, uv_signal_cb on_it,
                  void *data);
/* Handles the signals that end nothing: SIGHUP, if it is wanted, and all that only other programs know. A signal that a
 * profiler has taken is left to it. */
void signals_hear_ignored(struct signal_handles *handles, uv_loop_t *loop, bool with_hup,
                          uv_signal_cb on_it, void *data);
void signals_close(
    struct signal_handles *handles); /* handles->n is 0 in a later turn of the loop */
void signals_tell_ignored(int number);
/* True: a person who presses Ctrl-C waits at a terminal. */
bool signals_at_terminal(void);

#endif
