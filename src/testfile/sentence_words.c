/* The words of a sentence, and whether they fit a pattern. A value without quotes reaches to the
 * first word that may stand behind it: no backtracking, so the cost is the length of the sentence
 * for each row whose first word fits. */
#include "sentence_internal.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* --- splitting
 * --------------------------------------------------------------------------------------- */

/* A quoted text: \" and \\ are escapes, any other backslash stands for itself. A quote ends it only
 * before a space or the end, so that 'it's' is read as people mean it. */
static size_t quoted_length(struct str rest)
{
    char quote = rest.ptr[0];

    for (size_t at = 1; at < rest.len; at++) {
        if (rest.ptr[at] == '\\' && at + 1 < rest.len &&
            (rest.ptr[at + 1] == quote || rest.ptr[at + 1] == '\\')) {
            at++;
        } else if (rest.ptr[at] == quote &&
                   (quote == '"' || at + 1 == rest.len || is_space(rest.ptr[at + 1]))) {
            return at + 1;
        }
    }
    return 0;
}

static struct str unescape(struct arena *arena, struct str raw)
{
    struct str inner = str_sub(raw, 1, raw.len - 2);
    char *out = arena_alloc(arena, inner.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < inner.len; i++) {
        if (inner.ptr[i] == '\\' && i + 1 < inner.len &&
            (inner.ptr[i + 1] == raw.ptr[0] || inner.ptr[i + 1] == '\\')) {
            i++;
        }
        out[n++] = inner.ptr[i];
    }
    return (struct str){out, n};
}

static size_t word_length(struct str rest)
{
    size_t at = 0;

    while (at < rest.len && !is_space(rest.ptr[at])) {
        at++;
    }
    return at;
}

enum error_code sentence_split(struct arena *arena, struct str sentence, struct tokens *out,
                               struct error *err)
{
    struct str rest = str_trim(sentence);
    struct token *items = arena_calloc(arena, SENTENCE_MAX_TOKENS, sizeof(*items));
    size_t n = 0;

    while (rest.len > 0) {
        bool quoted = rest.ptr[0] == '"' || rest.ptr[0] == '\'';
        size_t length = quoted ? quoted_length(rest) : word_length(rest);

        if (quoted && length == 0) {
            return error_set(err, ERR_INVALID, "a quote (%c) is not closed", rest.ptr[0]);
        }
        if (n == SENTENCE_MAX_TOKENS) {
            return error_set(err, ERR_INVALID, "more than %d words; put long texts in quotes",
                             SENTENCE_MAX_TOKENS);
        }
        items[n].raw = str_sub(rest, 0, length);
        items[n].quoted = quoted;
        items[n].text = quoted ? unescape(arena, items[n].raw) : items[n].raw;
        rest = str_sub(rest, length, rest.len);
        if (!(quoted && str_is(rest, "."))) { /* the full stop of a sentence */
            n++;
        } else {
            rest = STR_EMPTY;
            n++;
        }
        while (rest.len > 0 && is_space(rest.ptr[0])) {
            rest = str_sub(rest, 1, rest.len);
        }
    }
    *out = (struct tokens){items, n};
    return ERR_OK;
}

/* --- values
 * ------------------------------------------------------------------------------------------ */

static bool is_word(const struct token *token, const char *choices)
{
    struct str rest = str_from(choices);
    struct str choice;

    while (!token->quoted && str_next(&rest, '|', &choice)) {
        if (str_eq_nocase(token->text, choice)) {
            return true;
        }
    }
    return false;
}

static bool read_number(struct str text, int64_t min, int64_t *out)
{
    return str_to_i64(str_trim(text), min, INT32_MAX, out);
}

/* "first", "2nd", "3": from 1 in sentences. */
static bool read_ordinal(struct arena *arena, struct str text, struct str *out)
{
    static const char *const words[] = {"first", "second", "third",   "fourth", "fifth",
                                        "sixth", "seventh", "eighth", "ninth",  "tenth"};
    static const char *const endings[] = {"st", "nd", "rd", "th"};
    int64_t number = 0;

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        number = str_is_nocase(text, words[i]) ? (int64_t)i + 1 : number;
    }
    for (size_t i = 0; i < ARRAY_LEN(endings) && number == 0 && text.len > 2; i++) {
        if (str_ends(text, str_from(endings[i])) &&
            !read_number(str_sub(text, 0, text.len - 2), 1, &number)) {
            return false;
        }
    }
    if (number == 0 && !read_number(text, 1, &number)) {
        return false;
    }
    *out = arena_printf(arena, "%lld", (long long)(number - 1));
    return true;
}

