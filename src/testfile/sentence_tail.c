/* Names of elements may stand without quotes, and then a sentence that nobody foresaw would be taken as a name:
 * "wait for Spinner to disappear" is no wait for an element called "Spinner to disappear". What follows a name and is
 * no part of one is known by its words; whoever means a name puts it into quotes. */
#include "sentence.h"

static const char predicates[] =
    "visible invisible hidden shown displayed present absent unavailable enabled disabled clickable checked unchecked "
    "ticked unticked selected unselected empty active inactive gone loaded focused editable readonly exist appear "
    "disappear vanish ready interactable expanded collapsed highlighted true false";
static const char links[] =
    "is are isn't aren't was becomes become be gets should shouldn't doesn't does do don't has must not can't cannot";
static const char between[] = "not to be been no longer yet still it they exists there";
static const char leaving[] = "disappear disappears disappearing vanish vanishes";
static const char comparing[] =
    "is are isn't aren't equals equal contains contain matches match should shouldn't does doesn't starts ends includes "
    "has > < = == != >= <=";
static const char conditions[] = "if unless until once while whenever";
static const char of_page[] = "title url address";
static const char motions[] =
    "be hide close finish complete stop start render settle change become fade reload refresh update";
static const char means[] = "javascript js xpath css keyboard jquery";
static const char next_steps[] =
    "click press hit type write enter wait verify assert ensure navigate scroll hover";

struct words {
    const struct token *tokens;
    size_t n;
};

static bool is_one(const struct words *w, size_t i, const char *list)
{
    return i < w->n && str_among_nocase(w->tokens[i].text, str_from(list), ' ');
}

/* "is not visible", "should be enabled": from i on nothing but such words, and a predicate at the end. */
static bool ends_as_predicate(const struct words *w, size_t i)
{
    while (i + 1 < w->n && is_one(w, i, between)) {
        i++;
    }
    return i + 1 == w->n && (is_one(w, i, predicates) || is_one(w, i, "exists appears loads"));
}

static bool is_time(struct str text)
{
    return str_span(text, "0-9") > 0 && text_is_time(text, false);
}

/* How many words at the end are a time with its unit, or a number of times; 0: none. */
static size_t length_of_count(const struct matcher *m, const struct words *w)
{
    const struct token *last = &w->tokens[w->n - 1];
    const struct token *before = &w->tokens[w->n - 2];

    if (is_one(w, w->n - 1, "twice thrice")) {
        return 1;
    }
    if (str_span(before->text, "0-9") > 0 &&
        (is_one(w, w->n - 1, "times x") ||
         is_time(str_sub(m->sentence, before->from, last->to - before->from)))) {
        return 2;
    }
    return is_time(last->text) ? 1 : 0;
}

static bool begins_next_step(const struct words *w, size_t i)
{
    return (is_one(w, i, "then") && is_one(w, i + 1, next_steps)) ||
           (is_one(w, i, "and") && is_one(w, i + 1, next_steps) && i + 2 < w->n);
}

/* "no error", "Save never", "error no longer": taken for names they would assert the opposite. "No results"
 * with a capital letter is the text of a page. */
static bool is_negation(const struct words *w, size_t i, struct str command)
{
    if (!str_starts(command, STR("step-assert")) && !str_is(command, "step-wait element")) {
        return false;
    }
    if (i == 0) {
        i = w->n > 1 && is_one(w, 0, "that the there") ? 1 : 0;
        return str_among(w->tokens[i].text, STR("no not nothing never none"), ' ');
    }
    return is_one(w, i, "never") || (is_one(w, i, "no") && is_one(w, i + 1, "longer more"));
}

static bool begins_condition(const struct words *w, size_t i, struct str command)
{
    bool asserts = str_starts(command, STR("step-assert"));
    bool waits = str_is(command, "step-wait element");

    return (is_one(w, i, links) && ends_as_predicate(w, i + 1)) ||
           ((waits || asserts) && is_one(w, i, "to") &&
            (is_one(w, i + 1, motions) || ends_as_predicate(w, i + 1))) ||
           (asserts && is_one(w, i, comparing) && i + 1 < w->n) ||
           (is_one(w, i, conditions) && ends_as_predicate(w, i + 1)) || is_negation(w, i, command);
}

