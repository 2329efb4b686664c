/* The forms of one command: what to send as JSON, with curl, in a test file, in words, and what
 * then goes to the platform. All of them are made from the same values, and a test feeds each of
 * them back. */
#include "base/utf8.h"
#include "catalog_internal.h"
#include "data/node.h"

/* Of the steps that forms show. */
#define SHOWN_CHECKPOINT "1680930"

enum { FORM_MAX = 1024 * 1024 };

static struct json *text(struct arena *arena, const char *value)
{
    return json_new_string(arena, str_from(value));
}

/* The argument as a caller would write it; NULL: not given. */
static struct json *written(const struct bound_command *bound, const struct param *param,
                            struct arena *arena)
{
    const struct json *value = json_get(bound->given, param->name);
    const struct param_row *row = param_row(param->type);

    if (row->separator != '\0') {
        const struct json *first = json_get(bound->given, row->parts[0]);
        const struct json *second = json_get(bound->given, row->parts[1]);

        return json_new_string(
            arena, arena_printf(arena, "%.*s%c%.*s", STR_ARG(json_number_text(first, arena)),
                                row->separator, STR_ARG(json_number_text(second, arena))));
    }
    if (param->type == PARAM_TARGET && value != NULL) {
        struct json *clue = NULL;

        if (json_parse(arena, json_str(json_find(value, "/selectors/0/value")), NULL, &clue,
                       NULL) != ERR_OK) {
            return NULL;
        }
        return json_copy(arena, json_get(clue, "clue"));
    }
    return value != NULL ? json_copy(arena, value) : NULL;
}

/* Arguments with a default are last; left out when they have it. */
static struct json *written_args(const struct bound_command *bound, struct arena *arena)
{
    struct json *args = json_new_array(arena);

    for (const struct param *param = bound->command->args; param->name != NULL; param++) {
        struct json *value = written(bound, param, arena);

        if (param->def == NULL || !str_is(json_str(value), param->def)) {
            json_append(args, value);
        }
    }
    return args;
}

/* Options that differ from their default; x and y are written as the point that they stand for. */
static struct json *written_options(const struct bound_command *bound, struct arena *arena)
{
    struct json *options = json_new_object(arena);

