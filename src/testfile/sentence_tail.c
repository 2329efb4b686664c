/* Names of elements may stand without quotes, and then a sentence that nobody foresaw would be taken as a name:
 * "wait for Spinner to disappear" is no wait for an element called "Spinner to disappear". Words that follow a name and
 * are no part of it are known by the sets below; a name that has such words must stand in quotes. */
#include "sentence.h"

enum word_set {
    PREDICATES,
    APPEARS,
    LINKS,
    BETWEEN,
    LEAVING,
    GOES,
    AWAY,
    TO,
    COMPARING,
    CONDITIONS,
    OF_PAGE,
    URL,
    BEFORE_PAGE,
    THAT_THE,
    MOTIONS,
    MEANS,
    USING,
    THEN,
    AND,
    NEXT_STEPS,
    NEVER,
    NO,
    LONGER,
    TWICE,
    TIMES,
    BEFORE_TIME,
    FOR_IN,
    WAIT,
    GONE,
    N_WORD_SETS
};

static const char predicates[] =
    "visible invisible hidden shown displayed present absent unavailable enabled disabled clickable checked "
    "unchecked ticked unticked selected unselected empty active inactive gone loaded focused editable "
    "readonly exist appear disappear vanish ready interactable expanded collapsed highlighted true false";
static const char links[] =
    "is are isn't aren't was becomes become be gets should shouldn't doesn't does do don't has must not can't cannot";
static const char comparing[] =
    "is are isn't aren't equals equal contains contain matches match should shouldn't does doesn't starts ends "
    "includes has > < = == != >= <=";

static const char *const word_sets[N_WORD_SETS] = {
    [PREDICATES] = predicates,
    [APPEARS] = "exists appears loads",
    [LINKS] = links,
    [BETWEEN] = "not to be been no longer yet still it they exists there",
    [LEAVING] = "disappear disappears disappearing vanish vanishes",
    [GOES] = "goes go",
    [AWAY] = "away",
    [TO] = "to",
    [COMPARING] = comparing,
    [CONDITIONS] = "if unless until once while whenever",
    [OF_PAGE] = "title url address",
    [URL] = "url",
    [BEFORE_PAGE] = "that the current page browser window tab document",
    [THAT_THE] = "that the",
    [MOTIONS] =
        "be hide close finish complete stop start render settle change become fade reload refresh update",
    [MEANS] = "javascript js xpath css keyboard jquery",
    [USING] = "using via",
    [THEN] = "then",
    [AND] = "and",
    [NEXT_STEPS] =
        "click press hit type write enter wait verify assert ensure navigate scroll hover",
    [NEVER] = "never",
    [NO] = "no",
    [LONGER] = "longer more",
    [TWICE] = "twice thrice",
    [TIMES] = "times x",
    [BEFORE_TIME] = "within after every",
    [FOR_IN] = "for in",
    [WAIT] = "wait",
    [GONE] = "hidden invisible gone absent hides hide closes away not isn't",
};

struct words {
    struct token *tokens;
    size_t n;
};

/* True if word i is in the set. The token keeps the answer: a name is tried at each place and with each length. */
static bool is_one(const struct words *w, size_t i, enum word_set set)
{
    uint32_t bit = UINT32_C(1) << set;
    struct token *token;

    if (i >= w->n) {
        return false;
    }
    token = &w->tokens[i];
    if ((token->asked & bit) == 0) {
        token->asked |= bit;
        token->sets |= str_among_nocase(token->text, str_from(word_sets[set]), ' ') ? bit : 0;
    }
    return (token->sets & bit) != 0;
}

/* "is not visible", "should be enabled": from i on there are only words of BETWEEN, and a predicate at the end. */
static bool ends_as_predicate(const struct words *w, size_t i)
{
    while (i + 1 < w->n && is_one(w, i, BETWEEN)) {
        i++;
    }
    return i + 1 == w->n && (is_one(w, i, PREDICATES) || is_one(w, i, APPEARS));
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

    if (is_one(w, w->n - 1, TWICE)) {
        return 1;
    }
    if (str_span(before->text, "0-9") > 0 &&
        (is_one(w, w->n - 1, TIMES) ||
         is_time(str_sub(m->sentence, before->from, last->to - before->from)))) {
        return 2;
    }
    return is_time(last->text) ? 1 : 0;
}

static bool begins_next_step(const struct words *w, size_t i)
{
    return (is_one(w, i, THEN) && is_one(w, i + 1, NEXT_STEPS)) ||
           (is_one(w, i, AND) && is_one(w, i + 1, NEXT_STEPS) && i + 2 < w->n);
}

/* "no error", "Save never", "error no longer": taken as names, such words would assert the opposite. "No results"
 * with a capital letter is the text of a page. */
