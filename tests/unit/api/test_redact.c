/* Secrets that the platform echoes: by name and place, each in its forms. */
#include "harness/cmocka.h"

#include "api/gate/redact.h"

struct row {
    const char *path;
    unsigned shows;
    const char *text;
    const char *want;
};

/* clang-format off */
static const struct row rows[] = {
    {"/executions/1", 0, "{\"a\":[{\"meta\":{\"initialDataPerJourneySequence\":{\"p\":\"S\"},\"kept\":1}}]}", "{\"a\":[{\"meta\":{\"kept\":1}}]}"},
    {"/executions/1", 0, "{\"sideEffects\":{\"usedData\":{\"p\":\"S\"}},\"sideEffectsSummary\":{\"usedData\":2}}",
     "{\"sideEffects\":{},\"sideEffectsSummary\":{\"usedData\":2}}"},
    {"/executions/1", 0, "{\"usedData\":[\"S\"],\"testDataValue\":\"S\",\"x\":{\"testDataValue\":null}}", "{\"x\":{\"testDataValue\":null}}"},
    {"/executions/1", 0, "{\"launchedByUser\":{\"email\":\"S\",\"name\":\"n\"},\"email\":\"kept\"}", "{\"launchedByUser\":{\"name\":\"n\"},\"email\":\"kept\"}"},
    {"/testsuites/1", 0, "{\"item\":{\"id\":1,\"dataAttributeValues\":{\"username\":\"S\",\"password\":\"S\"}}}", "{\"item\":{\"id\":1}}"},
    {"/projects/1/environments", 0, "{\"environments\":[{\"variables\":{\"a\":{\"name\":\"a\",\"value\":\"S\"}}}]}",
     "{\"environments\":[{\"variables\":{\"a\":{\"name\":\"a\"}}}]}"},
    {"/projects/1/environments", 0, "{\"variables\":[{\"name\":\"a\",\"value\":\"S\"}]}", "{\"variables\":[{\"name\":\"a\"}]}"},
    {"/environments/1", 0, "{\"variables\":{\"a\":\"S\",\"n\":{\"value\":5}}}", "{\"variables\":{\"n\":{}}}"},
    {"/environments/1/variables/a", 0, "{\"name\":\"a\",\"value\":\"S\"}", "{\"name\":\"a\"}"},
    {"/projects/1/environments/env", 0, "{\"item\":{\"value\":\"S\"}}", "{\"item\":{}}"},
    {"/things/1/Environments/2/variables", 0, "[{\"name\":\"a\",\"value\":\"S\"}]", "[{\"name\":\"a\"}]"},
    {"/projects/1/testdata/tables/5", 0, "{\"rows\":[[\"S\"]],\"values\":{\"0\":\"S\"}}", "{}"},
    {"/environments/1", REDACT_SHOWS_ENVIRONMENTS, "{\"variables\":{\"a\":{\"value\":\"V\"}}}", "{\"variables\":{\"a\":{\"value\":\"V\"}}}"},
    {"/testdata/tables/1/values", 0, "{\"id\":1,\"values\":{\"0\":{\"5\":\"S\"}}}", "{\"id\":1}"},
    {"/testdata/tables/1", 0, "{\"rows\":[[\"S\"]],\"rowCount\":1}", "{\"rowCount\":1}"},
    {"/testdata/tables/1/values", REDACT_SHOWS_TABLES, "{\"values\":{\"0\":{\"5\":\"V\"}}}", "{\"values\":{\"0\":{\"5\":\"V\"}}}"},
    {"/testdata/tables/1/values", REDACT_SHOWS_ENVIRONMENTS, "{\"values\":{\"0\":{\"5\":\"S\"}}}", "{}"},
    /* JSON in a text */
    {"/executions/1", 0, "{\"body\":\"{\\\"usedData\\\":{\\\"p\\\":\\\"S\\\"},\\\"k\\\":12345678901234567890}\"}", "{\"body\":\"{\\\"k\\\":12345678901234567890}\"}"},
    {"/executions/1", 0, "[\" [{\\\"launchedByUser\\\":{\\\"email\\\":\\\"S\\\"}}]\"]", "[\"[{\\\"launchedByUser\\\":{}}]\"]"},
    {"/executions/1", 0, "{\"a\":\"{\\\"b\\\":\\\"{\\\\\\\"usedData\\\\\\\":[\\\\\\\"S\\\\\\\"]}\\\"}\"}", "{\"a\":\"{\\\"b\\\":\\\"{}\\\"}\"}"},
    {"/executions/1", 0, "{\"a\":\"\\\"{\\\\\\\"usedData\\\\\\\":[\\\\\\\"S\\\\\\\"]}\\\"\"}", "{\"a\":\"\\\"{}\\\"\"}"},
    {"/executions/1", 0, "{\"a\":\"{\\\"used\\\\u0044ata\\\":[\\\"S\\\"]}\"}", "{\"a\":\"{}\"}"},
    {"/environments/1", 0, "{\"variables\":\"{\\\"x\\\":\\\"S\\\"}\"}", "{\"variables\":\"{}\"}"},
    {"/environments/1", 0, "{\"variables\":\"[{\\\"value\\\":\\\"S\\\"}]\"}", "{\"variables\":\"[{}]\"}"},
    {"/executions/1", 0, "{\"log\":\"failed: {\\\"usedData\\\":{\\\"p\\\":\\\"S\\\"}} at 3\",\"k\":1}", "{\"k\":1}"},
    {"/executions/1", 0, "[1,\"{\\\"usedData\\\":{\\\"p\\\":\\\"S\",2]", "[1,2]"},
    {"/executions/1", 0, "{\"text\":\"usedData is { \\\"odd\\\" \",\"k\":1}", "{\"text\":\"usedData is { \\\"odd\\\" \",\"k\":1}"},
    {"/executions/1", 0, "{\"detail\":\"testDataValue: S\",\"k\":[\"usedData=S\",\"usedData='S\",\"usedData 7\"]}", "{\"k\":[\"usedData 7\"]}"},
    {"/users/1", 0, "{\"message\":\"set variables: a=b\",\"e\":\"'usedData' : S\"}", "{\"message\":\"set variables: a=b\"}"},
    {"/executions/1", 0, "{\"selector\":\"{ \\\"clue\\\" :\\\"usedData\\\"}\"}", "{\"selector\":\"{ \\\"clue\\\" :\\\"usedData\\\"}\"}"},
    {"/executions/1", 0, "{\"count\":\"{\\\"usedData\\\": 2}\"}", "{\"count\":\"{\\\"usedData\\\": 2}\"}"},
    /* the same words where they are harmless */
    {"/teststeps/1", 0, "{\"action\":\"WRITE\",\"value\":\"typed\",\"variable\":\"v\"}", "{\"action\":\"WRITE\",\"value\":\"typed\",\"variable\":\"v\"}"},
    {"/my-environments/1", 0, "{\"value\":\"typed\"}", "{\"value\":\"typed\"}"},
    {"/testsuites/1", 0, "{\"values\":[1],\"rows\":2,\"inputVariables\":{\"a\":\"b\"}}", "{\"values\":[1],\"rows\":2,\"inputVariables\":{\"a\":\"b\"}}"},
};

