/* What the files that match sentences share. */
#ifndef TESTFILE_SENTENCE_INTERNAL_H
#define TESTFILE_SENTENCE_INTERNAL_H

#include "map_internal.h"
#include "sentence.h"

enum { MAX_TOKENS = 64, CHOICE_MAX = 64 };

struct token {
    struct str text; /* unescaped */
    bool quoted;
    size_t from; /* place in the sentence, for plain text of several words */
    size_t to;
};

struct part {
    struct str text; /* words (a|b), or the name of a slot */
    bool is_slot;
    bool is_optional;
    bool is_written; /* always true if it is not optional */
};

/* A row of the grammar with its pattern taken apart. */
struct rule {
    const struct sentence_row *row;
    struct part *parts;
    size_t n_parts;
};

struct matcher {
    const struct grammar *grammar;
    struct arena *arena;
    struct str sentence;
    struct token tokens[MAX_TOKENS];
    size_t n_tokens;
    struct sentence_match *out;
    const struct rule *rule; /* that is being tried */
    size_t tries;
    bool forgives; /* one slip in a word of a row */
    struct sentence_slip slip;
    struct str tail; /* words that kept others from being a name; empty: none did */
    bool is_of_page; /* they are the page's title or address */
    struct error *err;
};

/* The rules for sentences that begin with a certain word, or those that say a certain command. */
struct choice {
    struct map_node node; /* key: the word, or the command */
    const struct rule *rules[CHOICE_MAX];
    size_t n;
};

/* --- sentence_words.c --- */

/* Cuts the sentence into words and quoted pieces, without the words that people put around what they
 * mean, and finds the rules for the first of them; NULL: none (err is set where a quote is open or
 * the sentence is too long). */
const struct choice *sentence_cut(struct matcher *m);
const struct choice *sentences_saying(const struct grammar *grammar,
                                      const struct command *command); /* NULL: none */
bool token_quotes(const struct matcher *m, size_t at, size_t n);      /* any of them is quoted */

/* --- sentence_tail.c --- */

/* n words without quotes are more than a name, or than a text: m->tail is what follows it. */
bool words_run_on(struct matcher *m, size_t at, size_t n, bool is_name);
void words_find_tail(
    struct matcher *m); /* of a sentence that no row reads, behind a name in quotes */
bool words_wait_for_less(const struct matcher *m); /* a wait until something is gone */

/* --- sentence_slots.c --- */

bool is_noun(struct str text);
/* Whether n tokens at `at` can fill the slot, and with what. A piece in quotes stands alone. */
bool slot_fill(struct matcher *m, struct str slot, size_t at, size_t n, struct str *out);

#endif
