/* The `run` subcommand: its options, the proxy that it speaks to, signals. */
#ifndef APP_RUN_H
#define APP_RUN_H

#include "arguments.h"

extern const struct argument run_arguments[];
int run_tests(struct arguments *arguments); /* the exit code, see cli/run.h */
/* The words could not be understood: writes that into the reports, so that no older report passes for this run's. */
void run_tests_refused(const struct arguments *arguments);

#endif
