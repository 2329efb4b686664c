/* Slips within values: quotes, pairs of numbers, times with a unit, addresses without a scheme. */
#include "base/nearest.h"
#include "base/utf8.h"
#include "draft.h"

enum { PART_DIGITS_MAX = 10 };

/* ---- quotes ---- */

static const struct {
    const char *open;
    const char *close;
} quotes[] = {{"\"", "\""}, {"'", "'"}, {"\u201C", "\u201D"}, {"\u2018", "\u2019"}};

void mend_quotes(struct draft *draft)
{
    for (size_t i = 0; i < draft->n_args; i++) {
        struct str text = draft->args[i];

        if (i < draft->n_params && str_is(STR("script"), draft->row->args[i].name)) {
            continue; /* "use strict" */
        }
        for (size_t k = 0; k < ARRAY_LEN(quotes); k++) {
            struct str open = str_from(quotes[k].open);
            struct str close = str_from(quotes[k].close);
            struct str inner;

            if (text.len <= open.len + close.len || !str_starts(text, open) ||
                !str_ends(text, close)) {
                continue;
            }
            inner = str_sub(text, open.len, text.len - open.len - close.len);
            if (str_find(inner, close) < 0) { /* not: "a" or "b" */
                draft->args[i] = inner;
                draft_fixed(draft, "quotes around a value are not part of it", text);
                break;
            }
        }
    }
}

/* ---- pairs ---- */

static bool is_pair(const struct param *param)
{
    return param->type == PARAM_POINT || param->type == PARAM_SIZE;
}

static void pair_fixed(struct draft *draft, size_t index, struct str text)
{
    draft->args[index] = text;
    draft_fixed(draft,
                draft->row->args[index].type == PARAM_SIZE ? "a size is written WIDTHxHEIGHT"
                                                           : "a point is written X,Y",
                text);
}

static bool is_between(char c)
{
    return c == ' ' || c == ',' || c == ';' || c == '*' || c == 'x' || c == 'X';
}

static struct str take_digits(struct str *rest)
{
    size_t n = 0;
    struct str digits;

    while (n < rest->len &&
           ((rest->ptr[n] >= '0' && rest->ptr[n] <= '9') || (n == 0 && rest->ptr[n] == '-'))) {
        n++;
    }
    digits = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->len);
    return digits;
}

/* "1024 x 768", "1024\u00D7768", "(500; 300)": two numbers and nothing else that means something.
 * As it is where it is no such text. */
static struct str tightened(struct draft *draft, struct str text, bool is_size)
{
    struct str rest = str_trim(text);
    struct str first;
    struct str second;
    size_t n_between = 0;

    if (rest.len > 2 && rest.ptr[0] == '(' && rest.ptr[rest.len - 1] == ')') {
        rest = str_trim(str_sub(rest, 1, rest.len - 2));
    }
    first = take_digits(&rest);
    while (rest.len > 0 && (is_between(rest.ptr[0]) || str_starts(rest, STR("\u00D7")))) {
        size_t width = is_between(rest.ptr[0]) ? 1 : sizeof("\u00D7") - 1;

        rest = str_sub(rest, width, rest.len);
        n_between++;
    }
    second = take_digits(&rest);
    if (first.len == 0 || second.len == 0 || n_between == 0 || rest.len > 0) {
        return text;
    }
    return arena_printf(draft->arena, "%.*s%s%.*s", STR_ARG(first), is_size ? "x" : ",",
                        STR_ARG(second));
}

static bool is_part(struct str text)
{
    int64_t number;

    return text.len <= PART_DIGITS_MAX && str_to_i64(text, INT32_MIN, INT32_MAX, &number);
}

