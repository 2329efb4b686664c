/* Takes out of an answer what the platform must not have put in. */
#ifndef API_REDACT_H
#define API_REDACT_H

#include "data/json.h"

void redact(struct json *node); /* a tree of ours: changed in place */
/* Does the text hold one of the names at all? (Escaped names are JSON's business: parse when in
 * doubt.) */
bool redact_is_needed(struct str text);

#endif
