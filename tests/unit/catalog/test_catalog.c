/* The catalogue without a server: the table checks itself, every command binds its own example, all
 * forms of a command mean the same, and slips are mended as promised. */
#include "harness/cmocka.h"
#include "harness/words.h"

#include "catalog/catalog_internal.h"
#include "forms/forms.h"

static const struct catalog_defaults defaults = {.organization_id = STR_INIT("7")};

struct fixture {
    struct arena arena;
    struct error_list errors;
    struct bound_command bound;
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){0};
    arena_init(&f->arena);
    error_list_init(&f->errors);
}

static void end(struct fixture *f)
{
    error_list_done(&f->errors);
    arena_done(&f->arena);
}

static struct json *parse(struct fixture *f, const char *text)
{
    struct json *node = NULL;
    struct error err = {0};

    if (json_parse(&f->arena, str_from(text), NULL, &node, &err) != ERR_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    return node;
}

static enum error_code bind_json(struct fixture *f, const struct json *body)
{
    const struct command_input input = {
        .catalog = the_catalog(),
        .shows_forms = true,
        .command = json_str(json_get(body, "command")),
        .args = json_get(body, "args"),
        .params = json_get(body, "params"),
        .options = json_get(body, "options"),
        .position = -1,
        .defaults = &defaults,
    };

