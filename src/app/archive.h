/* Puts the reports of a test run to artifacts.url: the port of events/artifacts.h.
 *
 *   put ─► text of the run (api) ─► tree (thread) ─► screenshots, if asked for ─► reports (thread) ─► each: digest (thread), PUT (cloud)
 *                                                                                              or written (thread)
 *
 * Whatever takes long for a run of thousands of steps is done in a thread. Owner: the server. */
#ifndef APP_ARCHIVE_H
#define APP_ARCHIVE_H

#include "app/server.h"
#include "base/error.h"
#include "events/artifacts.h"

struct archive;

enum error_code archive_open(struct server *server, struct archive **out,
                             struct error *err) MUST_CHECK;
struct artifacts_port archive_port(struct archive *archive);
/* Nothing may be asked of it any more; a thread that is at work is waited for. */
void archive_close(struct archive *archive, void (*on_closed)(void *context), void *context);

#endif
