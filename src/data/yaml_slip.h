/* Finds common mistakes (slips) in the lines of YAML that libyaml complained about. Pure. */
#ifndef DATA_YAML_SLIP_H
#define DATA_YAML_SLIP_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

/* The last value or key in quotes; lines and columns are 1-based, line 0: there was none. */
struct yaml_quoted {
    unsigned line;
    unsigned column;
    unsigned end_line;
    unsigned end_column; /* just behind the closing quote */
    size_t end;          /* offset of the byte just behind it */
    size_t end_index;    /* the same in characters */
};

/* What libyaml said: where it found the error, and where the thing that it was reading began. */
struct yaml_complaint {
    const char *problem;   /* "did not find expected key" */
    struct str context;    /* "while scanning a quoted scalar"; may be empty */
    unsigned context_line; /* 1-based; 0: not known */
    unsigned context_column;
    unsigned line;
    unsigned column;
    const struct yaml_quoted *quoted;
};

struct yaml_slip {
    const char *what; /* a better message; NULL: libyaml's is good enough */
    const char *hint; /* begins with "; ", or is empty */
    unsigned line;    /* where the slip stands, often before the place that libyaml names */
    unsigned column;
};

void yaml_slip_find(struct str text, const struct yaml_complaint *complaint, struct yaml_slip *out);
/* True: a # stands at the closing quote. libyaml takes it for a comment, but what is typed so is "#id" behind a quote
 * that was not closed. */
bool yaml_slip_hash(struct str text, const struct yaml_quoted *quoted, struct yaml_slip *out);

/* Checks that libyaml can read the text well; otherwise `out` says what is wrong with it. */
enum error_code yaml_text_check(struct str text, struct yaml_slip *out) MUST_CHECK;
/* The text without byte order marks; it is copied only if one stands within it. */
struct str yaml_without_marks(struct arena *arena, struct str text);

#endif