    return catalog_bind(&input, &f->arena, &f->bound, &f->errors);
}

static enum error_code bind_text(struct fixture *f, const char *text)
{
    return bind_json(f, parse(f, text));
}

/* The request as text: method, path and body of the main call with fixed checkpoint and
 * position. */
static struct str request_of(struct fixture *f)
{
    return json_text(&f->arena,
                     json_get(command_forms(the_dictionary(), &f->bound, &f->arena,
                                            &(struct form_options){STR_INIT("http://x"), false}),
                              "upstream"));
}

static size_t n_specials(void)
{
    command_rule_fn seen[COMMANDS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < catalog_size(the_catalog()); i++) {
        command_rule_fn special = catalog_at(the_catalog(), i)->special;
        size_t at = 0;

        while (at < n && seen[at] != special) {
            at++;
        }
        if (at == n && special != NULL) {
            seen[n++] = special;
        }
    }
    return n;
}

static void the_table_has_87_commands_and_few_rules(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    assert_int_equal(catalog_size(the_catalog()), 87);
    assert_true(n_specials() <= 5);
    end(&f);
}

/* A step that is right, but for what a row below changes. */
#define ROW(words_, ...)                                                                           \
    {                                                                                              \
        .words = (words_), .summary = "s", .example = "e", .permission = 1, __VA_ARGS__            \
    }
#define BODY(text)                                                                                 \
    .call = {.name = "c", .method = "POST", .path = "/x", .body = (text), .class = CALL_CREATE}

struct bad_row {
    const char *why;
    struct command row;
};

static void bad_rows_are_refused_with_their_name_and_the_reason(void **state)
{
    /* clang-format off */
    static const struct bad_row bad[] = {
        {"does not compile", ROW("bad json", BODY("{"))},
        {"\"nobody\"", ROW("bad name", BODY("{\"a\": \"$nobody\"}"))},
        {"\"unseen\"", ROW("bad path", .call = {.name = "c", .method = "GET", .path = "/x/{unseen}"})},
        {"uses the argument \"lost\"", ROW("bad arg", .args = {{"lost", PARAM_TEXT}}, BODY("{}"))},
        {"uses the option \"lost\"", ROW("bad option", .options = {{"lost", PARAM_TEXT, .flags = PARAM_OPTIONAL}}, BODY("{}"))},
        {"\"create goal\"", ROW("bad then", .then = {{CALL_CREATE_GOAL, NULL, NULL}}, BODY("{}"))},
        {"two parameters \"a\"", ROW("bad twice", .args = {{"a", PARAM_TEXT}}, .options = {{"a", PARAM_TEXT, .flags = PARAM_OPTIONAL}}, BODY("{\"a\": \"$a\"}"))},
        {"default does not fit", ROW("bad default", .options = {{"n", PARAM_INTEGER, .flags = PARAM_OPTIONAL, .min = 1, .max = 5, .def = "6"}}, BODY("{\"a\": \"$n\"}"))},
        {"no words", ROW("bad enum", .args = {{"e", PARAM_ENUM}}, BODY("{\"a\": \"$e\"}"))},
        {"optional argument", ROW("bad order", .args = {{"a", PARAM_TEXT, .flags = PARAM_OPTIONAL}, {"b", PARAM_TEXT}}, BODY("{\"a\": \"$?a\", \"b\": \"$b\"}"))},
        {"an option must be optional", ROW("bad need", .options = {{"a", PARAM_TEXT}}, BODY("{\"a\": \"$a\"}"))},
        {"class", ROW("bad class", .call = {.name = "c", .method = "DELETE", .path = "/x", .class = CALL_READ})},
        {"reply", ROW("bad reply", .kind = COMMAND_CALL, BODY("{}"))},
        {"permission", {.words = "bad permission", .summary = "s", .example = "e", BODY("{}")}},
        {"example", {.words = "bad help", .permission = 1, BODY("{}")}},
        {"no end", ROW("bad end", .args = {{"a", PARAM_ANY}, {"b", PARAM_ANY}, {"c", PARAM_ANY}, {"d", PARAM_ANY}, {"e", PARAM_ANY}, {"f", PARAM_ANY}, {"g", PARAM_ANY}, {"h", PARAM_ANY}}, BODY("{}"))},
    };
    /* clang-format on */
    static const struct command good =
        ROW("good", .args = {{"a", PARAM_TEXT}}, BODY("{\"a\": \"$a\"}"));
    struct fixture f;

    (void)state;
    begin(&f);
    assert_int_equal(catalog_check_row(&good, NULL), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct error err = {0};

        if (catalog_check_row(&bad[i].row, &err) == ERR_OK ||
            !str_contains(str_from(err.text), str_from(bad[i].row.words)) ||
            !str_contains(str_from(err.text), str_from(bad[i].why))) {
            fail_msg("%s: %s", bad[i].row.words, err.text);
        }
    }
    end(&f);
}

static void a_name_stands_only_once_in_the_catalogue(void **state)
{
    static const struct command same = {.words = "step-interact click"};
    static const struct command alias = {.words = "new", .aliases = {"mouse move"}};
    struct catalog *own;
    struct error err = {0};

    (void)state;
    assert_int_equal(catalog_new(&own, &err), ERR_OK);
    assert_int_not_equal(names_add(own, &same, &err), ERR_OK);
    assert_int_not_equal(names_add(own, &alias, &err), ERR_OK);
    assert_true(str_contains(str_from(err.text), STR("mouse move")));
    catalog_free(own);
}

/* What help shows of each command; YAML, curl and sentences are fed back in test_vectors.c. */
static void every_form_of_every_command_means_the_same(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    for (size_t i = 0; i < catalog_size(the_catalog()); i++) {
        const struct command *command = catalog_at(the_catalog(), i);
        struct json *line = NULL;
        struct json *forms;
        struct str want;

        assert_int_equal(catalog_index(command), i);
        assert_int_equal(
            command_line_parse(the_catalog(), &f.arena, str_from(command->example), &line, NULL),
            ERR_OK);
        if (bind_json(&f, line) != ERR_OK) {
            fail_msg("%s: its example does not bind: %s", command->words, f.errors.items[0].text);
        }
        assert_ptr_equal(f.bound.command, command);
        want = request_of(&f);
        forms = command_forms(the_dictionary(), &f.bound, &f.arena,
                              &(struct form_options){STR_INIT("http://x"), false});
        if (bind_json(&f, json_get(forms, "json")) != ERR_OK) {
            fail_msg("%s: its JSON form does not bind: %s", command->words, f.errors.items[0].text);
        }
        assert_true(str_eq(request_of(&f), want));
        assert_int_equal(command_line_parse(the_catalog(), &f.arena,
                                            json_str(json_get(forms, "command_line")), &line, NULL),
                         ERR_OK);
        assert_int_equal(bind_json(&f, line), ERR_OK);
        assert_true(str_eq(request_of(&f), want));
        assert_true(
            str_contains(json_str(json_get(forms, "curl")),
                         json_text(&f.arena, json_get(json_get(forms, "json"), "command"))));
    }
    end(&f);
}

struct refusal {
    const char *body;
    const char *pointer;
    const char *text;
    size_t n;
};

static const struct refusal refusals[] = {
    {"{\"command\":\"step-interact clck\",\"args\":[\"x\"]}", "/command", "step-interact click", 1},
    {"{\"command\":\"\"}", "/command", "empty", 1},
    {"{\"command\":\"step-interact click\",\"args\":[]}", "/args/0", "missing", 1},
    {"{\"command\":\"step-interact click\",\"args\":[\"\"]}", "/args/0", "empty", 1},
    {"{\"command\":\"step-interact click\",\"args\":[\"a\",\"3\"]}", "/args/1", "position", 1},
    {"{\"command\":\"step-interact click\",\"params\":{\"elment\":\"a\"}}", "/params/elment",
     "element", 2},
    {"{\"command\":\"step-interact click\",\"args\":[\"a\"],\"params\":{}}", "/params", "not both",
     1},
    {"{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{\"elementtype\":\"b\"}}",
     "/options/elementtype", "element_type", 1},
    {"{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{\"position\":\"TOP\"}}",
     "/options/position", "TOP_LEFT", 1},
    {"{\"command\":\"step-interact click\",\"args\":[\"a\",\"--postion=CENTER\"]}", "/args/1",
     "did you mean \"position", 1},
    {"{\"command\":\"clik\",\"args\":[\"a\"]}", "/command", "step-interact click", 1},
    {"{\"command\":\"frobnicate\"}", "/command", "GET /api/v1/commands lists", 1},
    {"{\"command\":\"hover\",\"args\":[\"a\"]}", "/command", "step-interact hover", 1},
    {"{\"command\":\"step-navigate to\",\"args\":[\"ftp://x\"]}", "/args/0", "http", 1},
    {"{\"command\":\"step-navigate scroll-by\",\"args\":[\"1;2\"]}", "/args/0", "100,200", 1},
    {"{\"command\":\"step-window resize\",\"args\":[\"0x5\"]}", "/args/0", "1280x800", 1},
    {"{\"command\":\"step-wait time\",\"args\":[0]}", "/args/0", "600000", 1},
    {"{\"command\":\"step-misc comment\",\"args\":[7]}", "", "", 0},
    {"{\"command\":\"get-step\",\"args\":[\"12345678901234567890\"]}", "/args/0", "19 digits", 1},
    {"{\"command\":\"step-dialog dismiss-confirm\",\"options\":{\"accept\":true,\"reject\":true}}",
     "/options/reject", "not both", 1},
    {"{\"command\":\"step-window\",\"args\":[\"close\"]}", "/command", "tab", 1},
    {"{\"command\":\"step-navigat\",\"args\":[]}", "/command", "step-navigate", 1},
    {"{\"command\":\"step-navigate\",\"args\":[]}", "/command", "step-navigate/help", 1},
    {"{\"command\":\"step-interact clck\",\"args\":[\"x\",\"y\"]}", "/command",
     "command \"step-interact clck\"; did you mean \"step-interact click\"?", 1},
    {"{\"command\":\"step-interact\",\"args\":[\"Sign in\",\"y\"]}", "/command",
     "no such command in the group \"step-interact\"", 1},
    {"{\"command\":\"step-navigate click\",\"args\":[\"x\"]}", "/command",
     "did you mean \"step-interact click\"", 1},
    {"{\"command\":\"dialog dismis-alert\"}", "/command", "dialog dismiss-alert", 1},
    {"{\"command\":\"step-navigate scroll-by\",\"args\":[\"1,2\"],\"options\":{\"x\":1}}",
     "/options/x", "not both", 1},
    {"{\"command\":\"step-navigate scroll-by\",\"args\":[],\"options\":{\"x\":1}}", "/args/0",
     "missing", 1},
    {"{\"command\":\"step-wait element\",\"args\":[\"a\"],\"options\":{\"timeout\":1,\"--timeout\":2}}",
     "/options/--timeout", "twice", 1},
    {"{\"command\":\"import-test-data\",\"args\":[\"7\",\"a,a\\n1,2\"]}", "/args/1", "twice", 1},
    {"{\"command\":\"import-test-data\",\"args\":[\"7\",\"a,b\\n1,2\\n1,2,3\"]}", "/args/1",
     "row 3: more cells than the header, which has 2", 1},
    {"{\"command\":\"step-interact write\",\"args\":[\"\"],\"options\":{\"append\":3,\"q\":1}}",
     "/args/0", "empty", 4},
    {"{\"command\":\"step-intract clik\",\"args\":[\"x\"]}", "/command",
     "command \"step-intract clik\"; did you mean \"step-interact click\"?", 1},
    {"{\"command\":\"navigate Back\"}", "/command", "back button", 1},
    {"{\"command\":\"STEP_WINDOW\",\"args\":[\"SWITCH\",\"frame-name\",\"x\"]}", "/command",
     "finds frames by", 1},
    {"{\"command\":\"foo\"}", "/command", "GET /api/v1/commands lists", 1},
    {"{\"command\":\"step-intract\"}", "/command", "one of the group \"step-interact\"", 1},
    {"{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{\"positon\":\"CENTER\"}}",
     "/options/positon", "did you mean \"position\"", 1},
    {"{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{\"POSITION\":\"CENTER\"}}",
     "/options/POSITION", "did you mean \"position\"", 1},
    {"{\"command\":\"monitor-execution\",\"args\":[\"1\"],\"options\":{\"interval\":0}}",
     "/options/interval", "from 1 to 1000000 s", 1},
};

static void errors_name_the_place_and_the_nearest_name(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        enum error_code code = bind_text(&f, refusals[i].body);

        if (f.errors.n != refusals[i].n || (code == ERR_OK) != (refusals[i].n == 0)) {
            fail_msg("%s: %zu errors", refusals[i].body, f.errors.n);
        }
        if (refusals[i].n > 0 &&
            (!str_is(str_from(f.errors.items[0].pointer), refusals[i].pointer) ||
             !str_contains(str_from(f.errors.items[0].text), str_from(refusals[i].text)))) {
            fail_msg("%s: %s %s", refusals[i].body, f.errors.items[0].pointer,
                     f.errors.items[0].text);
        }
        error_list_done(&f.errors);
        error_list_init(&f.errors);
    }
    end(&f);
}

