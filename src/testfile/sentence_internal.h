/* What the sentence files share. */
#ifndef TESTFILE_SENTENCE_INTERNAL_H
#define TESTFILE_SENTENCE_INTERNAL_H

#include "testfile_internal.h"

enum { SENTENCE_MAX_TOKENS = 512, SENTENCE_MAX_VALUES = 4 };

/* See sentence_table.c for the small language of `pattern`, `args` and `options`. */
struct sentence_row {
    const char *pattern;
    const char *command;
    const char *args;
    const char *options;
};

extern const struct sentence_row sentence_rows[];
extern const size_t n_sentence_rows;

struct token {
    struct str text; /* without quotes and escapes */
    struct str raw;  /* as it stands in the sentence */
    bool quoted;
};

struct sentence_value {
    struct str name;
    struct str text;
    struct str position; /* "TOP_LEFT"; of a target; empty: none */
    struct str type;     /* "BUTTON" */
};

struct tokens {
    struct token *items;
    size_t n;
};

/* sentence_words.c */
enum error_code sentence_split(struct arena *arena, struct str sentence, struct tokens *out,
                               struct error *err) MUST_CHECK;
/* Fits the row's pattern to all of the tokens. */
bool sentence_fits(struct arena *arena, const struct sentence_row *row, const struct tokens *tokens,
                   struct sentence_value values[SENTENCE_MAX_VALUES], size_t *out_n_values);

/* All commands of a sentence or a command line, as an array of {"command", "args", "options"}. */
enum error_code sentence_parse_all(struct arena *arena, struct str sentence, struct json **out,
                                   struct error *err) MUST_CHECK;

#endif