/* clang-format on */

static void each_secret_goes_in_its_place_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct json *tree = NULL;

        arena_init(&arena);
        assert_int_equal(json_parse(&arena, str_from(rows[i].text), NULL, &tree, NULL), ERR_OK);
        redact(tree, &arena, str_from(rows[i].path), rows[i].shows);
        if (!str_is(json_text(&arena, tree), rows[i].want)) {
            fail_msg("%s %s became %.*s", rows[i].path, rows[i].text,
                     STR_ARG(json_text(&arena, tree)));
        }
        if (!str_is(str_from(rows[i].text), rows[i].want)) {
            assert_true(redact_is_needed(str_from(rows[i].text), str_from(rows[i].path)));
        }
        arena_done(&arena);
    }
}

/* Of header fields: "rows" and "csv" are words of addresses and names of files, too. */
static void a_header_field_goes_with_a_secret_alone(void **state)
{
    static const struct {
        const char *path;
        const char *value;
        unsigned shows;
        bool goes;
    } fields[] = {
        {"/environments/12", "https://p/environments/12/variables/34", 0, false},
        {"/testdata/tables/5", "<https://p/testdata/tables/5/rows?page=2>; rel=next", 0, false},
        {"/testdata/tables/5", "attachment; filename=\"table.csv\"", 0, false},
        {"/testdata/tables/5", "attachment; filename=\"values.csv\"", 0, false},
        {"/environments/12", "sent the value of 1", 0, false},
        {"/executions/1", "usedData=S", 0, true},
        {"/users/1", "{'testDataValue':'S'}", 0, true},
        {"/environments/12", "{\"variables\":{\"a\":\"S\"}}", 0, true},
        {"/environments/12", "https://p/x?q=%7B%22variables%22%3A%7B%22a%22%3A%22S%22%7D%7D", 0,
         true},
        {"/environments/12", "\"{\\\"variables\\\":{}}\"", 0, true},
        {"/environments/12", "{\"variables\":{}}", REDACT_SHOWS_ENVIRONMENTS, false},
        {"/testdata/tables/5", "{\"csv\":\"S\"}", 0, true},
        {"/testdata/tables/5", "{\"csv\":\"S\"}", REDACT_SHOWS_TABLES, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (redact_names(str_from(fields[i].value), str_from(fields[i].path), fields[i].shows) !=
            fields[i].goes) {
            fail_msg("%s: %s", fields[i].path, fields[i].value);
        }
    }
}

static void a_name_written_with_escapes_is_looked_for_in_the_tree(void **state)
{
    struct arena arena;
    struct json *tree = NULL;
    struct str text = STR("{\"\\u0075sedData\":[\"S\"]}");

    (void)state;
    arena_init(&arena);
    assert_true(redact_is_needed(text, STR("/executions/1")));
    assert_int_equal(json_parse(&arena, text, NULL, &tree, NULL), ERR_OK);
    redact(tree, &arena, STR("/executions/1"), 0);
    assert_int_equal(json_size(tree), 0);
    arena_done(&arena);
}

/* A hundred thousand texts in one object: each is taken out in constant time. */
static void many_secrets_take_linear_time(void **state)
{
    enum { N = 100000 };

    struct arena arena;
    struct buf text;
    struct json *tree = NULL;
    const struct json_limits limits = {.max_nodes = 2 * N};

    (void)state;
    arena_init(&arena);
    buf_init(&text, (size_t)32 * N);
    buf_text(&text, "{\"variables\":{");
    for (int i = 0; i < N; i++) {
        buf_printf(&text, "%s\"v%d\":\"S\"", i > 0 ? "," : "", i);
    }
    buf_text(&text, "}}");
    assert_int_equal(json_parse(&arena, buf_view(&text), &limits, &tree, NULL), ERR_OK);
    redact(tree, &arena, STR("/environments/1"), 0);
    assert_int_equal(json_size(json_get(tree, "variables")), 0);
    buf_done(&text);
    arena_done(&arena);
}

/* Deeper than anybody looks: the text goes as a whole. */
static void a_text_in_too_many_texts_is_taken_out(void **state)
{
    struct arena arena;
    struct json *tree;

    (void)state;
    arena_init(&arena);
    tree = json_new_object(&arena);
    json_set(tree, STR("usedData"), json_new_string(&arena, STR("S")));
    for (int i = 0; i < 8; i++) {
        struct json *outer = json_new_object(&arena);

        json_set(outer, STR("a"), json_new_string(&arena, json_text(&arena, tree)));
        tree = outer;
    }
    redact(tree, &arena, STR("/executions/1"), 0);
    assert_false(str_contains(json_text(&arena, tree), STR("usedData")));
    arena_done(&arena);
}

static void own_routes_show_their_own_values_only(void **state)
{
    (void)state;
    assert_int_equal(redact_own_values(STR("/testdata/tables/5/values")), REDACT_SHOWS_TABLES);
    assert_int_equal(redact_own_values(STR("/environments/5")), REDACT_SHOWS_ENVIRONMENTS);
    assert_int_equal(redact_own_values(STR("/projects/5/environments")), REDACT_SHOWS_ENVIRONMENTS);
    assert_int_equal(redact_own_values(STR("/projects/5/environments/7")),
                     REDACT_SHOWS_ENVIRONMENTS);
    assert_int_equal(redact_own_values(STR("/projects/5/testdata/tables/7")), REDACT_SHOWS_TABLES);
    assert_int_equal(redact_own_values(STR("/projects/5")), 0);
    assert_int_equal(redact_own_values(STR("/testsuites/5")), 0);
    assert_true(redact_path_leaks(STR("/testsuites/5")));
    assert_true(redact_path_leaks(STR("/things/5/environments/7")));
    assert_true(redact_path_leaks(STR("/v2/executions/5")));
    assert_true(redact_path_leaks(STR("/library/Journeys")));
    assert_false(redact_path_leaks(STR("/user")));
    assert_false(redact_path_leaks(STR("/library/checkpoints/5/steps")));
}

/* Cells and variables are told by their names: what has none may be all of them. */
static void a_path_of_values_wants_them_named(void **state)
{
    static const struct {
        const char *text;
        bool is_nameless;
    } trees[] = {
        {"\"user,pw\\na,S\"", true},
        {"[[\"user\",\"pw\"],[\"a\",\"S\"]]", true},
        {"[{\"id\":1},\"S\"]", true},
        {"[1,[\"S\"]]", true},
        {"[]", false},
        {"[1,2]", false},
        {"[{\"id\":1}]", false},
        {"{\"rows\":[[\"S\"]]}", false},
        {"7", false},
        {"null", false},
    };

    (void)state;
    assert_true(redact_wants_names(STR("/testdata/tables/5"), 0));
    assert_true(redact_wants_names(STR("/projects/1/environments/5"), 0));
    assert_false(redact_wants_names(STR("/testdata/tables/5"), REDACT_SHOWS_TABLES));
    assert_false(redact_wants_names(STR("/environments/5"), REDACT_SHOWS_ENVIRONMENTS));
    assert_false(redact_wants_names(STR("/executions/5"), 0));
    for (size_t i = 0; i < ARRAY_LEN(trees); i++) {
        struct arena arena;
        struct json *tree = NULL;

        arena_init(&arena);
        assert_int_equal(json_parse(&arena, str_from(trees[i].text), NULL, &tree, NULL), ERR_OK);
        if (redact_is_nameless(tree) != trees[i].is_nameless) {
            fail_msg("%s", trees[i].text);
        }
        arena_done(&arena);
    }
}

int test_redact(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_secret_goes_in_its_place_and_nothing_else),
        cmocka_unit_test(a_header_field_goes_with_a_secret_alone),
        cmocka_unit_test(a_name_written_with_escapes_is_looked_for_in_the_tree),
        cmocka_unit_test(many_secrets_take_linear_time),
        cmocka_unit_test(a_text_in_too_many_texts_is_taken_out),
        cmocka_unit_test(own_routes_show_their_own_values_only),
        cmocka_unit_test(a_path_of_values_wants_them_named),
    };

    return cmocka_run_group_tests_name("api/redact", tests, NULL, NULL);
}
