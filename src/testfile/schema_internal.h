/* What the files that write the JSON Schema of test files share. */
#ifndef TESTFILE_SCHEMA_INTERNAL_H
#define TESTFILE_SCHEMA_INTERNAL_H

#include "base/json_form.h"
#include "map_internal.h"

/* schema_words.c: what a word in one field of a step asks of the others. */
void put_words(const struct dictionary *dictionary, struct json_writer *w);

/* schema_forms.c: the member `allOf` of an object that describes the fields of the verb, if some of them
 * exclude each other. `any_map`: the verb also takes {"ELEMENT": "TEXT"}, or an action that names
 * another verb. */
void put_form_fields(const struct dictionary *dictionary, struct json_writer *w,
                     const struct verb *verb, bool any_map);

#endif
