/* The consumers of facts that a server has (room events): opened after the loop. */
#ifndef APP_CONSUMERS_H
#define APP_CONSUMERS_H

#include "app/server.h"
#include "base/error.h"

enum error_code open_journal(struct server *server,
                             struct error *err) MUST_CHECK; /* if there is a store */
enum error_code open_webhooks(struct server *server, struct error *err) MUST_CHECK;
enum error_code open_analytics(struct server *server,
                               struct error *err) MUST_CHECK; /* if enabled */
enum error_code open_sinks(struct server *server,
                           struct error *err) MUST_CHECK; /* if analytics has any */
enum error_code open_audit(struct server *server,
                           struct error *err) MUST_CHECK; /* if there is a file */
enum error_code open_artifacts(struct server *server,
                               struct error *err) MUST_CHECK; /* if they have a place */
enum error_code open_recaller(struct server *server,
                              struct error *err) MUST_CHECK; /* if runs are to be recalled */

#endif
