/* cmocka with the headers it needs before it, in its order. */
#ifndef HARNESS_CMOCKA_H
#define HARNESS_CMOCKA_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
