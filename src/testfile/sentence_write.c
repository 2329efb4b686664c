/* Commands as text: a sentence where there is one that reads back as the same command, else a
 * command line. */
#include "sentence.h"

enum { TEXT_MAX_BYTES = 256 * 1024 };

struct writing {
    struct arena *arena;
    const struct command *command;
    const struct json *args;
    const struct json *options;
    struct buf out;
    bool failed;
};

static size_t words_in(struct str text)
{
    size_t n = 0;
    struct str word;

    while (str_next(&text, ' ', &word)) {
        n++;
    }
    return n;
}

/* Given, and no flag that is off: "accept confirm" says true alone. */
static bool is_on(const struct json *options, struct str name)
{
    const struct json *value = json_get_str(options, name);
    bool off = json_type(value) == JSON_BOOL && !json_true(value);

    return value != NULL && !off && !str_is_nocase(json_str(value), "false");
}

/* The text of the form that has exactly these options. */
static const char *form_of(const struct command *command, const struct json *options)
{
    for (size_t i = 0; i < n_sentence_forms; i++) {
        const struct sentence_form *form = &sentence_forms[i];
        struct str rest = str_from(form->options);
        struct str name;
        bool all =
            words_in(rest) == json_size(options) && str_is(str_from(form->command), command->words);

        while (all && str_next(&rest, ' ', &name)) {
            all = is_on(options, name);
        }
        if (all) {
            return form->text;
        }
    }
    return json_size(options) == 0 ? command->sentence : NULL;
}

static const struct json *find_value(const struct writing *w, struct str name, bool *out_plain,
                                     bool *out_variable)
{
    const struct json *value = json_first(w->args);

    *out_plain = false;
    *out_variable = false;
    for (const struct param *param = w->command->args; param->name != NULL; param++) {
        if (str_is(name, param->name)) {
            *out_plain = param_is_bare(param->type);
            *out_variable = param->type == PARAM_VARIABLE;
            return value;
        }
        value = value != NULL ? json_next(value) : NULL;
    }
    for (const struct param *param = w->command->options; param->name != NULL; param++) {
        if (str_is(name, param->name)) {
            *out_plain = param->type == PARAM_INTEGER || param->type == PARAM_ENUM ||
                         param->type == PARAM_UPPER;
        }
    }
    return json_get_str(w->options, name);
}

static void put_quoted(struct writing *w, struct str text)
{
    buf_char(&w->out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\') {
            buf_char(&w->out, '\\');
        }
        buf_char(&w->out, text.ptr[i]);
    }
    buf_char(&w->out, '"');
}

/* Words of options are in capitals as commands have them, and small in a sentence. */
static void put_plain(struct writing *w, struct str text, bool is_option)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_option) {
            buf_char(&w->out, char_lower(text.ptr[i]));
        } else {
            buf_char(&w->out, text.ptr[i]);
        }
    }
}

/* What sentences read behind a $: letters, digits and _, no digit first. A command takes more names
 * ("a-b"); those are said by command lines. */
static bool is_plain_name(struct str variable)
{
    for (size_t i = 0; i < variable.len; i++) {
        char c = char_lower(variable.ptr[i]);

        if ((c < 'a' || c > 'z') && c != '_' && (c < '0' || c > '9' || i == 0)) {
            return false;
        }
    }
    return variable.len > 0;
}

static void put_slot(struct writing *w, struct str slot, bool comment)
{
    bool plus = str_ends(slot, STR("+1"));
    struct str name = plus ? str_sub(slot, 0, slot.len - 2) : slot;
    bool plain;
    bool is_variable;
    const struct json *value = find_value(w, name, &plain, &is_variable);
    struct str text =
        json_type(value) == JSON_STRING ? json_str(value) : json_text(w->arena, value);
    int64_t number;

    if (value == NULL) { /* an optional one */
        w->failed = w->failed || comment;
        return;
    }
    if (plus) {
        w->failed = w->failed || !str_to_i64(text, 0, INT32_MAX - 1, &number);
        if (!w->failed) {
            buf_int(&w->out, number + 1);
        }
    } else if (plain || comment) {
        w->failed = w->failed || (plain && text.len == 0);
        if (plain && text.len > 0 && text.ptr[0] == '$') {
            text = str_sub(text, 1, text.len);
        }
        w->failed = w->failed || (is_variable && !is_plain_name(text)) ||
                    (comment && (text.len == 0 || str_trim(text).len != text.len ||
                                 str_find_char(text, '\n') >= 0));
        put_plain(w, text, json_get_str(w->options, name) == value);
    } else {
        put_quoted(w, text);
    }
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

struct str sentence_of(struct arena *arena, const struct command *command, const struct json *args,
                       const struct json *options)
{
    struct writing w = {.arena = arena, .command = command, .args = args, .options = options};
    const char *form = command->kind == COMMAND_STEP ? form_of(command, options) : NULL;
    struct str rest = str_from(form);
    bool comment = str_starts(rest, STR("//"));
    struct str before;
    struct str slot;
    struct str text;

    buf_init(&w.out, TEXT_MAX_BYTES);
    while (str_cut(rest, '{', &before, &rest)) {
        buf_str(&w.out, before);
        (void)str_cut(rest, '}', &slot, &rest);
        put_slot(&w, slot, comment);
    }
    buf_str(&w.out, before);
    text = arena_str(arena, str_trim(buf_view(&w.out)));
    w.failed = w.failed || !buf_ok(&w.out);
    buf_done(&w.out);
    return w.failed ? STR_EMPTY : test_file_escape(arena, text);
}

struct str sentence_write(struct arena *arena, const struct command *command,
                          const struct json *args, const struct json *options)
{
    struct str sentence = sentence_of(arena, command, args, options);

    return sentence.len > 0
               ? sentence
               : test_file_escape(arena, command_line_write(arena, command, args, options));
}
