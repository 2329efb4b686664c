/* Every command of the catalogue with values chosen to hurt, through every way to write it and
 * back: what is read must bind to the values that were written. */
#include "fixture.h"
#include "forms/forms.h"
#include "harness/client.h"
#include "harness/words.h"
#include "testfile/sentence.h"

enum { N_ROUNDS = 128, LONG_TEXT = 2000, SIMPLIFIED_MAX = 1024 * 1024 };

static const struct catalog_defaults defaults = {.organization_id = STR_INIT("7")};

static const char *const texts[] = {
    "plain",
    "two words",
    "a,b",
    "it's",
    "say \"hi\"",
    "back\\slash",
    "\\",
    "ends in \\",
    "\\\"",
    "\\'",
    "'",
    "\"",
    "'quoted'",
    "\"quoted\"",
    "x' 'y",
    " around ",
    "two  spaces",
    "--new-tab",
    "--position=3",
    "--",
    "-",
    "-1",
    "$name",
    "${name}",
    "$$",
    "{{name}}",
    "$$$a",
    "cost $$5",
    "`id`",
    "$(id)",
    "new\nline",
    "\n",
    "\ttab\t",
    "\x01\x1B[31m",
    "\x7F",
    "\xC3\xBC\xF0\x9F\x98\x80",
    "\xE2\x80\x9Cquoted\xE2\x80\x9D",
    "[1,2]",
    "[\"a\",\"b\"]",
    "[",
    "{\"a\":1}",
    "{element}",
    "true",
    "null",
    "0",
    "007",
    "// not a comment",
    "in field",
    "from",
    "last option",
    "second option",
    "element here",
    "next",
    "prev",
    "to",
    "on page",
    "in new tab",
    "top",
    "step-interact click x",
    "a=b",
    "=",
    "# no comment",
    "- item",
    "key: value",
    "*",
    "",
};

static const char *const of_types[][8] = {
    [PARAM_INTEGER] = {"0", "1", "2", "7", "1000", "20000"},
    [PARAM_URL] = {"https://example.com/a?b=c&d='e'#f", "$base/x y", "http://x/\"q\"",
                   "https://x/in new tab", "https://x/,\\"},
    [PARAM_HTTP_URL] = {"https://example.com/a?b=c&d='e'#f", "http://x/\\"},
    [PARAM_POINT] = {"0,0", "-5,7", "100,200"},
    [PARAM_SIZE] = {"1x1", "1280x800"},
    [PARAM_VARIABLE] = {"name", "$name", "a-b", "a.b", "\xC3\xBC", "in", "`x`"},
    [PARAM_UPPER] = {"button", "LINK", "X-1"},
    [PARAM_LIST] = {"[\"ctrl\"]", "[\"alt\",\"shift\"]", "[\"a,b\",\"c\"]",
                    "[\"it's\",\"\\\"q\\\"\",\"\\\\\"]", "[\" x \",\"y\"]", "[\"[1\",\"2]\"]",
                    "[\"a\\nb\",\"--x\"]", "[\"1\",\"2\"]"},
    [PARAM_OBJECT] = {"{\"a\":1}", "{\"it's\":\"\\\"q\\\"\",\"b\":[1,{\"c\":null}]}", "{}"},
    [PARAM_ID] = {"1", "1680930", "cp_12345", "9223372036854775807"},
    [PARAM_CSV] = {"a,b\n1,2\n", "\"a,\"\"x\"\"\",it's\n\"1\n2\",--\n"},
    [PARAM_FLAG] = {"true", "false"},
};

struct trip {
    struct arena arena;
    const struct command *command;
    struct json *args;
    struct json *options;
    struct bound_command bound;
    size_t n_bound;
    size_t n_said; /* by a sentence */
    size_t n_simplified;
};

static bool bind(struct arena *arena, const struct json *line, struct bound_command *out)
{
    const struct command_input input = {.catalog = the_catalog(),
                                        .shows_forms = true,
                                        .command = json_str(json_get(line, "command")),
                                        .args = json_get(line, "args"),
                                        .options = json_get(line, "options"),
                                        .position = -1,
                                        .defaults = &defaults};
    struct error_list errors;
    enum error_code code;

    error_list_init(&errors);
    code = catalog_bind(&input, arena, out, &errors);
    error_list_done(&errors);
    return code == ERR_OK;
}

static struct json *line_json(struct trip *trip)
{
    struct json *line = json_new_object(&trip->arena);

    json_set(line, STR("command"), json_new_string(&trip->arena, str_from(trip->command->words)));
    json_set(line, STR("args"), json_copy(&trip->arena, trip->args));
    json_set(line, STR("options"), json_copy(&trip->arena, trip->options));
    return line;
}