static bool read_pair(struct arena *arena, struct str text, const char *separators, char joint,
                      struct str *out)
{
    struct str rest = str_from(separators);
    int64_t a;
    int64_t b;

    for (; rest.len > 0; rest = str_sub(rest, 1, rest.len)) {
        struct str head;
        struct str tail;

        if (str_cut(text, rest.ptr[0], &head, &tail) &&
            str_to_i64(str_trim(head), INT32_MIN, INT32_MAX, &a) &&
            str_to_i64(str_trim(tail), INT32_MIN, INT32_MAX, &b)) {
            *out = arena_printf(arena, "%lld%c%lld", (long long)a, joint, (long long)b);
            return true;
        }
    }
    return false;
}

/* N ms, N second(s), Ns; tenths of seconds too. */
static bool read_ms(struct arena *arena, struct str text, int64_t unit_ms, struct str *out)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"milliseconds", 1}, {"millisecond", 1}, {"ms", 1},   {"seconds", 1000},
                 {"second", 1000},    {"secs", 1000},     {"sec", 1000}, {"s", 1000}};
    double number;

    text = str_trim(text);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        struct str name = str_from(units[i].name);

        if (text.len > name.len && str_eq_nocase(str_sub(text, text.len - name.len, name.len), name)) {
            text = str_trim(str_sub(text, 0, text.len - name.len));
            unit_ms = units[i].ms;
            break;
        }
    }
    if (unit_ms == 0 || !str_to_double(text, &number) || number <= 0 || number > 1e6) {
        return false;
    }
    *out = arena_printf(arena, "%lld", (long long)(number * (double)unit_ms + 0.5));
    return true;
}

static bool read_variable(struct str text, struct str *out)
{
    if (text.len < 2 || text.ptr[0] != '$') {
        return false;
    }
    *out = str_sub(text, 1, text.len);
    return str_find_char(text, ' ') < 0 && text.ptr[1] != '{';
}

static bool read_kind(struct arena *arena, struct str kind, const struct token *token,
                      struct str text, struct str *out)
{
    bool slashes = text.len > 2 && text.ptr[0] == '/' && text.ptr[text.len - 1] == '/';
    int64_t number;

    *out = text;
    if (str_is(kind, "var")) {
        return !token->quoted && read_variable(text, out);
    }
    if (str_is(kind, "number")) {
        return !token->quoted && read_number(text, 0, &number);
    }
    if (str_is(kind, "ordinal")) {
        return !token->quoted && read_ordinal(arena, text, out);
    }
    if (str_is(kind, "ms")) {
        return !token->quoted && read_ms(arena, text, 0, out);
    }
    if (str_is(kind, "sec")) {
        return !token->quoted && read_ms(arena, text, 1000, out);
    }
    if (str_is(kind, "xy")) {
        return !token->quoted && read_pair(arena, text, ",", ',', out);
    }
    if (str_is(kind, "size")) {
        return read_pair(arena, text, "x,", 'x', out);
    }
    if (str_is(kind, "regex") && slashes && !token->quoted) {
        *out = str_sub(text, 1, text.len - 2);
    }
    return true;
}

/* --- targets
 * ----------------------------------------------------------------------------------------- */

struct place_words {
    const char *vertical;
    const char *horizontal;
    const char *name;
};

static const struct place_words places[] = {
    {"top", "left", "TOP_LEFT"},       {"top", "right", "TOP_RIGHT"},
    {"top", "center", "TOP_CENTER"},   {"bottom", "left", "BOTTOM_LEFT"},
    {"bottom", "right", "BOTTOM_RIGHT"}, {"bottom", "center", "BOTTOM_CENTER"},
    {"center", "left", "CENTER_LEFT"}, {"center", "right", "CENTER_RIGHT"},
    {"center", "center", "CENTER"},
};

/* `"Sign in" top left button`: words behind a quoted target that say where and what it is. */
static void take_qualifiers(struct arena *arena, const struct tokens *tokens, size_t *at,
                            struct sentence_value *value)
{
    const char *vertical = NULL;
    const char *horizontal = NULL;

