/* One reader for all API keys and tokens, as people write them into variables and files. */
#ifndef CONFIG_CREDENTIAL_H
#define CONFIG_CREDENTIAL_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"

/* The text without a byte order mark: editors on Windows put one at the beginning of files. */
struct str credential_skip_mark(struct str text);

/* The credential in `text`, without white space and one pair of quotes around it. It may be empty.
 * ERR_CONFIG: the credential cannot be sent in a header ("Bearer " before it, a second line, white space, control
 * characters), it is a line of another kind of file (NAME=value, JSON, half a quote), or it is an example
 * (credential_is_example). `err` never quotes it. */
enum error_code credential_read(struct str text, struct str *out, struct error *err) MUST_CHECK;

/* The same for an API key or a token. ERR_CONFIG also for a list of them (KEY1,KEY2), which nobody could send;
 * a password may look like one. */
enum error_code credential_read_key(struct str text, struct str *out, struct error *err) MUST_CHECK;

/* The text begins with a #, like a line that was commented out. Passwords may begin with #, tokens do not. */
bool credential_is_comment(struct str text);

/* Documents write such a text in place of a key: ${API_KEY}, changeme, your-api-key, xxxxxxxx. */
bool credential_is_example(struct str text);

#endif
