/* What the files of `command` share: sending (command.c), the answer (command_answer.c), its words
 * (command_words.c) and the catalogue's own help (command_help.c). */
#ifndef CLI_COMMAND_INTERNAL_H
#define CLI_COMMAND_INTERNAL_H

#include "cli/command.h"

/* One line to stderr, safe for a terminal. */
void command_say(const char *label, struct str value);
void command_print_answer(const struct command_run *command, const struct json *answer,
                          bool success);
void command_print_garbage(const struct upstream_reply *reply);

/* An error of the proxy, {"detail", "pointer"?}, in the words of the command line. `suggests`: a
 * better command follows, so the proxy's own proposal is left out. *out_hint is set to what the user
 * can do, if anything is known for the code. */
void command_put_detail(struct buf *out, struct str code, const struct json *error, bool suggests,
                        const char **out_hint);
/* The same for a text that names a route of the catalogue; false: it names none, nothing is put. */
bool command_put_routes(struct buf *out, struct str detail);
/* "click element [--element_type]" with its options as they are typed: [--element-type]. */
void command_put_usage(struct buf *out, struct str usage);

#endif