static void texts_of_2000_characters_fit_and_no_more(void **state)
{
    struct fixture f;
    char text[2001 * 2 + 1];
    struct json *body;
    struct json *args;

    (void)state;
    begin(&f);
    for (size_t i = 0; i < sizeof(text) - 1; i += 2) {
        text[i] = (char)0xC3;
        text[i + 1] = (char)0xA9;
    }
    for (size_t n = 2000; n <= 2001; n++) {
        body = parse(&f, "{\"command\":\"step-interact click\"}");
        args = json_new_array(&f.arena);
        json_append(args, json_new_string(&f.arena, (struct str){text, n * 2}));
        json_set(body, STR("args"), args);
        assert_int_equal(bind_json(&f, body) == ERR_OK, n == 2000);
    }
    end(&f);
}

struct slip {
    const char *body;
    const char *corrected;
};

static const struct slip slips[] = {
    {"{\"command\":\"STEP-INTERACT Click\",\"args\":[\"a\"]}",
     "{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{}}"},
    {"{\"command\":\"step-interact\",\"args\":[\"CLICK\",\"a\"]}",
     "{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{}}"},
    {"{\"command\":\"step-interact\",\"args\":[\"Mouse\",\"Move-To\",\"Menu\"]}",
     "{\"command\":\"step-interact mouse move-to\",\"args\":[\"Menu\"],\"options\":{}}"},
    {"{\"command\":\"step-window resize\",\"params\":{\"size\":\"1024 X 768\"}}",
     "{\"command\":\"step-window resize\",\"args\":[\"1024x768\"],\"options\":{}}"},
    {"{\"command\":\"step-interact write\",\"args\":[\"hello\",\"//input[1]\"],\"options\":{\"--append\":true}}",
     "{\"command\":\"step-interact write\",\"args\":[\"//input[1]\",\"hello\"],\"options\":{\"--append\":true}}"},
    {"{\"command\":\"step-navigate to\",\"args\":[\"1680930\",\"https://a.b\",\"1\"]}",
     "{\"command\":\"step-navigate to\",\"args\":[\"https://a.b\"],\"options\":{},\"checkpoint_id\":\"1680930\",\"position\":1}"},
    {"{\"command\":\"step-wait time\",\"args\":[\"1680930\",1000]}",
     "{\"command\":\"step-wait time\",\"args\":[\"1000\"],\"options\":{},\"checkpoint_id\":\"1680930\"}"},
    {"{\"command\":\"step-wait time\",\"args\":[\"cp_1680930\",1000,2]}",
     "{\"command\":\"step-wait time\",\"args\":[\"1000\"],\"options\":{},\"checkpoint_id\":\"1680930\",\"position\":2}"},
    {"{\"command\":\"step-interact click\",\"args\":[\"'Sign in'\",\"--element-type=button\",\"4\"]}",
     "{\"command\":\"step-interact click\",\"args\":[\"Sign in\"],\"options\":{\"element_type\":\"button\"},\"position\":4}"},
    {"{\"command\":\"step-interact write\",\"args\":[\"hello\",\"#q\"]}",
     "{\"command\":\"step-interact write\",\"args\":[\"#q\",\"hello\"],\"options\":{}}"},
    {"{\"command\":\"step-window resize\",\"args\":[\"1024 x 768\"]}",
     "{\"command\":\"step-window resize\",\"args\":[\"1024x768\"],\"options\":{}}"},
    {"{\"command\":\"step-navigate scroll-by\",\"args\":[\"500 , 300\"]}",
     "{\"command\":\"step-navigate scroll-by\",\"args\":[\"500,300\"],\"options\":{}}"},
    {"{\"command\":\"step-interact click\",\"args\":[\"\\\"Sign in\\\"\"]}",
     "{\"command\":\"step-interact click\",\"args\":[\"Sign in\"],\"options\":{}}"},
    {"{\"command\":\"step-navigate to\",\"args\":[\"https://a.b\",\"--new-tab\"]}",
     "{\"command\":\"step-navigate to\",\"args\":[\"https://a.b\"],\"options\":{\"new_tab\":true}}"},
    {"{\"command\":\"step-interact click\",\"args\":[\"a\",\"--position\",\"TOP_LEFT\"]}",
     "{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{\"position_on_element\":\"TOP_LEFT\"}}"},
    {"{\"command\":\"step-interact click\",\"args\":[\"a\",3]}",
     "{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{},\"position\":3}"},
    {"{\"command\":\"step-wait time\",\"args\":[\"1000\",\"2\"]}",
     "{\"command\":\"step-wait time\",\"args\":[\"1000\"],\"options\":{},\"position\":2}"},
    {"{\"command\":\"step-wait time\",\"args\":[\"1.5 s\"]}",
     "{\"command\":\"step-wait time\",\"args\":[\"1500\"],\"options\":{}}"},
    {"{\"command\":\"step-window resize\",\"args\":[1024,\"768\",3]}",
     "{\"command\":\"step-window resize\",\"args\":[\"1024x768\"],\"options\":{},\"position\":3}"},
    {"{\"command\":\"step-navigate scroll-by\",\"args\":[0,-300]}",
     "{\"command\":\"step-navigate scroll-by\",\"args\":[\"0,-300\"],\"options\":{}}"},
    {"{\"command\":\"step-interact click\",\"args\":[\"\u201CSign in\u201D\"]}",
     "{\"command\":\"step-interact click\",\"args\":[\"Sign in\"],\"options\":{}}"},
    {"{\"command\":\"step-interact select index\",\"args\":[2,\"Color\"]}",
     "{\"command\":\"step-interact select index\",\"args\":[\"Color\",\"2\"],\"options\":{}}"},
    {"{\"command\":\"step-file upload\",\"args\":[\"https://a.b/c.pdf\",\"CV\"]}",
     "{\"command\":\"step-file upload\",\"args\":[\"CV\",\"https://a.b/c.pdf\"],\"options\":{}}"},
    {"{\"command\":\"step-navigate to\",\"args\":[\"example.com/a\"]}",
     "{\"command\":\"step-navigate to\",\"args\":[\"https://example.com/a\"],\"options\":{}}"},
    {"{\"command\":\"CLICK\",\"args\":[\"a\"]}",
     "{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{}}"},
    {"{\"command\":\"step_interact click\",\"args\":[\"a\"]}",
     "{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{}}"},
    {"{\"command\":\"step-interact click 'Sign in' --position TOP_LEFT\"}",
     "{\"command\":\"step-interact click\",\"args\":[\"Sign in\"],\"options\":{\"position\":\"TOP_LEFT\"}}"},
    {"{\"command\":\"Step_Navigate TO https://a.b/My_Page?Q=1\"}",
     "{\"command\":\"step-navigate to\",\"args\":[\"https://a.b/My_Page?Q=1\"],\"options\":{}}"},
    {"{\"command\":\"STEP-NAVIGATE TO 1680930 \\\"https://a.b/A_b\\\" 1\"}",
     "{\"command\":\"step-navigate to\",\"args\":[\"https://a.b/A_b\"],\"options\":{},\"checkpoint_id\":\"1680930\",\"position\":1}"},
    {"{\"command\":\"step-interact click\",\"args\":[\"cp_1680930\",\"a\",\"2\"]}",
     "{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{},\"checkpoint_id\":\"1680930\",\"position\":2}"},
    {"{\"command\":\"step-interact clik\",\"args\":[\"a\"]}",
     "{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{}}"},
    {"{\"command\":\"step-asert equals\",\"args\":[\"a\",\"b\"]}",
     "{\"command\":\"step-assert equals\",\"args\":[\"a\",\"b\"],\"options\":{}}"},
    {"{\"command\":\"step-interact\",\"args\":[\"mouse\",\"mvoe-to\",\"a\"]}",
     "{\"command\":\"step-interact mouse move-to\",\"args\":[\"a\"],\"options\":{}}"},
    {"{\"command\":\"step-interact click\",\"params\":{\"elment\":\"a\"}}",
     "{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{}}"},
    {"{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{\"positon\":\"TOP_LFET\"}}",
     "{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{\"position_on_element\":\"TOP_LEFT\"}}"},
    {"{\"command\":\"step-navigate to\",\"args\":[\"https://a.b\"],\"options\":{\"new_tab\":\"yes\"}}",
     "{\"command\":\"step-navigate to\",\"args\":[\"https://a.b\"],\"options\":{\"new_tab\":true}}"},
    {"{\"command\":\"step-wait element\",\"args\":[\"a\"],\"options\":{\"timeout\":\"30s\"}}",
     "{\"command\":\"step-wait element\",\"args\":[\"a\"],\"options\":{\"timeout\":30000}}"},
    {"{\"command\":\"execute-goal\",\"args\":[\"7\"],\"options\":{\"timeout\":\"30 seconds\"}}",
     "{\"command\":\"execute-goal\",\"args\":[\"7\"],\"options\":{\"timeout\":30}}"},
    {"{\"command\":\"step-window resize\",\"args\":[\"1024\u00D7768\"]}",
     "{\"command\":\"step-window resize\",\"args\":[\"1024x768\"],\"options\":{}}"},
    {"{\"command\":\"step-interact mouse move\",\"args\":[1680930,500,300]}",
     "{\"command\":\"step-interact mouse move\",\"args\":[\"500,300\"],\"options\":{},\"checkpoint_id\":\"1680930\"}"},
    {"{\"command\":\"step-assert selected\",\"args\":[\"1680930\",\"#x\"]}",
     "{\"command\":\"step-assert selected\",\"args\":[\"#x\"],\"options\":{},\"checkpoint_id\":\"1680930\"}"},
    {"{\"command\":\"step-interact write\",\"args\":[\"ada\",\"[name=q]\"]}",
     "{\"command\":\"step-interact write\",\"args\":[\"[name=q]\",\"ada\"],\"options\":{}}"},
    {"{\"command\":\"step-window resize\",\"args\":[\"1680930\",\"1024 x 768\",\"0\"]}",
     "{\"command\":\"step-window resize\",\"args\":[\"1024x768\"],\"options\":{},\"checkpoint_id\":\"1680930\",\"position\":0}"},
    {"{\"command\":\"step-navigate scroll-by\",\"args\":[\"1680930\",500,300,1]}",
     "{\"command\":\"step-navigate scroll-by\",\"args\":[\"500,300\"],\"options\":{},\"checkpoint_id\":\"1680930\",\"position\":1}"},
    {"{\"command\":\"step-assert selected\",\"args\":[\"1680930\",\"#x\",\"3\"]}",
     "{\"command\":\"step-assert selected\",\"args\":[\"#x\"],\"options\":{},\"checkpoint_id\":\"1680930\",\"position\":3}"},
    {"{\"command\":\"step-data store element-text\",\"args\":[\"$v\",\"#total\"]}",
     "{\"command\":\"step-data store element-text\",\"args\":[\"#total\",\"$v\"],\"options\":{}}"},
    {"{\"command\":\"step-navigate click\",\"args\":[\"a\"]}",
     "{\"command\":\"step-interact click\",\"args\":[\"a\"],\"options\":{}}"},
    {"{\"command\":\"step-interact key\",\"args\":[\"a\",\"--modifiers\",\"ctrl\",\"--modifiers=shift\"]}",
     "{\"command\":\"step-interact key\",\"args\":[\"a\"],\"options\":{\"modifiers\":\"ctrl,shift\"}}"},
    {"{\"command\":\"step-navigate scroll-top\",\"args\":[\"1680930\"]}",
     "{\"command\":\"step-navigate scroll-top\",\"args\":[],\"options\":{},\"checkpoint_id\":\"1680930\"}"},
    {"{\"command\":\"step-interact write\",\"args\":[\"1680930\",\"#q\",\"5\"]}",
     "{\"command\":\"step-interact write\",\"args\":[\"#q\",\"5\"],\"options\":{},\"checkpoint_id\":\"1680930\"}"},
    {"{\"command\":\"step-interact select index\",\"args\":[\"1680930\",\"Country\",\"2\"]}",
     "{\"command\":\"step-interact select index\",\"args\":[\"Country\",\"2\"],\"options\":{},\"checkpoint_id\":\"1680930\"}"},
    {"{\"command\":\"step-data store literal\",\"args\":[\"hello\",\"${v}\"]}",
     "{\"command\":\"step-data store literal\",\"args\":[\"hello\",\"v\"],\"options\":{}}"},
    {"{\"command\":\"step-assert variable\",\"args\":[\"{{x}}\",\"5\"]}",
     "{\"command\":\"step-assert variable\",\"args\":[\"x\",\"5\"],\"options\":{}}"},
    {"{\"command\":\"step-navigate scroll-by\",\"args\":[\"(500; -300)\"]}",
     "{\"command\":\"step-navigate scroll-by\",\"args\":[\"500,-300\"],\"options\":{}}"},
};