void mend_pairs(struct draft *draft)
{
    for (size_t i = 0; i < draft->n_args && i < draft->n_params; i++) {
        bool is_size = draft->row->args[i].type == PARAM_SIZE;
        struct str tight;

        if (!is_pair(&draft->row->args[i])) {
            continue;
        }
        if (i + 1 < draft->n_args && is_part(draft->args[i]) && is_part(draft->args[i + 1])) {
            tight = arena_printf(draft->arena, "%.*s%s%.*s", STR_ARG(draft->args[i]),
                                 is_size ? "x" : ",", STR_ARG(draft->args[i + 1]));
            draft_drop_arg(draft, i + 1);
        } else {
            tight = tightened(draft, draft->args[i], is_size);
        }
        if (!str_eq(tight, draft->args[i])) {
            pair_fixed(draft, i, tight);
        }
    }
}

/* ---- times and addresses ---- */

static bool takes_ms(const struct param *param)
{
    return param->type == PARAM_INTEGER &&
           (str_is(str_from(param->name), "milliseconds") ||
            (param->unit != NULL && str_is(STR("ms"), param->unit)));
}

/* "2s", "1.5 s", "500ms", "2 seconds"; false: no such text. */
static bool read_time(struct str text, int64_t *out_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"seconds", 1000}, {"second", 1000}, {"sec", 1000}, {"s", 1000}};

    int64_t whole;
    int64_t tenths = 0;

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        struct str number = str_trim(str_sub(text, 0, text.len - str_from(units[i].unit).len));
        struct str fraction = STR_EMPTY;

        if (!str_ends(text, str_from(units[i].unit))) {
            continue;
        }
        if (units[i].ms > 1 && str_cut(number, '.', &number, &fraction) &&
            (fraction.len != 1 || !str_to_i64(fraction, 0, 9, &tenths))) {
            return false;
        }
        if (!str_to_i64(number, 0, INT32_MAX, &whole)) {
            return false;
        }
        *out_ms = whole * units[i].ms + tenths * units[i].ms / 10;
        return true;
    }
    return false;
}

void mend_times(struct draft *draft)
{
    for (size_t i = 0; i < draft->n_args && i < draft->n_params; i++) {
        int64_t ms;

        if (takes_ms(&draft->row->args[i]) && read_time(draft->args[i], &ms)) {
            draft->args[i] = arena_printf(draft->arena, "%lld", (long long)ms);
            draft_fixed(draft, "times are milliseconds", draft->args[i]);
        }
    }
}

void mend_variables(struct draft *draft)
{
    static const struct {
        const char *open;
        const char *close;
    } marks[] = {{"${", "}"}, {"{{", "}}"}};

    for (size_t i = 0; i < draft->n_args && i < draft->n_params; i++) {
        for (size_t k = 0; k < ARRAY_LEN(marks); k++) {
            struct str text = draft->args[i];
            struct str open = str_from(marks[k].open);
            struct str close = str_from(marks[k].close);

            if (draft->row->args[i].type == PARAM_VARIABLE && str_starts(text, open) &&
                str_ends(text, close) && text.len > open.len + close.len) {
                draft->args[i] = str_trim(str_sub(text, open.len, text.len - open.len - close.len));
                draft_fixed(draft, "a variable is given by its name", draft->args[i]);
            }
        }
    }
}

/* A host and perhaps a path, as browsers take it: a dot before the first slash, no scheme. */
static bool is_bare_address(struct str text)
{
    struct str host;
    struct str path;
    ptrdiff_t dot;

    (void)str_cut(text, '/', &host, &path);
    dot = str_find_char(host, '.');
    return dot > 0 && (size_t)dot + 1 < host.len && str_find_char(host, ' ') < 0 &&
           str_find_char(host, ':') < 0 && str_find_char(host, '@') < 0;
}

void mend_urls(struct draft *draft)
{
    for (size_t i = 0; i < draft->n_args && i < draft->n_params; i++) {
        enum param_type type = draft->row->args[i].type;

        if ((type == PARAM_URL || type == PARAM_HTTP_URL) && is_bare_address(draft->args[i])) {
            draft->args[i] = arena_printf(draft->arena, "https://%.*s", STR_ARG(draft->args[i]));
            draft_fixed(draft, "an address begins with its scheme", draft->args[i]);
        }
    }
}