static void check_same(struct trip *trip, const char *form, struct str text,
                       const struct json *read)
{
    struct bound_command bound;

    if (!bind(&trip->arena, read, &bound)) {
        fail_msg("%s, %s: %.*s: does not bind", trip->command->words, form, STR_ARG(text));
    }
    if (bound.command != trip->command || !json_equal(bound.values, trip->bound.values)) {
        fail_msg("%s, %s: %.*s: became %s %.*s", trip->command->words, form, STR_ARG(text),
                 bound.command->words, STR_ARG(json_text(&trip->arena, bound.values)));
    }
}

static void check_line(struct trip *trip, const char *form, struct str line)
{
    struct json *read = NULL;
    struct error err = {0};

    if (command_line_parse(the_catalog(), &trip->arena, line, &read, &err) != ERR_OK) {
        fail_msg("%s, %s: %.*s: %s", trip->command->words, form, STR_ARG(line), err.text);
    }
    check_same(trip, form, line, read);
}

static void check_sentence(struct trip *trip, const char *form, struct str sentence)
{
    struct json *read = NULL;
    struct error err = {0};

    if (sentence_parse(&trip->arena, sentence, &read, &err) != ERR_OK) {
        fail_msg("%s, %s: %.*s: %s", trip->command->words, form, STR_ARG(sentence), err.text);
    }
    check_same(trip, form, sentence, read);
}

/* As a step of a test file that is written in the simplified dialect and read again. */
static void check_simplified(struct trip *trip, const struct json *line)
{
    static const struct testfile_options none;
    struct compiled first;
    struct compiled again;
    struct buf text;

    buf_init(&text, SIMPLIFIED_MAX);
    buf_printf(&text, "{\"name\": \"x\", \"steps\": [%.*s]}",
               STR_ARG(json_text(&trip->arena, line)));
    compile_as(&first, buf_view(&text), &none);
    if (first.code == ERR_OK) { /* control characters are not taken, and $name has no value */
        buf_clear(&text);
        testfile_convert(&first.file, TESTFILE_TO_SIMPLIFIED, &text);
        compile_as(&again, buf_view(&text), &none);
        if (again.code != ERR_OK || again.file.tests[0].n_steps != 1 ||
            !json_equal(again.file.tests[0].steps[0].bound.values,
                        first.file.tests[0].steps[0].bound.values)) {
            fail_msg("%s: not the same when it is read again:\n%.*s", trip->command->words,
                     STR_ARG(buf_view(&text)));
        }
        trip->n_simplified++;
        compiled_done(&again);
    }
    compiled_done(&first);
    buf_done(&text);
}

static void check(struct trip *trip)
{
    struct json *line = line_json(trip);
    const struct json *forms;
    struct str sentence;

    if (!bind(&trip->arena, line, &trip->bound)) {
        return;
    }
    trip->n_bound++;
    check_line(trip, "command_line_write",
               command_line_write(&trip->arena, trip->command, trip->args, trip->options));
    forms = command_forms(the_dictionary(), &trip->bound, &trip->arena,
                          &(struct form_options){STR_INIT("http://x"), false});
    check_line(trip, "help command_line", json_str(json_get(forms, "command_line")));
    check_same(trip, "help json", STR_EMPTY, json_get(forms, "json"));
    sentence = json_str(json_get(forms, "sentence"));
    if (sentence.len > 0) {
        trip->n_said++;
        check_sentence(trip, "help sentence", sentence);
    }
    if (trip->command->kind == COMMAND_STEP) {
        check_simplified(trip, line);
        check_sentence(trip, "sentence_write",
                       sentence_write(the_dictionary(), &trip->arena, trip->command, trip->args,
                                      trip->options));
        check_sentence(trip, "sentence_write of the help",
                       sentence_write(the_dictionary(), &trip->arena, trip->command,
                                      json_find(forms, "/json/args"),
                                      json_find(forms, "/json/options")));
    }
}

/* The i-th value for a parameter, counted round. */
static struct json *value_for(struct arena *arena, const struct param *param, size_t i)
{
    struct json *value = NULL;
    size_t n = 1; /* there is a first */

