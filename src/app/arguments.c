#include "arguments.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/span.h"
#include "base/str.h"

enum { HELP_INDENT = 30, HELP_COLUMNS = 80, SET_MAX = 8192, NAME_ROOM = 64 };

static const struct argument *find(const struct argument *table, struct str name)
{
    for (; table->name != NULL; table++) {
        if (name.len == 1 && table->letter == name.ptr[0]) {
            return table;
        }
        if (str_is(name, table->name)) {
            return table;
        }
    }
    return NULL;
}

/* `word` as it was typed, `name` without its dashes; both without a value. */
static enum error_code unknown(const struct argument *table, const char *command, struct str word,
                               struct str name, struct error *err)
{
    struct nearest nearest;

    nearest_init(&nearest, name);
    for (; table->name != NULL; table++) {
        nearest_offer(&nearest, str_from(table->name));
    }
    return nearest.best.len > 0
               ? error_set(err, ERR_INVALID, "unknown option %.*s; did you mean --%.*s?",
                           STR_ARG(word), STR_ARG(nearest.best))
               : error_set(err, ERR_INVALID, "unknown option %.*s; see virtuoso-proxy %s --help",
                           STR_ARG(word), command);
}

void arguments_add_set(struct arguments *arguments, const char *key, const char *value)
{
    char text[SET_MAX];

    CHECK(arguments->n_sets < ARGUMENTS_MAX);
    arguments->sets[arguments->n_sets++] =
        str_dup(str_print(text, sizeof(text), "%s=%s", key, value));
}

/* As it is typed: "--listen". */
static char *option_name(const struct argument *row)
{
    char text[NAME_ROOM];

    return str_dup(str_print(text, sizeof(text), "--%s", row->name));
}

/* "human, json or yaml" */
static void put_words(struct buf *out, struct str words)
{
    struct str word;
    size_t n = 0;

    while (str_next(&words, ' ', &word)) {
        buf_text(out, n++ == 0 ? "" : words.len > 0 ? ", " : " or ");
        buf_str(out, word);
    }
}

/* Accepts any value or, if the row lists words, only these. */
static enum error_code check_value(const struct argument *row, const char *value, struct error *err)
{
    struct str words = str_from(row->words);
    struct nearest nearest;
    struct str word;
    struct buf text;

    nearest_init(&nearest, str_from(value));
    while (str_next(&words, ' ', &word)) {
        if (str_is(word, value)) {
            return ERR_OK;
        }
        nearest_offer(&nearest, word);
    }
    if (row->words == NULL) {
        return ERR_OK;
    }
    buf_init(&text, SET_MAX);
    put_words(&text, str_from(row->words));
    buf_printf(&text, ", not \"%s\"", value);
    if (nearest.best.len > 0) {
        buf_printf(&text, "; did you mean \"%.*s\"?", STR_ARG(nearest.best));
    }
    (void)error_set(err, ERR_INVALID, "--%s must be %.*s", row->name, STR_ARG(buf_view(&text)));
    buf_done(&text);
    return ERR_INVALID;
}

/* Which of the sets this row has made already; n_sets: none. */
static size_t set_of(const struct arguments *arguments, const struct argument *row)
{
    size_t i = 0;

    while (i < arguments->n_sets &&
           (arguments->set_names[i] == NULL ||
            !str_is(str_sub(str_from(arguments->set_names[i]), 2, SET_MAX), row->name))) {
        i++;
    }
    return i;
}

/* "key=first,second": blanks would end an item. */
static void add_item(struct arguments *arguments, const struct argument *row, const char *value)
{
    size_t at = set_of(arguments, row);
    struct buf text;

    if (at == arguments->n_sets) {
        arguments_add_set(arguments, row->key, "");
        arguments->set_names[at] = option_name(row);
    }
    buf_init(&text, SET_MAX);
    buf_text(&text, arguments->sets[at]);
    buf_text(&text, str_ends(buf_view(&text), STR("=")) ? "" : ",");
    for (; *value != '\0'; value++) {
        if (*value != ' ') {
            buf_char(&text, *value);
        }
    }
    mem_free(unconst(arguments->sets[at]));
    arguments->sets[at] = mem_strdup(buf_cstr(&text));
    buf_done(&text);
}

