/* The error of a sentence that follows no row shows a sentence that is near to it: an example of the row
 * of the grammar that shares the most words with it. */
#include "base/nearest.h"
#include "sentence.h"

/* A shared word counts one for each of its letters; the verb counts more than all others together. */
enum { VERB_COUNTS = 100, SHARED_MIN = 5 };

/* The text that fills a slot in an example. */
static const struct sample {
    const char *slot;
    const char *text;
} samples[] = {
    {"{element}", "\"Sign in\""},
    {"{quoted}", "\"Sign in\""},
    {"{value}", "\"Germany\""},
    {"{text}", "\"ada@example.com\""},
    {"{url}", "https://example.com"},
    {"{name}", "\"basket\""},
    {"{script}", "\"my script\""},
    {"{n}", "2"},
    {"{n0}", "17"},
    {"{down}", "300"},
    {"{up}", "300"},
    {"{time}", "3 seconds"},
    {"{xy}", "10, 20"},
    {"{size}", "1280x720"},
    {"{var}", "$total"},
    {"{key}", "Enter"},
    {"{regex}", "\"^[0-9]+$\""},
    {"{part}", "\"Order\""},
    {"{position}", "top"},
    {"{type}", "button"},
    {"{typed}", "button"},
    {"{rest}", "a comment"},
};

/* The row as a sentence: one word where there are several (a|b), samples in the slots, and of the parts that
 * may be missing only those that are written ([a!]). */
struct str sentence_example(struct arena *arena, const struct sentence_row *row, struct str verb)
{
    struct str pattern = str_from(row->pattern);
    struct str example = STR_EMPTY;
    struct str item;
    struct str rest;

    while (str_next(&pattern, ' ', &item)) {
        if (item.ptr[0] == '[') {
            if (!str_ends(item, STR("!]"))) {
                continue;
            }
            item = str_sub(item, 1, item.len - 3);
        }
        if (item.ptr[0] == '{') {
            const struct sample *sample = ROW_NAMED(item, samples);

            item = str_from(sample != NULL ? sample->text : "\"x\"");
        } else if (str_among_nocase(verb, item, '|')) {
            item = verb;
        } else {
            (void)str_cut(item, '|', &item, &rest);
        }
        example = arena_printf(arena, "%.*s%s%.*s", STR_ARG(example), example.len > 0 ? " " : "",
                               STR_ARG(item));
    }
    return example;
}

/* The number of letters of the first word in the sentence that is one of `words`; 0: it has none. */
static int letters_shared(const struct matcher *m, struct str words)
{
    for (size_t i = 0; i < m->n_tokens; i++) {
        if (!m->tokens[i].quoted && str_among_nocase(m->tokens[i].text, words, '|')) {
            return (int)m->tokens[i].text.len;
        }
    }
    return 0;
}

/* How near the row is: the words that it shares with the sentence, less those that the sentence lacks.
 * A row that begins with quotes is no example: YAML would read the quotes itself. */
static int nearness(const struct matcher *m, const struct sentence_row *row, struct str verb)
{
    struct str pattern = str_from(row->pattern);
    bool is_first = true;
    int shared = 0;
    int lacking = 0;
    struct str item;

    if (pattern.ptr[0] == '{') {
        return 0;
    }
    while (str_next(&pattern, ' ', &item)) {
        if (item.ptr[0] == '[') {
            continue;
        }
        if (is_first && str_among_nocase(verb, item, '|')) {
            shared += VERB_COUNTS;
        } else {
            int letters = item.ptr[0] == '{' ? 0 : letters_shared(m, item);

            shared += letters;
            lacking += letters == 0 ? 1 : 0;
        }
        is_first = false;
    }
    return shared >= SHARED_MIN ? shared - lacking : 0;
}

/* The first word of a row that is nearest to `first`; empty: none is near. Two slips and another first
 * letter are too far: "dance" is not meant to be "cancel". */
static struct str nearest_verb(struct str first)
{
    struct nearest nearest;
    struct str words;
    struct str rest;

    nearest_init(&nearest, first);
    for (size_t i = 0; i < n_sentence_rows; i++) {
        (void)str_cut(str_from(sentence_rows[i].pattern), ' ', &words, &rest);
        if (words.ptr[0] != '[' && words.ptr[0] != '{') {
            nearest_offer_words(&nearest, words, '|');
        }
    }
    return nearest.best_distance <= 1 || str_starts_nocase(first, str_sub(nearest.best, 0, 1))
               ? nearest.best
               : STR_EMPTY;
}

struct sentence_near sentence_near(const struct grammar *grammar, struct arena *arena,
                                   struct str sentence)
{
    struct sentence_near near = {.example = STR("click on \"Sign in\"")};
    struct error ignored = {0};
    struct matcher m = {
        .grammar = grammar, .arena = arena, .sentence = str_trim(sentence), .err = &ignored};
    const struct sentence_row *best = NULL;
    int most = 0;
    struct str verb;

    (void)sentence_cut(&m);
    if (m.n_tokens == 0 || m.tokens[0].quoted) {
        return near;
    }
    verb = nearest_verb(m.tokens[0].text);
    if (!str_eq_nocase(verb, m.tokens[0].text)) { /* else the slip is further behind */
        near.word = verb;
    }
    for (size_t i = 0; i < n_sentence_rows; i++) {
        int near_by = nearness(&m, &sentence_rows[i], verb);

        if (near_by > most) {
            most = near_by;
            best = &sentence_rows[i];
        }
    }
    near.example = best != NULL ? sentence_example(arena, best, verb) : near.example;
    if (words_wait_for_less(&m)) {
        near.hint = "the platform has no wait for what goes away; check that it is gone";
        near.example = STR("verify that \"Sign in\" does not exist");
    }
    return near;
}