    if (param->type == PARAM_LIST && param->words != NULL) {
        return json_new_string(arena, i % 2 == 0 ? STR("ctrl,shift") : STR("alt"));
    }
    if (param->type == PARAM_ENUM) {
        struct str rest = str_from(param->words);
        struct str word;

        for (i %= 8; str_next(&rest, ' ', &word) && i > 0; i--) {
        }
        return json_new_string(arena, word);
    }
    if ((size_t)param->type >= ARRAY_LEN(of_types) || of_types[param->type][0] == NULL) {
        return json_new_string(arena, str_from(texts[i % ARRAY_LEN(texts)]));
    }
    while (n < ARRAY_LEN(of_types[0]) && of_types[param->type][n] != NULL) {
        n++;
    }
    if (param->type != PARAM_LIST && param->type != PARAM_OBJECT) {
        return json_new_string(arena, str_from(of_types[param->type][i % n]));
    }
    assert_int_equal(json_parse(arena, str_from(of_types[param->type][i % n]), NULL, &value, NULL),
                     ERR_OK);
    return value;
}

/* Options by the bits of `mask`; each argument starts at another value, so that they differ. */
static void one_trip(struct trip *trip, size_t i, unsigned mask)
{
    const struct command *command = trip->command;
    size_t shift = i;

    arena_init(&trip->arena);
    trip->args = json_new_array(&trip->arena);
    trip->options = json_new_object(&trip->arena);
    for (const struct param *param = command->args; param->name != NULL; param++) {
        if (param->type == PARAM_POINT && (mask & 3U) == 3U) {
            continue; /* said by the options x and y */
        }
        json_append(trip->args, value_for(&trip->arena, param, shift));
        shift = shift * 3 + 1;
    }
    for (size_t k = 0; k < COMMAND_MAX_PARAMS && command->options[k].name != NULL; k++) {
        if ((mask >> k & 1U) != 0) {
            json_set(trip->options, str_from(command->options[k].name),
                     value_for(&trip->arena, &command->options[k], shift));
            shift = shift * 3 + 1;
        }
    }
    check(trip);
    arena_done(&trip->arena);
}

/* With sanitizers fewer of them: that saves 20 s. */
static void all_trips(struct trip *trip, unsigned n_masks)
{
    for (size_t i = 0; i < N_ROUNDS; i++) {
        if (client_slowness() == 1 || i % 4 == 0) {
            one_trip(trip, i, 0);
        }
        one_trip(trip, i, (unsigned)i % n_masks);
    }
}

static void every_command_survives_every_way_to_write_it(void **state)
{
    size_t n_said = 0;
    size_t n_simplified = 0;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t c = 0; c < catalog_size(the_catalog()); c++) {
        struct trip trip = {.command = catalog_at(the_catalog(), c)};
        unsigned n_masks = 1;

        for (size_t k = 0; k < COMMAND_MAX_PARAMS && trip.command->options[k].name != NULL; k++) {
            n_masks *= 2;
        }
        all_trips(&trip, n_masks);
        if (trip.n_bound < 8) {
            fail_msg("%s: only %zu of its values were taken", trip.command->words, trip.n_bound);
        }
        if (sentence_of(the_dictionary(), &arena, trip.command, NULL, NULL).len > 0 &&
            trip.n_said < 8) {
            fail_msg("%s: said by only %zu sentences", trip.command->words, trip.n_said);
        }
        n_said += trip.n_said;
        n_simplified += trip.n_simplified;
    }
    assert_true(n_said > 1000);
    assert_true(n_simplified > 1000);
    arena_done(&arena);
}

/* Every argument as long as it may be, of one character; false: some other type is among them. */
static bool fill_long(struct trip *trip, const char *one, size_t n_times)
{
    struct buf text;

    buf_init(&text, (size_t)LONG_TEXT * 4);
    for (size_t k = 0; k < n_times; k++) {
        buf_text(&text, one);
    }
    trip->args = json_new_array(&trip->arena);
    trip->options = json_new_object(&trip->arena);
    for (const struct param *param = trip->command->args; param->name != NULL; param++) {
        bool is_text = param->type == PARAM_TEXT || param->type == PARAM_REGEX;

        json_append(trip->args, is_text ? json_new_string(&trip->arena, buf_view(&text))
                                        : value_for(&trip->arena, param, 0));
    }
    buf_done(&text);
    return json_size(trip->args) > 0;
}

static void as_long_as_it_may_be(void **state)
{
    static const char *const hard[] = {"'", "\"", "\\", ",", "\xF0\x9F\x98\x80", "$"};
    static const size_t lengths[] = {500, 501, LONG_TEXT};
    size_t n_bound = 0;

    (void)state;
    for (size_t i = 0; i < catalog_size(the_catalog()) * ARRAY_LEN(hard) * ARRAY_LEN(lengths);
         i++) {
        struct trip trip = {.command = catalog_at(the_catalog(), i % catalog_size(the_catalog()))};
        size_t rest = i / catalog_size(the_catalog());

        arena_init(&trip.arena);
        if (fill_long(&trip, hard[rest % ARRAY_LEN(hard)], lengths[rest / ARRAY_LEN(hard)])) {
            check(&trip);
        }
        n_bound += trip.n_bound;
        arena_done(&trip.arena);
    }
    assert_true(n_bound > 1000);
}