    for (const struct param *param = bound->command->options; param->name != NULL; param++) {
        const struct json *value = json_get(bound->given, param->name);
        bool is_default = param->def != NULL && (str_is(json_str(value), param->def) ||
                                                 str_is(json_text(arena, value), param->def));

        if (value != NULL && !is_default && (param->flags & PARAM_INERT) == 0 &&
            !is_part_of_point(bound->command, param)) {
            json_set(options, str_from(param->name), written(bound, param, arena));
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

struct str test_file_escape(struct arena *arena, struct str text)
{
    struct buf buf;
    struct str out;

    if (!str_contains(text, STR("$$"))) {
        return text;
    }
    buf_init(&buf, text.len * 2 + 1);
    for (size_t i = 0; i < text.len; i++) {
        bool in_run = text.ptr[i] == '$' && ((i > 0 && text.ptr[i - 1] == '$') ||
                                             (i + 1 < text.len && text.ptr[i + 1] == '$'));

        buf_text(&buf, in_run ? "$" : "");
        buf_char(&buf, text.ptr[i]);
    }
    out = arena_str(arena, buf_view(&buf));
    buf_done(&buf);
    return out;
}

/* A step is shown as a test file that adds it to a checkpoint; any other command, which no test
 * holds, as the body of /commands/execute. Empty: YAML cannot say it. */
static struct str yaml_of(const struct bound_command *bound, struct str line,
                          const struct json *body, struct arena *arena)
{
    struct buf text;
    struct str copy;

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
    copy = arena_str(arena, buf_view(&text));
    buf_done(&text);
    return copy;
}

static struct str curl_of(const struct json *body, const struct form_options *options,
                          struct arena *arena)
{
    struct buf line;
    struct str copy;

    buf_init(&line, FORM_MAX);
    buf_text(&line, "curl -s -X POST ");
    word_write(&line,
               arena_printf(arena, "%.*s/api/v1/commands/execute", STR_ARG(options->base_url)));
    buf_printf(&line, " -H 'Content-Type: application/json'%s -d ",
               options->needs_key ? " -H \"Authorization: Bearer $VIRTUOSO_PROXY_API_KEY\"" : "");
    word_write(&line, json_text(arena, body));
    copy = arena_str(arena, buf_view(&line));
    buf_done(&line);
    return copy;
}

/* ---- sentences ---- */

static void put_quoted(struct buf *out, struct str text)
{
    buf_char(out, '"');
    for (; text.len > 0; text = str_sub(text, 1, text.len)) {
        if (text.ptr[0] == '"' || text.ptr[0] == '\\') {
            buf_char(out, '\\');
        }
        buf_char(out, text.ptr[0]);
    }
    buf_char(out, '"');
}

/* The argument that the place `name` stands for; NULL: it was left out. */
static const struct json *argument(const struct bound_command *bound, const struct json *args,
                                   struct str name, const struct param **out_param)
{
    const struct json *value = json_first(args);

    for (*out_param = bound->command->args; (*out_param)->name != NULL; (*out_param)++) {
        if (str_is(name, (*out_param)->name)) {
            return value;
        }
        value = value != NULL ? json_next(value) : NULL;
    }
    return NULL;
}

bool sentence_can_name(struct str variable)
{
    for (size_t i = 0; i < variable.len; i++) {
        char c = char_lower(variable.ptr[i]);

        if ((c < 'a' || c > 'z') && c != '_' && (c < '0' || c > '9' || i == 0)) {
            return false;
        }
    }
    return variable.len > 0;
}

/* One {place}. false: the sentence cannot say this value. */
static bool put_place(struct buf *out, const struct bound_command *bound, const struct json *args,
                      struct str place)
{
    bool from_one = str_ends(place, STR("+1"));
    bool comment = str_starts(str_from(bound->command->sentence), STR("//"));
    const struct param *param;
    const struct json *value =
        argument(bound, args, from_one ? str_sub(place, 0, place.len - 2) : place, &param);
    struct str text = json_str(value);
    int64_t number;

    if (value == NULL) {
        return false;
    }
    if (from_one) {
        if (!str_to_i64(text, 0, INT32_MAX - 1, &number)) {
            return false;
        }
        buf_int(out, number + 1);
    } else if (comment) {
        buf_str(out, text);
        return str_trim(text).len == text.len && str_find_char(text, '\n') < 0;
    } else if (param_row(param->type)->is_bare) {
        buf_str(out, text);
        return param->type != PARAM_VARIABLE || sentence_can_name(text);
    } else {
        put_quoted(out, text);
    }
    return true;
}

/* Empty: the command has no sentence, or it would not say all of it. */
static struct str sentence_of(const struct bound_command *bound, const struct json *args,
                              const struct json *options, struct arena *arena)
{
    struct str rest = str_from(bound->command->sentence);
    bool ok = rest.len > 0 && json_size(options) == 0;
    struct buf out;
    struct str copy;
    struct str before;
    struct str place;

    buf_init(&out, FORM_MAX);
    while (ok && str_cut(rest, '{', &before, &rest)) {
        buf_str(&out, before);
        (void)str_cut(rest, '}', &place, &rest);
        if (!put_place(&out, bound, args, place)) { /* left out: fine at the end */
            ok = rest.len == 0 && json_size(args) == 0;
            before = STR_EMPTY;
        }
    }
    if (ok) {
        buf_str(&out, before);
    }
    copy = ok && buf_ok(&out) ? arena_str(arena, str_trim(buf_view(&out))) : STR_EMPTY;
    buf_done(&out);
    return test_file_escape(arena, copy);
}

static struct json *text_or_null(struct arena *arena, struct str value)
{
    return value.len > 0 ? json_new_string(arena, value) : json_new_null(arena);
}

static struct json *upstream_of(const struct bound_command *bound, struct arena *arena)
{
    struct json *place = json_new_object(arena);
    struct json *out = NULL;
    struct scope outer = scope_of_object(place, NULL);
    struct scope scope = scope_of_object(bound->values, &outer);

    json_set(place, STR("checkpoint_id"), json_new_raw_number(arena, STR(SHOWN_CHECKPOINT)));
    json_set(place, STR("position"), json_new_int(arena, 0));
    return call_show(catalog_call(bound->command), &scope, arena, &out, NULL) == ERR_OK
               ? out
               : json_new_object(arena);
}

struct json *catalog_forms(const struct bound_command *bound, struct arena *arena,
                           const struct form_options *shown)
{
    struct json *out = json_new_object(arena);
    struct json *body = json_new_object(arena);
    struct json *args = written_args(bound, arena);
    struct json *options = written_options(bound, arena);
    struct str line = command_line_write(arena, bound->command, args, options);

    json_set(out, STR("sentence"), text_or_null(arena, sentence_of(bound, args, options, arena)));
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

/* ---- a row as a document ---- */

/* As a caller would write it: 20000, false, {}. */
static struct json *default_value(const struct param *param, struct arena *arena)
{
    struct json *value = NULL;

    if ((param->type == PARAM_INTEGER || param->type == PARAM_FLAG ||
         param->type == PARAM_OBJECT) &&
        json_parse(arena, str_from(param->def), NULL, &value, NULL) == ERR_OK) {
        return value;
    }
    return text(arena, param->def);
}

static struct json *describe_param(const struct param *param, struct arena *arena)
{
    struct json *out = json_new_object(arena);

    json_set(out, STR("name"), text(arena, param->name));
    json_set(out, STR("type"), text(arena, param_row(param->type)->name));
    json_set(out, STR("required"),
             json_new_bool(arena, (param->flags & PARAM_OPTIONAL) == 0 && param->def == NULL));
    if (param->words != NULL) {
        json_set(out, STR("values"), param_words(param->words, arena));
    }
    if (param->def != NULL) {
        json_set(out, STR("default"), default_value(param, arena));
    }
    if (param->min != 0 || param->max != 0) {
        json_set(out, STR("min"), json_new_int(arena, param->min));
        json_set(out, STR("max"), json_new_int(arena, param->max));
    }
    if (param->unit != NULL) {
        json_set(out, STR("unit"), text(arena, param->unit));
    }
    if (param->flag != NULL) {
        json_set(out, STR("flag"), text(arena, param->flag));
    }
    if ((param->flags & PARAM_EMPTY) != 0) {
        json_set(out, STR("may_be_empty"), json_new_bool(arena, true));
    }
    if ((param->flags & PARAM_INERT) != 0) {
        json_set(out, STR("inert"), json_new_bool(arena, true));
    }
    return out;
}

static struct json *describe_params(const struct param *params, struct arena *arena)
{
    struct json *list = json_new_array(arena);

    for (; params->name != NULL; params++) {
        json_append(list, describe_param(params, arena));
    }
    return list;
}

struct json *catalog_describe(const struct command *command, struct arena *arena)
{
    struct json *out = json_new_object(arena);
    struct json *aliases = json_new_array(arena);

    for (size_t i = 0; i < COMMAND_MAX_ALIASES && command->aliases[i] != NULL; i++) {
        json_append(aliases, text(arena, command->aliases[i]));
    }
    json_set(out, STR("command"), text(arena, command->words));
    json_set(out, STR("summary"), text(arena, command->summary));
    json_set(out, STR("kind"), text(arena, command->kind == COMMAND_STEP ? "step" : "call"));
    json_set(out, STR("usage"), json_new_string(arena, command_usage(command, arena)));
    json_set(out, STR("args"), describe_params(command->args, arena));
    json_set(out, STR("options"), describe_params(command->options, arena));
    json_set(out, STR("aliases"), aliases);
    json_set(out, STR("example"), text(arena, command->example));
    json_set(out, STR("method"), text(arena, command->call.method));
    json_set(out, STR("path"), text(arena, command->call.path));
    return out;
}
