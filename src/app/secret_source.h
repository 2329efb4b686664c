/* Values of references to secrets (aws-sm:, aws-ssm:, gcp-sm:) for configurations: read before a server is there, and by it.
 * Owner: secret_source_new/secret_source_free; outlives what loads with it. */
#ifndef APP_SECRET_SOURCE_H
#define APP_SECRET_SOURCE_H

#include "cloud/cloud.h"
#include "cloud/secrets.h"
#include "config/config.h"
#include "net/loop.h"

struct secret_source {
    struct config_secrets offered; /* for config_sources */
    struct cloud_secrets *secrets;
    /* of the configuration that was loaded last */
    struct str region, ca_file; /* heap */
    unsigned refresh_s, timeout_ms;
    unsigned n_unread; /* references in it that were not read yet */
};

struct secret_source *secret_source_new(void);
void secret_source_free(struct secret_source *source); /* NULL is fine */

/* Does config_load, but first reads the secrets that it refers to, if they are not known yet: in a loop of its own, for
 * secrets.timeout_ms at most. `reads` false: references stand for themselves. */
enum error_code secret_source_load(struct secret_source *source, struct config_sources sources,
                                   bool reads, struct config **out,
                                   struct error_list *errors) MUST_CHECK;
/* The same without reading: a reference that is not known yet is an error. `sources` has source->offered. */
enum error_code secret_source_load_known(struct secret_source *source,
                                         const struct config_sources *sources, struct config **out,
                                         struct error_list *errors) MUST_CHECK;

/* Secrets by reference while a server runs: read again every secrets.refresh_s, and on request. Owner: reload. */
struct secret_refresh;

/* The secrets were read. `asked`: by secret_refresh_read; else by itself, and one has changed. */
typedef void (*secret_refresh_fn)(void *context, bool asked);

/* `by_itself` false: only when secret_refresh_if_due says so. */
struct secret_refresh *secret_refresh_open(struct loop *loop, struct secret_source *source,
                                           bool by_itself, secret_refresh_fn on_read,
                                           void *context);
/* Reads the secrets if that is due by the wall clock, which goes on while the process is stopped. */
void secret_refresh_if_due(struct secret_refresh *refresh);
/* False: there is nothing to read. True: on_read comes later, once for all calls until then. `all`: reads also known
 * ones. */
bool secret_refresh_read(struct secret_refresh *refresh, const struct config_sources *sources,
                         bool all);
void secret_refresh_close(struct secret_refresh *refresh);
bool secret_refresh_is_closed(const struct secret_refresh *refresh);
void secret_refresh_free(struct secret_refresh *refresh);

#endif
