/* Test files from the shell: `validate FILE...` and `convert --to TARGET FILE...`. No network.
 * Exit codes: 0 all files are fine, 1 otherwise (the code of `run` for a file that it cannot start). */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

int cli_validate(const char *const *files, size_t n_files, bool json);
/* lenient: what does not compile is only a warning, and such a step becomes a comment. */
int cli_convert(const char *const *files, size_t n_files, struct str target, bool lenient);

#endif