static const struct command *command_named(struct str words)
{
    struct str list[8];
    size_t n = str_split(words, ' ', list, ARRAY_LEN(list));
    size_t n_name = 0;
    const struct command *command = catalog_find(the_catalog(), list, n, &n_name, NULL, NULL);

    return n_name == n ? command : NULL;
}

enum { LARGE = 5 }; /* a number that is no time in seconds */

enum { HARMLESS = 21 }; /* a value that each type takes and a sentence can say */

/* ---- by its own name ---- */

/* G the group, N the name in it, F the arguments by their names; every line is a step. */
static const char own_places[] = "  - {type: G, command: N, F}\n"
                                 "  - {type: G, action: N, F}\n"
                                 "  - {type: G, command: G-N, F}\n"
                                 "  - {type: G, command: step-G N, F}\n"
                                 "  - {stepType: G, action: step-G-N, F}\n"
                                 "  - G: {action: G_N, F}\n"
                                 "  - {type: N, F}\n"
                                 "  - {action: N, F}\n"
                                 "  - {command: N, F}\n"
                                 "  - {stepType: N, F}\n"
                                 "  - {command: G, action: N, F}\n"
                                 "  - {command: G N, F}\n"
                                 "  - {command: step-G-N, F}\n"
                                 "  - G: {action: N, F}\n"
                                 "  - G: {command: N, F}\n"
                                 "  - G: {type: N, F}\n"
                                 "  - G: {operation: N, F}\n"
                                 "  - G: {N: {F}}\n"
                                 "  - {G: N, F}\n"
                                 "  - {step-G: N, F}\n"
                                 "  - G-N: {F}\n"
                                 "  - step-G N: {F}\n";
/* A single word may be a field that lacks its verb, and a name without arguments is a step as it is. */
static const char own_key[] = "  - N: {F}\n";
static const char own_text[] = "  - N\n  - G N\n  - step-G N\n";

/* "switch main-content" with each gap as `gap`; 0: as Switch and Main are joined in camelCase. */
static struct str spelled(struct arena *arena, struct str name, char gap)
{
    char *out = arena_alloc(arena, name.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < name.len; i++) {
        bool is_gap = name.ptr[i] == ' ' || name.ptr[i] == '-';
        bool begins = i > 0 && (name.ptr[i - 1] == ' ' || name.ptr[i - 1] == '-');

        if (is_gap && gap != '\0') {
            out[n++] = gap;
        } else if (!is_gap) {
            out[n++] = (char)(begins && gap == '\0' ? name.ptr[i] - 'a' + 'A' : name.ptr[i]);
        }
    }
    return (struct str){out, n};
}

static struct str named_args(struct trip *trip)
{
    const struct param *param = trip->command->args;
    struct str out = STR_EMPTY;
    const struct json *value;

    JSON_FOREACH (value, trip->args) {
        arena_join(&trip->arena, &out, ", ",
                   arena_printf(&trip->arena, "%s: %.*s", (param++)->name,
                                STR_ARG(json_text(&trip->arena, value))));
    }
    return out;
}

static void put_places(struct buf *out, const char *places, struct str group, struct str name,
                       struct str fields)
{
    for (const char *at = places; *at != '\0'; at++) {
        struct str what = *at == 'G' ? group : *at == 'N' ? name : fields;

        if (*at == ',' && at[2] == 'F' && fields.len == 0) {
            at += 2; /* `, F` */
        } else if (*at == 'G' || *at == 'N' || *at == 'F') {
            buf_str(out, what);
        } else {
            buf_char(out, *at);
        }
    }
}

static void check_places(struct trip *trip, struct str text)
{
    static const struct testfile_options none;
    struct compiled read;

    compile_as(&read, text, &none);
    if (read.code != ERR_OK) {
        fail_msg("%s: line %u: %.*s", trip->command->words, read.problems.items[0].line,
                 STR_ARG(read.problems.items[0].detail));
    }
    for (size_t i = 0; i < read.file.n_steps; i++) {
        const struct testfile_step *step = &read.file.tests[0].steps[i];

        if (step->command != trip->command || !json_equal(step->bound.values, trip->bound.values)) {
            fail_msg("%s: line %u became %s", trip->command->words, step->line,
                     step->command->words);
        }
    }
    compiled_done(&read);
}

