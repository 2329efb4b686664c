/* The `run` subcommand: its options, the proxy that it speaks to, signals. */
#ifndef APP_RUN_H
#define APP_RUN_H

#include "arguments.h"

extern const struct argument run_arguments[];
int run_tests(struct arguments *arguments); /* the exit code, see cli/run.h */
/* Its words could not be understood: an older report may not pass for the one of this run. */
void run_tests_refused(const struct arguments *arguments);

#endif
