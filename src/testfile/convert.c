/* Tests as text of another dialect, as command lines, or as the requests that a run would send. */
#include "base/utf8.h"
#include "data/template.h"
#include "sentence.h"

/* How a command is written in the simplified dialect. `fixed`: members that say which form it is;
 * `fields`: one name for each argument; a single argument without options may stand alone. */
struct simple_row {
    const char *command;
    const char *verb;
    const char *fixed;
    const char *fields;
    bool alone;
};

/* clang-format off */
static const struct simple_row simple_rows[] = {
    {"step-navigate to", "navigate", "", "url", true},
    {"step-navigate scroll-top", "scroll", "to=top", "", false},
    {"step-navigate scroll-bottom", "scroll", "to=bottom", "", false},
    {"step-navigate scroll-element", "scroll", "", "element", false},
    {"step-navigate scroll-position", "scroll", "", "position", false},
    {"step-navigate scroll-by", "scroll", "", "by", false},
    {"step-navigate scroll-up", "scroll", "direction=up", "", false},
    {"step-navigate scroll-down", "scroll", "direction=down", "", false},
    {"step-interact click", "click", "", "selector", true},
    {"step-interact double-click", "double-click", "", "selector", true},
    {"step-interact right-click", "right-click", "", "selector", true},
    {"step-interact hover", "hover", "", "selector", true},
    {"step-interact write", "write", "", "selector text", false},
    {"step-interact key", "key", "", "key", true},
    {"step-interact mouse move-to", "mouse", "action=move-to", "selector", false},
    {"step-interact mouse move-by", "mouse", "action=move-by", "offset", false},
    {"step-interact mouse move", "mouse", "action=move", "position", false},
    {"step-interact mouse down", "mouse", "action=down", "selector", false},
    {"step-interact mouse up", "mouse", "action=up", "selector", false},
    {"step-interact mouse enter", "mouse", "action=enter", "selector", false},
    {"step-interact select option", "select", "", "selector option", false},
    {"step-interact select index", "select", "", "selector index", false},
    {"step-interact select last", "select", "last=true", "selector", false},
    {"step-assert exists", "assert", "", "selector", true},
    {"step-assert not-exists", "assert", "type=not-exists", "selector", false},
    {"step-assert equals", "assert", "type=equals", "selector value", false},
    {"step-assert not-equals", "assert", "type=not-equals", "selector value", false},
    {"step-assert checked", "assert", "type=checked", "selector", false},
    {"step-assert selected", "assert", "type=selected", "selector value", false},
    {"step-assert gt", "assert", "type=gt", "selector value", false},
    {"step-assert gte", "assert", "type=gte", "selector value", false},
    {"step-assert lt", "assert", "type=lt", "selector value", false},
    {"step-assert lte", "assert", "type=lte", "selector value", false},
    {"step-assert matches", "assert", "type=matches", "selector pattern", false},
    {"step-assert variable", "assert", "type=variable", "variable value", false},
    {"step-wait element", "wait", "", "element", false},
    {"step-wait time", "wait", "", "time", true},
    {"step-data store element-text", "store", "type=text", "selector as", false},
    {"step-data store element-value", "store", "type=value", "selector as", false},
    {"step-data store attribute", "store", "type=attribute", "selector attribute as", false},
    {"step-data store literal", "store", "type=literal", "value as", false},
    {"step-data cookie create", "cookie", "action=create", "name value", false},
    {"step-data cookie delete", "cookie", "action=delete", "name", false},
    {"step-data cookie clear-all", "cookie", "action=clear", "", false},
    {"step-dialog dismiss-alert", "dialog", "type=alert", "", false},
    {"step-dialog dismiss-confirm", "dialog", "type=confirm", "", false},
    {"step-dialog dismiss-prompt", "dialog", "type=prompt", "", false},
    {"step-dialog dismiss-prompt-with-text", "dialog", "type=prompt", "text", false},
    {"step-window resize", "window", "action=resize", "size", false},
    {"step-window maximize", "window", "action=maximize", "", false},
    {"step-window switch tab next", "window", "action=switch to=next", "", false},
    {"step-window switch tab prev", "window", "action=switch to=previous", "", false},
    {"step-window switch tab index", "window", "action=switch target=tab", "index", false},
    {"step-window switch iframe", "window", "action=switch", "iframe", false},
    {"step-window switch frame-index", "window", "action=switch target=frame", "index", false},
    {"step-window switch parent-frame", "window", "action=switch parent=true", "", false},
    {"step-window switch main-content", "window", "action=switch main=true", "", false},
    {"step-file upload", "upload", "", "selector url", false},
    {"step-misc comment", "comment", "", "text", true},
    {"step-misc execute", "execute", "", "script", true},
    {"step-misc api-call", "api", "", "id", true},
    {"library attach", "library", "", "attach position", false},
};