/* NULL: as it stands, or beyond mending. */
static struct json *validate_text(struct fixture *f, const char *text, struct warning_list *fixes)
{
    const struct json *body = parse(f, text);
    const struct command_input input = {.catalog = the_catalog(),
                                        .command = json_str(json_get(body, "command")),
                                        .args = json_get(body, "args"),
                                        .params = json_get(body, "params"),
                                        .options = json_get(body, "options"),
                                        .position = -1,
                                        .defaults = &defaults};
    struct json *corrected = NULL;

    (void)!catalog_validate(&input, &f->arena, &f->bound, &f->errors, &corrected, fixes);
    return corrected;
}

static void common_slips_are_mended(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    for (size_t i = 0; i < ARRAY_LEN(slips); i++) {
        struct warning_list fixes = {0};
        struct json *corrected = validate_text(&f, slips[i].body, &fixes);

        if (corrected == NULL || !json_equal(corrected, parse(&f, slips[i].corrected))) {
            fail_msg("%s -> %s", slips[i].body,
                     corrected != NULL ? json_text(&f.arena, corrected).ptr : "nothing");
        }
        assert_true(fixes.n > 0);
    }
    end(&f);
}

static void nothing_is_mended_that_is_right_or_hopeless(void **state)
{
    static const char *const table[] = {
        "{\"command\":\"step-interact click\",\"args\":[\"Sign in\"]}",
        "{\"command\":\"step-interact write\",\"args\":[\"#q\",\"#hello\"]}",
        "{\"command\":\"step-interact write\",\"args\":[\"Price\",\".5\"]}",
        "{\"command\":\"step-assert equals\",\"args\":[\"Total\",\"12\"]}",
        "{\"command\":\"step-interact click\",\"args\":[]}",
        "{\"command\":\"step-window resize\",\"args\":[\"big\"]}",
        "{\"command\":\"step-assert matches\",\"args\":[\"x\",\"'a' or 'b'\"]}",
        "{\"command\":\"step-interact click\",\"args\":[\"a\",\"b\",\"c\"]}",
        "{\"command\":\"step-interact click Sign\",\"args\":[\"in\"]}",
        "{\"command\":\"no-such\",\"args\":[\"--x\"]}",
        "{\"command\":\"step-navigate back\",\"args\":[]}",
        "{\"command\":\"step-interact write\",\"args\":[\"Comment\",\"// todo\"]}",
        "{\"command\":\"step-interact write\",\"args\":[\"Color\",\"#ff0000\"]}",
        "{\"command\":\"step-interact write\",\"args\":[\"Color\",\"#fff\"]}",
        "{\"command\":\"step-interact write\",\"args\":[\"Tag\",\"#Virtuoso\"]}",
        "{\"command\":\"step-assert equals\",\"args\":[\"Ending\",\".json\"]}",
        "{\"command\":\"step-assert equals\",\"args\":[\"Link\",\"//cdn.example.com/a\"]}",
        "{\"command\":\"step-interact write\",\"args\":[\"$name\",\"#email\"]}",
        "{\"command\":\"step-misc execute\",\"args\":[\"'use strict'\"]}",
        "{\"command\":\"step-interact write\",\"args\":[\"Title\",\"[DRAFT] x\"]}",
        "{\"command\":\"step-assert selected\",\"args\":[\"5551234\",\"Blue\"]}",
        "{\"command\":\"step-interact mouse down\",\"args\":[\"5551234\"]}",
        "{\"command\":\"step-navigate scroll-by\",\"args\":[\"1,2,3\"]}",
        "{\"command\":\"step-window resize\",\"args\":[\"1024 and 768\"]}",
        "{\"command\":\"step-interact frobnicate\",\"args\":[\"x\"]}",
        "{\"command\":\"delete-environment\",\"args\":[\"5\"]}",
        "{\"command\":\"library detach\",\"args\":[\"5\",\"6\"]}",
        "{\"command\":\"library delete\",\"args\":[\"7023\"]}",
        "{\"command\":\"step-assert unchecked\",\"args\":[\"x\"]}",
        "{\"command\":\"step-wait no-element\",\"args\":[\"x\"]}",
        "{\"command\":\"step-window minimize\",\"args\":[]}",
        "{\"command\":\"step-interact select first\",\"args\":[\"x\"]}",
        "{\"command\":\"step-window switch tab\",\"args\":[\"3\"]}",
        "{\"command\":\"step-interact mouse\",\"args\":[\"#x\"]}",
    };
    struct fixture f;

    (void)state;
    begin(&f);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct warning_list fixes = {0};
        struct json *corrected = validate_text(&f, table[i], &fixes);

        if (corrected != NULL || fixes.n > 0) {
            fail_msg("%s -> %s", table[i],
                     corrected != NULL ? json_text(&f.arena, corrected).ptr : "fixes");
        }
    }
    end(&f);
}

