/* The header fields by which callers say what they want. They are checked before anything else: a field that stands
 * twice, or is misspelled, would silently change what is done. */
#ifndef API_GATE_FIELDS_H
#define API_GATE_FIELDS_H

#include "base/error.h"

struct task;

/* ERR_BAD_REQUEST, with the field in `err`: one that may stand once stands twice, or the name is one slip away
 * from one that is read (a letter, the separators, the X- before it), which is absent itself. */
enum error_code fields_check(const struct task *task, struct error *err) MUST_CHECK;

#endif
