/* Shared by the subcommands that are clients of a proxy: the form of their output
 * (-o human|json|yaml), and the name that errors give to the other side. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

enum cli_output { CLI_OUTPUT_HUMAN, CLI_OUTPUT_JSON, CLI_OUTPUT_YAML };

bool cli_output_parse(struct str word, enum cli_output *out);
/* Room upstream writes "the platform" into its errors. Here the other side is a proxy, so the error
 * gets "the proxy" instead. */
void cli_say_proxy(struct error *err);

#endif
