/* What a test file is and holds, found before anything is sent: its tests and tags, the names of
 * variables that it uses, and every error with its place.
 * Owner: everything lives in the arena given. Pure. */
#ifndef CLI_INSPECT_H
#define CLI_INSPECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"
#include "data/json.h"
#include "testfile/testfile.h"

enum { INSPECT_MAX_NAMES = 1000 };

struct inspect_options {
    struct dictionary *dictionary;
    struct str file;
    bool is_json;
    const struct testfile_variable *variables; /* of the command line */
    size_t n_variables;
    bool lenient; /* steps that do not compile are left out */
};

struct inspected_test {
    struct str name; /* may be empty */
    unsigned line;
    struct str *tags;
    size_t n_tags;
};

struct inspection {
    const char *other; /* what the file is instead of a test ("a compose file"); NULL: a test */
    const struct json
        *problem; /* {"detail", "errors": [...]}, as a proxy refuses; NULL: it compiles */
    struct inspected_test *tests;
    size_t n_tests;
    struct str *tags; /* of all its tests */
    size_t n_tags;
    size_t n_steps;
};

void inspect_file(struct arena *arena, struct str text, const struct inspect_options *options,
                  struct inspection *out);
/* True when no tag is asked for, or the test has one of them. */
bool inspected_has_tag(const struct inspected_test *test, const char *const *tags, size_t n_tags);
/* True when no tag is asked for, or any test of the file has one of them. */
bool inspection_has_tag(const struct inspection *inspection, const char *const *tags,
                        size_t n_tags);

/* Names of variables in a text: each reference ($name, ${name}, {{name}}) once, at most
 * INSPECT_MAX_NAMES. */
struct variable_names {
    struct str items[INSPECT_MAX_NAMES];
    size_t n;
};

void variable_names_add(struct variable_names *names, struct str text);
/* Is `name` among them, or a member of it? ($user.email uses the variable `user`.) */
bool variable_names_have(const struct variable_names *names, struct str name);

#endif
