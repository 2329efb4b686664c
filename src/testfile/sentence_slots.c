/* What the slots of a pattern take. */
#include "sentence.h"

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

/* How far a page is scrolled: "300", "300px". */
static bool read_pixels(struct matcher *m, struct str text, bool up, struct str *out)
{
    int64_t number;

    if (str_ends(text, STR("px"))) {
        text = str_sub(text, 0, text.len - 2);
    }
    if (!str_to_i64(text, 1, INT32_MAX, &number)) {
        return false;
    }
    *out = arena_printf(m->arena, "0,%lld", (long long)(up ? -number : number));
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

static bool read_regex(struct str text, bool quoted, struct str *out)
{
    bool slashes = !quoted && text.len > 2 && text.ptr[0] == '/' && text.ptr[text.len - 1] == '/';

    *out = slashes ? str_sub(text, 1, text.len - 2) : text;
    return true;
}

/* Words for the kind of an element, before or behind its name. */
static const char nouns[] =
    "button link field input box textbox textarea checkbox radio dropdown list listbox combobox menu "
    "select element tab icon image heading title label text message page item option section panel "
    "dialog popup modal window banner form table row column cell file toggle switch";

bool is_noun(struct str text)
{
    return str_among_nocase(text, STR(nouns), ' ');
}

/* A place or a type stands behind an element in quotes. At most `words_between` words may stand between. */
static bool is_behind_quotes(const struct matcher *m, size_t at, size_t words_between)
{
    for (size_t back = 1; back <= words_between + 1 && back <= at; back++) {
        if (m->tokens[at - back].quoted) {
            return true;
        }
    }
    return false;
}

/* Slots that only take a few words of their own. */
static bool fill_words(struct matcher *m, struct str slot, size_t at, size_t n, struct str *out)
{
    struct str text = text_of(m, at, n);

    if (token_quotes(m, at, n)) {
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
    if (str_is(slot, "noun")) {
        return n == 1 && is_behind_quotes(m, at, 0) && is_noun(text);
    }
    if (str_is(slot, "kind")) {
        return n == 1 && at + 1 < m->n_tokens && m->tokens[at + 1].quoted && is_noun(text);
    }
    if (str_is(slot, "typed")) {
        return n == 1 && at + 1 < m->n_tokens && m->tokens[at + 1].quoted &&
               find_word(types, ARRAY_LEN(types), text, out);
    }
    if (str_has_word("n down up", slot)) {
        return n == 1 && (str_is(slot, "n") ? read_number(m, text, out)
                                            : read_pixels(m, text, str_is(slot, "up"), out));
    }
    if (str_is(slot, "time")) {
        *out = text;
        return n <= 2 && str_span(text, "0-9") > 0 && text_is_time(text, true);
    }
    *out = whole_reference(text);
    return n == 1 && out->len > 0;
}

bool slot_is_short(struct str slot)
{
    return str_has_word("position type noun kind typed n down up time var", slot);
}

bool slot_fill(struct matcher *m, struct str slot, size_t at, size_t n, struct str *out)
{
    static const char names[] = "element key text value url name part";
    struct str text = text_of(m, at, n);

    if (slot_is_short(slot)) {
        return fill_words(m, slot, at, n, out);
    }
    if (n > 1 && token_quotes(m, at, n)) {
        return false;
    }
    if (str_is(slot, "element") && n > 1 && str_is(m->tokens[at].text, "the")) {
        text = text_of(m, at + 1, n - 1);
    }
    if (str_has_word(names, slot) &&
        words_run_on(m, at, n, str_is(slot, "element") || str_is(slot, "key"))) {
        return false;
    }
    /* An earlier row refused words as the name of its element (tail). A row without an element of its own
     * ({last}) must not take them as text. */
    if (m->tail.len > 0 && str_contains(str_from(m->rule->row->args), STR("{last}"))) {
        return false;
    }
    if (str_is(slot, "quoted")) {
        *out = text;
        return m->tokens[at].quoted;
    }
    if (str_is(slot, "part")) {
        *out = quote_regex(m->arena, text);
        return true;
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
