/* `virtuoso-proxy init [DIR]`: a test file to begin with, the schema for editors, and a file for a CI
 * system. Nothing that exists is overwritten.
 * Exit codes: 0 all was written, 1 something was not (it exists already, or cannot be written). */
#ifndef CLI_INIT_H
#define CLI_INIT_H

/* `ci`: "github", "gitlab", "azure", "jenkins" or NULL. The file for that system is written where the
 * system looks for it, below the current folder. */
int cli_init(const char *folder, const char *ci);
/* The schema to standard output. */
int cli_schema(void);

#endif
