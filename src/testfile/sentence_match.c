/* Matching a sentence against the grammar: words and quoted pieces against the patterns, with the
 * shortest text for each slot first. Sentences are short (64 pieces), so trying is cheap. */
#include "base/utf8.h"
#include "sentence.h"

enum { MAX_TOKENS = 64, MAX_TRIES = 200000 };

struct token {
    struct str text; /* unescaped */
    bool quoted;
    size_t from; /* place in the sentence, for plain text of several words */
    size_t to;
};

struct matcher {
    struct arena *arena;
    struct str sentence;
    struct token tokens[MAX_TOKENS];
    size_t n_tokens;
    struct sentence_match *out;
    size_t tries;
    struct error *err;
};

/* ---- pieces ---- */

static bool read_quoted(struct matcher *m, size_t *at, struct token *token)
{
    struct str s = m->sentence;
    char quote = s.ptr[*at];
    struct buf buf;
    size_t i = *at + 1;

    buf_init(&buf, VALUE_MAX_BYTES);
    while (i < s.len && s.ptr[i] != quote) {
        if (s.ptr[i] == '\\' && i + 1 < s.len && (s.ptr[i + 1] == quote || s.ptr[i + 1] == '\\')) {
            i++;
        }
        buf_char(&buf, s.ptr[i++]);
    }
    token->text = arena_str(m->arena, buf_view(&buf));
    token->quoted = true;
    buf_done(&buf);
    *at = i + 1;
    return i < s.len;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool tokenize(struct matcher *m)
{
    struct str s = m->sentence;
    size_t at = 0;

    while (at < s.len) {
        struct token *token;

        if (is_space(s.ptr[at])) {
            at++;
            continue;
        }
        if (m->n_tokens == MAX_TOKENS) {
            (void)error_set(m->err, ERR_INVALID,
                            "a sentence has at most %d words; put long text in quotes", MAX_TOKENS);
            return false;
        }
        token = &m->tokens[m->n_tokens++];
        *token = (struct token){.from = at};
        if (s.ptr[at] == '"' || s.ptr[at] == '\'') {
            if (!read_quoted(m, &at, token)) {
                (void)error_set(m->err, ERR_INVALID, "a quote is not closed");
                return false;
            }
        } else {
            size_t from = at;

            while (at < s.len && !is_space(s.ptr[at])) {
                at++;
            }
            token->text = str_sub(s, from, at - from);
        }
        token->to = at < s.len ? at : s.len;
    }
    return m->n_tokens > 0;
}

/* The text of n tokens: one in quotes as it is, several words as they stand in the sentence. */
static struct str text_of(const struct matcher *m, size_t at, size_t n)
{
    const struct token *first = &m->tokens[at];

    return n == 1 ? first->text
                  : str_sub(m->sentence, first->from, m->tokens[at + n - 1].to - first->from);
}

/* ---- slots ---- */

struct word_row {
    const char *word;
    const char *value;
};

static const struct word_row ordinals[] = {
    {"first", "0"}, {"1st", "0"},    {"second", "1"}, {"2nd", "1"},   {"third", "2"},
    {"3rd", "2"},   {"fourth", "3"}, {"4th", "3"},    {"fifth", "4"}, {"5th", "4"},
};

static const struct word_row positions[] = {
    {"top", "TOP_CENTER"},
    {"bottom", "BOTTOM_CENTER"},
    {"left", "CENTER_LEFT"},
    {"right", "CENTER_RIGHT"},
    {"center", "CENTER"},
    {"top left", "TOP_LEFT"},
    {"top right", "TOP_RIGHT"},
    {"bottom left", "BOTTOM_LEFT"},
    {"bottom right", "BOTTOM_RIGHT"},
    {"top_left", "TOP_LEFT"},
    {"top_center", "TOP_CENTER"},
    {"top_right", "TOP_RIGHT"},
    {"center_left", "CENTER_LEFT"},
    {"center_right", "CENTER_RIGHT"},
    {"bottom_left", "BOTTOM_LEFT"},
    {"bottom_center", "BOTTOM_CENTER"},
    {"bottom_right", "BOTTOM_RIGHT"},
};

static const struct word_row types[] = {
    {"link", "LINK"}, {"button", "BUTTON"},     {"input", "INPUT"}, {"image", "IMAGE"},
    {"file", "FILE"}, {"dropdown", "DROPDOWN"}, {"text", "TEXT"},   {"checkbox", "CHECKBOX"},
};

static bool find_word(const struct word_row *rows, size_t n, struct str text, struct str *out)
{
    for (size_t i = 0; i < n; i++) {
        if (str_is_nocase(text, rows[i].word)) {
            *out = str_from(rows[i].value);
            return true;
        }
    }
    return false;
}

/* "option 2" of a sentence counts from 1, the command from 0. */
static bool read_number(struct matcher *m, struct str text, struct str *out)
{
    int64_t number;

    if (find_word(ordinals, ARRAY_LEN(ordinals), text, out)) {
        return true;
    }
    if (!str_to_i64(text, 1, INT32_MAX, &number)) {
        return false;
    }
    *out = arena_printf(m->arena, "%lld", (long long)(number - 1));
    return true;
}

/* "100,200", "100, 200", "1280x800": two whole numbers with the separator of the command. */
static bool read_two(struct matcher *m, struct str text, char separator, struct str *out)
{
    struct str a;
    struct str b;
    int64_t x;
    int64_t y;

    if (!str_cut(text, ',', &a, &b) && !str_cut(text, 'x', &a, &b)) {
        return false;
    }
    if (!str_to_i64(str_trim(a), INT32_MIN, INT32_MAX, &x) ||
        !str_to_i64(str_trim(b), INT32_MIN, INT32_MAX, &y)) {
        return false;
    }
    *out = arena_printf(m->arena, "%lld%c%lld", (long long)x, separator, (long long)y);
    return true;
}

static bool read_time(struct str text, struct str *out)
{
    *out = text;
    return text.len > 0 && text.ptr[0] >= '0' && text.ptr[0] <= '9';
}

static bool read_variable(struct str text, struct str *out)
{
    *out = whole_reference(text);
    return out->len > 0;
}

static bool read_regex(struct str text, bool quoted, struct str *out)
{
    bool slashes = !quoted && text.len > 2 && text.ptr[0] == '/' && text.ptr[text.len - 1] == '/';

    *out = slashes ? str_sub(text, 1, text.len - 2) : text;
    return true;
}

/* A place or a type stands behind an element in quotes, perhaps with the other between. */
static bool is_behind_quotes(const struct matcher *m, size_t at, size_t words_between)
{
    for (size_t back = 1; back <= words_between + 1 && back <= at; back++) {
        if (m->tokens[at - back].quoted) {
            return true;
        }
    }
    return false;
}

static bool has_quotes(const struct matcher *m, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (m->tokens[at + i].quoted) {
            return true;
        }
    }
    return false;
}

