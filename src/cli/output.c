#include "cli/output.h"

bool cli_output_parse(struct str word, enum cli_output *out)
{
    static const char *const words[] = {
        [CLI_OUTPUT_HUMAN] = "human", [CLI_OUTPUT_JSON] = "json", [CLI_OUTPUT_YAML] = "yaml"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_is(word, words[i])) {
            *out = (enum cli_output)i;
            return true;
        }
    }
    return false;
}
