/* Slips within values: quotes, pairs of numbers, times with a unit, addresses without a scheme. */
#include "base/nearest.h"
#include "base/span.h"
#include "base/utf8.h"
#include "draft.h"

enum { PART_DIGITS_MAX = 10 };

void draft_fixed(struct draft *draft, const char *what, struct str detail)
{
    warning_add(draft->fixes, draft->arena,
                detail.len > 0
                    ? arena_printf(draft->arena, "%s: %.*s", what, STR_ARG(utf8_clip(detail, 80)))
                    : str_from(what));
}

void draft_drop_arg(struct draft *draft, size_t index)
{
    for (size_t i = index; i + 1 < draft->n_args; i++) {
        draft->args[i] = draft->args[i + 1];
    }
    draft->n_args--;
}

/* Does `text` begin and end with these marks, with something between them? */
static bool is_within(struct str text, const char *open, const char *close, struct str *out_inner)
{
    struct str head = str_from(open);
    struct str tail = str_from(close);

    *out_inner = str_sub(text, head.len, text.len - head.len - tail.len);
    return text.len > head.len + tail.len && str_starts(text, head) && str_ends(text, tail);
}

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
            continue; /* a script may be quoted itself: "use strict" */
        }
        for (size_t k = 0; k < ARRAY_LEN(quotes); k++) {
            struct str inner;

            if (is_within(text, quotes[k].open, quotes[k].close, &inner) &&
                !str_contains(inner, str_from(quotes[k].close))) { /* not: "a" or "b" */
                draft->args[i] = inner;
                draft_fixed(draft, "quotes around a value are not part of it", text);
                break;
            }
        }
    }
}

/* ---- pairs ---- */

static bool is_between(char c)
{
    return c == ' ' || c == ',' || c == ';' || c == '*' || c == 'x' || c == 'X';
}

static struct str take_digits(struct str *rest)
{
    size_t sign = str_starts(*rest, STR("-")) ? 1 : 0;
    size_t n = sign + str_span(str_sub(*rest, sign, rest->len), "0-9");
    struct str digits = str_sub(*rest, 0, n);

    *rest = str_sub(*rest, n, rest->len);
    return digits;
}

/* "1024 x 768", "1024\u00D7768", "(500; 300)": two numbers with only separators between them, written
 * with the one separator of the type. Any other text is returned unchanged. */
static struct str tightened(struct draft *draft, struct str text, char separator)
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
    return arena_printf(draft->arena, "%.*s%c%.*s", STR_ARG(first), separator, STR_ARG(second));
}

static bool is_part(struct str text)
{
    int64_t number;

    return text.len <= PART_DIGITS_MAX && str_to_i64(text, INT32_MIN, INT32_MAX, &number);
}

void mend_pairs(struct draft *draft)
{
    for (size_t i = 0; i < draft->n_args && i < draft->n_params; i++) {
        char separator = param_row(draft->row->args[i].type)->separator;
        struct str tight;

        if (separator == '\0') {
            continue;
        }
        if (i + 1 < draft->n_args && is_part(draft->args[i]) && is_part(draft->args[i + 1])) {
            tight = arena_printf(draft->arena, "%.*s%c%.*s", STR_ARG(draft->args[i]), separator,
                                 STR_ARG(draft->args[i + 1]));
            draft_drop_arg(draft, i + 1);
        } else {
            tight = tightened(draft, draft->args[i], separator);
        }
        if (!str_eq(tight, draft->args[i])) {
            draft->args[i] = tight;
            draft_fixed(draft, param_row(draft->row->args[i].type)->rule, tight);
        }
    }
}

/* ---- single values, by their type ---- */

struct json *mend_integer(const struct param *param, const struct json *value, struct arena *arena)
{
    int64_t ms;

    if (param->unit == NULL || json_type(value) != JSON_STRING ||
        !span_read(json_str(value), &ms)) {
        return NULL;
    }
    return json_new_int(arena, str_is(STR("s"), param->unit) ? ms / 1000 : ms);
}

struct json *mend_variable(const struct param *param, const struct json *value, struct arena *arena)
{
    struct str text = json_str(value);
    struct str name;

    (void)param;
    return is_within(text, "${", "}", &name) || is_within(text, "{{", "}}", &name)
               ? json_new_string(arena, str_trim(name))
               : NULL;
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

struct json *mend_url(const struct param *param, const struct json *value, struct arena *arena)
{
    (void)param;
    return is_bare_address(json_str(value))
               ? json_new_string(arena,
                                 arena_printf(arena, "https://%.*s", STR_ARG(json_str(value))))
               : NULL;
}

/* "yes" and 1, "no" and 0. */
struct json *mend_flag(const struct param *param, const struct json *value, struct arena *arena)
{
    struct str text =
        json_type(value) == JSON_NUMBER ? json_number_text(value, arena) : json_str(value);
    bool yes;

    (void)param;
    return str_to_bool(text, &yes) ? json_new_bool(arena, yes) : NULL;
}

struct json *mend_enum(const struct param *param, const struct json *value, struct arena *arena)
{
    struct str text = json_str(value);
    struct str near =
        word_is_one_of(param->words, text) ? STR_EMPTY : nearest_among(text, param->words);

    return near.len > 0 ? json_new_string(arena, near) : NULL;
}

/* ---- all values of a draft ---- */

static struct json *mended(struct draft *draft, const struct param *param, const struct json *value)
{
    param_mend_fn *mend = param_row(param->type)->mend;

    return mend != NULL ? mend(param, value, draft->arena) : NULL;
}

void mend_args(struct draft *draft)
{
    for (size_t i = 0; i < draft->n_args && i < draft->n_params; i++) {
        const struct param *param = &draft->row->args[i];
        struct json *better =
            mended(draft, param, json_new_checked_string(draft->arena, draft->args[i]));

        if (better != NULL) {
            draft->args[i] = json_type(better) == JSON_STRING ? json_str(better)
                                                              : json_text(draft->arena, better);
            draft_fixed(draft, param_row(param->type)->rule, draft->args[i]);
        }
    }
}

/* ---- options ---- */

/* The name of the option that was meant; unchanged if that option has a value already. */
static struct str mended_name(struct draft *draft, const struct json *out, struct str name)
{
    const struct param *near = NULL;
    struct str unused;

    if (option_lookup(draft->row, name, draft->arena) == NULL) {
        near = param_nearest(draft->row->options, name, draft->arena, &unused);
    }
    if (near == NULL || json_get(draft->options, near->name) != NULL ||
        json_get(out, near->name) != NULL) {
        return name;
    }
    draft_fixed(draft, "the nearest option", str_from(near->name));
    return str_from(near->name);
}

void mend_options(struct draft *draft)
{
    struct json *out = json_new_object(draft->arena);
    const struct json *value;

    if (json_size(draft->options) > (size_t)2 * COMMAND_MAX_PARAMS) {
        return; /* more than any command has: not to be mended, and each is compared with all others */
    }
    JSON_FOREACH (value, draft->options) {
        struct str name = mended_name(draft, out, json_name(value));
        const struct param *option = option_lookup(draft->row, name, draft->arena);
        struct json *better = option != NULL ? mended(draft, option, value) : NULL;

        if (better != NULL) {
            draft_fixed(draft,
                        arena_printf(draft->arena, "the option \"%s\" takes", option->name).ptr,
                        json_text(draft->arena, better));
        }
        json_set(out, name, better != NULL ? better : json_copy(draft->arena, value));
    }
    draft->options = out;
}