static void check_only_step(struct trip *trip, const char *place, struct str group, struct str name,
                            struct str fields)
{
    struct buf text;

    buf_init(&text, SIMPLIFIED_MAX);
    buf_text(&text, "name: x\nsteps:\n");
    put_places(&text, place, group, name, fields);
    check_places(trip, buf_view(&text));
    buf_done(&text);
}

static void one_command_by_its_name(struct trip *trip, struct buf *text)
{
    static const char gaps[] = {'-', '_', ' ', '\0'};
    struct str group;
    struct str name;
    struct str fields;
    bool is_field;

    trip->args = json_new_array(&trip->arena);
    trip->options = json_new_object(&trip->arena);
    for (const struct param *param = trip->command->args; param->name != NULL; param++) {
        json_append(trip->args, value_for(&trip->arena, param, LARGE));
    }
    assert_true(bind(&trip->arena, line_json(trip), &trip->bound));
    (void)str_cut(str_from(trip->command->words + sizeof("step-") - 1), ' ', &group, &name);
    is_field = str_in(name, (const char *const[]){"to", "element", "time", "variable"}, 4);
    fields = named_args(trip);
    buf_text(text, "name: x\nsteps:\n");
    for (size_t i = 0; i < ARRAY_LEN(gaps); i++) {
        struct str as = spelled(&trip->arena, name, gaps[i]);

        put_places(text, own_places, group, as, fields);
        put_places(text, is_field ? "" : own_key, group, as, fields);
        put_places(text, fields.len > 0 ? "" : own_text, group, as, fields);
        check_only_step(trip, is_field ? "  - G-N: {F}\n" : own_key, group, as, fields);
        check_only_step(trip, "  - step_G_N: {F}\n", group, as, fields);
    }
    check_places(trip, buf_view(text));
}

static void a_command_is_known_by_its_name_wherever_that_stands(void **state)
{
    size_t n_commands = 0;

    (void)state;
    for (size_t i = 0; i < catalog_size(the_catalog()); i++) {
        struct trip trip = {.command = catalog_at(the_catalog(), i)};
        struct buf text;

        if (trip.command->kind == COMMAND_STEP) {
            arena_init(&trip.arena);
            buf_init(&text, SIMPLIFIED_MAX);
            one_command_by_its_name(&trip, &text);
            buf_done(&text);
            arena_done(&trip.arena);
            n_commands++;
        }
    }
    assert_true(n_commands > 60);
}

/* The row's options, and each argument. */
static void fill_row(struct trip *trip, const struct sentence_row *row)
{
    struct str rest = str_from(row->options);
    struct str option;
    struct str name;
    struct str value;

    trip->args = json_new_array(&trip->arena);
    trip->options = json_new_object(&trip->arena);
    for (const struct param *param = trip->command->args; param->name != NULL; param++) {
        json_append(trip->args, value_for(&trip->arena, param, HARMLESS));
    }
    while (str_next(&rest, ' ', &option)) {
        const struct param *param = trip->command->options;

        (void)str_cut(option, '=', &name, &value);
        while (param->name != NULL && !str_is(name, param->name)) {
            param++;
        }
        if (param->name == NULL) {
            fail_msg("\"%s\": %s has no option \"%.*s\"", row->pattern, row->command,
                     STR_ARG(name));
        }
        json_set(trip->options, name,
                 value.ptr[0] == '{' ? value_for(&trip->arena, param, HARMLESS)
                                     : json_new_string(&trip->arena, value));
    }
}

static void check_row(const struct sentence_row *row, struct str words)
{
    struct trip trip = {.command = command_named(words)};

    if (trip.command == NULL) {
        fail_msg("\"%s\": there is no command \"%.*s\"", row->pattern, STR_ARG(words));
    }
    arena_init(&trip.arena);
    fill_row(&trip, row);
    check(&trip);
    if (row->says && trip.n_said != 1) {
        fail_msg("\"%s\" does not say its command", row->pattern);
    }
    arena_done(&trip.arena);
}

static void every_row_of_the_grammar_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_sentence_rows; i++) {
        const struct sentence_row *row = &sentence_rows[i];
        struct str commands = str_from(row->command);
        struct str words;

        while (str_next(&commands, ';', &words)) {
            check_row(row, words);
        }
    }
}

int test_roundtrip(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_survives_every_way_to_write_it),
        cmocka_unit_test(a_command_is_known_by_its_name_wherever_that_stands),
        cmocka_unit_test(as_long_as_it_may_be),
        cmocka_unit_test(every_row_of_the_grammar_is_sound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
