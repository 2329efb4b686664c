/* Finds common mistakes (slips) in the lines of YAML that libyaml complained about. Pure. */
#ifndef DATA_YAML_SLIP_H
#define DATA_YAML_SLIP_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

/* What libyaml said: where it found the error, and where the thing that it was reading began. */
struct yaml_complaint {
    const char *problem;   /* "did not find expected key" */
    struct str context;    /* "while scanning a quoted scalar"; may be empty */
    unsigned context_line; /* 1-based; 0: not known */
    unsigned context_column;
    unsigned line;
    unsigned column;
};

struct yaml_slip {
    const char *what; /* a better message; NULL: libyaml's is good enough */
    const char *hint; /* begins with "; ", or is empty */
    unsigned line;    /* where the slip stands, often before the place that libyaml names */
    unsigned column;
};

void yaml_slip_find(struct str text, const struct yaml_complaint *complaint, struct yaml_slip *out);

/* Checks that libyaml can read the text well; otherwise `out` says what is wrong with it. */
enum error_code yaml_text_check(struct str text, struct yaml_slip *out) MUST_CHECK;
/* The text without byte order marks; it is copied only if one stands within it. */
struct str yaml_without_marks(struct arena *arena, struct str text);

#endif
