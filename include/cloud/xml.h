/* Answers of services in XML, as far as they are lists of texts: elements by name, without attributes and name spaces. */
#ifndef CLOUD_XML_H
#define CLOUD_XML_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* What stands between <name> and </name>, at the first place; `*rest` is what follows. False: there is no such element. */
bool xml_next(struct str *rest, const char *name, struct str *out);
/* The text of the first such element, with its references resolved; empty: there is none. */
struct str xml_text(struct arena *arena, struct str xml, const char *name);

#endif
