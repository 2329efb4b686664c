/* The `run` subcommand: its options, the proxy that it speaks to, signals. */
#ifndef APP_RUN_H
#define APP_RUN_H

#include "arguments.h"

extern const struct argument run_arguments[];
int run_tests(struct arguments *arguments); /* the exit code, see cli/run.h */

#endif