/* Slots that only take a few words of their own. */
static bool fill_words(struct matcher *m, struct str slot, size_t at, size_t n, struct str *out)
{
    struct str text = text_of(m, at, n);

    if (has_quotes(m, at, n)) {
        return false;
    }
    if (str_is(slot, "position")) {
        return is_behind_quotes(m, at, 0) && n <= 2 &&
               find_word(positions, ARRAY_LEN(positions), text, out);
    }
    if (str_is(slot, "type")) {
        return is_behind_quotes(m, at, 2) && n == 1 &&
               find_word(types, ARRAY_LEN(types), text, out);
    }
    if (str_is(slot, "n")) {
        return n == 1 && read_number(m, text, out);
    }
    if (str_is(slot, "time")) {
        return n <= 2 && read_time(text, out);
    }
    return n == 1 && read_variable(text, out);
}

/* Whether n tokens at `at` can fill the slot, and with what. A piece in quotes stands alone. */
static bool fill(struct matcher *m, struct str slot, size_t at, size_t n, struct str *out)
{
    static const char own_words[] = "position type n time var";
    struct str text = text_of(m, at, n);

    if (words_have(own_words, ' ', slot)) {
        return fill_words(m, slot, at, n, out);
    }
    if (n > 1 && has_quotes(m, at, n)) {
        return false;
    }
    if (str_is(slot, "xy") || str_is(slot, "size")) {
        return n <= 3 && read_two(m, text, str_is(slot, "xy") ? ',' : 'x', out);
    }
    if (str_is(slot, "regex")) {
        return read_regex(text, m->tokens[at].quoted, out);
    }
    *out = text;
    return true;
}

