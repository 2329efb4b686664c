/* Secrets that the platform echoes, by name and place: a row of redact.c each. */
#ifndef API_REDACT_H
#define API_REDACT_H

#include <stdbool.h>

#include "base/str.h"
#include "data/json.h"

/* What an answer may show all the same, because its caller asked for just this and may see it. */
enum redact_shows {
    REDACT_SHOWS_NOTHING = 0,
    REDACT_SHOWS_ENVIRONMENTS = 1, /* values of environment variables */
    REDACT_SHOWS_TABLES = 2        /* cells of data tables */
};

/* REDACT_SHOWS_ bits: what a path of the platform is meant to show ("/environments/5"). */
unsigned redact_own_values(struct str path);
/* True: answers of this path are known to hold secrets, so one that cannot be read is refused. */
bool redact_path_leaks(struct str path);
/* True: answers of this path are values themselves (cells of tables, variables), of which this caller may not see all.
 * They are told by their names: what has none cannot be judged, and is refused. */
bool redact_wants_names(struct str path, unsigned shows);
/* The tree is a text, or a list of texts or of lists (rows of cells): nothing in it has a name. */
bool redact_is_nameless(const struct json *root);

/* Takes the secrets out of the tree, but for those of `shows` (redact_shows bits), also out of texts
 * that are JSON themselves ({"body": "{\"usedData\": ...}"}). A text that names a secret as JSON does
 * and cannot be read as JSON is taken out whole. `arena`: for what is read meanwhile. */
void redact(struct json *root, struct arena *arena, struct str path, unsigned shows);
/* False: the text holds none of the names, escaped or not, so the tree need not be built. */
bool redact_is_needed(struct str text, struct str path);
/* True: the text, of a header field, holds a name that is a secret wherever it stands, or the name of another secret
 * in quotes, as in JSON. */
bool redact_names(struct str text, struct str path, unsigned shows);

#endif
