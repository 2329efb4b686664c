/* Slips within values: quotes, pairs of numbers, times with a unit, addresses without a scheme. */
#include "base/utf8.h"
#include "draft.h"

enum { PART_DIGITS_MAX = 10 };

/* --- quotes
 * ------------------------------------------------------------------------------------------ */

static const struct {
    const char *open;
    const char *close;
} quotes[] = {{"\"", "\""}, {"'", "'"}, {"\u201C", "\u201D"}, {"\u2018", "\u2019"}};

void mend_quotes(struct draft *draft)
{
    for (size_t i = 0; i < draft->n_args; i++) {
        struct str text = draft->args[i];

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

/* --- pairs
 * ------------------------------------------------------------------------------------------- */

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

static struct str tightened(struct draft *draft, struct str text, bool is_size)
{
    char *tight = arena_alloc(draft->arena, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c != ' ') {
            tight[n++] = (char)(is_size && (c == 'X' || c == '*' || c == ',') ? 'x' : c);
        }
    }
    return (struct str){tight, n};
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

/* --- times and addresses
 * ----------------------------------------------------------------------------- */

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
