/* Sentences: the grammar table, and what reads and writes by it. */
#ifndef TESTFILE_SENTENCE_H
#define TESTFILE_SENTENCE_H

#include "testfile_internal.h"

/* One way to say a command. `pattern`: words (a|b: either, [a]: may be missing, [a!]: may be missing
 * and is written) and {slots}; `args` one {slot} for each argument; `options` NAME={slot} or
 * NAME=word. Several commands are separated by ; and their args likewise. Rows are tried in order. */
struct sentence_row {
    const char *pattern;
    const char *command;
    const char *args;
    const char *options;
    bool says; /* a command with exactly these options is written so */
};

extern const struct sentence_row sentence_rows[];
extern const size_t n_sentence_rows;

enum { SENTENCE_MAX_SLOTS = 4 };

struct sentence_slot {
    struct str name;
    struct str text;
    bool is_plain; /* words without quotes */
};

struct sentence_match {
    const struct sentence_row *row;
    struct sentence_slot slots[SENTENCE_MAX_SLOTS];
    size_t n_slots;
    size_t tries; /* what the search cost: two are about a microsecond */
    /* No row was found: words behind a name fit none, or the sentence cannot be cut into words, or the
     * search took too many tries. */
    bool runs_on;
};

/* The rows, ready for matching, in `arena`. Call grammar_done before the arena is freed. */
struct grammar *grammar_new(struct arena *arena);
void grammar_done(struct grammar *grammar);

/* The row that the sentence follows. False: none. */
bool sentence_match(const struct grammar *grammar, struct arena *arena, struct str sentence,
                    struct sentence_match *out, struct error *err);

/* One word of a sentence that is nearly one of a row: `scroll to botom`. */
struct sentence_slip {
    struct str word;
    struct str meant;
    bool takes_words; /* with it mended, the sentence takes words without quotes as text */
};

/* True if the match takes words without quotes as text. */
bool match_takes_words(const struct sentence_match *match);
/* True if the sentence follows a row once one slip is forgiven; only rows before `taken` are tried (NULL:
 * all). */
bool sentence_slips(const struct grammar *grammar, struct arena *arena, struct str sentence,
                    const struct sentence_row *taken, struct sentence_slip *out);

/* What is near to a sentence that follows no row. */
struct sentence_near {
    struct str word;    /* nearest to its first word; empty: that is right, or none is near */
    struct str example; /* a sentence that is understood */
    const char *hint;   /* NULL: the usual hint */
};

struct sentence_near sentence_near(const struct grammar *grammar, struct arena *arena,
                                   struct str sentence);
/* A sentence that follows the row, with `verb` where the row has it among its words. */
struct str sentence_example(struct arena *arena, const struct sentence_row *row, struct str verb);

struct sentence_command {
    struct str words;
    struct json *args;
    struct json *options;
};

/* The step of a match at `index`; false: there is none. `last`: the element clicked or written to last,
 * for a sentence that names none. */
bool sentence_step(struct arena *arena, const struct sentence_match *match, size_t index,
                   struct str last, struct sentence_command *out);

/* --- what the files that match sentences share --- */

enum { MAX_TOKENS = 64, CHOICE_MAX = 80, PARTS_MAX = 24 };

struct token {
    struct str text; /* unescaped */
    bool quoted;
    size_t from; /* place in the sentence, for plain text of several words */
    size_t to;
    uint32_t asked; /* sets of words (sentence_tail.c) that were searched for it, a bit each */
    uint32_t sets;  /* those of them that have it */
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
    const struct rule *rule; /* the rule that is being tried */
    size_t tries;
    /* Bit n of a part: the rule from this part on does not match from token n on. dead[1]: behind a forgiven slip. */
    uint64_t dead[2][PARTS_MAX];
    bool forgives; /* one slip in a word of a row */
    struct sentence_slip slip;
    struct str tail; /* words behind a name that belong to none, for the error; empty: none */
    bool is_of_page; /* the tail is the title or the address of the page */
    struct error *err;
};

/* The rules for sentences that begin with a certain word, or those that say a certain command. */
struct choice {
    struct map_node node; /* key: the word, or the command */
    const struct rule *rules[CHOICE_MAX];
    size_t n;
};

/* --- sentence_words.c --- */

/* Cuts the sentence into words and quoted pieces and leaves filler words out ("Then I should"). Returns
 * the rules for its first word; NULL: there are none (err is set if a quote is open or the sentence is
 * too long). */
const struct choice *sentence_cut(struct matcher *m);
const struct choice *sentences_saying(const struct grammar *grammar,
                                      const struct command *command); /* NULL: none */
bool token_quotes(const struct matcher *m, size_t at, size_t n);      /* any of them is quoted */

/* --- sentence_tail.c --- */

/* True if n words without quotes are more than a name (`is_name`), or more than a text. m->tail is set
 * to the words that follow the name or text. */
bool words_run_on(struct matcher *m, size_t at, size_t n, bool is_name);
void words_find_tail(
    struct matcher *m); /* for a sentence that no row reads: the tail behind a name in quotes */
bool words_wait_for_less(const struct matcher *m); /* a wait until something is gone */

/* --- sentence_slots.c --- */

bool is_noun(struct str text);
bool slot_is_short(struct str slot); /* it takes two words at most */
/* True if n tokens from `at` on can fill the slot; *out is the text. A piece in quotes fills it alone. */
bool slot_fill(struct matcher *m, struct str slot, size_t at, size_t n, struct str *out);

#endif