    while (*at < tokens->n && is_word(&tokens->items[*at], "top|bottom|left|right|center")) {
        const struct token *token = &tokens->items[(*at)++];

        if (is_word(token, "top|bottom")) {
            vertical = is_word(token, "top") ? "top" : "bottom";
        } else if (is_word(token, "left|right")) {
            horizontal = is_word(token, "left") ? "left" : "right";
        } else {
            vertical = vertical != NULL ? vertical : "center";
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(places) && (vertical != NULL || horizontal != NULL); i++) {
        if (str_is(str_from(places[i].vertical), vertical != NULL ? vertical : "center") &&
            str_is(str_from(places[i].horizontal), horizontal != NULL ? horizontal : "center")) {
            value->position = str_from(places[i].name);
        }
    }
    if (*at < tokens->n && is_word(&tokens->items[*at], "link|button|input|image|dropdown|file")) {
        struct str word = tokens->items[(*at)++].text;
        char *upper = arena_alloc(arena, word.len + 1);

        for (size_t i = 0; i < word.len; i++) {
            upper[i] = char_upper(word.ptr[i]);
        }
        value->type = (struct str){upper, word.len};
    }
}

/* --- patterns
 * ---------------------------------------------------------------------------------------- */

/* The next item of a pattern that is neither optional nor a value: where an unquoted value ends. */
static struct str next_literal(struct str rest)
{
    struct str item;

    while (str_next(&rest, ' ', &item)) {
        if (item.ptr[0] != '[') {
            return item.ptr[0] == '{' ? STR_EMPTY : item;
        }
    }
    return STR_EMPTY;
}

static bool is_one_of(const struct token *token, struct str choices)
{
    struct str choice;

    while (!token->quoted && str_next(&choices, '|', &choice)) {
        if (str_eq_nocase(token->text, choice)) {
            return true;
        }
    }
    return false;
}

static struct str between(const struct token *first, const struct token *last)
{
    return str_range(first->raw.ptr, last->raw.ptr + last->raw.len);
}

static bool take_value(struct arena *arena, struct str item, struct str rest_of_pattern,
                       const struct tokens *tokens, size_t *at, struct sentence_value *value)
{
    struct str kind;
    struct str text;
    struct str end = next_literal(rest_of_pattern);
    size_t from = *at;
    bool target;
    bool all;

    (void)str_cut(str_sub(item, 1, item.len - 2), ':', &value->name, &kind);
    target = str_is(kind, "target");
    all = str_is(kind, "rest");
    if (target && from + 1 < tokens->n && tokens->items[from + 1].quoted &&
        is_word(&tokens->items[from], "the|a|an|element|field|button|link")) {
        from++;
    }
    if (from >= tokens->n) {
        return false;
    }
    *at = from + 1;
    if (!tokens->items[from].quoted || all) {
        while (*at < tokens->n && (all || end.len == 0 || !is_one_of(&tokens->items[*at], end))) {
            (*at)++;
        }
        text = between(&tokens->items[from], &tokens->items[*at - 1]);
    } else {
        text = tokens->items[from].text;
        if (target) {
            take_qualifiers(arena, tokens, at, value);
        }
    }
    return read_kind(arena, kind, &tokens->items[from], text, &value->text);
}

bool sentence_fits(struct arena *arena, const struct sentence_row *row, const struct tokens *tokens,
                   struct sentence_value values[SENTENCE_MAX_VALUES], size_t *out_n_values)
{
    struct str pattern = str_from(row->pattern);
    struct str item;
    size_t at = 0;
    size_t n = 0;

    while (str_next(&pattern, ' ', &item)) {
        if (item.ptr[0] == '[') {
            if (at < tokens->n && is_one_of(&tokens->items[at], str_sub(item, 1, item.len - 2))) {
                at++;
            }
        } else if (item.ptr[0] == '{') {
            values[n] = (struct sentence_value){.name = STR_EMPTY};
            if (!take_value(arena, item, pattern, tokens, &at, &values[n++])) {
                return false;
            }
        } else if (at >= tokens->n || !is_one_of(&tokens->items[at++], item)) {
            return false;
        }
    }
    *out_n_values = n;
    return at == tokens->n;
}
