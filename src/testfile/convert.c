/* Tests as text of another dialect, as command lines, or as the requests that a run would send. */
#include "base/json_form.h"
#include "sentence.h"

/* ---- scalars ---- */

static void put_scalar(struct testfile_converting *c, struct str text)
{
    yaml_write_scalar(c->out, test_file_escape(&c->scratch, text));
}

static void put_json(struct testfile_converting *c, const struct json *value)
{
    if (json_type(value) == JSON_STRING) {
        put_scalar(c, json_str(value));
    } else { /* JSON is YAML */
        buf_str(c->out, test_file_escape(&c->scratch, json_text(&c->scratch, value)));
    }
}

/* ---- one step ---- */

static const struct item *find_option(const struct form *form, struct str name)
{
    for (size_t i = 0; i < form->n_options; i++) {
        if (str_eq(form->options[i].option, name)) {
            return &form->options[i];
        }
    }
    return NULL;
}

/* The form sets the option by itself: `action=accept` means the option accept (accept<=true). */
static bool is_implied(const struct item *option)
{
    return option->list.items[0].kind == ALIAS_FIXED;
}

/* False: the form would lose spaces or quotes around a key, since the compiler takes them off. */
static bool keeps_args(const struct form *form, const struct json *args)
{
    const struct item *arg = form->commands[0].args;
    const struct json *value;

    JSON_FOREACH (value, args) {
        struct str text = json_str(value);

        if (arg++->kind == VALUE_UNQUOTED && str_unquote(str_trim(text)).len != text.len) {
            return false;
        }
    }
    return true;
}

/* The form can write each option of the step, and the step has each option that the form implies. */
static bool fits(const struct form *form, const struct testfile_step *step)
{
    const struct json *value;

    JSON_FOREACH (value, step->options) {
        const struct item *option = find_option(form, json_name(value));

        if (option == NULL || (is_implied(option) && !json_true(value))) {
            return false;
        }
    }
    for (size_t i = 0; i < form->n_options; i++) {
        if (is_implied(&form->options[i]) &&
            json_get_str(step->options, form->options[i].option) == NULL) {
            return false;
        }
    }
    return keeps_args(form, step->args);
}

static const struct form *form_for(const struct testfile_converting *c,
                                   const struct testfile_step *step)
{
    const struct form *form = form_writing(dictionary_opened(c->file->dictionary), step->command);

    while (form != NULL && !fits(form, step)) {
        form = form->next_written;
    }
    return form;
}

static void put_value(struct testfile_converting *c, enum value_kind kind, const struct json *value)
{
    if (kind == VALUE_MS) {
        /* Milliseconds below 100 would read back as seconds. */
        struct str text =
            json_type(value) == JSON_STRING ? json_str(value) : json_text(&c->scratch, value);

        buf_str(c->out, text);
        buf_text(c->out, text.len < 3 ? "ms" : "");
    } else {
        put_json(c, value);
    }
}

static void put_member(struct testfile_converting *c, struct str name, enum value_kind kind,
                       const struct json *value)
{
    buf_printf(c->out, "\n        %.*s: ", STR_ARG(name));
    put_value(c, kind, value);
}

static void put_options(struct testfile_converting *c, const struct form *form,
                        const struct json *options)
{
    const struct json *value;

    JSON_FOREACH (value, options) {
        const struct item *option = find_option(form, json_name(value));

        if (!is_implied(option)) {
            put_member(c, option->list.items[0].text, option->kind, value);
        }
    }
}

/* Writes the fields that `written` names behind the verb. */
static void put_members(struct testfile_converting *c, const struct form *form, struct str written,
                        const struct testfile_step *step)
{
    const struct item *arg = form->commands[0].args;
    const struct json *value = json_first(step->args);
    struct str word;
    struct str name;
    struct str fixed;

    while (str_next(&written, ' ', &word)) {
        if (str_cut(word, '=', &name, &fixed)) {
            buf_printf(c->out, "\n        %.*s: %.*s", STR_ARG(name), STR_ARG(fixed));
        } else if (value != NULL) {
            (void)str_cut(word, '.', &name, &fixed);
            put_member(c, name, arg++->kind, value);
            value = json_next(value);
        }
    }
    put_options(c, form, step->options);
}

