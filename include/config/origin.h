/* Judges the origins in cors.origins. */
#ifndef CONFIG_ORIGIN_H
#define CONFIG_ORIGIN_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/str.h"

/* An origin as browsers send it: scheme://host or scheme://host:port, in lower case, without a path
 * and without the scheme's own port. False: no browser sends this text; `out_right` (256
 * bytes) is then the form that was probably meant, or empty. */
enum { ORIGIN_MAX = 256 };

bool origin_is_sound(struct str text, char out_right[ORIGIN_MAX]) MUST_CHECK;

#endif
