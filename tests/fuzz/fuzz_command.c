/* What a caller writes for a command: a command line, bound and mended. Held: binding and mending
 * agree, a mended form binds, each form of a bound command is valid JSON and gives the same values
 * again, and the platform's body is what the values say. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/utf8.h"
#include "catalog/catalog.h"
#include "forms/forms.h"
#include "harness/words.h"

enum { MAX_INPUT = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct command_input input_of(const struct json *line)
{
    return (struct command_input){.catalog = the_catalog(),
                                  .command = json_str(json_get(line, "command")),
                                  .args = json_get(line, "args"),
                                  .options = json_get(line, "options"),
                                  .position = -1};
}

static bool binds(struct arena *arena, const struct json *line, struct bound_command *out)
{
    struct command_input input = input_of(line);
    struct error_list errors;
    bool ok;

    input.shows_forms = true;
    error_list_init(&errors);
    ok = catalog_bind(&input, arena, out, &errors) == ERR_OK;
    error_list_done(&errors);
    return ok;
}

static void check_forms(struct arena *arena, const struct bound_command *bound)
{
    const struct json *forms = command_forms(
        the_dictionary(), bound, arena, &(struct form_options){STR_INIT("http://127.0.0.1"), true});
    struct bound_command again;
    struct json *line = NULL;

    CHECK(binds(arena, json_get(forms, "json"), &again));
    CHECK(json_equal(again.values, bound->values));
    CHECK(command_line_parse(the_catalog(), arena, json_str(json_get(forms, "command_line")), &line,
                             NULL) == ERR_OK);
    CHECK(binds(arena, line, &again));
    CHECK(json_equal(again.values, bound->values));
    CHECK(json_type(json_get(forms, "upstream")) == JSON_OBJECT);
}

static void check_mended(struct arena *arena, const struct json *line, bool bound)
{
    struct command_input input = input_of(line);
    struct warning_list fixes = {0};
    struct json *corrected = NULL;
    struct bound_command out;
    struct error_list errors;

    error_list_init(&errors);
    CHECK(!bound || catalog_validate(&input, arena, &out, &errors, &corrected, &fixes) == ERR_OK);
    if (!bound && catalog_validate(&input, arena, &out, &errors, &corrected, &fixes) != ERR_OK) {
        CHECK(errors.n > 0);
    }
    if (corrected != NULL) {
        CHECK(binds(arena, corrected, &out));
    }
    error_list_done(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str text = {(const char *)bytes, len};
    struct bound_command bound;
    struct json *line = NULL;
    struct arena arena;

    if (len > MAX_INPUT || !utf8_valid(text)) { /* readers of files and bodies see to that */
        return 0;
    }
    arena_init(&arena);
    if (command_line_parse(the_catalog(), &arena, text, &line, NULL) == ERR_OK) {
        bool ok = binds(&arena, line, &bound);

        if (ok) {
            check_forms(&arena, &bound);
        }
        check_mended(&arena, line, ok);
    }
    arena_done(&arena);
    return 0;
}
