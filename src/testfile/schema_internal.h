/* What the files that write the JSON Schema of test files share. */
#ifndef TESTFILE_SCHEMA_INTERNAL_H
#define TESTFILE_SCHEMA_INTERNAL_H

#include "base/json_writer.h"
#include "map_internal.h"

/* schema_words.c: what a word in one field of a step asks of the others. */
void put_words(struct json_writer *w);

#endif
