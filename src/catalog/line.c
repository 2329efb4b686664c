/* Command lines: "step-interact click 'Sign in' --position TOP_LEFT". Quotes and backslashes as in
 * POSIX sh (XCU 2.2), nothing is ever expanded. */
#include <string.h>

#include "base/utf8.h"
#include "catalog_internal.h"

/* Enough for a body of 64 KiB of single quotes only, when it is written as a line and read again. */
enum { LINE_MAX_BYTES = 512 * 1024, QUOTE_SHOWN = 40 };

struct words {
    struct arena *arena;
    struct str rest;
    struct error *err;
};

static const char spaces[] = " \t\n\r";

static bool take_quoted(struct words *w, char quote, struct buf *out)
{
    size_t at = 1;

    for (; at < w->rest.len && w->rest.ptr[at] != quote; at++) {
        char c = w->rest.ptr[at];

        if (quote == '"' && c == '\\' && at + 1 < w->rest.len &&
            strchr("\"\\$`", w->rest.ptr[at + 1]) != NULL) {
            c = w->rest.ptr[++at];
        }
        buf_char(out, c);
    }
    if (at >= w->rest.len) {
        (void)error_set(w->err, ERR_INVALID,
                        "A quote (%c) is not closed in the command line; it begins at: %.*s", quote,
                        STR_ARG(utf8_clip(w->rest, QUOTE_SHOWN)));
        return false;
    }
    w->rest = str_sub(w->rest, at + 1, w->rest.len);
    return true;
}

/* ERR_NOT_FOUND: no word is left. *out_quoted: the word began with a quote, so that "--x" is not an
 * option. */
static enum error_code next_word(struct words *w, struct str *out, bool *out_quoted)
{
    struct buf word;
    bool ok = true;

    w->rest = str_sub(w->rest, str_span(w->rest, spaces), w->rest.len);
    if (w->rest.len == 0) {
        return ERR_NOT_FOUND;
    }
    *out_quoted = w->rest.ptr[0] == '"' || w->rest.ptr[0] == '\'';
    buf_init(&word, LINE_MAX_BYTES);
    while (ok && w->rest.len > 0 && str_find_char(STR(spaces), w->rest.ptr[0]) < 0) {
        char c = w->rest.ptr[0];

        if (c == '"' || c == '\'') {
            ok = take_quoted(w, c, &word);
            continue;
        }
        if (c == '\\' && w->rest.len > 1) {
            w->rest = str_sub(w->rest, 1, w->rest.len);
            c = w->rest.ptr[0];
        }
        buf_char(&word, c);
        w->rest = str_sub(w->rest, 1, w->rest.len);
    }
    *out = arena_take(w->arena, &word);
    return ok ? ERR_OK : ERR_INVALID;
}

struct line {
    const struct catalog *catalog;
    struct words words;
    struct json *args;
    struct json *options;
    struct str name_words[64];
    size_t n_words;
    const struct command *command;
    size_t n_name;
};

static void take_option(struct line *line, struct str word)
{
    struct arena *arena = line->words.arena;
    struct str name = word;
    struct str value = STR_EMPTY;
    bool has_value = str_cut(word, '=', &name, &value);
    struct str ahead = line->words.rest;
    const struct param *option;
    struct str next;
    bool is_flag; /* takes a value only where true or false follows: --append false */
    bool quoted;

    name = str_sub(name, 2, name.len);
    if (has_value) {
        json_set(line->options, name, json_new_string(arena, value));
        return;
    }
    option = line->command != NULL ? option_lookup(line->command, name, arena) : NULL;
    is_flag = option != NULL && option->type == PARAM_FLAG;
    if (next_word(&line->words, &next, &quoted) == ERR_OK &&
        (is_flag ? str_is(next, "true") || str_is(next, "false")
                 : quoted || !str_starts(next, STR("--")))) {
        json_set(line->options, name, json_new_string(arena, next));
        return;
    }
    line->words.rest = ahead;
    json_set(line->options, name, json_new_bool(arena, true));
}

/* The command's name is looked up again after each word, so that the options behind the name are
 * read by its row. */
static void take_word(struct line *line, struct str word)
{
    size_t n_name = 0;
    const struct command *found;

    json_append(line->args, json_new_string(line->words.arena, word));
    if (line->n_words >= ARRAY_LEN(line->name_words)) {
        return;
    }
    line->name_words[line->n_words++] = word;
    if (line->n_words <= MAX_WORDS) {
        found = catalog_find(line->catalog, line->name_words, line->n_words, &n_name, NULL, NULL);
        if (found != NULL && n_name == line->n_words) {
            line->command = found;
            line->n_name = n_name;
        }
    }
}

