#include "words.h"

#include <stdlib.h>

#include "base/check.h"
#include "testfile/testfile_internal.h"

static struct catalog *catalog;
static struct dictionary *dictionary;

static void let_go(void)
{
    dictionary_free(dictionary);
    catalog_free(catalog);
}

const struct catalog *the_catalog(void)
{
    if (catalog == NULL) {
        CHECK(catalog_new(&catalog, NULL) == ERR_OK);
        dictionary = dictionary_new(catalog);
        CHECK(atexit(let_go) == 0);
    }
    return catalog;
}

struct dictionary *the_dictionary(void)
{
    (void)the_catalog();
    return dictionary;
}

static enum error_code command_json(struct arena *arena, struct str words, struct json *args,
                                    struct json *options, struct json **out)
{
    *out = json_new_object(arena);
    json_set(*out, STR("command"), json_new_string(arena, words));
    json_set(*out, STR("args"), args);
    json_set(*out, STR("options"), options);
    return ERR_OK;
}

/* Compiled as a test of this one step, so that both ways of reading cannot differ. */
enum error_code sentence_parse(struct arena *arena, struct str sentence, struct json **out,
                               struct error *err)
{
    static const struct testfile_options none;
    struct testfile file = {0};
    struct testfile_problems problems = {0};
    struct testfile_test test = {0};
    struct compile c = {.arena = arena,
                        .options = &none,
                        .catalog = the_catalog(),
                        .dictionary = dictionary_opened(the_dictionary()),
                        .out = &file,
                        .problems = &problems,
                        .test = &test};
    struct str text = arena_str(arena, sentence); /* as texts of a file do, it lies in the arena */
    struct node node = {.type = NODE_SCALAR, .text = text, .line = 1, .column = 1};
    const struct testfile_step *step;

    if (!step_text(&c, &node, text) || test.n_steps != 1) {
        const struct testfile_problem *problem = problems.n > 0 ? &problems.items[0] : NULL;

        if (problem == NULL) {
            return error_set(err, ERR_INVALID, "this sentence makes %zu steps instead of one",
                             test.n_steps);
        }
        return error_set(err, ERR_INVALID, "%.*s%s%.*s", STR_ARG(problem->detail),
                         problem->example.len > 0 ? ". Example: " : "", STR_ARG(problem->example));
    }
    step = &test.steps[0];
    return command_json(arena, str_from(step->command->words), json_copy(arena, step->args),
                        json_copy(arena, step->options), out);
}