static void put_beside(struct testfile_converting *c, const struct testfile_step *step)
{
    if (step->description.len > 0) {
        buf_text(c->out, "      description: ");
        put_scalar(c, step->description);
        buf_char(c->out, '\n');
    }
    if (step->optional) {
        buf_text(c->out, "      optional: true\n");
    }
}

static void put_simple(struct testfile_converting *c, const struct testfile_step *step)
{
    const struct form *form = form_for(c, step);
    struct str written = str_from(form != NULL ? form->written : NULL);
    struct str verb;

    if (form == NULL) {
        /* The general form, for a step that no row writes. */
        buf_printf(c->out, "    - command: %s\n      args: ", step->command->words);
        put_json(c, step->args);
        if (json_size(step->options) > 0) {
            buf_text(c->out, "\n      options: ");
            put_json(c, step->options);
        }
        buf_char(c->out, '\n');
        put_beside(c, step);
        return;
    }
    (void)str_cut(written, ' ', &verb, &written);
    buf_printf(c->out, "    - %.*s", STR_ARG(verb));
    if (str_ends(written, STR(".")) && json_size(step->args) == 1 &&
        json_size(step->options) == 0) {
        buf_char(c->out, ' ');
        put_value(c, form->commands[0].args[0].kind, json_first(step->args));
    } else {
        put_members(c, form, written, step);
    }
    buf_char(c->out, '\n');
    put_beside(c, step);
}

static void put_sentence(struct testfile_converting *c, const struct testfile_step *step)
{
    if (step->optional || step->description.len > 0) { /* a sentence has no place for them */
        put_simple(c, step);
        return;
    }
    buf_text(c->out, "    - ");
    yaml_write_scalar(c->out, sentence_write(c->file->dictionary, &c->scratch, step->command,
                                             step->args, step->options));
    buf_char(c->out, '\n');
}

/* ---- the head ---- */

static void put_head_member(struct testfile_converting *c, const char *key, struct str value)
{
    if (value.len > 0) {
        buf_printf(c->out, "%s: ", key);
        put_scalar(c, value);
        buf_char(c->out, '\n');
    }
}

static void put_config(struct testfile_converting *c, const struct testfile_config *config)
{
    if (!config->continue_on_error && config->timeout_ms == 0 && config->retry == 0 &&
        config->viewport_width == 0) {
        return;
    }
    buf_text(c->out, "config:\n");
    if (config->continue_on_error) {
        buf_text(c->out, "    continue_on_error: true\n");
    }
    if (config->timeout_ms > 0) {
        buf_printf(c->out, "    timeout: %ums\n", config->timeout_ms);
    }
    if (config->retry > 0) {
        buf_printf(c->out, "    retry: %u\n", config->retry);
    }
    if (config->viewport_width > 0) {
        buf_printf(c->out, "    viewport: %ux%u\n", config->viewport_width,
                   config->viewport_height);
    }
}

static void put_head(struct testfile_converting *c, const struct testfile_test *test)
{
    put_head_member(c, "name", test->name);
    put_head_member(c, "description", test->description);
    put_head_member(c, "project_id", test->project_id);
    put_head_member(c, "project", test->project);
    put_head_member(c, "goal", test->goal);
    put_head_member(c, "journey", test->journey);
    put_head_member(c, "checkpoint_name", test->checkpoint);
    put_head_member(c, "checkpoint_id", test->checkpoint_id);
    put_head_member(c, "starting_url", test->starting_url);
    put_head_member(c, "expected", test->expected);
    if (test->n_tags > 0) {
        buf_text(c->out, "tags:\n");
        for (size_t i = 0; i < test->n_tags; i++) {
            buf_text(c->out, "    - ");
            put_scalar(c, test->tags[i]);
            buf_char(c->out, '\n');
        }
    }
    put_config(c, &test->config);
}

/* ---- what the platform would get ---- */