/* ---- patterns ---- */

static bool is_literal(struct str alternatives, const struct token *token)
{
    struct str one;

    if (token->quoted) {
        return false;
    }
    while (str_next(&alternatives, '|', &one)) {
        if (str_eq_nocase(one, token->text)) {
            return true;
        }
    }
    return false;
}

static bool match_from(struct matcher *m, struct str pattern, size_t at);

static bool match_slot(struct matcher *m, struct str slot, struct str rest, size_t at)
{
    size_t index = m->out->n_slots;

    if (index == SENTENCE_MAX_SLOTS) {
        return false;
    }
    for (size_t n = 1; at + n <= m->n_tokens; n++) {
        struct str text;

        if (fill(m, slot, at, n, &text)) {
            m->out->slots[index] = (struct sentence_slot){slot, text};
            m->out->n_slots = index + 1;
            if (match_from(m, rest, at + n)) {
                return true;
            }
            m->out->n_slots = index;
        }
    }
    return false;
}

/* The recursion is as deep as the pattern is long. */
static bool match_from(struct matcher *m, struct str pattern, size_t at)
{
    struct str item;
    bool is_optional;

    if (++m->tries > MAX_TRIES) {
        return false;
    }
    if (!str_next(&pattern, ' ', &item)) {
        return at == m->n_tokens;
    }
    if (item.ptr[0] == '{') {
        return match_slot(m, str_sub(item, 1, item.len - 2), pattern, at);
    }
    is_optional = item.ptr[0] == '[';
    item = is_optional ? str_sub(item, 1, item.len - 2) : item;
    if (at < m->n_tokens && is_literal(item, &m->tokens[at]) && match_from(m, pattern, at + 1)) {
        return true;
    }
    return is_optional && match_from(m, pattern, at);
}

bool sentence_match(struct arena *arena, struct str sentence, struct sentence_match *out,
                    struct error *err)
{
    struct matcher m = {.arena = arena, .sentence = str_trim(sentence), .out = out, .err = err};

    if (!tokenize(&m)) {
        return false;
    }
    for (size_t i = 0; i < n_sentence_rows; i++) {
        *out = (struct sentence_match){.row = &sentence_rows[i]};
        if (match_from(&m, str_from(sentence_rows[i].pattern), 0)) {
            return true;
        }
    }
    *out = (struct sentence_match){0};
    (void)error_set(err, ERR_INVALID, "this is no sentence that is understood here");
    return false;
}

/* ---- from a match to steps ---- */

static struct str slot_text(const struct sentence_match *match, struct str item, struct str last)
{
    struct str name = str_sub(item, 1, item.len - 2);

    if (str_is(name, "last")) {
        return last;
    }
    for (size_t i = 0; i < match->n_slots; i++) {
        if (str_eq(match->slots[i].name, name)) {
            return match->slots[i].text;
        }
    }
    return STR_EMPTY;
}

static struct json *option_value(struct arena *arena, const struct sentence_match *match,
                                 struct str value)
{
    if (str_is(value, "true")) {
        return json_new_bool(arena, true);
    }
    return json_new_string(arena, value.ptr[0] == '{' ? slot_text(match, value, STR_EMPTY) : value);
}

bool sentence_step(struct arena *arena, const struct sentence_match *match, size_t index,
                   struct str last, struct sentence_command *out)
{
    struct str commands = str_from(match->row->command);
    struct str args = str_from(match->row->args);
    struct str options = str_from(match->row->options);
    struct str one = STR_EMPTY;
    struct str item;
    struct str name;
    struct str value;

    for (size_t i = 0; i <= index; i++) {
        if (!str_next(&commands, ';', &out->words)) {
            return false;
        }
        (void)str_cut(args, ';', &one, &args);
    }
    out->args = json_new_array(arena);
    out->options = json_new_object(arena);
    while (str_next(&one, ' ', &item)) {
        json_append(out->args, json_new_string(arena, slot_text(match, item, last)));
    }
    while (str_next(&options, ' ', &item)) {
        (void)str_cut(item, '=', &name, &value);
        json_set(out->options, name, option_value(arena, match, value));
    }
    return true;
}