/* The number of the first word that is no part of a name; n: all may be. */
static size_t find_tail(const struct matcher *m, const struct words *w, struct str command)
{
    size_t count = w->n > 1 ? length_of_count(m, w) : 0;
    const char *before_time =
        str_ends(command, STR("click")) ? "within after every" : "for in within after every";

    if (is_negation(w, 0, command)) {
        return 0;
    }
    for (size_t i = 1; i < w->n; i++) {
        if (is_one(w, i, leaving) || (is_one(w, i, "goes go") && is_one(w, i + 1, "away"))) {
            return i > 1 && is_one(w, i - 1, "to") ? i - 1 : i;
        }
        if (begins_condition(w, i, command) || begins_next_step(w, i) ||
            (is_one(w, i, "using via") && is_one(w, i + 1, means)) ||
            (count > 0 && i + count + 1 == w->n && is_one(w, i, before_time))) {
            return i;
        }
    }
    return count > 0 && is_one(w, w->n - 1, "twice thrice times x") ? w->n - count : w->n;
}

/* "the page title", "current url": no element, and the platform has no word for it. */
static bool is_of_page(const struct words *w, struct str command)
{
    size_t i = 0;

    while (i + 1 < w->n && is_one(w, i, "that the current page browser window tab document")) {
        i++;
    }
    return str_starts(command, STR("step-assert")) && i + 1 == w->n && !w->tokens[i].quoted &&
           (is_one(w, i, "url") ||
            (i > 0 && is_one(w, i, of_page) && !is_one(w, i - 1, "that the")));
}

bool words_run_on(struct matcher *m, size_t at, size_t n, bool is_name)
{
    const struct words words = {&m->tokens[at], n};
    struct str tail;
    size_t from;

    if (is_name && m->is_of_page) {
        return true;
    }
    if (is_name && is_of_page(&words, str_from(m->rule->row->command))) {
        m->is_of_page = true;
        m->tail = str_sub(m->sentence, words.tokens[0].from,
                          words.tokens[n - 1].to - words.tokens[0].from);
        return true;
    }
    if (n < 2 && (words.tokens[0].quoted || !is_name)) {
        return false;
    }
    if (is_name) {
        from = find_tail(m, &words, str_from(m->rule->row->command));
    } else { /* a text that is typed or chosen may say anything, and then the next step follows */
        for (from = 1; from < n && !begins_next_step(&words, from); from++) {
        }
    }
    if (from == n || from == 0) { /* `assert not exists "X"` is a command line that begins so */
        return from == 0;
    }
    tail = str_sub(m->sentence, words.tokens[from].from,
                   words.tokens[n - 1].to - words.tokens[from].from);
    if (m->tail.len == 0 || (tail.ptr == m->tail.ptr && tail.len > m->tail.len)) {
        m->tail = tail;
    }
    return true;
}

/* Of a sentence that no row reads: `click "Save" twice`. */
void words_find_tail(struct matcher *m)
{
    for (size_t at = 0; at + 1 < m->n_tokens && m->tail.len == 0; at++) {
        const struct words words = {&m->tokens[at], m->n_tokens - at};
        size_t from;

        if (!m->tokens[at].quoted || token_quotes(m, at + 1, words.n - 1)) {
            continue;
        }
        from = find_tail(m, &words, STR_EMPTY);
        if (from < words.n) {
            m->tail = str_sub(m->sentence, words.tokens[from].from, m->sentence.len);
        }
    }
}

bool words_wait_for_less(const struct matcher *m)
{
    const struct words words = {m->tokens, m->n_tokens};

    for (size_t i = 1; is_one(&words, 0, "wait") && i < m->n_tokens; i++) {
        if (!m->tokens[i].quoted &&
            (is_one(&words, i, leaving) ||
             is_one(&words, i, "hidden invisible gone absent hides hide closes away not isn't"))) {
            return true;
        }
    }
    return false;
}