/* Options that have another name in a test file; "-": the command has no short form with it. */
static const struct {
    const char *option;
    const char *field;
} option_fields[] = {
    {"position_on_element", "position"}, {"accept", "action=accept"}, {"reject", "action=cancel"},
    {"input_values", "inputs"}, {"input_variables", "variables"}, {"http_only", "httpOnly"},
};

/* clang-format on */

struct converting {
    struct arena *arena;
    struct buf *out;
};

/* ---- scalars ---- */

static void put_scalar(struct converting *v, struct str text)
{
    yaml_write_scalar(v->out, test_file_escape(v->arena, text));
}

static void put_json(struct converting *v, const struct json *value)
{
    if (json_type(value) == JSON_STRING) {
        put_scalar(v, json_str(value));
    } else { /* JSON is YAML */
        buf_str(v->out, test_file_escape(v->arena, json_text(v->arena, value)));
    }
}

/* Milliseconds below 100 would read back as seconds. */
static void put_time(struct converting *v, const struct json *value)
{
    struct str text =
        json_type(value) == JSON_STRING ? json_str(value) : json_text(v->arena, value);

    buf_str(v->out, text);
    buf_text(v->out, text.len < 3 ? "ms" : "");
}

/* ---- one step ---- */

static const struct simple_row *find_simple(const struct command *command)
{
    for (size_t i = 0; i < ARRAY_LEN(simple_rows); i++) {
        if (str_is(str_from(simple_rows[i].command), command->words)) {
            return &simple_rows[i];
        }
    }
    return NULL;
}

static bool is_time(const struct str name)
{
    return str_is(name, "time") || str_is(name, "timeout");
}

static void put_member(struct converting *v, struct str name, const struct json *value)
{
    buf_text(v->out, "\n        ");
    buf_str(v->out, name);
    buf_text(v->out, ": ");
    if (is_time(name)) {
        put_time(v, value);
    } else {
        put_json(v, value);
    }
}

static void put_fixed(struct converting *v, struct str fixed)
{
    struct str item;
    struct str name;
    struct str value;

    while (str_next(&fixed, ' ', &item)) {
        (void)str_cut(item, '=', &name, &value);
        buf_printf(v->out, "\n        %.*s: %.*s", STR_ARG(name), STR_ARG(value));
    }
}

static void put_option(struct converting *v, const struct json *value)
{
    struct str name = json_name(value);

    for (size_t i = 0; i < ARRAY_LEN(option_fields); i++) {
        if (str_is(name, option_fields[i].option)) {
            name = str_from(option_fields[i].field);
        }
    }
    if (str_find_char(name, '=') >= 0) {
        put_fixed(v, name);
    } else {
        put_member(v, name, value);
    }
}

static void put_beside(struct converting *v, const struct testfile_step *step)
{
    if (step->description.len > 0) {
        buf_text(v->out, "      description: ");
        put_scalar(v, step->description);
        buf_char(v->out, '\n');
    }
    if (step->optional) {
        buf_text(v->out, "      optional: true\n");
    }
}

