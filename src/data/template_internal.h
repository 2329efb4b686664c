/* What the expansion of bodies (template.c) and of paths and queries (template_path.c) share. */
#ifndef DATA_TEMPLATE_INTERNAL_H
#define DATA_TEMPLATE_INTERNAL_H

#include "data/template.h"

enum {
    TEMPLATE_TEXT_MAX = 4 * 1024 * 1024,
    SHORT_TEXT = 1024 /* longer ones take memory from the heap */
};

struct expansion {
    const struct scope *scope;
    struct arena *arena;
    struct buf *out;
    struct error *err;
};

/* Looks from the innermost scope outward. NULL: the value is absent or null. */
const struct json *scope_get(const struct scope *scope, struct str name);
bool is_variable_name(struct str name);
enum error_code value_missing(const struct expansion *x, struct str name);

#endif