/* ---- options ---- */

/* More than any command has: hopeless, and each costs a look at all the others. */
static bool are_too_many(const struct draft *draft)
{
    return json_size(draft->options) > (size_t)2 * COMMAND_MAX_PARAMS;
}

void mend_option_names(struct draft *draft)
{
    struct json *out = json_new_object(draft->arena);
    const struct json *value;

    if (are_too_many(draft)) {
        return;
    }

    JSON_FOREACH (value, draft->options) {
        struct str name = json_name(value);
        const struct param *near = NULL;
        struct str near_name;

        if (option_lookup(draft->row, name, draft->arena) == NULL) {
            near = param_nearest(draft->row->options, name, draft->arena, &near_name);
        }
        if (near != NULL && json_get(draft->options, near->name) == NULL &&
            json_get(out, near->name) == NULL) { /* or one value would replace another */
            name = str_from(near->name);
            draft_fixed(draft, "the nearest option", name);
        }
        json_set(out, name, json_copy(draft->arena, value));
    }
    draft->options = out;
}

/* "yes" and 1, "no" and 0; NULL: no such word. */
static struct json *truth(struct draft *draft, struct str text)
{
    static const char *const words[2][3] = {{"no", "off", "0"}, {"yes", "on", "1"}};

    for (size_t yes = 0; yes < 2; yes++) {
        for (size_t i = 0; i < ARRAY_LEN(words[yes]); i++) {
            if (str_is_nocase(text, words[yes][i])) {
                return json_new_bool(draft->arena, yes == 1);
            }
        }
    }
    return NULL;
}

static struct json *word_of(struct draft *draft, const struct param *option, struct str text)
{
    struct str rest = str_from(option->words);
    struct str word;
    struct nearest nearest;

    nearest_init(&nearest, text);
    while (str_next(&rest, ' ', &word)) {
        nearest_offer(&nearest, word);
    }
    return nearest.best.len > 0 ? json_new_string(draft->arena, nearest.best) : NULL;
}

static struct json *time_of(struct draft *draft, const struct param *option, struct str text)
{
    int64_t ms;

    if (option->unit == NULL || !read_time(text, &ms)) {
        return NULL;
    }
    return json_new_int(draft->arena, str_is(STR("s"), option->unit) ? ms / 1000 : ms);
}

/* What the value was to be; NULL: it is right, or nobody knows. */
static struct json *mended(struct draft *draft, const struct param *option,
                           const struct json *value)
{
    struct str text =
        json_type(value) == JSON_NUMBER ? json_number_text(value, draft->arena) : json_str(value);

    if (option->type == PARAM_FLAG) {
        return truth(draft, text);
    }
    if (option->type == PARAM_ENUM && text.len > 0 && !word_is_one_of(option->words, text)) {
        return word_of(draft, option, text);
    }
    return option->type == PARAM_INTEGER && json_type(value) == JSON_STRING
               ? time_of(draft, option, text)
               : NULL;
}

void mend_options(struct draft *draft)
{
    struct json *out = json_new_object(draft->arena);
    const struct json *value;

    if (are_too_many(draft)) {
        return;
    }
    JSON_FOREACH (value, draft->options) {
        const struct param *option = option_lookup(draft->row, json_name(value), draft->arena);
        struct json *better = option != NULL ? mended(draft, option, value) : NULL;

        if (better != NULL) {
            draft_fixed(draft,
                        arena_printf(draft->arena, "the option \"%s\" takes", option->name).ptr,
                        json_text(draft->arena, better));
        }
        json_set(out, json_name(value), better != NULL ? better : json_copy(draft->arena, value));
    }
    draft->options = out;
}
