/* What the files of `command` share: sending (command.c) and telling (command_answer.c). */
#ifndef CLI_COMMAND_INTERNAL_H
#define CLI_COMMAND_INTERNAL_H

#include "cli/command.h"

/* One line to stderr, safe for a terminal. */
void command_say(const char *label, struct str value);
void command_print_answer(const struct command_run *command, const struct json *answer,
                          bool success);
void command_print_garbage(const struct upstream_reply *reply);

#endif
