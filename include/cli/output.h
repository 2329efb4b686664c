/* What the subcommands that are clients of a proxy have in common: in which form they print what
 * they found out (-o human|json|yaml), and how they speak of the other side. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

enum cli_output { CLI_OUTPUT_HUMAN, CLI_OUTPUT_JSON, CLI_OUTPUT_YAML };

bool cli_output_parse(struct str word, enum cli_output *out);
/* Room upstream says "the platform" in its errors; here it is a proxy. */
void cli_say_proxy(struct error *err);

#endif
