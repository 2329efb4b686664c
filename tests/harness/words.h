/* A catalogue and the words of test files for it, for tests that need no more than one: made at the first
 * use, freed when the program ends. */
#ifndef HARNESS_WORDS_H
#define HARNESS_WORDS_H

#include "testfile/testfile.h"

const struct catalog *the_catalog(void);
struct dictionary *the_dictionary(void);

#endif