static void finish(struct line *line, struct json **out)
{
    struct arena *arena = line->words.arena;
    struct json *result = json_new_object(arena);
    struct json *args = json_new_array(arena);
    struct str name = STR_EMPTY;
    size_t n_name = line->command != NULL ? line->n_name : 1;
    const struct json *word;
    size_t at = 0;

    JSON_FOREACH (word, line->args) {
        if (at < n_name) {
            arena_join(arena, &name, " ", json_str(word));
        } else {
            json_append(args, json_copy(arena, word));
        }
        at++;
    }
    json_set(result, STR("command"), json_new_string(arena, name));
    json_set(result, STR("args"), args);
    json_set(result, STR("options"), line->options);
    *out = result;
}

enum error_code command_line_parse(const struct catalog *catalog, struct arena *arena,
                                   struct str text, struct json **out, struct error *err)
{
    struct line line = {.catalog = catalog,
                        .words = {arena, text, err},
                        .args = json_new_array(arena),
                        .options = json_new_object(arena)};
    bool only_words = false;
    enum error_code code;
    struct str word;
    bool quoted;

    if (text.len > LINE_MAX_BYTES) {
        return error_set(err, ERR_TOO_BIG, "The command line is longer than %d bytes",
                         LINE_MAX_BYTES);
    }
    while ((code = next_word(&line.words, &word, &quoted)) == ERR_OK) {
        if (!quoted && !only_words && str_is(word, "--")) {
            only_words = true;
        } else if (!quoted && !only_words && word.len > 2 && str_starts(word, STR("--"))) {
            take_option(&line, word);
        } else {
            take_word(&line, word);
        }
    }
    if (code != ERR_NOT_FOUND) {
        return code;
    }
    if (json_size(line.args) == 0) {
        return error_set(err, ERR_INVALID, "The command line is empty");
    }
    finish(&line, out);
    return ERR_OK;
}

/* ---- writing ---- */

void word_write(struct buf *out, struct str word)
{
    if (str_is_only(word, "A-Za-z0-9_./,:@-") && word.ptr[0] != '-') {
        buf_str(out, word);
        return;
    }
    buf_char(out, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '\'') {
            buf_text(out, "'\\''");
        } else {
            buf_char(out, word.ptr[i]);
        }
    }
    buf_char(out, '\'');
}

struct str command_line_join(struct arena *arena, const char *const *words, size_t n_words)
{
    struct buf line;

    buf_init(&line, (size_t)LINE_MAX_BYTES * 2); /* command_line_parse refuses too long ones */
    for (size_t i = 0; i < n_words; i++) {
        struct str word = str_from(words[i]);
        bool is_option = str_starts(word, STR("--"));

        buf_text(&line, i > 0 ? " " : "");
        buf_text(&line, is_option ? "--" : "");
        word = str_sub(word, is_option ? 2 : 0, word.len);
        if (word.len > 0 || !is_option) {
            word_write(&line, word);
        }
    }
    return arena_take(arena, &line);
}

/* A list as text with commas, where that is read as the same list again; else as JSON. */
static struct str list_text(const struct json *list, struct arena *arena)
{
    const struct json *item;
    struct str joined = STR_EMPTY;

    JSON_FOREACH (item, list) {
        struct str text = json_str(item);

        if (str_find_char(text, ',') >= 0 || str_trim(text).len != text.len ||
            (joined.len == 0 && str_starts(text, STR("[")))) {
            return json_text(arena, list);
        }
        arena_join(arena, &joined, ",", text);
    }
    return joined;
}

static void put_value(struct buf *out, const struct json *value, struct arena *arena)
{
    enum json_type type = json_type(value);

    word_write(out, type == JSON_ARRAY    ? list_text(value, arena)
                    : type == JSON_STRING ? json_str(value)
                                          : json_text(arena, value));
}

struct str command_line_write(struct arena *arena, const struct command *command,
                              const struct json *args, const struct json *options)
{
    struct buf line;
    const struct json *value;
    struct str copy;

    buf_init(&line, LINE_MAX_BYTES);
    buf_text(&line, command->words);
    JSON_FOREACH (value, args) {
        buf_char(&line, ' ');
        put_value(&line, value, arena);
    }
    JSON_FOREACH (value, options) {
        buf_text(&line, " --");
        buf_dashed(&line, json_name(value));
        if (json_type(value) != JSON_BOOL || !json_true(value)) {
            buf_char(&line, '=');
            put_value(&line, value, arena);
        }
    }
    copy = buf_ok(&line) ? arena_str(arena, buf_view(&line)) : STR_EMPTY;
    buf_done(&line);
    return copy;
}
