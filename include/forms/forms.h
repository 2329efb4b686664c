/* A command in all the forms that people and programs send it in. Pure. */
#ifndef FORMS_FORMS_H
#define FORMS_FORMS_H

#include "catalog/catalog.h"

struct dictionary;

/* What a curl line needs beside the command. */
struct form_options {
    struct str base_url; /* "http://127.0.0.1:8000" */
    bool needs_key;      /* the line reads a key from the shell's VIRTUOSO_PROXY_API_KEY */
};

/* The forms of a command that was bound with shows_forms: {"json", "curl", "yaml", "command_line",
 * "sentence", "upstream", "json_goes_to", "yaml_goes_to"}. Each form, sent back, makes the same request.
 *   sentence: null where the command has none, or where the sentence cannot say its options
 *   yaml: a test file for a step, the body of /commands/execute for any other command; null where a
 *     value holds control characters, which YAML refuses
 *   upstream: the main call; a value that an earlier call would give stays a name: "{snapshot_id}" */
struct json *command_forms(struct dictionary *dictionary, const struct bound_command *bound,
                           struct arena *arena, const struct form_options *shown);

#endif
