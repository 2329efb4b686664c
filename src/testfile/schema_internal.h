/* What the files that write the JSON Schema of test files share. */
#ifndef TESTFILE_SCHEMA_INTERNAL_H
#define TESTFILE_SCHEMA_INTERNAL_H

#include "base/json_form.h"
#include "testfile_internal.h"

/* Where the schema goes, and what it is made of. */
struct schema {
    const struct dictionary *dictionary;
    struct json_writer *w;
    const struct json *texts; /* schema.json */
};

/* Writes which other fields a step needs when one of its fields says a certain word. */
void put_words(const struct schema *s);
/* Writes the member `allOf` of an object that describes the fields of the verb, if some of them
 * exclude each other. `any_map`: the verb also takes {"ELEMENT": "TEXT"}, or an action that names
 * another verb. */
void put_form_fields(const struct schema *s, const struct verb *verb, bool any_map);

#endif
