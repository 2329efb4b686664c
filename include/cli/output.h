/* In which form a subcommand prints what it found out (-o human|json|yaml). */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>

#include "base/str.h"

enum cli_output { CLI_OUTPUT_HUMAN, CLI_OUTPUT_JSON, CLI_OUTPUT_YAML };

bool cli_output_parse(struct str word, enum cli_output *out);

#endif
