/* What a Content-Type says about the body, as far as the search for secrets must know. */
#ifndef API_MEDIA_H
#define API_MEDIA_H

#include <stdbool.h>

#include "base/str.h"

enum media_kind {
    MEDIA_NONE,   /* no type, or none that can be read: anything may follow */
    MEDIA_JSON,   /* application/json, text/json, anything+json, in any case */
    MEDIA_TEXT,   /* other text, and types that are not known here */
    MEDIA_PARTS,  /* multipart/...: each part has a type and a coding of its own */
    MEDIA_OPAQUE, /* images, sound, films, fonts, archives, PDF: no JSON, if the type is right */
};

enum media_kind media_kind(struct str content_type);
/* True: the body begins like JSON, perhaps after white space or a byte order mark, in UTF-8 or UTF-16.
 * For bodies whose Content-Type says something else; no format of MEDIA_OPAQUE begins like JSON. */
bool media_begins_as_json(struct str bytes);
/* The same, but numbers, true, false and null are JSON, too. */
bool media_begins_as_json_value(struct str bytes);
/* The first bytes of an image, a film, a sound, a font or a PDF: what a type says may be wrong. */
bool media_begins_as_opaque(struct str bytes);
/* False: in this charset ASCII text has other bytes than in ASCII (UTF-16, EBCDIC …), so names of members
 * cannot be looked for. */
bool media_is_ascii_based(struct str content_type);
/* True: the bytes are text without control characters, in the charset that the type names (which is based on
 * ASCII), or in UTF-8 if it names none. Compressed or encrypted bytes are never text. */
bool media_is_its_text(struct str content_type, struct str bytes);
/* An element of a comma-separated header value, trimmed, quotes respected; false at the end. */
bool header_list_next(struct str *rest, struct str *out);
/* Is `token` among the elements of a comma-separated value? Case does not matter. */
bool header_list_has(struct str value, struct str token);

#endif
