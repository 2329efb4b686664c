/* Secrets by reference, as the secret stores of AWS and Google tell them:
 *
 *   aws-sm:NAME[#KEY]    Secrets Manager: the text of a secret (by name or ARN), or a member of it where it is JSON
 *   aws-ssm:NAME         the Parameter Store of Systems Manager, decrypted
 *   gcp-sm:projects/PROJECT/secrets/NAME[/versions/VERSION]    Secret Manager; the newest version unless one is named
 *
 * A set of references remembers the last good value of each. It outlives the loops that read it, since values are read
 * before there is a server. Owner: cloud_secrets_new/cloud_secrets_free. */
#ifndef CLOUD_SECRETS_H
#define CLOUD_SECRETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct cloud;
struct cloud_secrets;

enum { CLOUD_SECRETS_LIMIT = 256, CLOUD_SECRET_BYTES_MAX = 64 * 1024 };

enum cloud_secret_state {
    CLOUD_SECRET_KNOWN,  /* *out is its value, until the next reading */
    CLOUD_SECRET_UNREAD, /* it is new in the set; the next reading will read it */
    CLOUD_SECRET_ABSENT, /* the service says that there is none */
    CLOUD_SECRET_GONE,   /* the same, of a secret that was known before */
    CLOUD_SECRET_FAILED
};

/* Whether the text begins as a reference does. */
bool cloud_secret_is_reference(struct str text);
/* ERR_CONFIG: the text begins like a reference and is none; `err` says what to write. */
enum error_code cloud_secret_check(struct str reference, struct error *err) MUST_CHECK;

struct cloud_secrets *cloud_secrets_new(void);
void cloud_secrets_free(
    struct cloud_secrets *secrets); /* no reading may be under way; NULL is fine */

/* `reference` is one that cloud_secret_check accepts. `*why` lives as long as `*out`; empty unless FAILED, ABSENT or
 * GONE. */
enum cloud_secret_state cloud_secrets_find(struct cloud_secrets *secrets, struct str reference,
                                           struct str *out, const char **why);
/* References that cloud_secrets_find is not asked for from now on are forgotten at the next reading. */
void cloud_secrets_begin(struct cloud_secrets *secrets);

/* Reads all of them. What fails is tried again until limit_ms have passed, unless the service has refused it; then the last
 * good value stays, if there is one. `changed`: one of them has another value or state than before. on_done comes from a
 * later turn, once. */
typedef void (*cloud_secrets_fn)(void *context, bool changed);
void cloud_secrets_read(struct cloud_secrets *secrets, struct cloud *cloud, unsigned limit_ms,
                        cloud_secrets_fn on_done, void *context);
bool cloud_secrets_is_reading(const struct cloud_secrets *secrets);
void cloud_secrets_stop(struct cloud_secrets *secrets); /* on_done will not come; idempotent */
/* Sets how long the last value of a deleted secret stays in use. 0, as at first: until the next reading. */
void cloud_secrets_keep(struct cloud_secrets *secrets, uint64_t ms);
/* How many there are; none: there is nothing to read. */
unsigned cloud_secrets_count(const struct cloud_secrets *secrets);

#endif