/* The name is wrong, and known what it should be: what else is wrong is told too. */
static void a_wrong_name_hides_no_other_error(void **state)
{
    static const char *const table[] = {
        "{\"command\":\"STEP-INTERACT CLICK\",\"args\":[],\"options\":{\"positon\":\"CENTER\"}}",
        "{\"command\":\"step-interact clik\",\"args\":[\"a\",\"b\",\"c\"]}",
    };
    struct fixture f;

    (void)state;
    begin(&f);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct warning_list fixes = {0};
        (void)validate_text(&f, table[i], &fixes);

        assert_int_equal(f.errors.n, 3);
        error_list_done(&f.errors);
        error_list_init(&f.errors);
    }
    end(&f);
}

static void aliases_and_inert_options_warn(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    assert_int_equal(
        bind_text(&f, "{\"command\":\"navigate to\",\"args\":[\"$url\"],\"options\":{\"wait\":1}}"),
        ERR_OK);
    assert_int_equal(f.bound.warnings.n, 2);
    assert_int_equal(bind_text(&f, "{\"command\":\"create-project\",\"args\":[\"x\"]}"), ERR_OK);
    assert_int_equal(f.bound.warnings.n, 0);
    assert_true(str_is(json_str(json_get(f.bound.values, "organization_id")), "7"));
    assert_int_equal(
        bind_text(
            &f,
            "{\"command\":\"step-navigate\",\"args\":[\"scroll-by\"],\"options\":{\"x\":1,\"y\":-2}}"),
        ERR_OK);
    end(&f);
}

int test_catalog(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_has_87_commands_and_few_rules),
        cmocka_unit_test(bad_rows_are_refused_with_their_name_and_the_reason),
        cmocka_unit_test(a_name_stands_only_once_in_the_catalogue),
        cmocka_unit_test(every_form_of_every_command_means_the_same),
        cmocka_unit_test(errors_name_the_place_and_the_nearest_name),
        cmocka_unit_test(texts_of_2000_characters_fit_and_no_more),
        cmocka_unit_test(common_slips_are_mended),
        cmocka_unit_test(nothing_is_mended_that_is_right_or_hopeless),
        cmocka_unit_test(a_wrong_name_hides_no_other_error),
        cmocka_unit_test(aliases_and_inert_options_warn),
    };

    return cmocka_run_group_tests_name("catalogue", tests, NULL, NULL);
}
