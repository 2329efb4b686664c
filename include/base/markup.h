/* Text as it stands in HTML and XML, between tags and in attributes of either quote. */
#ifndef BASE_MARKUP_H
#define BASE_MARKUP_H

#include <stdint.h>

#include "base/buf.h"

/* "&lt;" for <; NULL: the character has no meaning there and stands for itself. */
const char *markup_entity(uint32_t point);
void markup_text(struct buf *out, struct str text);

#endif
