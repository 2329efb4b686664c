/* Command lines from a shell's words, and the old order of arguments. */
#include "harness/cmocka.h"
#include "harness/words.h"

#include "catalog/catalog.h"

enum { MAX_WORDS_GIVEN = 8 };

struct row {
    const char *words[MAX_WORDS_GIVEN];
    const char *read; /* as JSON */
};

static void words_of_a_shell_keep_what_they_hold(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {{"step-interact", "click", "Sign in"}, "{\"command\":\"step-interact click\",\"args\":[\"Sign in\"],\"options\":{}}"},
        {{"step-interact click", "it's", "--variable=a b"}, "{\"command\":\"step-interact click\",\"args\":[\"it's\"],\"options\":{\"variable\":\"a b\"}}"},
        {{"step-navigate", "to", "http://x", "--new-tab"}, "{\"command\":\"step-navigate to\",\"args\":[\"http://x\"],\"options\":{\"new-tab\":true}}"},
        {{"step-interact", "write", "a", "--", "--append"}, "{\"command\":\"step-interact write\",\"args\":[\"a\",\"--append\"],\"options\":{}}"},
        {{"step-interact", "write", "--append", "a", "b"}, "{\"command\":\"step-interact write\",\"args\":[\"a\",\"b\"],\"options\":{\"append\":true}}"},
        {{"step-interact", "write", "", "\"q\" \\ $x `y`\n"}, "{\"command\":\"step-interact write\",\"args\":[\"\",\"\\\"q\\\" \\\\ $x `y`\\n\"],\"options\":{}}"},
        {{"step-interact", "mouse", "move", "-1,-2"}, "{\"command\":\"step-interact mouse move\",\"args\":[\"-1,-2\"],\"options\":{}}"},
        {{"step-wait", "element", "x", "--timeout", "100"}, "{\"command\":\"step-wait element\",\"args\":[\"x\"],\"options\":{\"timeout\":\"100\"}}"},
        {{"no-such", "thing"}, "{\"command\":\"no-such\",\"args\":[\"thing\"],\"options\":{}}"},
    };
    /* clang-format on */
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json *read = NULL;
        struct json *expected = NULL;
        struct error err = {0};
        size_t n = 0;
        struct str line;

        while (n < MAX_WORDS_GIVEN && rows[i].words[n] != NULL) {
            n++;
        }
        line = command_line_join(&arena, rows[i].words, n);
        assert_int_equal(json_parse(&arena, str_from(rows[i].read), NULL, &expected, NULL), ERR_OK);
        if (command_line_parse(the_catalog(), &arena, line, &read, &err) != ERR_OK ||
            !json_equal(read, expected)) {
            fail_msg("%.*s: %s, %.*s", STR_ARG(line), err.text, STR_ARG(json_text(&arena, read)));
        }
    }
    arena_done(&arena);
}

static void the_old_order_is_read_and_nothing_else_is_mended(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {{"step-interact", "click", "1680930", "Sign in", "3"}, "{\"command\":\"step-interact click\",\"args\":[\"Sign in\"],\"options\":{},\"checkpoint_id\":\"1680930\",\"position\":3}"},
        {{"step-interact", "click", "cp_1680930", "Sign in"}, "{\"command\":\"step-interact click\",\"args\":[\"Sign in\"],\"options\":{},\"checkpoint_id\":\"1680930\"}"},
        {{"step-interact", "click", "Sign in", "3", "--position", "CENTER"}, "{\"command\":\"step-interact click\",\"args\":[\"Sign in\"],\"options\":{\"position\":\"CENTER\"},\"position\":3}"},
        {{"step-wait", "time", "1680930", "500", "2"}, "{\"command\":\"step-wait time\",\"args\":[\"500\"],\"options\":{},\"checkpoint_id\":\"1680930\",\"position\":2}"},
        {{"step-interact", "CLICK", "1680930", "Sign in", "3"}, NULL},
        {{"step-interact", "click", "Sign in"}, NULL},
        {{"step-interact", "click", "a", "b", "c"}, NULL},
        {{"step-window", "resize", "1680930", "1024 x 768", "1"}, NULL},
        {{"list-projects", "1680930"}, NULL},
    };
    /* clang-format on */
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json *line = NULL;
        struct json *expected = NULL;
        struct warning_list fixes;
        struct command_input input = {.catalog = the_catalog(), .position = -1};
        const struct json *old;
        size_t n = 0;

        while (n < MAX_WORDS_GIVEN && rows[i].words[n] != NULL) {
            n++;
        }
        assert_int_equal(command_line_parse(the_catalog(), &arena,
                                            command_line_join(&arena, rows[i].words, n), &line,
                                            NULL),
                         ERR_OK);
        input.command = json_str(json_get(line, "command"));
        input.args = json_get(line, "args");
        input.options = json_get(line, "options");
        old = catalog_from_old(&input, &arena, &fixes);
        if (rows[i].read != NULL) {
            assert_int_equal(json_parse(&arena, str_from(rows[i].read), NULL, &expected, NULL),
                             ERR_OK);
            assert_true(fixes.n > 0);
        }
        if ((old == NULL) != (expected == NULL) || (old != NULL && !json_equal(old, expected))) {
            fail_msg("row %zu: %.*s", i, STR_ARG(json_text(&arena, old)));
        }
    }
    arena_done(&arena);
}

int test_line(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_a_shell_keep_what_they_hold),
        cmocka_unit_test(the_old_order_is_read_and_nothing_else_is_mended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