static void keep(struct arguments *arguments, const struct argument *row, const char *value)
{
    arguments->values[row - arguments->table] = value;
    arguments->given[arguments->n_given].row = row;
    arguments->given[arguments->n_given++].value = value;
    if (row->key == NULL) {
        return;
    }
    if (str_is(str_from(row->key), "*")) { /* --set: the value is "key=value" itself */
        arguments->sets[arguments->n_sets++] = mem_strdup(value);
    } else if (row->adds) {
        add_item(arguments, row, value);
    } else {
        arguments_add_set(arguments, row->key, row->constant != NULL ? row->constant : value);
        arguments->set_names[arguments->n_sets - 1] = option_name(row);
    }
}

/* The option that the word at `at` names: -v is --var before NAME=VALUE and --verbose elsewhere. */
static const struct argument *find_at(const struct argument *table, struct str name, int argc,
                                      char **argv, int at)
{
    const struct argument *row = find(table, name);
    struct str next = at + 1 < argc ? str_from(argv[at + 1]) : STR_EMPTY;
    bool is_pair = str_find_char(next, '=') > 0 && !str_starts(next, STR("-"));

    return row != NULL && row->alone != NULL && name.len == 1 && !is_pair
               ? find(table, str_from(row->alone))
               : row;
}

/* One word that begins with '-'; *at may move on to its value. */
static enum error_code take_option(struct arguments *arguments, const char *command, int argc,
                                   char **argv, int *at, struct error *err)
{
    struct str word = str_from(argv[*at]);
    bool is_long = str_starts(word, STR("--"));
    struct str name = str_sub(word, is_long ? 2 : 1, word.len);
    struct str value = STR_EMPTY;
    bool has_value = is_long && str_cut(name, '=', &name, &value);
    const struct argument *row = find_at(arguments->table, name, argc, argv, *at);

    if (str_is(name, "help") || str_is(name, "h")) {
        arguments->help = true;
        return ERR_OK;
    }
    if (row == NULL) {
        (void)str_cut(word, '=', &word, &value);
        return unknown(arguments->table, command, word, name, err);
    }
    if (arguments->n_sets >= ARGUMENTS_MAX || arguments->n_given >= ARGUMENTS_GIVEN_MAX) {
        return error_set(err, ERR_INVALID, "too many options");
    }
    if (row->value == NULL) {
        if (has_value) {
            return error_set(err, ERR_INVALID, "--%s takes no value", row->name);
        }
        keep(arguments, row, "");
        return ERR_OK;
    }
    if (!has_value && *at + 1 >= argc) {
        return error_set(err, ERR_INVALID, "--%s needs a value: %s", row->name, row->value);
    }
    keep(arguments, row, has_value ? value.ptr : argv[++*at]);
    return check_value(row, arguments->values[row - arguments->table], err);
}

bool arguments_parse(struct arguments *arguments, const struct argument *table, const char *command,
                     bool rest_is_operands, int argc, char **argv)
{
    int n_operands = 0;
    bool only_operands = false;

    *arguments = (struct arguments){.table = table};
    for (int at = 0; at < argc; at++) {
        struct str word = str_from(argv[at]);

        if (!only_operands && str_is(word, "--")) {
            only_operands = true;
        } else if (!only_operands && word.len > 1 && word.ptr[0] == '-') {
            struct error err = {0};

            if (take_option(arguments, command, argc, argv, &at, &err) != ERR_OK &&
                arguments->error.code == ERR_OK) {
                arguments->error = err;
            }
        } else {
            argv[n_operands++] = argv[at];
            only_operands = only_operands || rest_is_operands;
        }
    }
    arguments->operands = (const char *const *)argv;
    arguments->n_operands = (size_t)n_operands;
    return arguments->error.code == ERR_OK;
}

