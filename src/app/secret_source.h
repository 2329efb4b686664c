/* Values of references to secrets (aws-sm:, aws-ssm:, gcp-sm:) for configurations: read before a server is there, and by it.
 * Owner: secret_source_new/secret_source_free; outlives what loads with it. */
#ifndef APP_SECRET_SOURCE_H
#define APP_SECRET_SOURCE_H

#include "cloud/cloud.h"
#include "cloud/secrets.h"
#include "config/config.h"

struct secret_source {
    struct config_secrets offered; /* for config_sources */
    struct cloud_secrets *secrets;
    /* of the configuration that was loaded last */
    struct str region, ca_file; /* heap */
    unsigned refresh_s, timeout_ms;
    unsigned n_unread; /* references that it has and nobody has read yet */
};

struct secret_source *secret_source_new(void);
void secret_source_free(struct secret_source *source); /* NULL is fine */
struct cloud_options secret_source_cloud(const struct secret_source *source);

/* config_load, and the secrets that it refers to are read first if they are not known yet, in a loop of its own, for secrets.timeout_ms at
 * most. `reads` false: references stand for themselves. */
enum error_code secret_source_load(struct secret_source *source, struct config_sources sources,
                                   bool reads, struct config **out,
                                   struct error_list *errors) MUST_CHECK;
/* The same without reading: a reference that is not known yet is an error. `sources` has source->offered. */
enum error_code secret_source_load_known(struct secret_source *source,
                                         const struct config_sources *sources, struct config **out,
                                         struct error_list *errors) MUST_CHECK;
/* Which references these sources have now: all that nobody reads yet are counted. True: there is one. */
bool secret_source_look(struct secret_source *source, const struct config_sources *sources);

#endif