static struct json *request_of(struct arena *arena, const struct testfile_test *test,
                               const struct testfile_step *step, size_t position)
{
    struct json *known = json_new_object(arena);

    if (test->checkpoint_id.len > 0) {
        json_set(known, STR("checkpoint_id"), json_new_string(arena, test->checkpoint_id));
    }
    json_set(known, STR("position"), json_new_int(arena, (int64_t)position));
    return bound_request(&step->bound, known, arena);
}

/* ---- all ---- */

bool testfile_target_parse(struct str word, enum testfile_target *out)
{
    static const char *const words[] = {[TESTFILE_TO_COMMANDS] = "commands",
                                        [TESTFILE_TO_UPSTREAM] = "upstream",
                                        [TESTFILE_TO_SIMPLIFIED] = "simplified",
                                        [TESTFILE_TO_SENTENCES] = "sentences"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_is(word, words[i])) {
            *out = (enum testfile_target)i;
            return true;
        }
    }
    return false;
}

void testfile_convert_begin(struct testfile_converting *c, const struct testfile *file,
                            enum testfile_target target, struct buf *out)
{
    *c = (struct testfile_converting){.file = file, .target = target, .out = out};
    arena_init(&c->scratch);
    jw_init(&c->writer, out);
    if (target == TESTFILE_TO_UPSTREAM) {
        jw_shape(&c->writer, "{requests:[");
    }
}

/* A test file has a head, and its steps in three phases. */
static bool is_test_file(const struct testfile_converting *c)
{
    return c->target == TESTFILE_TO_SIMPLIFIED || c->target == TESTFILE_TO_SENTENCES;
}

/* Writes a step of a test file, if the step belongs to the current phase. */
static void put_in_phase(struct testfile_converting *c, const struct testfile_step *step)
{
    if (step->phase != (enum testfile_phase)c->phase) {
        return;
    }
    if (!c->phase_begun) {
        buf_printf(c->out, "%s:\n", testfile_phase_name(step->phase));
        c->phase_begun = true;
    }
    if (c->target == TESTFILE_TO_SENTENCES) {
        put_sentence(c, step);
    } else {
        put_simple(c, step);
    }
}

/* Writes the next step. True: the test has no more steps. */
static bool put_step(struct testfile_converting *c, const struct testfile_test *test)
{
    const struct testfile_step *step;

    if (is_test_file(c) && !c->head_done) {
        buf_text(c->out, c->test > 0 ? "---\n" : "");
        put_head(c, test);
        c->head_done = true;
    }
    if (c->step == test->n_steps) {
        c->step = 0;
        c->phase_begun = false;
        return !is_test_file(c) || ++c->phase > TESTFILE_TEARDOWN;
    }
    step = &test->steps[c->step++];
    if (c->target == TESTFILE_TO_COMMANDS) {
        buf_str(c->out, command_line_write(&c->scratch, step->command, step->args, step->options));
        buf_char(c->out, '\n');
    } else if (c->target == TESTFILE_TO_UPSTREAM) {
        jw_raw(&c->writer,
               json_text(&c->scratch, request_of(&c->scratch, test, step, c->position)));
        c->position += step->command->kind == COMMAND_STEP ? 1 : 0;
    } else {
        put_in_phase(c, step);
    }
    return false;
}

bool testfile_convert_go_on(struct testfile_converting *c, size_t n_steps)
{
    for (; n_steps > 0 && c->test < c->file->n_tests; n_steps--) {
        if (put_step(c, &c->file->tests[c->test])) {
            c->test++;
            c->phase = TESTFILE_SETUP;
            c->position = 0;
            c->head_done = false;
        }
        arena_reset(&c->scratch);
    }
    return c->test == c->file->n_tests;
}

void testfile_convert_end(struct testfile_converting *c)
{
    if (c->target == TESTFILE_TO_UPSTREAM && c->test == c->file->n_tests) {
        jw_end(&c->writer);
        jw_end(&c->writer);
    }
    arena_done(&c->scratch);
}

void testfile_convert(const struct testfile *file, enum testfile_target target, struct buf *out)
{
    struct testfile_converting converting;

    testfile_convert_begin(&converting, file, target, out);
    while (!testfile_convert_go_on(&converting, SIZE_MAX)) {
    }
    testfile_convert_end(&converting);
}