void arguments_done(struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->n_sets; i++) {
        mem_free(unconst(arguments->sets[i]));
        mem_free(unconst(arguments->set_names[i]));
    }
    arguments->n_sets = 0;
}

const char *arguments_get(const struct arguments *arguments, const char *name)
{
    const struct argument *row = find(arguments->table, str_from(name));

    CHECK(row != NULL);
    return arguments->values[row - arguments->table];
}

enum error_code arguments_numbers(const struct arguments *arguments,
                                  const struct argument_number *rows, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct argument_number *row = &rows[i];
        const char *word = arguments_get(arguments, row->name);
        int64_t number;

        if (word == NULL) {
            continue;
        }
        if (row->is_time ? !span_or_ms(str_from(word), row->max, &number)
                         : !str_to_i64(str_from(word), row->min, row->max, &number)) {
            return row->is_time
                       ? error_set(err, ERR_INVALID,
                                   "--%s must be a time up to a day, as 10s or 500ms, not \"%s\"",
                                   row->name, word)
                       : error_set(err, ERR_INVALID,
                                   "--%s must be a whole number from %lld to %lld, not \"%s\"",
                                   row->name, (long long)row->min, (long long)row->max, word);
        }
        *row->out = (unsigned)number;
    }
    return ERR_OK;
}

bool arguments_know(const struct arguments *arguments, const char *word)
{
    bool is_long = str_starts(str_from(word), STR("--"));
    struct str name = str_sub(str_from(word), is_long ? 2 : 1, strlen(word));
    struct str value;

    (void)str_cut(name, '=', &name, &value);
    return word[0] == '-' && is_long == (name.len > 1) && find(arguments->table, name) != NULL;
}

size_t arguments_all(const struct arguments *arguments, const char *name,
                     const char *out[ARGUMENTS_GIVEN_MAX])
{
    const struct argument *row = find(arguments->table, str_from(name));
    size_t n = 0;

    for (size_t i = 0; i < arguments->n_given; i++) {
        if (arguments->given[i].row == row) {
            out[n++] = arguments->given[i].value;
        }
    }
    return n;
}

void arguments_print(const char *first, size_t indent, const char *text)
{
    size_t column = strlen(first);
    struct str rest = str_from(text);
    struct str word;

    (void)printf("%s", first);
    if (column + 1 > indent && column > 0) {
        (void)printf("\n");
        column = 0;
    }
    while (str_next(&rest, ' ', &word)) {
        if (column > indent && column + 1 + word.len > HELP_COLUMNS) {
            (void)printf("\n");
            column = 0;
        }
        (void)printf("%*s%.*s", column < indent ? (int)(indent - column) : 1, "", STR_ARG(word));
        column = (column < indent ? indent : column + 1) + word.len;
    }
    (void)printf("\n");
}

void arguments_help(const struct argument *table, const char *command, const char *summary,
                    const char *operands)
{
    (void)printf("usage: virtuoso-proxy %s [options]%s%s\n\n%s\n\noptions:\n", command,
                 operands[0] != '\0' ? " " : "", operands, summary);
    for (; table->name != NULL; table++) {
        struct buf text;

        buf_init(&text, SET_MAX);
        buf_text(&text, "  ");
        if (table->letter != 0) {
            buf_printf(&text, "-%c, ", table->letter);
        }
        buf_printf(&text, "--%s%s%s", table->name, table->value != NULL ? " " : "",
                   table->value != NULL ? table->value : "");
        arguments_print(buf_cstr(&text), HELP_INDENT, table->help);
        buf_done(&text);
    }
    arguments_print("  -h, --help", HELP_INDENT, "this text");
}