static bool is_negation(const struct words *w, size_t i, struct str command)
{
    if (!str_starts(command, STR("step-assert")) && !str_is(command, "step-wait element")) {
        return false;
    }
    if (i == 0) {
        i = w->n > 1 && str_among_nocase(w->tokens[0].text, STR("that the there"), ' ') ? 1 : 0;
        return str_among(w->tokens[i].text, STR("no not nothing never none"), ' ');
    }
    return is_one(w, i, NEVER) || (is_one(w, i, NO) && is_one(w, i + 1, LONGER));
}

static bool begins_condition(const struct words *w, size_t i, struct str command)
{
    bool asserts = str_starts(command, STR("step-assert"));
    bool waits = str_is(command, "step-wait element");

    return (is_one(w, i, LINKS) && ends_as_predicate(w, i + 1)) ||
           ((waits || asserts) && is_one(w, i, TO) &&
            (is_one(w, i + 1, MOTIONS) || ends_as_predicate(w, i + 1))) ||
           (asserts && is_one(w, i, COMPARING) && i + 1 < w->n) ||
           (is_one(w, i, CONDITIONS) && ends_as_predicate(w, i + 1)) || is_negation(w, i, command);
}

/* "for 5 seconds", "within 2 s"; but "click Save in 5 s" clicks an element called "Save in 5 s". */
static bool begins_time(const struct words *w, size_t i, size_t count, struct str command)
{
    return count > 0 && (is_one(w, i, BEFORE_TIME) ||
                         (is_one(w, i, FOR_IN) && !str_ends(command, STR("click"))));
}

/* The number of the first word that is no part of a name; n: all may be. */
static size_t find_tail(const struct matcher *m, const struct words *w, struct str command)
{
    size_t count = w->n > 1 ? length_of_count(m, w) : 0;

    if (is_negation(w, 0, command)) {
        return 0;
    }
    for (size_t i = 1; i < w->n; i++) {
        if (is_one(w, i, LEAVING) || (is_one(w, i, GOES) && is_one(w, i + 1, AWAY))) {
            return i > 1 && is_one(w, i - 1, TO) ? i - 1 : i;
        }
        if (begins_condition(w, i, command) || begins_next_step(w, i) ||
            (is_one(w, i, USING) && is_one(w, i + 1, MEANS)) ||
            (i + count + 1 == w->n && begins_time(w, i, count, command))) {
            return i;
        }
    }
    return count > 0 && (is_one(w, w->n - 1, TWICE) || is_one(w, w->n - 1, TIMES)) ? w->n - count
                                                                                   : w->n;
}

/* "the page title", "current url": these are no elements, and the platform has no command that asserts them. */
static bool is_of_page(const struct words *w, struct str command)
{
    size_t i = 0;

    while (i + 1 < w->n && is_one(w, i, BEFORE_PAGE)) {
        i++;
    }
    return str_starts(command, STR("step-assert")) && i + 1 == w->n && !w->tokens[i].quoted &&
           (is_one(w, i, URL) || (i > 0 && is_one(w, i, OF_PAGE) && !is_one(w, i - 1, THAT_THE)));
}

/* "all options", "any option": the platform selects one option, and none is called so. */
static bool is_of_options(const struct matcher *m, size_t at, size_t n)
{
    static const char how_many[] = "all every each any both several multiple random";
    static const char option[] = "option options";
    size_t first = at + (n > 1 && str_is_nocase(m->tokens[at].text, "a") ? 1 : 0);
    bool is_before =
        at + n < m->n_tokens && str_among_nocase(m->tokens[at + n].text, str_from(option), ' ');

    return str_is(str_from(m->rule->row->command), "step-interact select option") &&
           str_among_nocase(m->tokens[first].text, str_from(how_many), ' ') &&
           (is_before || str_among_nocase(m->tokens[at + n - 1].text, str_from(option), ' '));
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
    if (!is_name && !words.tokens[0].quoted && is_of_options(m, at, n)) {
        m->tail = str_sub(m->sentence, words.tokens[0].from,
                          words.tokens[n - 1].to - words.tokens[0].from);
        return true;
    }
    if (n < 2 && (words.tokens[0].quoted || !is_name)) {
        return false;
    }
    if (is_name) {
        from = find_tail(m, &words, str_from(m->rule->row->command));
    } else { /* a text that is typed or chosen may say anything: only a next step ends it */
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

/* Finds "twice" in `click "Save" twice`, a sentence that no row reads. */
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
    const struct words words = {unconst(m->tokens), m->n_tokens};

    for (size_t i = 1; is_one(&words, 0, WAIT) && i < m->n_tokens; i++) {
        if (!m->tokens[i].quoted && (is_one(&words, i, LEAVING) || is_one(&words, i, GONE))) {
            return true;
        }
    }
    return false;
}
