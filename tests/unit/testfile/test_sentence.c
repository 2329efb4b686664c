/* Sentences that are not understood: what they are answered with is understood. */
#include "fixture.h"
#include "harness/words.h"
#include "testfile/sentence.h"

static const struct grammar *grammar(void)
{
    return dictionary_opened(the_dictionary())->grammar;
}

static void every_example_is_understood(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < n_sentence_rows; i++) {
        struct str example = sentence_example(&arena, &sentence_rows[i], STR_EMPTY);
        struct sentence_match match;
        struct error err = {0};

        if (str_starts(example, STR("//"))) { /* a comment is read before sentences are */
            continue;
        }
        if (!sentence_match(grammar(), &arena, example, &match, &err)) {
            fail_msg("%.*s: %s", STR_ARG(example), err.text);
        }
    }
    arena_done(&arena);
}

static void the_example_is_near(void **state)
{
    static const struct {
        const char *sentence;
        const char *word;
        const char *example;
    } cases[] = {
        {"switch to tab 2", "", "switch to next tab"},
        {"verfy \"A\" is blue", "verify", "verify \"Sign in\" is hidden"},
        {"clik the big button", "click", "click on \"Sign in\""},
        {"exists \"A\"", "", "assert \"Sign in\" exists"},
        {"drop \"a\" on \"b\"", "", "drag \"Sign in\" and drop on \"Germany\""},
        {"close tab", "", "close alert"},
        {"dance with wolves", "", "click on \"Sign in\""},
        {"\"A\" is blue", "", "click on \"Sign in\""},
        {"", "", "click on \"Sign in\""},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sentence_near near = sentence_near(grammar(), &arena, str_from(cases[i].sentence));
        struct str word = near.word;

        if (!str_is(word, cases[i].word) || !str_is(near.example, cases[i].example)) {
            fail_msg("%s: %.*s; %.*s", cases[i].sentence, STR_ARG(word), STR_ARG(near.example));
        }
    }
    arena_done(&arena);
}

static void a_command_may_lack_its_step(void **state)
{
    struct compiled c;

    (void)state;
    compile_text(&c,
                 "name: A\nproject: B\nsteps:\n  - assert exists \"A\"\n  - interact click \"B\"\n"
                 "  - window resize 800x600\n  - misc comment \"C\"\n");
    assert_int_equal(c.code, ERR_OK);
    assert_int_equal(c.file.tests[0].n_steps, 4);
    assert_string_equal(c.file.tests[0].steps[0].command->words, "step-assert exists");
    assert_string_equal(c.file.tests[0].steps[3].command->words, "step-misc comment");
    arena_done(&c.arena);
}

int test_sentence(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_understood),
        cmocka_unit_test(the_example_is_near),
        cmocka_unit_test(a_command_may_lack_its_step),
    };

    return cmocka_run_group_tests_name("testfile: sentences", tests, NULL, NULL);
}
