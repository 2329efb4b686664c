/* Escapes text for HTML and XML, between tags and in attributes with either kind of quote. */
#ifndef BASE_MARKUP_H
#define BASE_MARKUP_H

#include <stdint.h>

#include "base/buf.h"

/* "&lt;" for <; NULL: the character needs no escape. */
const char *markup_entity(uint32_t point);
void markup_text(struct buf *out, struct str text);

#endif
