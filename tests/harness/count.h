/* How often a text says something. */
#ifndef HARNESS_COUNT_H
#define HARNESS_COUNT_H

#include "base/str.h"

static inline size_t str_count(struct str text, const char *what)
{
    size_t n = 0;
    ptrdiff_t at;

    while ((at = str_find(text, str_from(what))) >= 0) {
        n++;
        text = str_sub(text, (size_t)at + 1, text.len);
    }
    return n;
}

#endif
