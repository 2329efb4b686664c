/* API keys and tokens as people write them into variables and files: one reader for all of them. */
#ifndef CONFIG_CREDENTIAL_H
#define CONFIG_CREDENTIAL_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/str.h"

/* The text without a byte order mark: editors on Windows put one at the beginning of files. */
struct str credential_skip_mark(struct str text);

/* The credential in `text`: white space and one pair of quotes around it are dropped. An empty one
 * is fine. ERR_CONFIG: what it holds could not be sent in a header ("Bearer " before it, a second
 * line, white space, control characters), it is a line of another kind of file (NAME=value, JSON, half a
 * quote), or everybody knows it (credential_is_example). `err`
 * never quotes it. */
enum error_code credential_read(struct str text, struct str *out, struct error *err) MUST_CHECK;

/* It begins with a #: a line of a file that was taken back. Passwords may begin so, tokens do not. */
bool credential_is_comment(struct str text);

/* What documents write where a key belongs: ${API_KEY}, changeme, your-api-key, xxxxxxxx. */
bool credential_is_example(struct str text);

#endif
