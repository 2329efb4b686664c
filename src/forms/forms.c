/* Makes the forms of one command: JSON, a curl line, YAML, a command line, a sentence, and the request
 * to the platform. All are made from the same values, and a test feeds each form back. */
#include "forms/forms.h"

#include "base/utf8.h"
#include "data/node.h"
#include "testfile/testfile.h"

/* The id of the checkpoint in the forms of a step. */
#define SHOWN_CHECKPOINT "1680930"

enum { FORM_MAX = 1024 * 1024 };

static struct json *text(struct arena *arena, const char *value)
{
    return json_new_string(arena, str_from(value));
}

/* The arguments without those that have their default value. Only the last arguments have a default. */
static struct json *written_args(const struct bound_command *bound, struct arena *arena)
{
    struct json *args = json_new_array(arena);

    for (const struct param *param = bound->command->args; param->name != NULL; param++) {
        struct json *value = param_write(param, bound->given, arena);

        if (param->def == NULL || !str_is(json_str(value), param->def)) {
            json_append(args, value);
        }
    }
    return args;
}

/* The options that differ from their default. x and y are left out: the point argument holds them. */
static struct json *written_options(const struct bound_command *bound, struct arena *arena)
{
    struct json *options = json_new_object(arena);

    for (const struct param *param = bound->command->options; param->name != NULL; param++) {
        const struct json *value = json_get(bound->given, param->name);
        bool is_default = param->def != NULL && (str_is(json_str(value), param->def) ||
                                                 str_is(json_text(arena, value), param->def));

        if (value != NULL && !is_default && (param->flags & PARAM_INERT) == 0 &&
            !is_part_of_point(bound->command, param)) {
            json_set(options, str_from(param->name), param_write(param, bound->given, arena));
        }
    }
    return options;
}

/* ---- forms ---- */

/* A test file holds no control characters but tab and newline (data/node.h refuses them). */
static bool fits_test_file(struct str line)
{
    while (line.len > 0) {
        uint32_t point = utf8_next(&line);

        if ((point < 0x20 && point != '\t' && point != '\n') || (point >= 0x7F && point < 0xA0)) {
            return false;
        }
    }
    return true;
}

/* A step is shown as a test file that adds it to a checkpoint. Any other command cannot stand in
 * a test file and is shown as the body of /commands/execute. Empty: YAML cannot hold it. */
static struct str yaml_of(const struct bound_command *bound, struct str line,
                          const struct json *body, struct arena *arena)
{
    struct buf text;

    if (!fits_test_file(line)) {
        return STR_EMPTY;
    }
    buf_init(&text, FORM_MAX);
    if (bound->command->kind == COMMAND_STEP) {
        buf_printf(&text, "name: %s\ncheckpoint_id: %.*s\nsteps:\n- ", bound->command->words,
                   STR_ARG(json_str(json_get(body, "checkpoint_id"))));
        yaml_write_scalar(&text, test_file_escape(arena, line));
        buf_char(&text, '\n');
    } else {
        yaml_write_json(&text, body, 0);
    }
    return arena_take(arena, &text);
}

static struct str curl_of(const struct json *body, const struct form_options *options,
                          struct arena *arena)
{
    struct buf line;

    buf_init(&line, FORM_MAX);
    buf_text(&line, "curl -s -X POST ");
    word_write(&line,
               arena_printf(arena, "%.*s/api/v1/commands/execute", STR_ARG(options->base_url)));
    buf_printf(&line, " -H 'Content-Type: application/json'%s -d ",
               options->needs_key ? " -H \"Authorization: Bearer $VIRTUOSO_PROXY_API_KEY\"" : "");
    word_write(&line, json_text(arena, body));
    return arena_take(arena, &line);
}

static struct json *text_or_null(struct arena *arena, struct str value)
{
    return value.len > 0 ? json_new_string(arena, value) : json_new_null(arena);
}

static struct json *upstream_of(const struct bound_command *bound, struct arena *arena)
{
    struct json *place = json_new_object(arena);

    json_set(place, STR("checkpoint_id"), json_new_raw_number(arena, STR(SHOWN_CHECKPOINT)));
    json_set(place, STR("position"), json_new_int(arena, 0));
    return bound_request(bound, place, arena);
}

struct json *command_forms(struct dictionary *dictionary, const struct bound_command *bound,
                           struct arena *arena, const struct form_options *shown)
{
    struct json *out = json_new_object(arena);
    struct json *body = json_new_object(arena);
    struct json *args = written_args(bound, arena);
    struct json *options = written_options(bound, arena);
    struct str line = command_line_write(arena, bound->command, args, options);

    json_set(out, STR("sentence"),
             text_or_null(arena, sentence_of(dictionary, arena, bound->command, args, options)));
    json_set(out, STR("command_line"), json_new_string(arena, line));
    json_set(out, STR("upstream"), upstream_of(bound, arena));
    json_set(body, STR("command"), text(arena, bound->command->words));
    json_set(body, STR("args"), args);
    json_set(body, STR("options"), options);
    if (bound->command->kind == COMMAND_STEP) {
        json_set(body, STR("checkpoint_id"), text(arena, SHOWN_CHECKPOINT));
        json_set(body, STR("position"), json_new_int(arena, 0));
    }
    json_set(out, STR("curl"), json_new_string(arena, curl_of(body, shown, arena)));
    json_set(out, STR("yaml"), text_or_null(arena, yaml_of(bound, line, body, arena)));
    json_set(out, STR("json"), body);
    json_set(out, STR("json_goes_to"), text(arena, "POST /api/v1/commands/execute"));
    json_set(out, STR("yaml_goes_to"),
             text(arena, bound->command->kind == COMMAND_STEP ? "POST /api/v1/tests/run"
                                                              : "POST /api/v1/commands/execute"));
    return out;
}
