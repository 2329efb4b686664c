/* Sentences: the grammar table and what reads and writes by it. */
#ifndef TESTFILE_SENTENCE_H
#define TESTFILE_SENTENCE_H

#include "testfile_internal.h"

/* One way to say a command. `pattern`: words (a|b: either, [a]: may be missing, [a!]: may be missing
 * and is written) and {slots}; `args` one {slot} for each argument; `options` NAME={slot} or
 * NAME=word. Several commands stand behind ; with their args behind ; too. Rows are tried in order. */
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
    bool runs_on; /* none, since words behind a name belong to no row */
};

/* The rows, ready for matching, in `arena`. grammar_done before the arena goes. */
struct grammar *grammar_new(struct arena *arena);
void grammar_done(struct grammar *grammar);

/* The row that the sentence follows. False: none. */
bool sentence_match(const struct grammar *grammar, struct arena *arena, struct str sentence,
                    struct sentence_match *out, struct error *err);

/* One word of a sentence that is nearly one of a row: `scroll to botom`. */
struct sentence_slip {
    struct str word;
    struct str meant;
    bool takes_words; /* with it the sentence takes other words without quotes as text */
};

bool match_takes_words(const struct sentence_match *match); /* without quotes, as text */
/* With one slip forgiven the sentence follows a row, one before `taken` in their order (NULL: any). */
bool sentence_slips(const struct grammar *grammar, struct arena *arena, struct str sentence,
                    const struct sentence_row *taken, struct sentence_slip *out);

/* What is near to a sentence that follows no row. */
struct sentence_near {
    struct str
        word; /* that its first word was meant to be; empty: it is right, or nothing is near */
    struct str example; /* a sentence that is understood */
    const char *hint;   /* NULL: none but the usual one */
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

/* The i-th step of a match; false: there is none. `last` is for text without an element. */
bool sentence_step(struct arena *arena, const struct sentence_match *match, size_t index,
                   struct str last, struct sentence_command *out);

#endif
