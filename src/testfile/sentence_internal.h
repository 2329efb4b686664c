/* What the files that match sentences share. */
#ifndef TESTFILE_SENTENCE_INTERNAL_H
#define TESTFILE_SENTENCE_INTERNAL_H

#include "map_internal.h"
#include "sentence.h"

enum { MAX_TOKENS = 64, FIRST_MAX_ROWS = 64 };

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

/* The rows that a sentence may follow which begins with a certain word. */
struct first {
    struct map_node node; /* key: the word */
    unsigned short rows[FIRST_MAX_ROWS];
    size_t n;
};

/* --- sentence_words.c --- */

/* Cuts the sentence into words and quoted pieces, without the words that people put around what they
 * mean, and finds the rows for the first of them; NULL: none (err is set where a quote is open or
 * the sentence is too long). */
const struct first *sentence_cut(struct matcher *m);
bool token_quotes(const struct matcher *m, size_t at, size_t n); /* any of them is quoted */

/* --- sentence_slots.c --- */

bool is_noun(struct str text);
/* Whether n tokens at `at` can fill the slot, and with what. A piece in quotes stands alone. */
bool slot_fill(struct matcher *m, struct str slot, size_t at, size_t n, struct str *out);

#endif