/* The general form, for what has no short one. */
static void put_command_step(struct converting *v, const struct testfile_step *step)
{
    buf_printf(v->out, "    - command: %s\n      args: ", step->command->words);
    buf_str(v->out, json_text(v->arena, step->args));
    if (json_size(step->options) > 0) {
        buf_text(v->out, "\n      options: ");
        buf_str(v->out, json_text(v->arena, step->options));
    }
    buf_char(v->out, '\n');
    put_beside(v, step);
}

/* `accept: false` and its like have no short form. */
static bool has_odd_option(const struct testfile_step *step)
{
    const struct json *value;

    JSON_FOREACH (value, step->options) {
        bool answer = str_is(json_name(value), "accept") || str_is(json_name(value), "reject");

        if (answer && !json_true(value)) {
            return true;
        }
    }
    return false;
}

static void put_simple(struct converting *v, const struct testfile_step *step)
{
    const struct simple_row *row = find_simple(step->command);
    const struct json *value;
    struct str fields;
    struct str name;

    if (row == NULL || has_odd_option(step)) {
        put_command_step(v, step);
        return;
    }
    fields = str_from(row->fields);
    buf_printf(v->out, "    - %s:", row->verb);
    if (row->alone && json_size(step->args) == 1 && json_size(step->options) == 0) {
        buf_char(v->out, ' ');
        if (is_time(fields)) {
            put_time(v, json_first(step->args));
        } else {
            put_json(v, json_first(step->args));
        }
    } else {
        put_fixed(v, str_from(row->fixed));
        JSON_FOREACH (value, step->args) {
            if (str_next(&fields, ' ', &name)) {
                put_member(v, name, value);
            }
        }
        JSON_FOREACH (value, step->options) {
            put_option(v, value);
        }
    }
    buf_char(v->out, '\n');
    put_beside(v, step);
}

static void put_sentence(struct converting *v, const struct testfile_step *step)
{
    if (step->optional || step->description.len > 0) { /* a sentence has no place for them */
        put_simple(v, step);
        return;
    }
    buf_text(v->out, "    - ");
    yaml_write_scalar(v->out, sentence_write(v->arena, step->command, step->args, step->options));
    buf_char(v->out, '\n');
}

/* ---- the head ---- */

static void put_head_member(struct converting *v, const char *key, struct str value)
{
    if (value.len > 0) {
        buf_printf(v->out, "%s: ", key);
        put_scalar(v, value);
        buf_char(v->out, '\n');
    }
}

static void put_config(struct converting *v, const struct testfile_config *config)
{
    if (!config->continue_on_error && config->timeout_ms == 0 && config->retry == 0 &&
        config->viewport_width == 0) {
        return;
    }
    buf_text(v->out, "config:\n");
    if (config->continue_on_error) {
        buf_text(v->out, "    continue_on_error: true\n");
    }
    if (config->timeout_ms > 0) {
        buf_printf(v->out, "    timeout: %ums\n", config->timeout_ms);
    }
    if (config->retry > 0) {
        buf_printf(v->out, "    retry: %u\n", config->retry);
    }
    if (config->viewport_width > 0) {
        buf_printf(v->out, "    viewport: %ux%u\n", config->viewport_width,
                   config->viewport_height);
    }
}

static void put_head(struct converting *v, const struct testfile_test *test)
{
    put_head_member(v, "name", test->name);
    put_head_member(v, "description", test->description);
    put_head_member(v, "project_id", test->project_id);
    put_head_member(v, "project", test->project);
    put_head_member(v, "goal", test->goal);
    put_head_member(v, "journey", test->journey);
    put_head_member(v, "checkpoint_name", test->checkpoint);
    put_head_member(v, "checkpoint_id", test->checkpoint_id);
    put_head_member(v, "starting_url", test->starting_url);
    put_head_member(v, "expected", test->expected);
    if (test->n_tags > 0) {
        buf_text(v->out, "tags:\n");
        for (size_t i = 0; i < test->n_tags; i++) {
            buf_text(v->out, "    - ");
            put_scalar(v, test->tags[i]);
            buf_char(v->out, '\n');
        }
    }
    put_config(v, &test->config);
}

