/* The page of an error code. */
#ifndef API_PROBLEM_PAGES_H
#define API_PROBLEM_PAGES_H

#include "base/error.h"

struct problem_page {
    enum error_code code;
    const char *cause;
    const char *fix;
    const char *example; /* "" none */
};

const struct problem_page *problem_page_find(enum error_code code); /* NULL: none, a gap */

#endif
