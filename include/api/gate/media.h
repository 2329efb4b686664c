/* What a Content-Type promises, as far as somebody must know who looks for secrets in the body. */
#ifndef API_MEDIA_H
#define API_MEDIA_H

#include <stdbool.h>

#include "base/str.h"

enum media_kind {
    MEDIA_NONE,   /* no type, or none that can be read: anything may follow */
    MEDIA_JSON,   /* application/json, text/json, anything+json, in any case */
    MEDIA_TEXT,   /* other text, and types that nobody here knows */
    MEDIA_PARTS,  /* multipart/...: each part has a type and a coding of its own */
    MEDIA_OPAQUE, /* images, sound, films, fonts, archives, PDF: no JSON, if the type is right */
};

enum media_kind media_kind(struct str content_type);
/* True: the body begins like JSON, perhaps after white space or a byte order mark, in UTF-8 or UTF-16.
 * For bodies whose Content-Type says something else; no format of MEDIA_OPAQUE begins like JSON. */
bool media_begins_as_json(struct str bytes);
/* The same with numbers, true, false and null. */
bool media_begins_as_json_value(struct str bytes);
/* The first bytes of an image, a film, a sound, a font or a PDF: what a type says may be wrong. */
bool media_begins_as_opaque(struct str bytes);
/* False: a charset whose bytes are not ASCII's for ASCII text (UTF-16, EBCDIC …): names of members
 * cannot be looked for. */
bool media_is_ascii_based(struct str content_type);
/* True: text in the charset that the type says (which is based on ASCII), or in UTF-8 if the type says
 * none: without control characters. What is compressed or encrypted is never text. */
bool media_is_its_text(struct str content_type, struct str bytes);
/* An element of a comma-separated header value, trimmed, quotes respected; false at the end. */
bool header_list_next(struct str *rest, struct str *out);
/* Is `token` among the elements of a comma-separated value? Case does not matter. */
bool header_list_has(struct str value, struct str token);

#endif
