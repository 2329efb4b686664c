/* Third stage of test files: one step to a command of the catalogue that binds. The input is a text
 * as it may stand in `steps`: a sentence of natural language or a command line. Held: what binds is
 * written as a sentence and as a command line that give the same command, arguments and options
 * again; what does not has an error with words. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/utf8.h"
#include "harness/words.h"
#include "testfile/testfile.h"

enum { MAX_INPUT = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* NULL: it does not bind. */
static const struct command *bind(struct arena *arena, const struct json *line,
                                  struct bound_command *out)
{
    const struct command_input input = {.catalog = the_catalog(),
                                        .command = json_str(json_get(line, "command")),
                                        .args = json_get(line, "args"),
                                        .options = json_get(line, "options"),
                                        .position = -1};
    struct error_list errors;
    enum error_code code;

    error_list_init(&errors);
    code = catalog_bind(&input, arena, out, &errors);
    CHECK((code == ERR_OK) == (errors.n == 0));
    for (size_t i = 0; i < errors.n; i++) {
        CHECK(errors.items[i].text[0] != '\0');
    }
    error_list_done(&errors);
    return code == ERR_OK ? out->command : NULL;
}

/* The same request by either way. */
static void check_again(struct arena *arena, const struct bound_command *bound,
                        const struct json *line)
{
    struct str sentence = sentence_write(the_dictionary(), arena, bound->command,
                                         json_get(line, "args"), json_get(line, "options"));
    struct json *again = NULL;
    struct bound_command other;

    CHECK(sentence.len > 0);
    if (sentence_parse(arena, sentence, &again, NULL) != ERR_OK) {
        CHECK(command_line_parse(the_catalog(), arena, sentence, &again, NULL) == ERR_OK);
    }
    CHECK(bind(arena, again, &other) == bound->command);
    CHECK(json_equal(other.values, bound->values));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str text = {(const char *)bytes, len};
    struct bound_command bound;
    struct json *line = NULL;
    struct arena arena;
    struct error err = {0};

    if (len > MAX_INPUT || !utf8_valid(text)) { /* readers of files and bodies see to that */
        return 0;
    }
    arena_init(&arena);
    if (sentence_parse(&arena, text, &line, &err) != ERR_OK) {
        CHECK(err.text[0] != '\0');
    } else if (bind(&arena, line, &bound) != NULL) {
        check_again(&arena, &bound, line);
    }
    arena_done(&arena);
    return 0;
}
