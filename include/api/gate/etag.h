/* Entity tags of answers (RFC 9110, section 8.8.3), and whether a request has the answer already. */
#ifndef API_GATE_ETAG_H
#define API_GATE_ETAG_H

#include "api/gate/task.h"

/* The tag of a body, in quotes; in the arena. */
struct str etag_of(struct arena *arena, struct str body);

/* The weak tag, W/"...", of a document of this program; the same in all processes. Documents are hundreds of KiB, and
 * SHA-256 would hold up the loop for three milliseconds. A faster hash will do: two documents with one tag would be of
 * use to no attacker. */
struct str etag_of_document(struct arena *arena, struct str body);

/* Whether If-None-Match of the request names the tag, or any, by weak comparison (section 13.1.2). */
bool etag_is_had(const struct task *task, struct str etag);

#endif
