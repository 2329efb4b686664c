/* Commands as text: a sentence where there is one that reads back as the same command, else a
 * command line. */
#include "sentence.h"

enum { TEXT_MAX_BYTES = 256 * 1024 };

/* `args` NULL: the sentence has names in place of the arguments. */
struct writing {
    struct arena *arena;
    const struct command *command;
    const struct json *args;
    const struct json *options;
    const struct rule *rule;
    struct buf out;
    bool failed;
};

/* True if the option is given and is no flag that is off: "accept confirm" can only say that `accept` is true. */
static bool is_on(const struct json *options, struct str name)
{
    const struct json *value = json_get_str(options, name);
    bool off = json_type(value) == JSON_BOOL && !json_true(value);

    return value != NULL && !off && !str_is_nocase(json_str(value), "false");
}

static bool has_exactly(const struct sentence_row *row, const struct json *options)
{
    struct str rest = str_from(row->options);
    struct str option;
    struct str name;
    struct str value;
    size_t n = 0;

    for (; str_next(&rest, ' ', &option); n++) {
        (void)str_cut(option, '=', &name, &value);
        if (!is_on(options, name)) {
            return false;
        }
    }
    return n == json_size(options);
}

/* The rule of a command with exactly these options; NULL: there is none. */
static const struct rule *rule_of(const struct dictionary *dictionary,
                                  const struct command *command, const struct json *options)
{
    const struct choice *choice = sentences_saying(dictionary->grammar, command);

    for (size_t i = 0; choice != NULL && i < choice->n; i++) {
        if (has_exactly(choice->rules[i]->row, options)) {
            return choice->rules[i];
        }
    }
    return NULL;
}

/* ---- slots ---- */

/* What fills a slot. */
struct filling {
    const struct param *param;
    const struct json *value; /* NULL: an argument that is left out */
    bool is_option;
};

static bool is_slot(struct str item, struct str slot)
{
    return item.len > 1 && item.ptr[0] == '{' && str_eq(str_sub(item, 1, item.len - 2), slot);
}

static struct filling fill(const struct writing *w, struct str slot)
{
    struct str rest = str_from(w->rule->row->args);
    const struct param *param = w->command->args;
    const struct json *value = json_first(w->args);
    struct str item;
    struct str name = STR_EMPTY;

    for (; str_next(&rest, ' ', &item); param++) {
        if (is_slot(item, slot)) {
            return (struct filling){param, value, false};
        }
        value = value != NULL ? json_next(value) : NULL;
    }
    rest = str_from(w->rule->row->options);
    while (str_next(&rest, ' ', &item)) {
        if (str_cut(item, '=', &name, &item) && is_slot(item, slot)) {
            break;
        }
    }
    for (param = w->command->options; !str_is(name, param->name); param++) {
    }
    return (struct filling){param, json_get_str(w->options, name), true};
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

/* Words of options are in capital letters in a command, and in small ones in a sentence. */
static void put_plain(struct writing *w, struct str text, bool is_option)
{
    w->failed = w->failed || text.len == 0;
    for (size_t i = 0; i < text.len; i++) {
        buf_char(&w->out, (char)(is_option ? char_lower(text.ptr[i]) : text.ptr[i]));
    }
}

/* Behind a $ sentences read only letters, digits and _, with no digit first. A command takes more names
 * ("a-b"), for which a command line is written. */
static void put_variable(struct writing *w, struct str text)
{
    text = str_starts(text, STR("$")) ? str_sub(text, 1, text.len) : text;
    w->failed = w->failed || !str_is_only(text, "A-Za-z0-9_") || str_span(text, "0-9") > 0;
    buf_char(&w->out, '$');
    buf_str(&w->out, text);
}

static bool is_plain(const struct filling *filling)
{
    enum param_type type = filling->param->type;

    return filling->is_option ? type == PARAM_INTEGER || type == PARAM_ENUM || type == PARAM_UPPER
                              : param_is_bare(type);
}

static void put_value(struct writing *w, struct str slot, const struct filling *filling)
{
    const struct json *value = filling->value;
    struct str text =
        json_type(value) == JSON_STRING ? json_str(value) : json_text(w->arena, value);

    if (value == NULL) {
        w->failed = w->failed || str_is(slot, "rest");
    } else if (str_is(slot, "n")) {
        int64_t number;

        w->failed = w->failed || !str_to_i64(text, 0, INT32_MAX - 1, &number);
        if (!w->failed) {
            buf_int(&w->out, number + 1);
        }
    } else if (str_is(slot, "var")) {
        put_variable(w, text);
    } else if (str_is(slot, "rest")) {
        /* To the end of the line, without quotes. */
        w->failed = w->failed || text.len == 0 || str_trim(text).len != text.len ||
                    str_find_char(text, '\n') >= 0;
        buf_str(&w->out, text);
    } else if (is_plain(filling)) {
        put_plain(w, text, filling->is_option);
    } else {
        put_quoted(w, text);
    }
}

static void put_slot(struct writing *w, struct str slot)
{
    struct filling filling = fill(w, slot);

    if (w->args == NULL) {
        buf_printf(&w->out, "%s{%s%s}", str_is(slot, "var") ? "$" : "", filling.param->name,
                   str_is(slot, "n") ? "+1" : "");
    } else {
        put_value(w, slot, &filling);
    }
    buf_text(&w->out, str_is(slot, "time") ? " ms" : "");
}

/* The text as the rule says it; empty: no rule, or no sentence says all of it. */
static struct str written(struct writing *w)
{
    struct str text;

    if (w->rule == NULL) {
        return STR_EMPTY;
    }
    buf_init(&w->out, TEXT_MAX_BYTES);
    for (size_t i = 0; i < w->rule->n_parts; i++) {
        const struct part *part = &w->rule->parts[i];
        struct str word;
        struct str others;

        if (part->is_written) {
            buf_text(&w->out, i > 0 ? " " : "");
            (void)str_cut(part->text, '|', &word, &others);
            if (part->is_slot) {
                put_slot(w, word);
            } else {
                buf_str(&w->out, word);
            }
        }
    }
    text = w->failed || !buf_ok(&w->out) ? STR_EMPTY
                                         : arena_str(w->arena, str_trim(buf_view(&w->out)));
    buf_done(&w->out);
    return text;
}

struct str test_file_escape(struct arena *arena, struct str text)
{
    struct buf buf;

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
    return arena_take(arena, &buf);
}

struct str sentence_of(struct dictionary *dictionary, struct arena *arena,
                       const struct command *command, const struct json *args,
                       const struct json *options)
{
    struct writing w = {.arena = arena,
                        .command = command,
                        .args = args,
                        .options = options,
                        .rule = rule_of(dictionary_opened(dictionary), command, options)};

    return test_file_escape(arena, written(&w));
}

struct str sentence_write(struct dictionary *dictionary, struct arena *arena,
                          const struct command *command, const struct json *args,
                          const struct json *options)
{
    struct str sentence = sentence_of(dictionary, arena, command, args, options);

    return sentence.len > 0
               ? sentence
               : test_file_escape(arena, command_line_write(arena, command, args, options));
}
