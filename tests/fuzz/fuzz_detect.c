/* First stage of test files: which language, no test at all, a manifest? Held: the answer depends
 * on the bytes only, refusals have a place and words, and nothing is both a manifest and
 * refused. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "harness/words.h"
#include "testfile/testfile_internal.h"

enum { MAX_INPUT = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void look(struct arena *arena, const struct node *document)
{
    static const struct testfile_options none;
    struct testfile file = {0};
    struct testfile_problems problems = {0};
    struct compile c = {.arena = arena,
                        .options = &none,
                        .catalog = the_catalog(),
                        .dictionary = dictionary_opened(the_dictionary()),
                        .out = &file,
                        .problems = &problems};
    struct character_check check;
    bool refused;

    characters_begin(&check, document);
    CHECK(characters_go_on(&c, &check, SIZE_MAX));
    problems = (struct testfile_problems){0};
    refused = refuse_other(&c, document);
    CHECK(refused == (problems.n_errors > 0));
    if (is_manifest(document)) {
        read_manifest(&c, document);
        CHECK(file.n_manifest > 0 || problems.n_errors > 0);
    }
    for (size_t i = 0; i < problems.n; i++) {
        CHECK(problems.items[i].line > 0 && problems.items[i].detail.len > 0);
    }
    (void)steps_look_ours(&c, node_get(document, "steps"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct testfile_options none;
    struct str text = {(const char *)bytes, len};
    struct node_stream stream = {0};
    struct error_list errors;
    struct arena arena;
    enum testfile_kind kind;

    if (len > MAX_INPUT) {
        return 0;
    }
    arena_init(&arena);
    error_list_init(&errors);
    kind = detect_kind(&none, text);
    CHECK(kind == TESTFILE_JSON || kind == TESTFILE_YAML);
    CHECK(kind == detect_kind(&none, text));
    if ((kind == TESTFILE_JSON ? json_parse_nodes(&arena, &arena, text, NULL, &stream, &errors)
                               : yaml_parse(&arena, text, NULL, &stream, &errors)) == ERR_OK) {
        for (const struct node *node = stream.documents; node != NULL; node = node->next) {
            look(&arena, node);
        }
    }
    error_list_done(&errors);
    arena_done(&arena);
    return 0;
}
