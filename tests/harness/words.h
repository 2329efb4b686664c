/* A catalogue and the words of test files for it, for tests that need no more than one: made at the first
 * use, freed when the program ends. */
#ifndef HARNESS_WORDS_H
#define HARNESS_WORDS_H

#include "testfile/testfile.h"

const struct catalog *the_catalog(void);
struct dictionary *the_dictionary(void);

/* A sentence of natural language (`click on "Sign in"`) or a command line to one command:
 * {"command", "args", "options"} in the arena. err says what was not understood, with an
 * example. */
enum error_code sentence_parse(struct arena *arena, struct str sentence, struct json **out,
                               struct error *err) MUST_CHECK;

#endif
