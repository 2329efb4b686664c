/* The signals of a server: SIGTERM, SIGQUIT, SIGXCPU and SIGINT drain it, a second one stops it; the others are in
 * server_ignore_signals. Owner: the server. */
#ifndef APP_SIGNALS_H
#define APP_SIGNALS_H

#include "app/server.h"

/* First of all: what asks for a reload does not end a server that is still starting. */
void signals_spare_start(void);
/* Those that would end a process that has never heard of them: a broken pipe is an error of the write that met it. */
void signals_ignore_rest(void);
void signals_open(struct server *server);
/* Of those that end nothing: SIGHUP, if it is wanted, and all that only other programs know. How many handles were begun; the caller
 * closes them. What a profiler has taken is left to it. */
unsigned signals_hear_ignored(uv_loop_t *loop, uv_signal_t handles[SIGNALS_IGNORED], bool with_hup,
                              uv_signal_cb on_it, void *data);
void signals_tell_ignored(int number);
/* Somebody who presses Ctrl-C waits. */
bool signals_at_terminal(void);
void signals_close(struct server *server); /* in a later turn of the loop */

#endif