/* The next step of the phase that is being written. True: there are no more in the test. */
static bool put_next(struct converting *v, struct testfile_converting *c,
                     const struct testfile_test *test)
{
    const struct testfile_step *step;

    if (c->step >= test->n_steps) {
        c->step = 0;
        c->phase_begun = false;
        return ++c->phase > TESTFILE_TEARDOWN;
    }
    step = &test->steps[c->step++];
    if (step->phase != (enum testfile_phase)c->phase) {
        return false;
    }
    if (!c->phase_begun) {
        buf_printf(v->out, "%s:\n", testfile_phase_name(step->phase));
        c->phase_begun = true;
    }
    if (c->target == TESTFILE_TO_SENTENCES) {
        put_sentence(v, step);
    } else {
        put_simple(v, step);
    }
    return false;
}

/* ---- what the platform would get ---- */

static struct json *request_of(struct arena *arena, const struct testfile_test *test,
                               const struct testfile_step *step, size_t position)
{
    struct json *known = json_new_object(arena);
    struct json *out = NULL;
    struct scope outer = scope_of_object(known, NULL);
    struct scope scope = scope_of_object(step->bound.values, &outer);

    if (test->checkpoint_id.len > 0) {
        json_set(known, STR("checkpoint_id"), json_new_string(arena, test->checkpoint_id));
    }
    json_set(known, STR("position"), json_new_int(arena, (int64_t)position));
    return call_show(catalog_call(step->command), &scope, arena, &out, NULL) == ERR_OK
               ? out
               : json_new_object(arena);
}

static bool put_request(struct converting *v, struct testfile_converting *c,
                        const struct testfile_test *test)
{
    const struct testfile_step *step;

    if (c->step >= test->n_steps) {
        return true;
    }
    step = &test->steps[c->step++];
    jw_raw(&c->writer, json_text(v->arena, request_of(v->arena, test, step, c->position)));
    c->position += step->command->kind == COMMAND_STEP ? 1 : 0;
    return false;
}

/* ---- all ---- */

static bool put_line(struct converting *v, struct testfile_converting *c,
                     const struct testfile_test *test)
{
    const struct testfile_step *step;

    if (c->step >= test->n_steps) {
        return true;
    }
    step = &test->steps[c->step++];
    buf_str(v->out, command_line_write(v->arena, step->command, step->args, step->options));
    buf_char(v->out, '\n');
    return false;
}

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
        jw_object(&c->writer);
        jw_key(&c->writer, "requests");
        jw_array(&c->writer);
    }
}

static bool put_step(struct converting *v, struct testfile_converting *c,
                     const struct testfile_test *test)
{
    switch (c->target) {
    case TESTFILE_TO_COMMANDS:
        return put_line(v, c, test);
    case TESTFILE_TO_UPSTREAM:
        return put_request(v, c, test);
    case TESTFILE_TO_SIMPLIFIED:
    case TESTFILE_TO_SENTENCES:
        break;
    }
    if (!c->head_done) {
        buf_text(v->out, c->test > 0 ? "---\n" : "");
        put_head(v, test);
        c->head_done = true;
    }
    return put_next(v, c, test);
}

bool testfile_convert_go_on(struct testfile_converting *c, size_t n_steps)
{
    struct converting v = {&c->scratch, c->out};

    for (; n_steps > 0 && c->test < c->file->n_tests; n_steps--) {
        if (put_step(&v, c, &c->file->tests[c->test])) {
            c->test++;
            c->step = 0;
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
